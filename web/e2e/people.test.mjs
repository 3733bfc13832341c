/** Accounts in under two minutes, and one desk for many people: with passkeys, on the built program. */

import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ask, keptBy, PHONE, setStage } from './stage/stage.mjs';

const stage = setStage(() => stage.demo.tell('org', 'add', 'Praxis am Wehr'));
const REFUSED = { expected: [/status of (400|401|403|404|409)/] };

/** An authenticator that keeps passkeys, of one person: a page without it has nothing to touch. */
async function addAuthenticator(page, more = {}) {
  const session = await page.context().newCDPSession(page);
  await session.send('WebAuthn.enable');
  const options = { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true, ...more };
  const { authenticatorId } = await session.send('WebAuthn.addVirtualAuthenticator', { options });
  return {
    keys: async () => (await session.send('WebAuthn.getCredentials', { authenticatorId })).credentials,
    hold: (credential) => session.send('WebAuthn.addCredential', { authenticatorId, credential }),
    touches: (enabled) => session.send('WebAuthn.setAutomaticPresenceSimulation', { authenticatorId, enabled }),
    clear: () => session.send('WebAuthn.clearCredentials', { authenticatorId }),
  };
}

/** Every step that a person takes, counted, and how long they take together: printed, held against nothing. */
function stopwatch(what) {
  const begun = performance.now();
  let steps = 0;
  return {
    async step(act) {
      steps += 1;
      return await act();
    },
    stop: () => console.log(`${what}: ${steps} steps, ${((performance.now() - begun) / 1_000).toFixed(1)} s of the machine's time`),
  };
}

/** Adds a person by the owner's command, binds a passkey by the link, and gives what the authenticator holds. */
async function enrolled(email, name, role, organisation) {
  const { enrolment } = await stage.demo.tell('person', 'add', email, '--name', name, '--role', role, '--organisation', organisation);
  const context = await stage.browser(REFUSED);
  const page = await context.newPage();
  await page.addInitScript(() => (PublicKeyCredential.isConditionalMediationAvailable = async () => false));
  const authenticator = await addAuthenticator(page);
  await page.goto(enrolment);
  await page.getByRole('button', { name: 'Set up a passkey' }).click();
  await page.getByRole('heading', { name: 'Your passkey is set up' }).waitFor();
  const [key] = await authenticator.keys();
  await context.close();
  return key;
}

/** A later use of a key than any before: authenticators count. */
let count = 100;
const used = (key) => ({ ...key, signCount: (count += 100) });

async function desk(options = {}) {
  const context = await stage.browser({ ...REFUSED, ...options });
  const page = await context.newPage();
  await page.addInitScript(() => (PublicKeyCredential.isConditionalMediationAvailable = async () => false));
  const authenticator = await addAuthenticator(page);
  return { context, page, authenticator };
}

async function signIn({ page, authenticator }, key) {
  await authenticator.clear();
  await authenticator.hold(used(key));
  await page.goto('/');
  await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
}

let delegate;
/** The link of the letter that the first test used. */
let usedLink;

