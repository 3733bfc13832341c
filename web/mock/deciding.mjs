/** Approvals, emergencies and endings of the mock. */

import { now, patientOf, people, SECOND } from './people.mjs';

const DAY = 86_400;
const need = (standing, approvals) => ({ standing, approvals, officer: approvals > 0, delay_seconds: DAY });
const endless = 9_223_372_036_854_775_807;

const proposal = (number, change, names, more = {}) => ({
  proposal: number, change, names, words: 'a change', digest: String(number).padStart(4, '0').repeat(16), proposed: now() - 5_400 * SECOND, by: 'Tim Vogel',
  need: need('two-persons', 1), earliest: now() + 80_000 * SECOND, expires: now() + 15 * DAY * SECOND, approvals: [], state: 'open', may_approve: true, may_withdraw: false, ...more,
});

const proposals = [
  proposal(412, { change: 'role', person: 2, from: 'referrer', to: 'radiologist' }, [['person:2', 'Dr. Jonas Keller <referrer@example.org>']]),
  proposal(409, { change: 'relate', relationship: { who: { organisation: 0 }, what: 'site', tier: 'open', window: { from: now(), to: endless }, basis: 'Befundgruppe', entry: 0 } }, [['organisation:0', 'Radiologie am Musterplatz']], {
    state: 'waiting', may_approve: false, may_withdraw: true, by: 'Dr. Ines Berger', approvals: [{ person: 5, name: 'Ruth Amsel', at: now() - 600 * SECOND, signed: true }],
  }),
  proposal(405, { change: 'remove-witness', url: 'https://witness.example.net' }, [], { by: 'owner of the machine', need: need('two-persons', 2) }),
  proposal(403, { change: 'export-window', window: { from: now() - 30 * DAY * SECOND, to: now() - DAY * SECOND } }, [], { by: 'owner of the machine', need: need('two-persons', 2) }),
  proposal(377, { change: 'approval-rule', rule: { delay_seconds: 2 * DAY, setup_seconds: 3_600 } }, [], { state: { 'carried-out': { at: now() - 9 * DAY * SECOND, standing: 'one-person' } }, need: need('one-person', 0), may_approve: false }),
  proposal(301, { change: 'enrol', person: 5 }, [['person:5', 'Ruth Amsel <officer@example.org>']], { state: { ended: { at: now() - 20 * DAY * SECOND, end: 'refused', by: 'Ruth Amsel', reason: 'ich habe meinen Schlüssel noch' } }, may_approve: false }),
];

const use = (used, back, reason, text, more = {}) => ({
  used, person: 2, name: 'Dr. Jonas Keller', role: 'referrer', organisations: ['Praxis Keller'], at: now() - back * SECOND, until: now() - (back - 7_200) * SECOND, running: back < 7_200,
  reason, text, opened: 1, review: null, overdue: back > 3 * DAY, ...more,
});

const uses = [
  use(2_140, 900, 'life-threatening', 'Bewusstlos in der Notaufnahme, Vorbilder gebraucht'),
  use(1_822, 5 * DAY, 'urgent-treatment', 'Operation heute, Auftrag folgt'),
  use(1_230, 16 * DAY, 'other', 'Rückfrage eines Angehörigen', { opened: 0, review: { by: 'Ruth Amsel', at: now() - 15 * DAY * SECOND, verdict: 'not-justified', note: 'kein Notfall, Gespräch geführt' } }),
  use(988, 40 * DAY, 'critical-result', 'Spannungspneumothorax, Station gesucht', { person: 1, name: 'Dr. Anna Weiß', role: 'radiologist', organisations: ['Radiologie am Musterplatz'], review: { by: 'Ruth Amsel', at: now() - 39 * DAY * SECOND, verdict: 'justified', note: 'mit der Station besprochen' } }),
];

/** Ceilings that are higher than before, as a proposal. */
export const raised = ({ whose, ceilings }) => proposal(501, { change: 'raise-ceilings', about: { person: 2 }, from: { opened_due: null, opened_other: null, listed_due: null, listed_other: null }, to: ceilings }, [['person:2', whose]], { by: 'Ruth Amsel', may_approve: false, may_withdraw: true });

const networks = {
  networks: [
    { name: 'Klinikum Mitte', blocks: ['10.1.0.0/16', '192.0.2.0/24'], at: { latitude: 5_252, longitude: 1_340 }, utc_minutes: null },
    { name: 'Praxis Sydney', blocks: ['203.0.113.0/24'], at: null, utc_minutes: 600 },
    { name: 'VPN', blocks: ['10.9.0.0/16'], at: null, utc_minutes: null },
  ],
};

/** Another rule of orders, as a proposal: organisations by number, with their names beside it. */
function ordersRule({ reading_group, places, authorities, fresh, ...numbers }) {
  const known = [...new Set([reading_group, ...places.map((one) => one.organisation)].filter(Boolean))];
  const rule = {
    ...numbers, reading_group: reading_group === null ? null : known.indexOf(reading_group),
    places: Object.fromEntries(places.map((one) => [one.place, known.indexOf(one.organisation)])), authorities: Object.fromEntries(authorities.map((one) => [one.authority, one.issuer])),
  };
  return proposal(502, { change: 'order-rule', rule }, known.map((name, number) => [`organisation:${number}`, name]), { may_approve: false, may_withdraw: true });
}

