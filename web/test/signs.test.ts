import { strictEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { tokenState } from '../src/account/tokens.ts';
import type { Evidence } from '../src/api/types.ts';
import { networkRule } from '../src/approvals/inWords.ts';
import { findingSentence } from '../src/findings/sentence.ts';

const said = (evidence: Evidence, tongue: 'en' | 'de'): string => findingSentence({ about: { person: 2 }, reaction: 'noticed', evidence }, 'Dr. Keller', tongue);
const used = (origin: string, place = ''): { session: string; origin: string; place: string } => ({ session: 'ab'.repeat(16), origin, place });

test('each sign of sharing has a sentence of its own in both languages', () => {
  const signs: [Evidence, string, string][] = [
    [{ 'parallel-sessions': { one: used('203.0.113.9'), other: used('10.1.0.5', 'Berlin'), returns: 6, since: 0 } }, 'from Berlin (10.1.0.5) and from 203.0.113.9: 6 times', 'von Berlin (10.1.0.5) und von 203.0.113.9'],
    [{ 'impossible-travel': { from: used('10.1.0.5', 'Berlin'), to: used('10.2.0.5', 'München'), kilometres: 503, minutes: 20 } }, '20 minutes later at München (10.2.0.5), which are at least 503 km apart', '20 Minuten später bei München (10.2.0.5)'],
    [{ 'day-and-night': { hours: 21, of: 24 } }, '21 different hours of the last 24', '21 verschiedenen der letzten 24 Stunden'],
    [{ 'new-authenticator': { bound: 0, finding: 77 } }, 'finding 77', 'Auffälligkeit 77'],
    [{ 'tried-others': { session: 'ab'.repeat(16), origin: '192.0.2.66', others: 3, unknown: 2, since: 0 } }, 'of 3 other people, and 2 with names that nobody has', 'von 3 anderen Personen'],
  ];
  for (const [evidence, en, de] of signs) {
    const [english, german] = [said(evidence, 'en'), said(evidence, 'de')];
    strictEqual(english.includes(en) && english.includes('Dr. Keller') && english.endsWith('nothing was held back'), true, english);
    strictEqual(german.includes(de) && german.includes('Dr. Keller') && german.endsWith('nichts wurde aufgehalten'), true, german);
  }
});

test('a token is said to end from thirty days before', () => {
  const day = 86_400_000_000;
  strictEqual(tokenState(null, 0), 'endless');
  strictEqual(tokenState(day, day), 'ended');
  strictEqual(tokenState(31 * day - 1, day), 'soon');
  strictEqual(tokenState(31 * day, day), 'fine');
});

test('the networks of a proposal are all named', () => {
  const say = (en: string): string => en;
  const networks = [
    { name: 'Berlin', blocks: ['10.1.0.0/16', '192.0.2.0/24'], at: { latitude: 5252, longitude: 1340 }, utc_minutes: null },
    { name: 'VPN', blocks: ['10.9.0.0/16'], at: null, utc_minutes: null },
  ];
  strictEqual(networkRule({ networks }, say), 'Signs of sharing go by these networks: Berlin (10.1.0.0/16, 192.0.2.0/24) at 52.52, 13.40; VPN (10.9.0.0/16).');
  strictEqual(networkRule({ networks: [] }, say), 'No network of the site is known any more.');
});
