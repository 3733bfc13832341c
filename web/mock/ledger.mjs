/** A synthetic ledger that grows while it is looked at, and an exposure report over it. */

import { now, patientOf, people, SECOND, SITE } from './people.mjs';

const SESSION = '5f'.repeat(16);
const byPerson = (person, origin = '192.0.2.40') => ({ person: { person, session: SESSION, origin } });
const entries = [];
let clock = now() - 9 * 3_600 * SECOND;

function add(actor, actor_name, body, after = 37) {
  clock = Math.min(now(), clock + after * SECOND);
  entries.push({ number: entries.length, entry: { version: 1, recorded: clock, actor, ...body }, actor_name });
}

export function numberSet(numbers) {
  const bytes = [];
  let previous = null;
  for (const number of [...new Set(numbers)].sort((a, b) => a - b)) {
    let rest = previous === null ? number : number - previous - 1;
    previous = number;
    for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
    bytes.push(rest);
  }
  return Buffer.from(bytes).toString('base64url');
}

add('owner', 'owner', { kind: 'initialised', site: SESSION, name: SITE });
add('warden', 'leadglass', { kind: 'warden-started', program: '0.1.0', unsealed_by: 'passphrase' });
add('owner', 'owner', { kind: 'organisation-added', organisation: 1, name: 'Praxis Keller', authorisation: 'passkey-only' });
for (const { person, email, name, role } of people) add('owner', 'owner', { kind: 'person-added', person, email, name, role });
add('owner', 'owner', { kind: 'member-joined', person: 2, organisation: 1 });
add('owner', 'owner', { kind: 'device-added', device: 0, name: 'CT 1', organisation: 0, may: ['store'] });
add({ stranger: { origin: '192.0.2.77' } }, '', { kind: 'passkey-bound', person: 1, label: 'Dienst-Telefon' });
for (let patient = 0; patient < 12; patient += 1) {
  add('warden', 'leadglass', { kind: 'patient-added', patient });
  add({ device: { device: 0, origin: '192.0.2.11' } }, 'CT 1', { kind: 'stored', patient, study: patient, instances: 48, duplicates: patient % 5 === 2 ? 2 : 0, conflicts: patient === 6 ? 1 : 0, taken_in: clock, outbox_sequence: patient + 1 });
}
add('owner', 'owner', { kind: 'related', relationship: { who: { person: 1 }, what: 'site', tier: 'open', window: { from: now() - 86_400 * SECOND, to: 9_223_372_036_854_775_807 }, basis: 'Befundung', entry: entries.length } });
add(byPerson(1), 'Dr. Anna Weiß', { kind: 'signed-in', person: 1, session: SESSION, method: 'passkey' });
add({ stranger: { origin: '198.51.100.9' } }, '', { kind: 'sign-in-refused', person: 2, reason: 'password' });
add({ stranger: { origin: '198.51.100.9' } }, '', { kind: 'sign-in-refused', person: null, reason: 'throttled' });
for (let turn = 0; turn < 160; turn += 1) {
  const lease_until = clock + 300 * SECOND;
  if (turn % 3 === 0) add(byPerson(1), 'Dr. Anna Weiß', { kind: 'listed', patients: numberSet([0, 1, 4, 5, 9, 11].slice(0, 1 + (turn % 6))), studies: numberSet([0, 1, 2, 8]), lease_until }, 90);
  else if (turn % 23 === 7) add(byPerson(2, '198.51.100.9'), 'Dr. Jonas Keller', { kind: 'refused', action: 'open', what: { study: turn % 9 }, reason: 'no-relationship' }, 120);
  else add(byPerson(turn % 4 ? 1 : 2), turn % 4 ? 'Dr. Anna Weiß' : 'Dr. Jonas Keller', { kind: 'opened', patient: turn % 12, study: turn % 12, scope: 'images', lease_until }, 100);
}
add(byPerson(5), 'Ruth Amsel', { kind: 'moved', study: 6, from: 6, to: 3, reason: 'Verwechslung am Gerät' });
add(byPerson(5), 'Ruth Amsel', { kind: 'exposure-reported', about: { person: 2 }, window: { from: now() - 7 * 86_400 * SECOND, to: now() }, reachable_patients: 214, listed_patients: 41, opened_patients: 12 });
add(byPerson(4), 'Emil Sandberg', { kind: 'accesses-read', patient: 0 });

export function page(from, limit, quiet) {
  if (!quiet && Math.random() < 0.6) add(byPerson(1), 'Dr. Anna Weiß', { kind: 'opened', patient: entries.length % 12, study: entries.length % 12, scope: 'images', lease_until: now() + 300 * SECOND }, 3_600);
  return { entries: entries.slice(from, from + limit), size: entries.length };
}

export function checkpoint() {
  return `leadglass.example/musterplatz\n${entries.length}\nq0T8k0Yq5vQy3j2m9nN1h7c4o8s2d5f6g7h8j9k0l1M=\n\n— leadglass.example/musterplatz Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n`;
}

export function exposure(who, from, to) {
  const parts = 48;
  const start = Math.max(from, now() - 30 * 86_400 * SECOND);
  const timeline = Array.from({ length: parts }, (_, index) => {
    const at = start + Math.floor(((to - start) / parts) * index);
    const busy = Math.max(0, Math.sin(index / 3.4)) ** 2;
    return { from: at, listed: Math.round(busy * 31), opened: Math.round(busy * 9 * ((index * 7) % 5) / 4) };
  });
  const patients = Array.from({ length: 214 }, (_, index) => ({
    patient: patientOf(index), reachable: 1 + (index % 4), listed: index < 41 ? 1 + (index % 3) : 0, opened: index < 12 ? 1 : 0,
    first: index < 41 ? start + index * 3_000 * SECOND : null, last: index < 41 ? to - index * 1_000 * SECOND : null,
    lease_until: index < 41 ? to - index * 1_000 * SECOND : null, details: [{ uid: `1.2.3.${index}`, date: '20260503', description: 'CT Thorax', modalities: ['CT'], reachable: 'open', listed: index < 41 ? { first: start, last: start, lease_until: start, entries: 1, origins: ['192.0.2.40'] } : null, opened: index < 12 ? { first: start, last: start, lease_until: start, entries: 1, origins: ['192.0.2.40'] } : null }],
    origins: index < 41 ? (index % 5 ? ['192.0.2.40'] : ['192.0.2.40', '198.51.100.9']) : [],
  }));
  return {
    who, window: { from, to }, reachable: { patients: 1_214, studies: 3_871 }, listed: { patients: 41, studies: 63 }, opened: { patients: 12, studies: 12 }, unexpired: { patients: 1, studies: 1 },
    about: who.startsWith('key:') ? { key: { key: who.slice(4), filed: from, released_before: 0, released: 0, releases: [] } } : who.startsWith('session:') ? { session: { session: who.slice(8), name: 'Dr. Jonas Keller', span: { from, to }, links: [] } } : who.startsWith('disk:') ? { disk: { disk: who.slice(5), filesystem: '', holds: [], keys: 3_871, studies_opened_before: 210 } } : { organisation: { name: who } },
    patients, truncated: true, timeline, erased: 0, ledger_size: entries.length, checkpoint: checkpoint(),
  };
}
