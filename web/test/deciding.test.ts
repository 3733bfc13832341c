import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Change } from '../src/api/deciding.ts';
import { changeWords, duration, emergencyBasis } from '../src/approvals/inWords.ts';
import { typedDate } from '../src/emergency/when.ts';

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
  'cold-holders': { change: 'cold-holders', threshold: 1, holders: [{ name: 'A' }] },
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
