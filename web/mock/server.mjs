/**
 * The front's HTTP contract over synthetic people, for development and pictures of the pages. Never shipped.
 *
 *   node mock/server.mjs [PORT]     serves web/dist with the policy of production, /api and /dicom-web
 *
 * Sign in with `ROLE@example.org`, any password and any code, or with any passkey (then as `?as=ROLE` of the last
 * `/mock/as`, radiologist at first). `POST /mock/fault {"mode":"away"|"signed-out"|"slow"|"empty"|"well"}` makes the
 * states that a page must survive. LEADGLASS_MOCK_DICOM=DIR adds a study of the files in DIR.
 */

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cases } from './cases.mjs';
import { cold } from './cold.mjs';
import { deciding, raised } from './deciding.mjs';
import { leaksAndOrders } from './desk.mjs';
import { filesStudy } from './files.mjs';
import { instancesOf, EXPLICIT, frame, picture, seriesOf } from './images.mjs';
import { acknowledge, addHoney, budget, findings, honeyPatients, lift, setCeilings } from './findings.mjs';
import { checkpoint, exposure, page } from './ledger.mjs';
import { opened, sharing } from './sharing.mjs';
import { accesses, devices, now, organisations, people, SECOND, SITE, studies } from './people.mjs';

const DIST = join(fileURLToPath(new URL('.', import.meta.url)), '..', 'dist');
const CSP = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; font-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const TYPES = { '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.wasm': 'application/wasm', '.json': 'application/json' };

let fault = 'well';
let passkeyRole = 'radiologist';
const sessions = new Map();
const files = await filesStudy(process.env.LEADGLASS_MOCK_DICOM);
if (files) studies.unshift(files.study);

class Problem extends Error {
  constructor(status, error, hint, headers = {}) {
    super(error);
    Object.assign(this, { status, hint, headers });
  }
}

const server = createServer(async (request, response) => {
  const url = new URL(request.url, 'http://localhost');
  try {
    const body = request.method === 'POST' ? JSON.parse((await bytes(request)).toString() || '{}') : {};
    const answer = await route(request, url, body);
    const headers = { 'Content-Security-Policy': CSP, 'X-Content-Type-Options': 'nosniff', 'Referrer-Policy': 'no-referrer', 'Cross-Origin-Opener-Policy': 'same-origin', 'Cross-Origin-Resource-Policy': 'same-origin', 'Cache-Control': 'no-store', 'DPoP-Nonce': 'mock', ...answer.headers };
    response.writeHead(answer.status ?? 200, headers);
    response.end(answer.body ?? '');
  } catch (problem) {
    if (!(problem instanceof Problem)) console.error(problem);
    response.writeHead(problem.status ?? 500, { 'Content-Type': 'application/json', 'DPoP-Nonce': 'mock', ...problem.headers });
    response.end(JSON.stringify({ error: problem.status ? problem.message : 'something broke in the mock', hint: problem.hint ?? 'look at its terminal', ...problem.more }));
  }
});

async function bytes(stream) {
  const parts = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}

const json = (value, headers = {}) => ({ body: JSON.stringify(value), headers: { 'Content-Type': 'application/json', ...headers } });
const nothing = (headers = {}) => ({ status: 204, headers });

