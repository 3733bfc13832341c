import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Change } from '../src/api/deciding.ts';
import { changeWords, duration, emergencyBasis, NO_LIMIT } from '../src/approvals/inWords.ts';
import { typedDate } from '../src/emergency/when.ts';
import { byDay } from '../src/orders/byDay.ts';

const window = { from: 0, to: 9_223_372_036_854_775_807 };
const changes: Record<Change['change'], Change> = {
  role: { change: 'role', person: 1, from: 'referrer', to: 'radiologist' },
  'add-person': { change: 'add-person', email: 'a@b.c', name: 'A', role: 'officer', organisation: 1, password_and_code: false },
  enrol: { change: 'enrol', person: 1 },
  'close-person': { change: 'close-person', person: 1 },
  relate: { change: 'relate', relationship: { who: { person: 1 }, what: 'site', tier: 'open', window, basis: 'reading group', entry: 0 } },
  'approval-rule': { change: 'approval-rule', rule: { delay_seconds: 86_400, setup_seconds: 0 } },
  'break-glass-rule': { change: 'break-glass-rule', rule: { seconds_max: 7_200, review_seconds: 86_400 } },
  shred: { change: 'shred', patient: 3, studies: 'AA', whole_patient: true, reason: 'r' },
  'rotate-keys': { change: 'rotate-keys' },
  'cold-holders': { change: 'cold-holders', threshold: 1, holders: [{ name: 'A', kind: 'sharing', key: [0xa1, 0x0b] }] },
  'replace-cold-holders': { change: 'replace-cold-holders', threshold: 2, holders: [{ name: 'A', kind: 'sharing', key: [0xa1, 0x0b] }, { name: 'B', kind: 'emergency', key: [0xb2] }] },
  'cold-rule': { change: 'cold-rule', rule: { after_seconds: 86_400, priors: { years: 5 }, service_per_day: 200, emergency_per_day: 5 } },
  'order-rule': { change: 'order-rule', rule: { grace_days: 30, open_days: 90, reading_group: 2, places: { MRT: 2 }, authorities: {}, orders_per_day: 2000, unmatched_per_day: 100, merges_per_day: 50 } },
  'network-rule': { change: 'network-rule', rule: { networks: [{ name: 'A', blocks: ['10.0.0.0/8'], at: null, utc_minutes: null }] } },
  'add-witness': { change: 'add-witness', url: 'https://w.example', vkeys: ['w.example+0a+b'] },
  'remove-witness': { change: 'remove-witness', url: 'https://w.example' },
  'add-sink': { change: 'add-sink', path: '/mnt/second' },
  'remove-sink': { change: 'remove-sink', path: '/mnt/second' },
  'export-window': { change: 'export-window', window: { from: 0, to: 86_400_000_000 } },
  unseal: { change: 'unseal', added: [{ method: '01ab', means: 'shares', label: null, keeper: null, shares: { threshold: 2, holders: ['A', 'B', 'C'] } }], removed: [{ method: '02cd', means: 'passphrase', label: 'old' }] },
  'new-root': { change: 'new-root', removed: [{ method: '02cd', means: 'recovery-kit', label: null }] },
  'raise-ceilings': { change: 'raise-ceilings', about: { person: 1 }, from: { opened_due: null, opened_other: 20, listed_due: null, listed_other: null }, to: { opened_due: null, opened_other: NO_LIMIT, listed_due: null, listed_other: null } },
  'lift-budget': { change: 'lift-budget', about: 'site', note: 'teaching day' },
  unknown: { change: 'unknown' },
};

test('every change is a sentence in both languages, without a hole', () => {
  for (const [kind, change] of Object.entries(changes)) {
    const said = (['en', 'de'] as const).map((tongue) => changeWords(change, 'Dr. Weiß', tongue));
    for (const text of said) {
      assert.match(text, /^.{15,}\.$/u, kind);
      assert.doesNotMatch(text, /undefined|null|NaN|\[object/, kind);
    }
    assert.notEqual(said[0], said[1], kind);
  }
});

test('a change says what becomes of whom', () => {
  assert.equal(changeWords(changes.role, 'Dr. Weiß', 'en'), 'Dr. Weiß: the role becomes “radiologist” instead of “referring doctor”.');
  assert.equal(changeWords(changes.relate, 'Dr. Weiß', 'de'), 'Dr. Weiß darf die Bilder aller Patienten hier öffnen, ohne Ende: reading group.');
});

test('keys, ceilings and ways to unseal are named exactly', () => {
  assert.match(changeWords(changes['cold-holders'], '', 'en'), /A \(one share; key a10b\)/);
  assert.match(changeWords(changes['replace-cold-holders'], '', 'de'), /B \(genügt ALLEIN, für einen Patienten zur Zeit; Schlüssel b2\)/);
  assert.equal(changeWords(changes['export-window'], '', 'en'), 'The keys of the day 1970-01-01 (UTC) leave the warden, once. Whoever holds them reads every entry of those days.');
  assert.equal(changeWords(changes['raise-ceilings'], 'Dr. Weiß', 'en'), 'Dr. Weiß may read more patients – opened, nothing new: without limit instead of 20 a day.');
  assert.equal(changeWords(changes.unseal, '', 'de'), 'Das Archiv lässt sich auf einem weiteren Weg entsiegeln: Anteile (01ab), 2 von A, B, C. Der Weg Passphrase “old” (02cd) entsiegelt nicht mehr.');
  assert.equal(changeWords(changes['new-root'], '', 'en'), 'The root of the archive is replaced by a new one, once, within seven days. Older copies of its file then open nothing of now. The method recovery kit (02cd) unseals no more.');
  assert.match(changeWords(changes['lift-budget'], '', 'de'), /^Was alle zusammen anhält/);
});

test('durations are read in the largest unit that fits', () => {
  assert.equal(duration(86_400, 'en'), '1 day');
  assert.equal(duration(7_200, 'de'), '2 Stunden');
  assert.equal(duration(90, 'en'), '90 seconds');
  assert.equal(duration(0, 'en'), '0 seconds');
});

test('a date is read as people type it, and nothing else is', () => {
  for (const typed of ['31.12.1970', '31/12/1970', '1970-12-31', ' 19701231 ']) assert.equal(typedDate(typed), '19701231', typed);
  assert.equal(typedDate('3.5.1985'), '19850503');
  assert.equal(typedDate(''), '');
  for (const typed of ['31.02.1970', '12/31/1970', '1970', 'yesterday', '31.12.70', '1970-1-1']) assert.equal(typedDate(typed), null, typed);
});

test('the basis of an emergency is known by its shape, and no other basis is', () => {
  assert.deepEqual(emergencyBasis('break-glass, life-threatening: bleeding: twice'), { reason: 'life-threatening', text: 'bleeding: twice' });
  for (const basis of ['referral', 'break-glass, whatever: x', 'a break-glass, other: x']) assert.equal(emergencyBasis(basis), null, basis);
});

test('orders are counted by day, the newest day first', () => {
  const at = (day: string, matched: boolean) => ({ order: 1, at: Date.parse(`${day}T23:59:59Z`) * 1_000, sender: 'RIS', patient: 1, matched, ended: null, holders: [] });
  const rows = [at('2026-11-26', true), at('2026-11-27', false), at('2026-11-26', false), at('2026-10-01', true)];
  assert.deepEqual(byDay(rows, 2), [{ day: '2026-11-27', orders: 1, unmatched: 1 }, { day: '2026-11-26', orders: 2, unmatched: 1 }]);
  assert.deepEqual(byDay([], 2), []);
});
