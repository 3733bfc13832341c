import assert from 'node:assert/strict';
import { test } from 'node:test';
import { endOf, professionalIdOf } from '../src/colleagues/ends.ts';
import { unclearInWords } from '../src/people/censusWords.ts';
import { certificatesIn, dayOf, endOfDay } from '../src/people/rule.ts';
import { onlyStated, orderIdOf } from '../src/people/shapes.ts';
import { decoded } from '../src/people/staff.ts';

test('an account ends after a shift, after days, or not by itself', () => {
  assert.equal(endOf('never', 5), null);
  assert.equal(endOf('12h', 1_000), 1_000_000 + 12 * 3_600_000_000);
  assert.equal(endOf('30d', 0), 30 * 86_400_000_000);
});

test('a professional identifier is issuer and number, or nothing', () => {
  assert.deepEqual(professionalIdOf(' KV / 1234 '), { issuer: 'KV', id: '1234' });
  assert.equal(professionalIdOf('  '), null);
  for (const wrong of ['KV', '/1', 'KV/', 'a/b/c', `K/${'1'.repeat(65)}`]) assert.equal(professionalIdOf(wrong), undefined, wrong);
});

test('an identifier of orders may have an issuer with slashes, and never an empty part', () => {
  assert.deepEqual(orderIdOf(' LANR / 7 '), { issuer: 'LANR', id: '7' });
  assert.deepEqual(orderIdOf('urn:a//b/c/7'), { issuer: 'urn:a//b/c', id: '7' });
  for (const wrong of ['', '7', '/7', 'LANR/', ' / ', `K/${'1'.repeat(129)}`]) assert.equal(orderIdOf(wrong), null, wrong);
});

test('what a delegate stated is shown as that until orders go by the very same', () => {
  const [stated, other] = [{ issuer: 'KV', id: '1' }, { issuer: 'LANR', id: '1' }];
  assert.deepEqual(onlyStated({ professional_id: stated, professional_ids: [other] }), stated);
  assert.equal(onlyStated({ professional_id: stated, professional_ids: [other, { ...stated }] }), null);
  assert.equal(onlyStated({ professional_id: null, professional_ids: [other] }), null);
});

test('a staff list is read whatever program saved it', () => {
  const bytes = (...values: number[]): ArrayBuffer => Uint8Array.from(values).buffer;
  assert.equal(decoded(bytes(0x4d, 0xc3, 0xbc)), 'Mü');
  assert.equal(decoded(bytes(0xef, 0xbb, 0xbf, 0x4d)), 'M');
  assert.equal(decoded(bytes(0x4d, 0xfc)), 'Mü');
  assert.equal(decoded(bytes(0xff, 0xfe, 0x4d, 0, 0xfc, 0)), 'Mü');
  assert.equal(decoded(bytes(0xfe, 0xff, 0, 0x4d, 0, 0xfc)), 'Mü');
});

test('the last day of a password is a whole day, and stays the day it is', () => {
  for (const day of ['2026-11-27', '2028-02-29', '2026-12-31']) assert.equal(dayOf(endOfDay(day)), day);
});

test('certificates are told apart, and what is none is given on to be refused', () => {
  const one = '-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n';
  assert.deepEqual(certificatesIn(`words\n${one}${one}`), [one, one]);
  assert.deepEqual(certificatesIn('  '), []);
  assert.deepEqual(certificatesIn('no certificate'), ['no certificate']);
});

test('what is not clear in a staff list is said in the words of the page, and what is not known as it came', () => {
  const words = { role: (what: string) => `Rolle ${what}`, date: (what: string) => `Tag ${what}`, stated: (what: string) => `Kennung ${what}`, twice: 'zweimal' };
  assert.equal(unclearInWords('unknown role: Zauberer: alt', words), 'Rolle Zauberer: alt');
  assert.equal(unclearInWords('no date: irgendwann', words), 'Tag irgendwann');
  assert.equal(unclearInWords('found by an identifier that a delegate stated: ben@x.example', words), 'Kennung ben@x.example');
  assert.equal(unclearInWords('an earlier line is about the same account', words), 'zweimal');
  assert.equal(unclearInWords('something new', words), 'something new');
});