async function route(request, url, body) {
  const { pathname, searchParams } = url;
  if (pathname === '/mock/fault') {
    fault = body.mode;
    if (fault === 'signed-out') sessions.clear();
    return json({ fault });
  }
  if (pathname === '/mock/as') {
    passkeyRole = body.role;
    return json({ passkeyRole });
  }
  if (!pathname.startsWith('/api') && !pathname.startsWith('/dicom-web')) return file(pathname);
  if (pathname === '/api/health') return json({ front: 'ok', warden: fault === 'away' ? 'away' : 'ok' });
  if (request.method !== 'GET' && request.headers['x-leadglass'] !== '1') throw new Problem(403, 'this request did not come from our pages', 'use the pages');
  if (fault === 'slow') await new Promise((resolve) => setTimeout(resolve, 1_500));
  if (fault === 'away' && pathname !== '/api/session') throw new Problem(503, 'reading waits for the warden', 'try again in a moment', { 'Retry-After': '2' });
  if (pathname.startsWith('/api/sign-in')) return signIn(pathname, body);
  if (pathname.startsWith('/api/enrolment')) return enrol(pathname, body);
  if (pathname === '/api/link/open') {
    const token = crypto.randomUUID().replaceAll('-', '');
    const answer = opened(body, token, Problem, json, { 'Set-Cookie': `leadglass=${token}; HttpOnly; SameSite=Strict; Path=/` });
    sessions.set(token, { session: token, role: null });
    return answer;
  }
  const token = /leadglass=(\w+)/.exec(request.headers.cookie ?? '')?.[1];
  const me = sessions.get(token);
  if (!me) throw new Problem(401, 'nobody is signed in', 'sign in');
  if (pathname.startsWith('/dicom-web')) return dicomWeb(pathname, searchParams);
  return api(request, url, body, me, token);
}

function signedIn(role) {
  const person = people.find((candidate) => candidate.role === role) ?? people[1];
  const token = crypto.randomUUID().replaceAll('-', '');
  const me = { person: person.person, name: person.name, email: person.email, role: person.role, organisations: person.organisations, session: token, idle_until: now() + 1_800 * SECOND, absolute_until: now() + 43_200 * SECOND, recovery_codes_left: 8, site: SITE, delegate_of: person.delegate_of, account_until: person.until, password_until: person.password ? now() + 90 * 86_400 * SECOND : null };
  sessions.set(token, me);
  return json(me, { 'Set-Cookie': `leadglass=${token}; HttpOnly; SameSite=Strict; Path=/` });
}

