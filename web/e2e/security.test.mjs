/** What a browser is told and what it may do: headers, the policy, the cookie, requests of other sites, sessions. */

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { test } from 'node:test';
import { codeNow } from './stage/demo.mjs';
import { ask, setStage } from './stage/stage.mjs';
import { counted } from '../test/counted.mjs';

const REFUSALS = [/status of 40[0-9]/];

/** @type {import('playwright-core').Page} */
let page;
let recoveryCodes;

const stage = setStage(async () => {
  // the app's next code comes in half a minute; a second browser signs in with a recovery code instead
  const context = await stage.browser();
  const enrolling = await context.newPage();
  await enrolling.goto('/api/health');
  const person = stage.demo.person('radiologist');
  const token = person.enrolment.split('#')[1];
  const begun = await ask(enrolling, 'POST', '/api/enrolment/password/begin', { token, password: person.password });
  const { ceremony, secret } = begun.body;
  const finished = await ask(enrolling, 'POST', '/api/enrolment/password/finish', { token, ceremony, code: codeNow(secret) });
  recoveryCodes = finished.body.recovery_codes;
  await context.close();
  page = await stage.signedIn('radiologist', '/', { code: recoveryCodes[0], expected: REFUSALS });
  await page.getByRole('grid').getByRole('link').first().waitFor();
});

/** On every answer, refusals included. */
const EVERYWHERE = {
  'x-content-type-options': /^nosniff$/,
  'x-frame-options': /^DENY$/,
  'referrer-policy': /^no-referrer$/,
  'cross-origin-opener-policy': /^same-origin$/,
  'cross-origin-resource-policy': /^same-origin$/,
  'permissions-policy': /camera=\(\).*microphone=\(\).*geolocation=\(\)/,
};

test('every answer carries the headers that close a browser', async () => {
  const { body: { studies: [{ uid }] } } = await ask(page, 'GET', '/api/studies');
  const script = await page.locator('script[src]').first().getAttribute('src');
  for (const path of ['/', '/worklist', '/study/1', '/enrol', script, '/api/session', '/api/health', '/api/nothing', `/api/studies/${uid}`, `/dicom-web/studies/${uid}/metadata`, `/dicom-web/studies/${uid}/rendered`]) {
    const { headers } = await ask(page, 'GET', path);
    for (const [name, pattern] of Object.entries(EVERYWHERE)) assert.match(headers[name] ?? '', pattern, `${name} of ${path}`);
    const policy = Object.fromEntries(headers['content-security-policy'].split(';').map((part) => part.trim().split(/ (.*)/s)));
    assert.equal(policy['default-src'], "'none'", path);
    assert.equal(policy['frame-ancestors'], "'none'", path);
    assert.equal(policy['base-uri'], "'none'", path);
    assert.equal(policy['form-action'], "'none'", path);
    assert.equal(policy['script-src'], "'self' 'wasm-unsafe-eval'", path);
    assert.equal(policy['style-src'], "'self'", path);
    assert.doesNotMatch(headers['content-security-policy'], /unsafe-inline|'unsafe-eval'|https?:|\*/);
    assert.equal(headers['access-control-allow-origin'], undefined, path);
    assert.equal(headers['server'], undefined, path);
    if (path === script) assert.match(headers['cache-control'], /immutable/);
    else assert.match(headers['cache-control'], /no-store/, path);
  }
});

test('the policy holds: script in markup, eval and foreign images do not run', async () => {
  const visitor = await (await stage.browser({ elsewhere: true, expected: [/Content.Security.Policy/i, /^policy: /, /status of 401/] })).newPage();
  await visitor.goto('/');
  await visitor.getByRole('heading', { name: 'Sign in' }).waitFor();
  const blocked = await visitor.evaluate(async () => {
    const seen = [];
    document.addEventListener('securitypolicyviolation', (event) => seen.push(event.effectiveDirective));
    const script = document.createElement('script');
    script.textContent = 'window.ran = 1';
    document.body.append(script);
    const image = document.createElement('img');
    image.src = 'https://example.invalid/pixel';
    document.body.append(image);
    const styled = document.createElement('p');
    styled.setAttribute('style', 'color: red');
    document.body.append(styled);
    const form = document.createElement('form');
    form.action = '/api/sign-out';
    form.method = 'post';
    document.body.append(form);
    form.submit();
    await fetch('https://example.invalid/').catch(() => {});
    await new Promise((resolve) => setTimeout(resolve, 300));
    return { seen: [...new Set(seen)].sort(), ran: 'ran' in window };
  });
  assert.equal(blocked.ran, false);
  assert.deepEqual(blocked.seen, ['connect-src', 'form-action', 'img-src', 'script-src-elem', 'style-src-attr']);
  await visitor.context().close();
});