test('a delegate adds a colleague, who binds a passkey on their own phone: steps and seconds', async () => {
  delegate = await enrolled('delegate@wehr.example', 'Dr. Dora Delegat', 'referrer', 'Praxis am Wehr');
  await stage.demo.tell('person', 'delegate', 'delegate@wehr.example', '--organisation', 'Praxis am Wehr');
  const practice = await desk();
  const phone = await desk({ viewport: PHONE });
  const asked = [];
  phone.context.on('request', (request) => asked.push(`${request.url()} ${JSON.stringify(request.headers())}`));
  await signIn(practice, delegate);
  const { page } = practice;
  await page.getByRole('grid', { name: 'Worklist' }).waitFor();

  const watch = stopwatch('an account for a colleague, from the delegate’s first click to the colleague’s worklist');
  await watch.step(() => page.getByRole('link', { name: 'Colleagues' }).click());
  await watch.step(() => page.getByRole('button', { name: 'Add a colleague' }).click());
  const form = page.getByRole('dialog', { name: 'Add a colleague' });
  await watch.step(() => form.getByLabel('Name').fill('Dr. Carl Kollege'));
  await watch.step(() => form.getByLabel('E-mail address').fill('carl@wehr.example'));
  await watch.step(() => form.getByLabel('Role').selectOption('referrer'));
  await watch.step(() => form.getByLabel('Professional identifier').fill('KV/123456701'));
  await stage.picture(page, 'colleague-add');
  await watch.step(() => form.getByRole('button', { name: 'Add and make the letter' }).click());
  await watch.step(() => page.getByRole('button', { name: 'Confirm with your passkey' }).click());
  const letter = page.getByRole('article', { name: 'Letter for Dr. Carl Kollege' });
  await letter.waitFor();
  await letter.getByRole('img', { name: 'QR code of the link, for a phone' }).waitFor();
  const address = await letter.locator('code').innerText();
  assert.match(address, new RegExp(`^${stage.demo.address}/enrol#[\\w-]{43}$`));
  usedLink = address;

  await watch.step(() => phone.page.goto(address));
  await phone.page.getByText('Dr. Carl Kollege').waitFor();
  await watch.step(() => phone.page.getByRole('button', { name: 'Set up a passkey' }).click());
  await phone.page.getByRole('heading', { name: 'Your passkey is set up' }).waitFor();
  await watch.step(() => phone.page.getByRole('button', { name: 'Go to sign-in' }).click());
  await watch.step(() => phone.page.getByRole('button', { name: 'Sign in with a passkey' }).click());
  await phone.page.getByRole('grid', { name: 'Worklist' }).waitFor();
  watch.stop();

  assert.equal((await ask(phone.page, 'GET', '/api/session')).body.email, 'carl@wehr.example');
  // the paper: one A4 page, and nothing of the page around it
  await page.emulateMedia({ media: 'print' });
  assert.equal(await page.getByRole('heading', { name: 'Colleagues' }).isVisible(), false);
  assert.equal(await letter.isVisible(), true);
  const paper = (await page.pdf({ format: 'A4', preferCSSPageSize: true })).toString('latin1');
  assert.equal(paper.match(/\/Type\s*\/Page\b(?!s)/g).length, 1, 'the letter is one page');
  await stage.picture(page, 'colleague-letter-print', { fullPage: true });
  await page.emulateMedia({ media: 'screen' });
  await stage.picture(page, 'colleague-letter');
  await page.getByRole('button', { name: 'Done' }).click();

  const token = address.split('#')[1];
  assert.doesNotMatch(await page.content(), new RegExp(token), 'the link is still in the page');
  assert.ok(!asked.join('\n').includes(token), 'the secret went into an address or a header');
  assert.ok(!(await keptBy(phone.page)).includes(token));
  assert.ok(!stage.demo.errors().includes(token), 'the secret stands in a log');
  await practice.context.close();
  await phone.context.close();
});

test('the letter works once', async () => {
  // whoever finds it later: another browser, with an authenticator of its own
  const finder = await desk();
  await finder.page.goto(usedLink);
  await finder.page.getByRole('heading', { name: 'This link does not work (any more)' }).waitFor();
  await finder.page.getByText('An enrolment link works once and for a limited time').waitFor();
  assert.equal(await finder.page.getByRole('button', { name: 'Set up a passkey' }).count(), 0);
  assert.ok(!(await finder.page.content()).includes('Carl Kollege'), 'a used link tells whose it was');
  assert.deepEqual(await finder.authenticator.keys(), []);
  const token = usedLink.split('#')[1];
  const again = await ask(finder.page, 'POST', '/api/enrolment/look', { token });
  assert.ok(again.status >= 400, `${again.status} ${JSON.stringify(again.body)}`);
  await finder.context.close();

  const practice = await desk();
  await signIn(practice, delegate);
  await practice.page.getByRole('grid', { name: 'Worklist' }).waitFor();
  const rows = await ask(practice.page, 'GET', '/api/colleagues');
  assert.deepEqual(rows.body.map((row) => row.email).toSorted(), ['carl@wehr.example', 'delegate@wehr.example']);
  const other = await ask(practice.page, 'POST', '/api/people', { email: 'x@y.example', name: 'X', role: 'administrator', organisation: 'Praxis am Wehr' });
  assert.equal(other.status, 403, 'a delegate is no administrator');
  await practice.context.close();
});

/** Whether a text stands anywhere in the page's memory: what is left after collecting, strings of every frame and worker. */
async function inMemory(page, text) {
  const session = await page.context().newCDPSession(page);
  // left attached: its end would take the authenticators with it
  await session.send('HeapProfiler.enable');
  await session.send('HeapProfiler.collectGarbage');
  const parts = [];
  session.on('HeapProfiler.addHeapSnapshotChunk', ({ chunk }) => parts.push(chunk));
  await session.send('HeapProfiler.takeHeapSnapshot', { reportProgress: false });
  return parts.join('').includes(text);
}

