/** Findings and budgets, synthetic. */

import { now, SECOND } from './people.mjs';

const DAY = 86_400 * SECOND;
const volume = (measure, span, patients, weight, normal, limit, more = {}) => ({ volume: { measure, span, patients, weight, normal, limit, unusual_hours: 0, in_sequence: 0, sessions: 1, ...more } });

const set = new Map();
const honey = [
  { number: 11, id: '30481177', issuer: 'MUSTER', name: 'Quednau^Hildegard', birth_date: '19410704', sex: 'F', studies: 1 },
  { number: 12, id: '71930042', issuer: 'MUSTER', name: 'Zschau^Ottmar', birth_date: '19550223', sex: 'M', studies: 1 },
];

const rows = [
  { entry: 214, at: now() - 2 * 3_600 * SECOND, whose: 'person:referrer@example.org', name: 'Dr. Jonas Keller', finding: { about: { person: 2 }, reaction: 'stopped', evidence: volume('opened-other', 'day', 34, 51, 3, 43, { unusual_hours: 9, in_sequence: 8, sessions: 3 }) } },
  { entry: 209, at: now() - 3 * 3_600 * SECOND, whose: 'person:referrer@example.org', name: 'Dr. Jonas Keller', finding: { about: { person: 2 }, reaction: 'touch', evidence: volume('opened-other', 'hour', 21, 27, 2, 20, { unusual_hours: 6 }) } },
  { entry: 180, at: now() - DAY, whose: 'device:CT 1', name: 'CT 1', finding: { about: { device: 0 }, reaction: 'noticed', evidence: { honey: { patient: 11, opened: false } } } },
  { entry: 171, at: now() - 20 * 3_600 * SECOND, whose: 'person:referrer@example.org', name: 'Dr. Jonas Keller', finding: { about: { person: 2 }, reaction: 'noticed', evidence: { 'emergency-warming': { patient: 0, studies: 2, request: 169, holder: [] } } } },
  { entry: 122, at: now() - 6 * DAY, whose: 'person:radiologist@example.org', name: 'Dr. Anna Weiß', finding: { about: { person: 1 }, reaction: 'slowed', evidence: volume('opened-other', 'week', 78, 78, 24, 74) }, acknowledged: now() - 5 * DAY, note: 'Tumorkonferenz und Lehrtag, nachgefragt' },
  { entry: 119, at: now() - 7 * DAY, whose: 'person:referrer@example.org', name: 'Dr. Jonas Keller', finding: { about: { person: 2 }, reaction: 'noticed', evidence: { 'parallel-sessions': { one: { session: 'ab'.repeat(16), origin: '192.0.2.40', place: 'Praxis Keller' }, other: { session: 'cd'.repeat(16), origin: '203.0.113.9', place: '' }, returns: 6, since: now() - 7 * DAY - 3_000 * SECOND } } } },
  { entry: 117, at: now() - 8 * DAY, whose: 'person:radiologist@example.org', name: 'Dr. Anna Weiß', finding: { about: { person: 1 }, reaction: 'noticed', evidence: { 'impossible-travel': { from: { session: 'ab'.repeat(16), origin: '10.1.0.5', place: 'Berlin' }, to: { session: 'cd'.repeat(16), origin: '10.2.0.5', place: 'München' }, kilometres: 504, minutes: 20 } } } },
].map((row) => ({ acknowledged: null, note: '', sentence: '', ...row }));

export const findings = (quiet) => (quiet ? [] : rows);

export function acknowledge(entry, note) {
  const row = rows.find((candidate) => candidate.entry === entry);
  if (row) Object.assign(row, { acknowledged: now(), note });
}

export function lift(whose, note) {
  for (const row of rows) if (row.whose === whose && row.acknowledged === null) Object.assign(row, { acknowledged: now(), note });
}

export const honeyPatients = () => honey;

export function addHoney(count) {
  const made = Array.from({ length: count }, (_, index) => ({ number: 20 + honey.length + index, id: String(50_000_000 + honey.length + index), issuer: 'MUSTER', name: 'Uphues^Irmtraud', birth_date: '19480512', sex: 'F', studies: 1 }));
  honey.push(...made);
  return made;
}

/** Ceilings by hand: `false` when somebody may read more than before. */
export function setCeilings(whose, ceilings) {
  const higher = Object.values(ceilings).some((value) => value !== null && value > 43);
  if (!higher) set.set(whose, ceilings);
  return !higher;
}

export function budget(whose) {
  const today = Math.floor(now() / DAY) * DAY;
  const days = Array.from({ length: 56 }, (_, index) => {
    const busy = (index * 37) % 11;
    const free = index % 7 > 4;
    const last = index === 55;
    return { from: today - (55 - index) * DAY, opened_due: free ? 0 : 9 + busy, opened_other: last ? 34 : free ? 0 : busy % 4, listed_due: free ? 0 : 40 + busy, listed_other: free ? 0 : 20 + 4 * busy };
  });
  const limits = { hour: [2, 13, 20, null], day: [3, 19, 27, 43], week: [9, 31, 42, 64], month: [34, 66, 82, 114] };
  const rowsOf = (measure, factor, now) => Object.entries(limits).map(([span, [normal, slow, touch, stop]]) => ({ measure, span, patients: now, normal: normal * factor, slow: slow * factor, touch: touch * factor, stop: stop === null ? null : stop * factor, basis: whose === 'site' ? 'peers' : 'own' }));
  return { whose, name: rows.find((row) => row.whose === whose)?.name ?? whose, rows: [...rowsOf('opened-due', 4, 12), ...rowsOf('opened-other', 1, 51), ...rowsOf('listed-due', 20, 48), ...rowsOf('listed-other', 12, 60)], days, stopped: whose.startsWith('person:referrer') ? ['opened-other'] : [], asked: null, ceilings: set.get(whose) ?? { opened_due: null, opened_other: null, listed_due: null, listed_other: null } };
}