test('the session cookie is out of reach of scripts, of other sites and of plain connections', async () => {
  const cookies = await page.context().cookies();
  assert.equal(cookies.length, 1);
  const [{ name, value, httpOnly, secure, sameSite, path, domain }] = cookies;
  assert.deepEqual({ name, httpOnly, secure, sameSite, path, domain }, { name: '__Host-leadglass', httpOnly: true, secure: true, sameSite: 'Strict', path: '/', domain: 'localhost' });
  assert.ok(value.length >= 43, '256 bits at least');
  assert.equal(await page.evaluate(() => document.cookie), '');
});

test('the key of the browser signs and is not given out', async () => {
  const outcome = await page.evaluate(async () => {
    const { pair } = await window.leadglassTest.key();
    const attempts = await Promise.all(['jwk', 'pkcs8', 'raw'].map((format) => crypto.subtle.exportKey(format, pair.privateKey).then(() => 'given out', (error) => error.name)));
    return { extractable: pair.privateKey.extractable, usages: pair.privateKey.usages, attempts };
  });
  assert.equal(outcome.extractable, false);
  assert.deepEqual(outcome.usages, ['sign']);
  assert.ok(outcome.attempts.every((name) => name !== 'given out'), JSON.stringify(outcome.attempts));
});

test('a cookie in other hands opens nothing: no list, no image, no page', async () => {
  const [cookie] = await page.context().cookies();
  const { body: { studies: [{ uid, number }] } } = await ask(page, 'GET', '/api/studies');
  // what the person has open is on lease at the front
  assert.equal((await ask(page, 'GET', `/dicom-web/studies/${uid}/thumbnail`)).status, 200);
  const health = await fetch(`${stage.demo.address}/api/health`);
  const nonce = health.headers.get('dpop-nonce');
  assert.ok(nonce, 'every answer brings a nonce');
  for (const path of ['/api/session', '/api/studies', `/api/studies/number/${number}`, '/api/sessions', '/dicom-web/studies', `/dicom-web/studies/${uid}`, `/dicom-web/studies/${uid}/metadata`, `/dicom-web/studies/${uid}/thumbnail`]) {
    for (const DPoP of [undefined, 'x.y.z', await strangersProof(path, nonce)]) {
      const headers = { Cookie: `${cookie.name}=${cookie.value}`, ...(DPoP ? { DPoP } : {}) };
      const answer = await fetch(`${stage.demo.address}${path}`, { headers });
      assert.equal(answer.status, 401, `${path} with ${DPoP ?? 'no proof'}`);
      assert.match(answer.headers.get('www-authenticate'), /^DPoP algs="ES256", error="invalid_dpop_proof"$/);
      assert.deepEqual(Object.keys(await answer.json()), ['error', 'hint']);
    }
  }
  // in the browser itself, by a script that has the cookie and not the key
  assert.equal((await ask(page, 'GET', '/api/studies', undefined, {}, { bare: true })).status, 401);
  assert.equal((await ask(page, 'POST', '/api/sign-out', {}, undefined, { bare: true })).status, 401, 'it signs nobody out');
  const again = await page.evaluate(async (path) => {
    const url = new URL(path, location.origin);
    const { session, ...key } = await window.leadglassTest.key();
    const proof = await window.leadglassTest.proof(key, 'GET', url, '', session);
    const send = (path, method = 'GET') => fetch(path, { method, headers: { DPoP: proof, 'X-Leadglass': '1' } }).then((response) => response.status);
    return [await send(path), await send(path), await send('/api/sessions'), await send('/api/studies?words=a')];
  }, '/api/studies');
  assert.deepEqual(again, [200, 401, 401, 401], 'a proof is for one request, once');
  assert.equal((await ask(page, 'GET', '/api/session')).status, 200, 'the person is still signed in');
});

/** A proof as the thief can make it: well formed, of another key. */
async function strangersProof(path, nonce) {
  const { privateKey, publicKey } = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify']);
  const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', publicKey);
  const hash = (text) => createHash('sha256').update(text).digest();
  const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = { jti: crypto.randomUUID(), htm: 'GET', htu: stage.demo.address + path, iat: 0, nonce, lg_req: hash(Buffer.concat([hash(''), hash('')])).toString('base64url') };
  const signed = `${part({ typ: 'dpop+jwt', alg: 'ES256', jwk: { kty, crv, x, y } })}.${part(claims)}`;
  const signature = await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, privateKey, Buffer.from(signed));
  return `${signed}.${Buffer.from(signature).toString('base64url')}`;
}