/** Takes in two images of a study anew, as a series of its own: the demonstration's studies have one each. */
async function addSeries(folder, names) {
  for (const name of names) {
    let text = (await readFile(new URL(`../../demo/${name}`, import.meta.url))).toString('latin1');
    // (0008,0018) of the instance and (0020,000E) of its series, explicit little endian: another last digit, of the same length
    for (const tag of ['\x08\x00\x18\x00UI', '\x20\x00\x0e\x00UI']) {
      const at = text.indexOf(tag) + tag.length;
      assert.ok(at >= tag.length, `${name} has no ${JSON.stringify(tag)}`);
      const uid = text.slice(at + 2, at + 2 + text.charCodeAt(at) + 256 * text.charCodeAt(at + 1)).replace('\0', '');
      text = text.replaceAll(uid, `${uid.slice(0, -1)}${(Number(uid.at(-1)) + 5) % 10}`);
    }
    await writeFile(join(folder, name), Buffer.from(text, 'latin1'));
  }
  await stage.demo.tell('import', folder);
  await stage.demo.tell('settle');
}

/**
 * When the authenticator is touched: as soon as it is asked, or once somebody does. A virtual one that does not answer at once never does, so
 * the page's question waits here.
 */
async function byHand(context) {
  let [touch, asked] = [Promise.resolve(), 0];
  await context.exposeFunction('leadglassTouched', () => {
    asked += 1;
    return touch;
  });
  await context.addInitScript(() => {
    const { get } = CredentialsContainer.prototype;
    CredentialsContainer.prototype.get = async function (options) {
      await window.leadglassTouched();
      return await get.call(this, options);
    };
  });
  return {
    /** Nobody touches it until what this gives is called. */
    keepOff() {
      asked = 0;
      let release;
      touch = new Promise((resolve) => (release = resolve));
      return release;
    },
    asked: () => asked,
  };
}

