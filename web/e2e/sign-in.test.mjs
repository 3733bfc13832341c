/** Enrolling and signing in: passkeys with a virtual authenticator, passwords with one-time codes, recovery codes. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addAuthenticator } from './stage/authenticator.mjs';
import { codeNow } from './stage/demo.mjs';
import { ask, setStage } from './stage/stage.mjs';

const stage = setStage();
const REFUSED = { expected: [/status of (400|401|404|410)/] };
const LINK_DEAD = 'An enrolment link works once and for a limited time, and a newer one replaces it. Ask your administrator for a new one.';
const DO_NOT_FIT = 'E-mail address, password and code do not fit together. Check all three; the code changes every 30 seconds.';

/** What the first test leaves for a later one: the passkey, as the authenticator holds it. */
let passkey;

async function signOut(page) {
  await page.locator('details.account > summary').click();
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('heading', { name: 'Sign in', exact: true }).waitFor();
}

async function fillPassword(page, { email, password, code }) {
  if (!(await page.locator('details.other').evaluate((details) => details.open))) await page.getByText('Sign in with a password and a code instead').click();
  await page.getByLabel('E-mail address').fill(email);
  await page.getByLabel('Password', { exact: true }).fill(password);
  await page.getByLabel('One-time code').fill(code);
  await page.getByRole('button', { name: 'Sign in', exact: true }).click();
}

test('a passkey is made by the enrolment link, and signs in without a name being typed', async () => {
  const context = await stage.browser(REFUSED);
  const page = await context.newPage();
  // an authenticator that touches itself would answer the suggestion in the e-mail field before the button is pressed
  await page.addInitScript(() => (PublicKeyCredential.isConditionalMediationAvailable = async () => false));
  const authenticator = await addAuthenticator(page);
  const { name, email, enrolment } = stage.demo.person('radiologist');

  await page.goto(enrolment);
  await page.getByRole('heading', { name: 'Welcome' }).waitFor();
  await page.getByText(name).waitFor();
  await page.getByText(email).waitFor();
  assert.equal(new URL(page.url()).hash, '', 'the token stays in the address bar');
  await stage.picture(page, 'enrol');
  await page.getByLabel('Name of this passkey').fill('Reading room');
  await page.getByRole('button', { name: 'Set up a passkey' }).click();
  await page.getByRole('heading', { name: 'Your passkey is set up' }).waitFor();
  await stage.picture(page, 'enrol-done');

  const keys = await authenticator.keys();
  assert.equal(keys.length, 1);
  [passkey] = keys;
  assert.equal(passkey.isResidentCredential, true);
  assert.equal(passkey.rpId, 'localhost');

  await page.getByRole('button', { name: 'Go to sign-in' }).click();
  await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
  await page.getByRole('grid', { name: 'Worklist' }).waitFor();
  assert.equal((await ask(page, 'GET', '/api/session')).body.email, email);

  await signOut(page);
  assert.equal((await ask(page, 'GET', '/api/session')).status, 401);
  await stage.picture(page, 'sign-in');
  await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
  await page.getByRole('grid', { name: 'Worklist' }).waitFor();
  await signOut(page);

  // the device is somebody else's hands now
  await authenticator.verify(false);
  await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
  await page.getByRole('alert').getByText('No passkey was used.').waitFor();
  assert.equal((await ask(page, 'GET', '/api/session')).status, 401);
  await context.close();
});

test('a passkey is suggested where the name would be typed', async () => {
  const context = await stage.browser(REFUSED);
  const page = await context.newPage();
  const authenticator = await addAuthenticator(page);
  await authenticator.hold({ ...passkey, signCount: passkey.signCount + 100 });
  await page.goto('/');
  // the suggestion stands in the list of the e-mail field; this authenticator takes it at once
  await page.getByRole('grid', { name: 'Worklist' }).waitFor();
  await context.close();
});

test('an enrolment link that was used is refused, and says whom to ask', async () => {
  const context = await stage.browser(REFUSED);
  const page = await context.newPage();
  await page.goto(stage.demo.person('radiologist').enrolment);
  await page.getByRole('heading', { name: 'This link does not work (any more)' }).waitFor();
  await page.getByText(LINK_DEAD).waitFor();
  assert.equal(await page.getByRole('button', { name: 'Set up a passkey' }).count(), 0);
  await stage.picture(page, 'enrol-dead');

  const token = stage.demo.person('radiologist').enrolment.split('#')[1];
  for (const path of ['look', 'passkey/begin']) {
    const { status, body } = await ask(page, 'POST', `/api/enrolment/${path}`, { token, key: 'A'.repeat(43) });
    assert.ok(status >= 400 && status < 500, `${path}: ${status}`);
    assert.equal(body.error, 'this link has been used or has expired');
    assert.equal(body.hint, 'ask for a new one where you got it');
  }
  await context.close();
});