function signIn(pathname, body) {
  if (pathname.endsWith('/begin')) return json({ ceremony: 'c1', nonce: 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8', options: { publicKey: { challenge: 'AAECAwQFBgcICQoLDA0ODw', rpId: 'localhost', userVerification: 'required', allowCredentials: [], timeout: 60_000 } } });
  if (pathname.endsWith('/finish')) return signedIn(passkeyRole);
  const role = { both: 'officer-administrator' }[body.email.split('@')[0]] ?? body.email.split('@')[0];
  if (body.password === 'wrong' || !people.some((person) => person.role === role)) throw new Problem(401, 'the e-mail address, password and code do not fit together', 'check all three and try again');
  return signedIn(role);
}

function enrol(pathname, body) {
  if (body.token !== 'good' && body.token !== 'passkey-only') throw new Problem(404, 'this enrolment link does not work', 'ask your administrator for a new one');
  if (pathname.endsWith('/look')) return json({ name: 'Emil Sandberg', email: 'patient@example.org', role: 'patient', password_allowed: body.token === 'good', until: now() + 72 * 3_600 * SECOND, password_until: body.token === 'good' ? now() + 90 * 86_400 * SECOND : null, device_bound: body.token !== 'good', attested: false, replaces: false, only_password: false });
  if (pathname.endsWith('/passkey/begin')) return json({ ceremony: 'c2', nonce: 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8', options: { publicKey: { rp: { id: 'localhost', name: 'leadglass' }, user: { id: 'BAUGBw', name: 'patient@example.org', displayName: 'Emil Sandberg' }, challenge: 'AAECAwQFBgcICQoLDA0ODw', pubKeyCredParams: [{ type: 'public-key', alg: -7 }], authenticatorSelection: { residentKey: 'required', userVerification: 'required' }, excludeCredentials: [] } } });
  if (pathname.endsWith('/passkey/finish')) return json({ recovery_codes: [] });
  if (pathname.endsWith('/estimate')) {
    const { length } = body.password;
    if (length < 8) return json({ accepted: false, score: 0, reasons: ['too-short'] });
    if (/passwor|1234|qwer/i.test(body.password)) return json({ accepted: false, score: 0, reasons: ['common', 'guessable'] });
    return json({ accepted: length > 11, score: length > 15 ? 4 : length > 11 ? 3 : 1, reasons: length > 11 ? ['fine'] : ['guessable', 'Add another word or two. Uncommon words are better.'] });
  }
  if (pathname.endsWith('/password/begin')) return json({ ceremony: 'c3', uri: 'otpauth://totp/leadglass', secret: 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP', qr_svg: qr() });
  if (body.code === '000000') throw new Problem(400, 'this code is not the one of the moment', 'wait for the next one and type it');
  return json({ recovery_codes: ['8KX2-QP41', 'M3ZT-77VA', 'R0WC-19LE', 'YH5N-2D8G', 'T6BJ-KX30', 'AV92-EE4P', 'C1QM-WZ75', 'F8RS-06UY'] });
}

function qr() {
  const cells = [];
  for (let y = 0; y < 29; y += 1) for (let x = 0; x < 29; x += 1) if ((x * 7 + y * 13 + ((x * y) % 5)) % 3 === 0) cells.push(`M${x} ${y}h1v1h-1z`);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="-2 -2 33 33"><path d="${cells.join('')}"/></svg>`;
}

async function api(request, url, body, me, token) {
  const { pathname, searchParams } = url;
  const is = (method, pattern) => request.method === method && pattern.exec(pathname);
  if (is('GET', /^\/api\/session$/)) return json(me);
  if (is('POST', /^\/api\/fresh$/)) return json({ ceremony: 'c4', nonce: 'AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8', options: { publicKey: { challenge: 'AAEC', rpId: 'localhost', userVerification: 'required', allowCredentials: [], timeout: 60_000 } }, password: true });
  const asked = cold(is, body, fault === 'empty', Problem);
  if (asked !== undefined) return asked === null ? nothing() : json(asked);
  const decided = deciding(is, body, Problem, json, nothing);
  if (decided) return decided;
  const shared = sharing(is, body, me, json, nothing, qr, searchParams);
  if (shared) return shared;
  if (is('POST', /^\/api\/sign-out$/)) {
    sessions.delete(token);
    return nothing({ 'Set-Cookie': 'leadglass=; Max-Age=0; Path=/' });
  }
  if (is('GET', /^\/api\/sessions$/)) {
    const agent = request.headers['user-agent'];
    return json([
      { session: token, person: me.person, since: now() - 3_000 * SECOND, last_used: now(), origin: '127.0.0.1', user_agent: agent, method: 'passkey', current: true },
      { session: 'ab'.repeat(16), person: me.person, since: now() - 90_000 * SECOND, last_used: now() - 4_000 * SECOND, origin: '192.0.2.40', user_agent: 'Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605 Version/19.0 Mobile Safari/604.1', method: 'password-and-code', current: false },
    ]);
  }
  if (is('GET', /^\/api\/sessions\/all$/)) {
    const session = (digits, person, back, origin, user_agent, current) => ({ session: digits, person, since: now() - (back + 7_200) * SECOND, last_used: now() - back * SECOND, origin, user_agent, method: 'passkey', current });
    const open = [[token, me.person, 0, '127.0.0.1', request.headers['user-agent'], true], ['cd'.repeat(16), 1, 300, '192.0.2.17', 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', false], ['ef'.repeat(16), 2, 9_000, '198.51.100.4', 'Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605 Version/19.0 Mobile Safari/604.1', false]];
    return json({ people: open.map((row) => ({ session: session(...row), name: people[row[1]].name, email: people[row[1]].email })), devices: devices.filter((row) => row.token) });
  }
  if (is('DELETE', /^\/api\/sessions\/\w+$/)) return nothing();
  const tokenOf = is('DELETE', /^\/api\/device-tokens\/(\d+)$/);
  if (tokenOf) {
    Object.assign(devices[Number(tokenOf[1])], { token: false, token_until: null, former_until: null });
    return nothing();
  }
  if (is('POST', /^\/api\/devices\/rotate$/)) {
    const rotated = { until: now() + 365 * 86_400 * SECOND, before_until: now() + 86_400 * SECOND };
    Object.assign(devices.find((row) => row.name === body.name), { token_until: rotated.until, former_until: rotated.before_until });
    return json({ token: 'lgd_4fJ8sKq2VbX0pRt6YwZ1mNc3', ...rotated });
  }
  if (is('GET', /^\/api\/studies$/)) return json(listed(searchParams));
  const number = is('GET', /^\/api\/studies\/number\/(\d+)$/);
  const named = is('GET', /^\/api\/studies\/([\d.]+)$/);
  if (number || named) {
    const study = number ? studies.find((row) => row.number === Number(number[1])) : studies.find((row) => row.uid === named[1]);
    if (!study) throw new Problem(404, 'this study is not there, or out of your reach', 'search for it in the worklist');
    return json({ study, series: study === files?.study ? files.series : seriesOf(study), priors: studies.filter((row) => row.patient.number === study.patient.number && row !== study).slice(0, 20) });
  }
  if (is('POST', /^\/api\/studies\/.*\/move$/)) {
    if (!/^[^/]+\/[^/]+$/.test(body.patient)) throw new Problem(400, 'the patient is not written as ISSUER/ID', 'write it as MUSTERPLATZ/100234');
    return nothing();
  }
  if (is('GET', /^\/api\/my\/studies$/)) return json(fault === 'empty' ? [] : studies.filter((row) => row.patient.number === 0));
  if (is('GET', /^\/api\/my\/accesses$/)) return json({ rows: fault === 'empty' ? [] : accesses(), truncated: false });
  if (is('GET', /^\/api\/people$/)) return json(people);
  if (is('GET', /^\/api\/organisations$/)) return json(organisations);
  if (is('GET', /^\/api\/devices$/)) return json(devices);
  if (is('POST', /^\/api\/people$/)) {
    if (people.some((person) => person.email === body.email)) throw new Problem(409, 'this e-mail address belongs to somebody already', 'use another, or issue a new link for that person');
    people.push({ person: people.length, name: body.name, email: body.email, role: body.role, organisations: [body.organisation], passkeys: 0, password: false, last_sign_in: null, closed: null, until: null, professional_id: null, professional_ids: [], delegate_of: [] });
    return json({ person: people.length - 1, token: 'Zk3vT9qLw0xYb7nRc2mHs5uJd8fGa1eP', qr_svg: qr(), until: now() + 72 * 3_600 * SECOND });
  }
  if (is('POST', /^\/api\/people\/enrolment$/)) return json({ person: 1, token: 'Zk3vT9qLw0xYb7nRc2mHs5uJd8fGa1eP', qr_svg: qr(), until: now() + 72 * 3_600 * SECOND });
  if (is('GET', /^\/api\/colleagues$/)) {
    return json(me.organisations.flatMap((organisation) => people.filter((one) => one.organisations.includes(organisation) && one.role !== 'patient').map((one) => ({ organisation, name: one.name, email: one.email, role: one.role, professional_id: one.professional_id, enrolled: one.passkeys > 0, until: one.until, delegate: one.delegate_of.includes(organisation), mine: me.delegate_of.includes(organisation) && one.person !== me.person, me: one.person === me.person, vouched_until: null }))));
  }
  if (is('POST', /^\/api\/(colleagues|colleagues\/reset|people\/reset)$/)) return json({ person: 9, token: 'Zk3vT9qLw0xYb7nRc2mHs5uJd8fGa1eP', qr_svg: qr(), until: now() + 72 * 3_600 * SECOND });
  if (is('POST', /^\/api\/colleagues\/(until|leave|vouch)$/) || is('POST', /^\/api\/people\/(until|join|delegate)$/) || is('POST', /^\/api\/organisations\/authenticators$/)) return nothing();
  if (is('POST', /^\/api\/people\/professional-id$/)) {
    const has = (person) => person.professional_ids.some((own) => own.issuer === body.professional_id.issuer && own.id === body.professional_id.id);
    const person = people.find((one) => one.email === body.email);
    if (body.holds && people.some((other) => other !== person && has(other))) throw new Problem(409, 'somebody else has this professional identifier', 'take it away from them first: the list of people shows who has it');
    person.professional_ids = person.professional_ids.filter((own) => own.issuer !== body.professional_id.issuer || own.id !== body.professional_id.id);
    if (body.holds) person.professional_ids.push(body.professional_id);
    return json({ professional_ids: person.professional_ids });
  }
  if (is('POST', /^\/api\/people\/census$/)) {
    const account = (one) => ({ name: one.name, email: one.email, role: one.role, organisations: one.organisations, last_sign_in: one.last_sign_in, until: one.until, line: null });
    return json({ accounts: 7, people: 6, fitting: 3, without_person: [account(people[3])], without_account: [{ line: 4, name: 'Nina Neu' }], unused: [account(people[7])], roles: [{ account: account(people[2]), listed: 'technologist' }], organisations: [], ends: [{ account: account(people[1]), listed: '2026-12-31' }], unclear: [[{ line: 6, name: 'Otto Ohne' }, 'unknown role: Zauberer']] });
  }
  if (is('POST', /^\/api\/organisations$/)) {
    organisations.push({ organisation: organisations.length, name: body.name, authorisation: body.authorisation, members: 0, shut_out: 0, rule: { password_until: null, device_bound: false, assurance: null, makers: [], models: [] } });
    return nothing();
  }
  if (is('POST', /^\/api\/devices$/)) {
    devices.push({ device: devices.length, name: body.name, organisation: body.organisation, ae_title: body.ae_title, from: body.from, may: body.may, token: body.token, bound: null, token_until: body.token ? now() + 365 * 86_400 * SECOND : null, former_until: null, token_used: null });
    return json({ device: devices.length - 1, token: body.token ? 'lgd_4fJ8sKq2VbX0pRt6YwZ1mNc3' : null, token_until: devices.at(-1).token_until });
  }
  if (is('POST', /^\/api\/relationships$/)) return json({ entry: 312 });
  if (is('POST', /^\/api\/relationships\/end$/)) return nothing();
  if (is('GET', /^\/api\/ledger\/entries$/)) return json(page(Number(searchParams.get('from')), Number(searchParams.get('limit')), fault === 'empty'));
  if (is('GET', /^\/api\/ledger\/checkpoint$/)) return { body: checkpoint(), headers: { 'Content-Type': 'text/plain' } };
  if (is('GET', /^\/api\/exposure$/)) return json(exposure(searchParams.get('who'), Number(searchParams.get('from')), Number(searchParams.get('to'))));
  if (is('GET', /^\/api\/exposure\/report$/) || is('GET', /^\/api\/incidents\/\d+\/notice$/)) return { body: '%PDF-1.7\n%%EOF\n', headers: { 'Content-Type': 'application/pdf' } };
  const answer = cases(request.method, pathname, body, fault === 'empty');
  if (answer !== undefined) return json(answer);
  if (is('GET', /^\/api\/findings$/)) return json(findings(fault === 'empty'));
  if (is('GET', /^\/api\/budgets$/)) return json(budget(searchParams.get('whose')));
  if (is('POST', /^\/api\/budgets$/)) return setCeilings(body.whose, body.ceilings) ? nothing() : { ...json({ proposed: raised(body) }), status: 202 };
  if (is('GET', /^\/api\/honey$/)) return json(honeyPatients());
  if (is('POST', /^\/api\/honey$/)) return json(addHoney(body.count));
  if (is('POST', /^\/api\/budgets\/lift$/)) {
    lift(body.whose, body.note);
    return nothing();
  }
  const desk = leaksAndOrders(is, searchParams, fault === 'empty', json, nothing, Problem);
  if (desk) return desk;
  const finding = is('POST', /^\/api\/findings\/\d+\/acknowledge$/) && Number(pathname.split('/')[3]);
  if (finding) {
    acknowledge(finding, body.note);
    return nothing();
  }
  throw new Problem(404, 'there is no such address', 'look at the description of the interface');
}

const plain = (text) => text.normalize('NFD').replaceAll(/\p{M}/gu, '').toLowerCase();

function listed(query) {
  if (fault === 'empty') return { studies: [], more: false };
  const words = plain(query.get('words') ?? '').split(/\s+/).filter(Boolean);
  const offset = Number(query.get('offset') ?? 0);
  const limit = Math.min(200, Number(query.get('limit') ?? 200));
  const found = studies.filter((row) => {
    const text = plain(`${row.patient.name} ${row.patient.id} ${row.accession_number} ${row.description} ${row.modalities.join(' ')} ${row.date}`);
    return words.every((word) => text.includes(word));
  });
  const order = query.get('order');
  const key = (row) => row.date + row.time;
  found.sort((a, b) => (order === 'patient-name' ? a.patient.name.localeCompare(b.patient.name) : order === 'oldest-first' ? key(a).localeCompare(key(b)) : key(b).localeCompare(key(a))));
  return { studies: found.slice(offset, offset + limit), more: found.length > offset + limit };
}

function dicomWeb(pathname, query) {
  const parts = /^\/dicom-web\/studies\/([\d.]+)(?:\/series\/([\d.]+))?(?:\/instances\/([\d.]+))?(?:\/frames\/(\d+))?(?:\/(metadata|instances|rendered|thumbnail|series))?$/.exec(pathname);
  const study = parts && studies.find((row) => row.uid === parts[1]);
  if (!study) throw new Problem(404, 'this study is not there, or out of your reach', 'search for it in the worklist');
  const own = study === files?.study;
  const series = (own ? files.series : seriesOf(study)).find((row) => row.uid === parts[2]) ?? (own ? files.series : seriesOf(study))[0];
  const instances = own ? files.instances(series) : instancesOf(study, series);
  const instance = instances.find((dataset) => dataset['00080018'].Value[0] === parts[3]) ?? instances[Math.floor(instances.length / 2)];
  const number = Number(parts[4] ?? 1);
  switch (parts[5]) {
    case 'metadata':
    case 'instances':
      return { ...json(instances), headers: { 'Content-Type': 'application/dicom+json' } };
    case 'rendered':
    case 'thumbnail': {
      if (own) throw new Problem(406, 'the mock draws no picture of a file', 'open the viewer');
      const [centre, width] = (query.get('window') ?? '').split(',').map(Number);
      return { body: picture(instance, number, width ? { centre, width } : null), headers: { 'Content-Type': 'image/png' } };
    }
    default: {
      const { transferSyntax, data } = own ? files.frame(instance, number) : { transferSyntax: EXPLICIT, data: frame(instance, number) };
      const head = `--edge\r\nContent-Type: application/octet-stream; transfer-syntax=${transferSyntax}\r\n\r\n`;
      return { body: Buffer.concat([Buffer.from(head), data, Buffer.from('\r\n--edge--\r\n')]), headers: { 'Content-Type': 'multipart/related; type="application/octet-stream"; boundary=edge' } };
    }
  }
}

async function file(pathname) {
  const extension = extname(pathname);
  try {
    const body = await readFile(join(DIST, extension ? pathname.replaceAll('..', '') : 'index.html'));
    return { body, headers: { 'Content-Type': TYPES[extension || '.html'] ?? 'application/octet-stream', ...(pathname.startsWith('/assets/') ? { 'Cache-Control': 'public, max-age=31536000, immutable' } : {}) } };
  } catch {
    throw new Problem(404, 'there is no such file', 'build the pages with npm run build');
  }
}

const port = Number(process.argv[2] ?? 8087);
server.listen(port, 'localhost', () => console.log(`mock front at http://localhost:${server.address().port}`));
