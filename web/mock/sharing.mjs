/** Share links and second opinions of the mock. */

import { now, SECOND } from './people.mjs';

const DAY = 86_400 * SECOND;
const CODE = '48217730';

const link = (number, more) => ({
  link: number, study: 0, patient: 0, maker: 'Emil Sandberg', email: 'emil@example.org', session: 'ef'.repeat(16), purpose: 'outside', note: 'Praxis Dr. Weber, Zürich', made: now() - 2 * DAY, until: now() + 5 * DAY, browsers: 1, browsers_max: 3,
  openings: 2, opened: [{ entry: 811, at: now() - 3_600 * SECOND, origin: '198.51.100.23' }, { entry: 790, at: now() - DAY, origin: '198.51.100.23' }], downloads: 1, tries: 1, tries_max: 10, ended: null, end: null, ...more,
});

const rows = [
  link(4, {}),
  link(3, { purpose: 'room', note: '', until: now() - DAY, browsers_max: 1, openings: 1, opened: [], downloads: 0, tries: 0, made: now() - DAY - 1_800 * SECOND, ended: now() - DAY, end: 'expired' }),
  link(2, { note: 'Dr. Amsel', openings: 0, opened: [], browsers: 0, downloads: 0, tries: 10, ended: now() - 3 * DAY, end: 'guessed' }),
  link(1, { note: 'Dr. Buche', maker: 'Dr. Jonas Keller', email: 'keller@example.org', session: 'cd'.repeat(16), study: 1, openings: 1, downloads: 0, tries: 0 }),
  link(0, { note: 'Dr. Erle', openings: 0, opened: [], browsers: 0, downloads: 0, tries: 0 }),
];

const opinions = () => [
  { opinion: 903, study: 0, asker: 'Dr. Jonas Keller', colleague: 'Dr. Maren Vogt', own: false, reason: 'Ist das eine Fraktur?', asked: now() - DAY, until: now() + 13 * DAY },
];

let tries = 10;

const of = (which) => {
  const [kind, name] = (which ?? 'all').split(/:(.*)/s);
  const named = { person: (row) => row.email, study: (row) => String(row.study), session: (row) => row.session, link: (row) => String(row.link) }[kind];
  return named ? rows.filter((row) => named(row) === name) : rows;
};

function end(which) {
  const ended = which.filter((row) => row.ended === null);
  for (const row of ended) Object.assign(row, { ended: now(), end: 'revoked' });
  return { ended: ended.map((row) => row.link) };
}

const shown = (session) => ({ link: 4, session, study: 0, maker: 'Emil Sandberg', by_patient: true, organisations: [], until: now() + 5 * DAY, session_until: now() + 43_200 * SECOND, site: 'Radiologie Musterplatz' });

/** Opening a link, for nobody in particular. */
export function opened(body, session, Problem, json, cookie) {
  if (body.secret !== 'good') throw Object.assign(new Problem(400, 'this link does not open anything', 'ask who sent it for a new one'), { more: { link: 'ended' } });
  if (body.code !== CODE) {
    tries = Math.max(1, tries - 1);
    throw Object.assign(new Problem(400, 'the code does not fit', 'ask who sent it'), { more: { link: 'code', left: tries } });
  }
  return json(shown(session), cookie);
}

/** The answer, or `null` when the request is none of these. */
export function sharing(is, body, me, json, nothing, qr, searchParams) {
  if (is('GET', /^\/api\/link$/)) return json(shown(me.session));
  if (is('GET', /^\/api\/links\/all$/)) return json({ rows: of(searchParams.get('of')), may_share: false, days_max: 30 });
  if (is('GET', /^\/api\/links$/)) return json({ rows, may_share: true, days_max: 30 });
  if (is('POST', /^\/api\/studies\/[\d.]+\/links$/)) return json({ link: 5, secret: 'Zk3vT9qLw0xYb7nRc2mHs5uJd8fGa1ePQ4tUo6iNzXs', code: CODE, qr_svg: qr(), until: now() + (body.purpose === 'room' ? 1_800 * SECOND : body.seconds * SECOND) });
  if (is('DELETE', /^\/api\/links$/)) return json(end(rows));
  if (is('POST', /^\/api\/links\/end$/)) return json(end(of(body.of)));
  const ended = is('DELETE', /^\/api\/links\/(\d+)$/);
  if (ended) {
    Object.assign(rows.find((row) => row.link === Number(ended[1])) ?? {}, { ended: now(), end: 'revoked' });
    return nothing();
  }
  if (is('GET', /^\/api\/opinions$/)) return json(opinions());
  if (is('DELETE', /^\/api\/opinions\/\d+$/)) return nothing();
  if (is('GET', /^\/api\/opinions\/askable$/)) return json([{ name: 'Dr. Maren Vogt', email: 'vogt@example.org', organisations: ['Radiologie Musterplatz'] }]);
  if (is('POST', /^\/api\/studies\/[\d.]+\/second-opinion$/)) return json({ opinion: 904 });
  if (is('POST', /^\/api\/studies\/[\d.]+\/download$/)) return { body: Buffer.from('PK'), headers: { 'Content-Type': 'application/zip', 'Leadglass-Secret': 'K7QMD-2XW9F-HT4RB-NC8VE-P6JZY' } };
  return null;
}