let tries = 5;

/** The answer, or `null` when the request is none of these. */
export function deciding(is, body, Problem, json, nothing) {
  if (is('GET', /^\/api\/approvals$/)) return json({ rows: proposals, rule: { delay_seconds: DAY, setup_seconds: 3_600 }, break_glass: { seconds_max: 14_400, review_seconds: 3 * DAY }, sharing: { patients: true, clinicians: true, days_max: 14 }, networks, deciders: 3, one_person: 1, setting_up: false });
  if (is('POST', /^\/api\/approvals\/role$/)) return proposed(json, proposal(500, { change: 'role', person: 2, from: 'referrer', to: body.role }, [['person:2', body.email]], { may_approve: false, may_withdraw: true }));
  const rule = is('POST', /^\/api\/approvals\/(sharing|network)-rule$/);
  if (rule) {
    const { fresh, ...asked } = body;
    return proposed(json, proposal(503, { change: `${rule[1]}-rule`, rule: asked }, [], { may_approve: false, may_withdraw: true }));
  }
  if (is('POST', /^\/api\/approvals\/orders-rule$/)) return proposed(json, ordersRule(body));
  const decided = is('POST', /^\/api\/approvals\/(\d+)\/(approve|refuse|withdraw)$/);
  if (decided) return decide(Number(decided[1]), decided[2], body, Problem, json);
  if (is('GET', /^\/api\/break-glass\/terms$/)) return json({ seconds_max: 14_400, tries_left: tries, uses_today: 0, officers: 2 });
  if (is('POST', /^\/api\/break-glass$/)) {
    if (body.patient_id !== '100234') {
      tries = Math.max(0, tries - 1);
      throw new Problem(404, 'there is nothing here that you may see', 'ask the administrator if this is unexpected');
    }
    return json({ used: 2_141, until: now() + body.seconds * SECOND });
  }
  if (is('GET', /^\/api\/break-glass$/)) return json(rate());
  const one = is('GET', /^\/api\/break-glass\/(\d+)$/);
  if (one) {
    const row = uses.find((candidate) => candidate.used === Number(one[1]));
    return json({ row, patient: patientOf(0), opened: row.opened ? [[row.at + 60 * SECOND, '20260503 CT Kopf nativ']] : [] });
  }
  const reviewed = is('POST', /^\/api\/break-glass\/(\d+)\/review$/);
  if (reviewed) {
    const row = uses.find((candidate) => candidate.used === Number(reviewed[1]));
    Object.assign(row, { review: { by: 'Ruth Amsel', at: now(), verdict: body.verdict, note: body.note }, overdue: false });
    return nothing();
  }
  if (is('POST', /^\/api\/break-glass\/\d+\/end$/) || is('POST', /^\/api\/people\/(close|leave)$/) || is('POST', /^\/api\/devices\/remove$/)) return nothing();
  if (is('GET', /^\/api\/(people\/\d+\/)?passkeys$/)) return json([{ passkey: 'ab'.repeat(8), label: 'Dienst-Telefon', bound: now() - 90 * DAY * SECOND }, { passkey: 'cd'.repeat(8), label: 'Schlüssel am Bund', bound: now() - 20 * DAY * SECOND }]);
  if (is('DELETE', /^\/api\/(people\/\d+\/)?passkeys\/\w+$/)) return nothing();
  return null;
}

function proposed(json, row) {
  return { ...json({ proposed: row }), status: 202 };
}

function decide(number, how, body, Problem, json) {
  const row = proposals.find((candidate) => candidate.proposal === number);
  if (!row) throw new Problem(404, 'there is nothing here that you may see', 'ask the administrator if this is unexpected');
  if (how === 'approve' && body.digest !== row.digest) throw new Problem(400, 'the digest is not usable', 'that of this change as it is shown is expected');
  if (how === 'approve') Object.assign(row, { state: 'waiting', may_approve: false, approvals: [{ person: 5, name: 'Ruth Amsel', at: now(), signed: true }] });
  else Object.assign(row, { state: { ended: { at: now(), end: how === 'refuse' ? 'refused' : 'withdrawn', by: 'Ruth Amsel', reason: body.reason ?? 'taken back' } }, may_approve: false, may_withdraw: false });
  return proposed(json, row);
}

function rate() {
  const weeks = Array.from({ length: 26 }, (_, week) => ({ from: now() - (25 - week) * 7 * DAY * SECOND, uses: (week * 5) % 4, not_justified: week % 9 === 4 ? 1 : 0 }));
  const of = (name, count, wrong) => ({ name, uses: count, not_justified: wrong });
  return { rows: uses, weeks, persons: [of(people[2].name, 21, 2), of(people[1].name, 14, 1)], organisations: [of('Praxis Keller', 21, 2), of('Radiologie am Musterplatz', 14, 1)], missed: 3 };
}
