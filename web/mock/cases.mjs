/** Incidents and questions of the mock: a state in memory. */

import { now, patientOf, SECOND, SITE } from './people.mjs';

const HOUR = 3_600 * SECOND;
const CLOCKS = [['nis2-early-warning', 24], ['gdpr-notification', 72], ['nis2-notification', 72], ['ndb-assessment', 720]];
const OFFICER = 'Ruth Amsel';

const incidents = [];
const questions = [
  { question: 1, patient: patientOf(0), access: 140, asked: now() - 30 * HOUR, text: 'Who is Dr. Jonas Keller? I was never at that practice.', answers: [] },
  { question: 2, patient: patientOf(4), access: null, asked: now() - 90 * HOUR, text: 'Why did somebody look at my images at night?', answers: [{ at: now() - 70 * HOUR, by: OFFICER, text: 'That was the doctor on call. Your X-ray was read within the hour.' }] },
];

function open(title, about, window, aware) {
  const incident = { row: { incident: incidents.length + 1, title, about, window, aware, opened: now(), closed: null }, done: new Map(), steps: [] };
  incidents.push(incident);
  step(incident, 'opened', title);
  return incident;
}

function step(incident, what, text) {
  incident.steps.push({ entry: 400 + incident.steps.length, at: now(), by: OFFICER, what, text });
}

const first = open('A login was found in a dump', ['person:keller@example.org'], { from: now() - 720 * HOUR, to: now() }, now() - 30 * HOUR);
first.done.set('gdpr-notification', now() - 2 * HOUR);
step(first, 'noted', 'All sessions of the account were ended, its relationships closed.');
step(first, 'clock', 'gdpr-notification');

function rowOf(incident) {
  const clocks = CLOCKS.map(([clock, hours]) => {
    const due = incident.row.aware + hours * HOUR;
    const done = incident.done.get(clock) ?? null;
    const state = done === null ? (now() > due ? 'overdue' : 'running') : done > due ? 'done-late' : 'done';
    return { clock, due, state, done };
  });
  return { ...incident.row, clocks: clocks.toSorted((a, b) => Number(a.done !== null) - Number(b.done !== null) || a.due - b.due) };
}

function detailOf(incident) {
  return { row: rowOf(incident), steps: incident.steps, reachable: { patients: 1_214, studies: 3_871 }, listed: { patients: 41, studies: 63 }, opened: { patients: 12, studies: 12 }, site: SITE, officers: [`${OFFICER}, officer@example.org`], now: now() };
}

/** The answer to a request, or `undefined`. */
export function cases(method, pathname, body, quiet) {
  if (method === 'GET' && pathname === '/api/incidents') return quiet ? [] : incidents.map(rowOf).toReversed();
  if (method === 'POST' && pathname === '/api/incidents') return detailOf(open(body.title, body.about, { from: body.from, to: body.to }, body.aware));
  const number = /^\/api\/incidents\/(\d+)$/.exec(pathname)?.[1];
  const incident = incidents[Number(number) - 1];
  if (incident && method === 'GET') return detailOf(incident);
  if (incident && method === 'POST') {
    if (body.change === 'done') incident.done.set(body.clock, body.at);
    if (body.change === 'close') incident.row.closed = now();
    step(incident, { note: 'noted', done: 'clock', close: 'closed' }[body.change], body.clock ?? body.text);
    return detailOf(incident);
  }
  const waiting = () => questions.toSorted((a, b) => Number(a.answers.length > 0) - Number(b.answers.length > 0) || b.question - a.question);
  if (method === 'GET' && pathname === '/api/questions') return quiet ? [] : waiting();
  const answered = /^\/api\/questions\/(\d+)\/answer$/.exec(pathname)?.[1];
  if (answered) {
    questions[Number(answered) - 1].answers.push({ at: now(), by: OFFICER, text: body.text });
    return waiting();
  }
  if (pathname === '/api/my/questions') {
    if (method === 'POST') questions.push({ question: questions.length + 1, patient: patientOf(0), access: body.access ?? null, asked: now(), text: body.text, answers: [] });
    return quiet ? [] : questions.filter((row) => row.patient.number === 0).map((row) => ({ ...row, patient: null })).toReversed();
  }
  return undefined;
}