test('a change without the header of our own pages is refused', async () => {
  for (const headers of [{}, { 'X-Leadglass': '0' }]) {
    for (const [method, path, body] of [['POST', '/api/sign-out', {}], ['POST', '/api/organisations', { name: 'x', authorisation: 'passkey-only' }], ['DELETE', `/api/sessions/${'0'.repeat(32)}`, undefined]]) {
      const answer = await ask(page, method, path, body, headers);
      assert.equal(answer.status, 403, `${method} ${path}`);
      assert.equal(answer.body.error, 'this request does not come from the pages of this archive');
    }
  }
  assert.equal((await ask(page, 'GET', '/api/session')).status, 200, 'still signed in');
});

test('a page of another site can neither change nor read nor frame anything', async () => {
  const foreign = createServer((_, response) => response.setHeader('Content-Type', 'text/html').end('<!doctype html><title>other</title><iframe></iframe>'));
  await new Promise((resolve) => foreign.listen(0, '127.0.0.1', resolve));
  try {
    // 127.0.0.1 is another site than localhost
    const other = await stage.signedIn('radiologist', '/api/health', { code: recoveryCodes[1], elsewhere: true, expected: [/./] });
    await other.goto(`http://127.0.0.1:${foreign.address().port}/`);
    const outcome = await other.evaluate(async (address) => {
      const attempt = (path, init) => fetch(address + path, { credentials: 'include', ...init }).then((response) => response.status, () => 'blocked');
      const frame = document.querySelector('iframe');
      frame.src = `${address}/`;
      await new Promise((resolve) => (frame.onload = resolve));
      return {
        read: await attempt('/api/session'),
        header: await attempt('/api/sign-out', { method: 'POST', headers: { 'X-Leadglass': '1' } }),
        simple: await attempt('/api/sign-out', { method: 'POST', body: '{}' }),
        image: await new Promise((resolve) => {
          const image = new Image();
          image.onload = () => resolve('loaded');
          image.onerror = () => resolve('blocked');
          image.src = `${address}/assets/icon.svg`;
        }),
        framed: (() => {
          try {
            return frame.contentDocument !== null;
          } catch {
            return false;
          }
        })(),
      };
    }, stage.demo.address);
    assert.deepEqual(outcome, { read: 'blocked', header: 'blocked', simple: 'blocked', image: 'blocked', framed: false });
    await other.goto(`${stage.demo.address}/api/health`);
    assert.equal((await ask(other, 'GET', '/api/session')).status, 200, 'still signed in');
    await other.context().close();
  } finally {
    foreign.closeAllConnections();
    foreign.close();
  }
});

test('a session that is ended from another browser is signed out there, and the screen stays until it is touched', async () => {
  const second = await stage.signedIn('radiologist', '/', { code: recoveryCodes[2], expected: REFUSALS });
  await second.getByRole('grid').getByRole('link').first().waitFor();

  await page.goto('/account');
  await page.getByRole('heading', { name: 'My sessions' }).waitFor();
  const end = page.getByRole('button', { name: /^End: / });
  await end.first().waitFor();
  await counted(end, 2);
  await page.getByText('Password and recovery code').first().waitFor();
  await stage.picture(page, 'sessions');
  await page.getByRole('button', { name: 'End all others' }).click();
  await page.getByText('The session was ended.').waitFor();
  await counted(end, 0);

  assert.equal((await ask(second, 'GET', '/api/session')).status, 401);
  await second.getByRole('searchbox').fill('beispiel');
  await second.getByRole('dialog', { name: 'Your session has ended' }).waitFor();
  await stage.picture(second, 'session-ended');
  await second.reload();
  await second.getByRole('heading', { name: 'Sign in', exact: true }).waitFor();
  await second.context().close();
});

test('a cookie that was signed out opens nothing more', async () => {
  const [cookie] = await page.context().cookies();
  assert.equal((await ask(page, 'POST', '/api/sign-out', {})).status, 204);
  const answer = await fetch(`${stage.demo.address}/api/studies`, { headers: { Cookie: `${cookie.name}=${cookie.value}` } });
  assert.equal(answer.status, 401);
  assert.equal((await answer.json()).error, 'you are not signed in, or your session ended');
});

stage.lastly();