test('one desk: the screen is gone at once, the next person touches, and whoever comes back is where they were', async () => {
  const organisation = 'Praxis am Wehr';
  const first = await enrolled('first@wehr.example', 'Dr. Fanny First', 'radiologist', organisation);
  const second = await enrolled('second@wehr.example', 'Dr. Sven Second', 'referrer', organisation);
  const reader = await stage.signedIn('radiologist', '/', REFUSED);
  const folder = await mkdtemp(join(tmpdir(), 'lg-series-'));
  await addSeries(folder, ['D-1001-20260503-CT-01.dcm', 'D-1001-20260503-CT-02.dcm']);
  await rm(folder, { recursive: true });
  const all = await ask(reader, 'GET', '/api/studies');
  await reader.context().close();
  // the snapshot of memory writes other letters than those of this name as numbers
  const study = all.body.studies.find((row) => row.patient.name === 'Beispiel^Anna' && row.series === 2);
  assert.ok(study, JSON.stringify(all.body));
  await stage.demo.tell('relate', 'person:first@wehr.example', `patient:${study.patient.issuer}/${study.patient.id}`, '--until', '8h', '--basis', 'reads at this desk');
  const shared = await desk();
  const { page, authenticator } = shared;
  const hand = await byHand(shared.context);
  await signIn(shared, first);
  const grid = page.getByRole('grid', { name: 'Worklist' });
  await grid.getByRole('row').nth(1).waitFor();
  const family = study.patient.name.split('^')[0].toUpperCase();
  await page.goto(`/study/${study.number}`);
  await page.getByRole('region', { name: 'Patient' }).getByText(family).waitFor();
  const pane = page.getByRole('group', { name: 'Pane 1' });
  await page.waitForFunction(() => Number(document.querySelector('[data-shown]')?.getAttribute('data-shown')) > 0);
  // the other series, its last image, in another window
  const series = page.getByRole('complementary').getByRole('listitem').getByRole('button');
  const chosen = () => series.evaluateAll((buttons) => buttons.findIndex((button) => button.getAttribute('aria-current') === 'true'));
  await series.nth(1).waitFor();
  const before = await chosen();
  await page.keyboard.press('PageDown');
  await page.waitForFunction((was) => [...document.querySelectorAll('aside li button')].findIndex((button) => button.getAttribute('aria-current') === 'true') !== was, before);
  const another = await chosen();
  await page.waitForFunction(() => Number(document.querySelector('[data-shown]')?.getAttribute('data-shown')) > 0);
  const windowing = () => pane.getByText(/^W [\d,.]+ +C -?[\d,.]+$/).innerText();
  const stored = await windowing();
  await page.keyboard.press('2');
  await pane.getByText('W 2,500 C 480').waitFor();
  const bone = await windowing();
  assert.notEqual(bone, stored);
  await page.keyboard.press('Home');
  await pane.focus();
  await page.keyboard.press('End');
  const shown = () => page.evaluate(() => Number(document.querySelector('[data-shown]')?.getAttribute('data-shown')));
  await page.waitForFunction(() => Number(document.querySelector('[data-shown]')?.getAttribute('data-shown')) > 1);
  let last = await shown();
  for (let before = 0; before !== last; ) {
    before = last;
    await page.waitForTimeout(500);
    last = await shown();
  }
  assert.ok(await inMemory(page, study.patient.name), 'the test sees names in memory while they are shown');

  await authenticator.clear();
  const touch = hand.keepOff();
  const gone = await page.evaluate(async () => {
    const begun = performance.now();
    dispatchEvent(new KeyboardEvent('keydown', { key: 'F9', cancelable: true, bubbles: true }));
    return { text: document.body.innerText, pictures: document.querySelectorAll('canvas, img, dialog').length, milliseconds: performance.now() - begun };
  });
  console.log(`the screen before is gone after ${gone.milliseconds.toFixed(1)} ms`);
  assert.equal(gone.pictures, 0);
  assert.ok(!gone.text.toUpperCase().includes(family));
  await page.getByRole('heading', { name: 'Next person' }).waitFor();
  assert.ok(!(await page.content()).toUpperCase().includes(family));
  const kept = await keptBy(page);
  assert.ok(!kept.toUpperCase().includes(family) && !kept.includes(study.uid) && !kept.includes(study.patient.id), kept);
  assert.equal(await inMemory(page, study.patient.name), false, 'the name is still in the page’s memory');
  assert.equal((await ask(page, 'GET', '/api/session')).status, 401, 'the session is over');
  await stage.picture(page, 'desk-next');

  // the page that waits has asked by itself, once: the next person's key and one touch are all that it takes
  for (let tries = 0; hand.asked() === 0 && tries < 100; tries += 1) await page.waitForTimeout(50);
  assert.equal(hand.asked(), 1);
  await authenticator.hold(used(second));
  const switched = performance.now();
  touch();
  await page.getByRole('grid', { name: 'Worklist' }).waitFor();
  console.log(`the next person's worklist after ${((performance.now() - switched) / 1_000).toFixed(2)} s and one touch`);
  assert.equal((await ask(page, 'GET', '/api/session')).body.email, 'second@wehr.example');
  assert.ok(!(await page.content()).toUpperCase().includes(family));
  assert.equal(new URL(page.url()).pathname, '/worklist', 'not where the other one was');
  assert.equal(hand.asked(), 1, 'one touch');

  await authenticator.clear();
  await authenticator.hold(used(first));
  const back = performance.now();
  await page.getByRole('button', { name: 'Next person' }).click();
  await page.getByRole('region', { name: 'Patient' }).getByText(family).waitFor();
  await page.waitForFunction((wanted) => document.querySelector('[data-shown]')?.getAttribute('data-shown') === String(wanted), last);
  console.log(`back at the same image after ${((performance.now() - back) / 1_000).toFixed(2)} s, one press and one touch`);
  assert.equal(new URL(page.url()).pathname, `/study/${study.number}`);
  assert.equal((await ask(page, 'GET', '/api/session')).body.email, 'first@wehr.example');
  await pane.waitFor();
  assert.equal(await chosen(), another, 'the series');
  assert.equal(await windowing(), bone, 'the window');

  // a page that is longer than the screen, and how far it was scrolled
  await page.setViewportSize({ width: 1440, height: 320 });
  await page.goto('/account');
  await page.getByRole('heading', { name: 'My passkeys' }).waitFor();
  await page.evaluate(() => scrollTo(0, 90));
  await page.waitForFunction(() => scrollY === 90);
  const again = hand.keepOff();
  await authenticator.clear();
  await authenticator.hold(used(first));
  await page.keyboard.press('F9');
  await page.getByRole('heading', { name: 'Next person' }).waitFor();
  assert.equal(await page.evaluate(() => scrollY), 0);
  again();
  await page.getByRole('heading', { name: 'My passkeys' }).waitFor();
  await page.waitForFunction(() => scrollY === 90);
  assert.equal(new URL(page.url()).pathname, '/account');
  await shared.context.close();
});

