import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Change, ProposalRow } from '../src/api/deciding.ts';
import { changeWords, duration, emergencyBasis, NO_LIMIT, rowWords } from '../src/approvals/inWords.ts';
import { typedDate } from '../src/emergency/when.ts';
import { placeIn, placeText, timeIn, timeText } from '../src/findings/networks.ts';
import { byDay } from '../src/orders/byDay.ts';
import { byName, repeated, whole } from '../src/orders/rule.ts';

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

test('whoever decides about a rule of orders reads every place and authority by name', () => {
  const rule = { grace_days: 14, open_days: 60, reading_group: 7, places: { MRT: 2, CT: 7 }, authorities: { HOSPITAL: '', PK: 'ISSUER' }, orders_per_day: 2_000, unmatched_per_day: 100, merges_per_day: 50 };
  const row = { change: { change: 'order-rule', rule }, names: [['organisation:7', 'Radiologie'], ['organisation:7', 'Radiologie'], ['organisation:2', 'Klinikum Nord']] } as unknown as ProposalRow;
  const said = rowWords(row, 'en');
  for (const part of ['Radiologie a relationship of 60 days and 14 more', 'Radiologie reads what is at “CT”', 'Klinikum Nord reads what is at “MRT”', '“HOSPITAL” are those of images without an issuer', '“PK” are those of the issuer “ISSUER”', '2,000 orders a day']) assert.ok(said.includes(part), said);
  assert.match(rowWords(row, 'de'), /Klinikum Nord befundet, was bei „MRT“ ist\./);
  const nobody = { ...row, change: { change: 'order-rule', rule: { ...rule, reading_group: null } } } as unknown as ProposalRow;
  assert.match(rowWords(nobody, 'en'), /, nobody else a relationship/);
});

test('a rule of orders is read with its names in their order, and numbers as they are typed', () => {
  const rule = { grace_days: 30, open_days: 90, reading_group: 0, places: { MRT: 2, CT: 1 }, authorities: { '': 'X' }, orders_per_day: 1, unmatched_per_day: 2, merges_per_day: 3 };
  const named = byName(rule, ['Group', 'One', 'Two']);
  assert.deepEqual([named.reading_group, named.places, named.authorities], ['Group', [{ place: 'CT', organisation: 'One' }, { place: 'MRT', organisation: 'Two' }], [{ authority: '', issuer: 'X' }]]);
  assert.deepEqual(byName({ ...rule, reading_group: null }, ['One', 'Two']).places.map((one) => one.organisation), ['One', 'Two']);
  assert.deepEqual([' 30 ', '0', '3660', '3661', '-1', '1.5', '', 'x', '1e3'].map((text) => whole(text, 3_660)), [30, 0, 3_660, null, null, null, null, null, null]);
  assert.deepEqual(repeated(['a', 'b', 'a', '', '']), [false, false, true, false, true]);
});

test('places and times of networks are read as they are written, or refused', () => {
  assert.deepEqual(['52.52, 13.40', '-33.87,151.21', ' ', '0, 0'].map(placeIn), [{ latitude: 5_252, longitude: 1_340 }, { latitude: -3_387, longitude: 15_121 }, null, { latitude: 0, longitude: 0 }]);
  assert.deepEqual(['52.52', '91, 0', '0, 181', 'x, y', '1, 2, 3', ',', '1e1, 2'].map(placeIn), Array(7).fill(undefined));
  assert.equal(placeText({ latitude: -3_387, longitude: 15_121 }), '-33.87, 151.21');
  assert.deepEqual(['+01:00', '-03:30', '10', ''].map(timeIn), [60, -210, 600, null]);
  assert.deepEqual(['+15:00', '1:60', 'noon', '--1', '-12:30'].map(timeIn), Array(5).fill(undefined));
  assert.deepEqual([600, -210, 0, null].map(timeText), ['+10:00', '-03:30', '+00:00', '']);
  const networks = [{ name: 'A', blocks: ['10.0.0.0/8'], at: { latitude: 5_252, longitude: 1_340 }, utc_minutes: null }, { name: 'B', blocks: ['192.0.2.0/24'], at: null, utc_minutes: 600 }];
  assert.equal(changeWords({ change: 'network-rule', rule: { networks } }, '', 'en'), 'Signs of sharing go by these networks: A (10.0.0.0/8) at 52.52, 13.40; B (192.0.2.0/24) with the time UTC+10:00.');
});