test('a made-up enrolment link is refused as a used one is', async () => {
  const context = await stage.browser(REFUSED);
  const page = await context.newPage();
  await page.goto(`/enrol#${'A'.repeat(43)}`);
  await page.getByText(LINK_DEAD).waitFor();
  await page.goto('about:blank');
  await page.goto('/enrol');
  await page.getByText('The address holds no link.').waitFor();
  await context.close();
});

test('a password and a one-time code sign in; the same code does not sign in again', async () => {
  const context = await stage.browser(REFUSED);
  const page = await context.newPage();
  const { email, password } = stage.demo.person('referrer');
  const code = await stage.demo.code(stage.demo.person('referrer'));
  await page.goto('/');
  await fillPassword(page, { email, password, code });
  await page.getByRole('grid', { name: 'Worklist' }).waitFor();
  const [cookie, ...others] = await context.cookies();
  assert.deepEqual(others, []);
  assert.deepEqual(
    { name: cookie.name, secure: cookie.secure, httpOnly: cookie.httpOnly, sameSite: cookie.sameSite, path: cookie.path, expires: cookie.expires },
    { name: '__Host-leadglass', secure: true, httpOnly: true, sameSite: 'Strict', path: '/', expires: -1 },
  );
  await signOut(page);
  assert.deepEqual(await context.cookies(), []);

  await fillPassword(page, { email, password, code });
  await page.getByRole('alert').getByText(DO_NOT_FIT).waitFor();
  assert.deepEqual(await context.cookies(), []);
  await stage.picture(page, 'sign-in-refused');
  await context.close();
});

test('a wrong password, a wrong code and an unknown name are refused with the same words', async () => {
  const context = await stage.browser(REFUSED);
  const page = await context.newPage();
  await page.goto('/');
  const { email, password } = stage.demo.person('technologist');
  const code = await stage.demo.code(stage.demo.person('technologist'));
  const wrongCode = String((Number(code) + 1) % 1_000_000).padStart(6, '0');
  const answers = [];
  for (const tried of [
    { email, password: `${password}x`, code },
    { email, password, code: wrongCode },
    { email: 'nobody@demo.example', password, code },
  ]) {
    await fillPassword(page, tried);
    await page.getByRole('alert').getByText(DO_NOT_FIT).waitFor();
    answers.push(await ask(page, 'POST', '/api/sign-in/password', tried));
  }
  for (const { status, body } of answers) {
    assert.equal(status, 401);
    assert.deepEqual(body, answers[0].body);
  }
  assert.deepEqual(await context.cookies(), []);
  await context.close();
});

test('a recovery code stands in for the app once', async () => {
  const context = await stage.browser(REFUSED);
  const page = await context.newPage();
  const { email, enrolment } = stage.demo.person('technologist');
  await page.goto(enrolment);
  await page.getByRole('button', { name: 'Set a password and an authenticator app instead' }).click();

  const field = page.getByLabel('Password', { exact: true });
  const next = page.getByRole('button', { name: 'Next' });
  await field.fill('password');
  await page.getByText('It is on the list of passwords that are tried first.').waitFor();
  assert.equal(await next.isDisabled(), true);
  await stage.picture(page, 'enrol-password-common');
  const password = 'Quittenbaum 7 vor Anker';
  await field.fill(password);
  await page.getByText('This is a good password.').waitFor();
  await stage.picture(page, 'enrol-password');
  await next.click();

  const secret = (await page.locator('code.secret').innerText()).replaceAll(' ', '');
  const picture = page.getByRole('img', { name: /^QR code/ });
  assert.ok((await picture.evaluate((image) => image.naturalWidth)) > 0, 'the QR code is not drawn');
  await stage.picture(page, 'enrol-code');
  await page.getByLabel('Code that the app shows now').fill(codeNow(secret));
  await page.getByRole('button', { name: 'Confirm' }).click();

  const codes = page.locator('ol.codes code');
  await codes.first().waitFor();
  const recovery = await codes.allInnerTexts();
  assert.equal(new Set(recovery).size, 10);
  await stage.picture(page, 'enrol-recovery-codes');
  assert.equal(await next.isDisabled(), true);
  await page.getByRole('checkbox', { name: 'I have saved the codes' }).check();
  await next.click();
  await page.getByRole('button', { name: 'Go to sign-in' }).click();

  await fillPassword(page, { email, password, code: recovery[0] });
  await page.getByRole('grid', { name: 'Worklist' }).waitFor();
  assert.equal((await ask(page, 'GET', '/api/session')).body.recovery_codes_left, 9);
  await signOut(page);
  await fillPassword(page, { email, password, code: recovery[0] });
  await page.getByRole('alert').getByText(DO_NOT_FIT).waitFor();
  await fillPassword(page, { email, password, code: recovery[1] });
  await page.getByRole('grid', { name: 'Worklist' }).waitFor();
  await context.close();
});

stage.lastly();