test('a second screen of the same browser is put away with the first', async () => {
  const first = await enrolled('two@wehr.example', 'Dr. Tom Two', 'radiologist', 'Praxis am Wehr');
  const shared = await desk();
  await signIn(shared, first);
  await shared.page.getByRole('grid', { name: 'Worklist' }).waitFor();
  const second = await shared.context.newPage();
  await second.goto('/colleagues');
  await second.getByText('Dr. Tom Two').first().waitFor();
  await shared.authenticator.touches(false);
  await shared.page.getByRole('button', { name: 'Next person' }).click();
  await second.getByRole('heading', { name: 'Sign in', exact: true }).waitFor();
  assert.ok(!(await second.content()).includes('Dr. Tom Two'));
  await shared.context.close();
});

test('an account for a shift ends by itself, and says so', async () => {
  const locum = await enrolled('locum@wehr.example', 'Lea Locum', 'technologist', 'Praxis am Wehr');
  await stage.demo.tell('person', 'until', 'locum@wehr.example', '1h');
  const shared = await desk();
  await signIn(shared, locum);
  await shared.page.getByRole('grid', { name: 'Worklist' }).waitFor();
  await shared.page.goto('/account');
  await shared.page.getByText(/Your account ends by itself on/).waitFor();
  await stage.demo.tell('person', 'until', 'locum@wehr.example', '2s');
  // it ends by itself: nobody does anything but look
  for (let status = 200; status !== 401; ) {
    await shared.page.waitForTimeout(250);
    ({ status } = await ask(shared.page, 'GET', '/api/session'));
    assert.ok([200, 401].includes(status), String(status));
  }
  await shared.context.close();
});

test('where keys have to stay on their device, one that is copied is refused, and says why', async () => {
  await stage.demo.tell('org', 'add', 'Praxis Streng');
  await stage.demo.tell('org', 'authenticators', 'Praxis Streng', '--level', 'aal3');
  const { enrolment } = await stage.demo.tell('person', 'add', 'synced@streng.example', '--name', 'Sina Synced', '--role', 'referrer', '--organisation', 'Praxis Streng');
  const context = await stage.browser(REFUSED);
  const page = await context.newPage();
  await page.addInitScript(() => (PublicKeyCredential.isConditionalMediationAvailable = async () => false));
  await addAuthenticator(page, { defaultBackupEligibility: true, defaultBackupState: true });
  await page.goto(enrolment);
  await page.getByText('Your organisation takes passkeys that stay on one device').waitFor();
  await page.getByRole('button', { name: 'Set up a passkey' }).click();
  await page.getByRole('alert').waitFor();
  await stage.picture(page, 'enrol-device-bound');
  await context.close();

  const fitting = await enrolled('key@streng.example', 'Kai Key', 'referrer', 'Praxis Streng');
  const strict = await desk();
  await signIn(strict, fitting);
  await strict.page.getByRole('grid', { name: 'Worklist' }).waitFor();
  const { body } = await ask(strict.page, 'GET', '/api/session');
  assert.equal(Math.round((body.idle_until - Date.now() * 1_000) / 60_000_000), 15, 'AAL3: 15 minutes without use');
  await strict.context.close();
});

test('a census names who is no longer here, and the list is kept nowhere', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lg-census-'));
  const file = join(folder, 'staff.csv');
  await writeFile(file, Buffer.from('Name;E-Mail;Rolle;Organisation\r\nDr. Dora Delegat;delegate@wehr.example;MTRA;Praxis am Wehr\r\nNiemand M\xfcller-Unverwechselbar;niemand@wehr.example;;\r\n', 'latin1'));
  const told = await stage.demo.tell('people', 'census', file);
  assert.deepEqual(told.without_account, [{ line: 3, name: 'Niemand Müller-Unverwechselbar' }]);
  assert.ok(told.without_person.some((account) => account.email === 'carl@wehr.example'));
  assert.equal(told.roles[0].account.email, 'delegate@wehr.example');

  const page = await stage.signedIn('officer', '/people/census', REFUSED);
  await page.getByLabel('Staff list (CSV)').setInputFiles(file);
  await page.getByRole('button', { name: 'Compare' }).click();
  await page.getByRole('heading', { name: /People without an account/ }).waitFor();
  await page.getByText('Niemand Müller-Unverwechselbar').waitFor();
  await stage.picture(page, 'census', { fullPage: true });
  await page.context().close();
  const left = [];
  for (const name of await readdir(stage.demo.dir, { recursive: true })) {
    const bytes = await readFile(join(stage.demo.dir, name)).catch(() => Buffer.alloc(0));
    if (bytes.includes('Unverwechselbar')) left.push(name);
  }
  assert.deepEqual(left, [], 'the list is kept');
  await rm(folder, { recursive: true });
});

stage.lastly();
