/** Cold studies of the mock: what waits, what was brought back, and one study that a reader asks for. */

import { now, patientOf, SECOND, studies } from './people.mjs';

const HOUR = 3_600;
const ago = (seconds) => now() - seconds * SECOND;

/** The number of the study that is cold. */
export const COLD = 9_998;
studies[COLD].cold = true;

const row = (request, more) => ({
  request, actor: 'Dr. Jonas Keller', patient: 412, studies: 3, basis: 'request', reason: 'Vergleich vor der Operation', asked: ago(2 * HOUR), until: ago(-22 * HOUR), approved: 0, threshold: 2,
  answered: [], from: '192.0.2.40', digest: String(request).padStart(4, '0').repeat(16), endorsed: [], may_decide: true, ...more,
});

const requests = [
  row(2_160, { basis: 'emergency', actor: 'Dr. Anna Weiß', patient: 88, studies: 1, reason: 'Bewusstlos, Voraufnahmen des Kopfes gebraucht', asked: ago(600), until: ago(-3.5 * HOUR), approved: 1, answered: ['Dr. Clara Nowak'] }),
  row(2_151, { endorsed: [{ person: 6, name: 'Tim Vogel', at: ago(HOUR), signed: true }] }),
  row(2_149, { basis: 'order', actor: 'leadglass', patient: 1_204, studies: 12, reason: 'a relationship with the patient began', from: '', asked: ago(30 * HOUR), until: ago(-60 * 24 * HOUR) }),
];

const warmed = [
  { request: 2_101, actor: 'Dr. Jonas Keller', patient: 77, studies: 2, basis: 'request', reason: 'Verlaufskontrolle nach Therapie', at: ago(5 * HOUR), until: ago(-19 * HOUR), open: true, alone: null },
  { request: 2_044, actor: 'Dr. Anna Weiß', patient: 301, studies: 1, basis: 'emergency', reason: 'Sturz, frühere Bilder der Wirbelsäule', at: ago(80 * HOUR), until: ago(76 * HOUR), open: false, alone: 'Dr. Clara Nowak' },
];

const years = [2024, 2023, 2022, 2021, 2020, 2019, 2018, 2017, null].map((year, index) => ({ year, studies: year ? 18_400 - index * 1_730 : 41 }));
const holders = [['Dr. Clara Nowak', 'sharing'], ['Prof. Ludwig Ahrens', 'sharing'], ['Notarin Petra Sommer', 'sharing'], ['Dr. Ines Berger', 'emergency']].map(([name, kind], index) => ({ key: Array(16).fill(index), name, kind }));

let own = null;

const overview = (empty) => ({
  state: {
    generation: empty ? 0 : 2, threshold: empty ? 0 : 2, holders: empty ? [] : holders, unproven: [], takes: !empty, rule: { after_seconds: 90 * 86_400, priors: { years: 5 }, service_per_day: 200, emergency_per_day: 5 },
    cold: empty ? 0 : 98_412, warm: empty ? 0 : 2, requests: empty ? 0 : requests.length, behind: empty ? 0 : 61_200, exchange: empty ? null : { exchange: 2_090, until: ago(-20 * 24 * HOUR), waiting: ['Prof. Ludwig Ahrens'], set: 'ab'.repeat(32) },
    last_rotation: ago(HOUR), rotation_owed: false,
  },
  years: empty ? [] : years, requests: empty ? [] : requests, warmed: empty ? [] : warmed,
});

/** The answer, or `undefined` when the request is none of these. */
export function cold(is, body, empty, Problem) {
  if (is('GET', /^\/api\/cold$/)) return overview(empty);
  const named = is('GET', /^\/api\/cold\/(\d+)$/);
  if (named) return { request: Number(named[1]), patient: patientOf(0), studies: ['20190503 CT Kopf nativ', '20180611 MR Kopf'] };
  const decided = is('POST', /^\/api\/cold\/(\d+)\/(approve|refuse)$/);
  if (decided) return decide(Number(decided[1]), decided[2], body, Problem);
  if (is('GET', /^\/api\/studies\/[\d.]+\/cold$/)) return { cold: true, warm_until: null, asked: own, others: 0 };
  if (is('POST', /^\/api\/studies\/[\d.]+\/cold$/)) {
    own = { request: 2_170, at: now(), until: body.until, reason: body.reason, approved: 1, threshold: 2, endorsed: 1, state: 'waiting' };
    return { request: own.request, studies: 1 };
  }
  return undefined;
}

function decide(number, how, body, Problem) {
  const place = requests.findIndex((one) => one.request === number);
  if (place < 0) throw new Problem(404, 'there is nothing here that you may see', 'ask the administrator if this is unexpected');
  if (body.digest !== requests[place].digest) throw new Problem(400, 'the digest is not usable', 'that of this request as it is shown is expected');
  if (how === 'refuse') requests.splice(place, 1);
  else requests[place] = { ...requests[place], may_decide: false, endorsed: [...requests[place].endorsed, { person: 5, name: 'Ruth Amsel', at: now(), signed: true }] };
  return null;
}
