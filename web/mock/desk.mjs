/** Lists of leaked passwords, what dumps had, and what senders of orders told, of the mock. */

import { now, SECOND } from './people.mjs';

const DAY = 86_400 * SECOND;

const leaks = () => ({
  ranges_failed: 2,
  lists: [
    { name: 'ntlm', hash: 'ntlm', hashes: 1_048_576_000, since: now() - 90 * DAY, readable: true },
    { name: 'pwned', hash: 'sha1', hashes: 1_123_456_789, since: now() - 12 * DAY, readable: true },
    { name: 'region', hash: '', hashes: 0, since: null, readable: false },
  ],
  locked: [
    { at: now() - 3 * DAY, person: 1, name: 'Dr. Anna Weiß', email: 'radiologist@example.org', incident: 4, locked: true },
    { at: now() - 40 * DAY, person: 2, name: 'Dr. Jonas Keller', email: 'referrer@example.org', incident: 2, locked: false },
  ],
  named: [
    { finding: 4_812, at: now() - 3 * DAY, person: 7, name: 'Dr. Leyla Öztürk', email: 'oeztuerk@example.org', by_name: false, tried: 3, acknowledged: false },
    { finding: 4_813, at: now() - 3 * DAY, person: 3, name: 'Mara Lindqvist', email: 'technologist@example.org', by_name: true, tried: 0, acknowledged: true },
  ],
});

const order = (number, back, more = {}) => ({ order: 9_100 - number, at: now() - back, sender: 'RIS Musterplatz', patient: 20 + number, matched: true, ended: null, holders: ['Dr. Jonas Keller', 'Radiologie am Musterplatz'], ...more });

const orders = [
  order(0, 600 * SECOND), order(1, 1_800 * SECOND, { matched: false, sender: 'KIS Klinikum Nord' }), order(2, DAY, { ended: 'completed' }),
  order(3, DAY + 900 * SECOND, { ended: 'cancelled', holders: [] }), order(4, 2 * DAY, { matched: false, ended: 'changed', holders: [] }), order(5, 3 * DAY),
];

let merges = [{ merge: 9_050, at: now() - DAY, from: 31, to: 22 }, { merge: 8_720, at: now() - 6 * DAY, from: 40, to: 12 }];

const state = (unmatched) => ({
  rule: { grace_days: 30, open_days: 90, reading_group: 0, places: { MRT: 2 }, authorities: { HOSPITAL: '', PRAXIS: 'PK' }, orders_per_day: 2_000, unmatched_per_day: 100, merges_per_day: 50 },
  organisations: ['Radiologie am Musterplatz', 'Klinikum Nord'],
  orders: orders.filter((row) => !unmatched || !row.matched),
  senders: [{ sender: 'KIS Klinikum Nord', orders: 412, unmatched: 100, merges: 2 }, { sender: 'RIS Musterplatz', orders: 86, unmatched: 4, merges: 0 }],
  merges,
});

let kept = [
  { kept: 3, at: now() - 7_200 * SECOND, device: 2, sender: 'KIS Klinikum Nord', control_id: 'MSG-20261127-0815', kind: 'ORM^O01', problem: { code: 'RequiredField', place: { segment: 'PID', field: 3 }, text: 'the patient has no identifier with an assigning authority; send PID-3.4' }, bytes: 1_482 },
  { kept: 5, at: now() - 900 * SECOND, device: 3, sender: 'RIS Musterplatz', control_id: '', kind: 'ServiceRequest', problem: { code: 'Internal', place: { segment: '', field: 0 }, text: 'this sender told as many orders without an appointment as it may today' }, bytes: 2_310 },
];

/** The answer, or `null` when the request is none of these. */
export function leaksAndOrders(is, query, empty, json, nothing, Problem) {
  if (is('GET', /^\/api\/leaks$/)) return json(empty ? { lists: [], locked: [], named: [], ranges_failed: null } : leaks());
  if (is('GET', /^\/api\/orders$/)) return json(empty ? { rule: { grace_days: 30, open_days: 90, reading_group: null, places: {}, authorities: {}, orders_per_day: 2_000, unmatched_per_day: 100, merges_per_day: 50 }, organisations: [], orders: [], senders: [], merges: [] } : state(query.get('unmatched') === 'true'));
  if (is('GET', /^\/api\/orders\/kept$/)) return json(empty ? [] : kept);
  const dropped = is('DELETE', /^\/api\/orders\/kept\/(\d+)$/);
  if (dropped) {
    if (!kept.some((row) => row.kept === Number(dropped[1]))) throw new Problem(404, 'there is no such kept message', 'look at the list again');
    kept = kept.filter((row) => row.kept !== Number(dropped[1]));
    return nothing();
  }
  const undone = is('POST', /^\/api\/orders\/merges\/(\d+)\/undo$/);
  if (undone) {
    merges = merges.filter((row) => row.merge !== Number(undone[1]));
    return nothing();
  }
  return null;
}
