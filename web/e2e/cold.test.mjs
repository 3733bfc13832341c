/** Cold studies from the page that lacks one to the holders' files and back, and other holders in the place of those. */

import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { addAuthenticator } from './stage/authenticator.mjs';
import { ask, PHONE, setStage } from './stage/stage.mjs';

/** The demonstration's delay, and what a busy machine may add, in milliseconds. */
const DELAY_MS_MAX = 150_000;

/** @type {import('playwright-core').Page} */
let officer;
/** @type {import('playwright-core').Page} */
let administrator;
/** @type {import('playwright-core').Page} */
let reader;
/** Where holders keep their files: not where the program runs. */
let away;
/** The number of the cold study that is asked for, and of the request. */
let study;
let request;

const stage = setStage(async () => {
  away = await mkdtemp(join(tmpdir(), 'lg-holders-'));
  officer = await withPasskey('officer', '/cold');
  administrator = await withPasskey('administrator', '/cold');
  // the strip beside a cold study asks for its thumbnail, and is told that it is cold
  reader = await stage.signedIn('radiologist', '/worklist', { expected: [/status of 409.*thumbnail/] });
});
after(() => away && rm(away, { recursive: true, force: true }));

/** Somebody binds a passkey by their link and signs in with it. */
async function withPasskey(role, path) {
  const context = await stage.browser({ expected: [/status of 401/] });
  const page = await context.newPage();
  // an authenticator that touches itself would answer the suggestion in the e-mail field before the button is pressed
  await page.addInitScript(() => (PublicKeyCredential.isConditionalMediationAvailable = async () => false));
  await addAuthenticator(page);
  await page.goto(stage.demo.person(role).enrolment);
  await page.getByRole('button', { name: 'Set up a passkey' }).click();
  await page.getByRole('button', { name: 'Go to sign-in' }).click();
  await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
  await page.getByRole('navigation', { name: 'Pages' }).waitFor();
  await page.goto(path);
  return page;
}

const file = (name) => join(away, name);

/** Touches for exactly what the dialog names. */
async function touch(page, why) {
  const dialog = page.getByRole('dialog', { name: 'Please confirm' });
  await dialog.getByText(why).waitFor();
  await dialog.getByRole('button', { name: 'Confirm with your passkey' }).click();
}

/** Two persons agree to what the owner proposed on the command line, and the delay passes. */
async function agreed(what) {
  for (const page of [officer, administrator]) {
    await page.goto('/approvals');
    const proposal = page.getByRole('article').filter({ hasText: what });
    await proposal.getByRole('button', { name: /^Approve proposal/ }).click();
    await page.getByRole('dialog', { name: 'Approve this change?' }).getByRole('button', { name: 'Approve' }).click();
    await touch(page, what);
    await page.getByText('Your approval is recorded.').waitFor();
  }
}

async function carriedOut(what) {
  await officer.goto('/approvals');
  await officer.getByRole('article').filter({ hasText: what }).getByText(/^Carried out/).waitFor({ timeout: DELAY_MS_MAX });
}

/** The reader asks for a cold study on its page, with password and code. */
async function asks(reason) {
  await reader.getByRole('textbox', { name: 'Why it is needed' }).fill(reason);
  await reader.getByRole('button', { name: 'Ask the holders' }).click();
  const dialog = reader.getByRole('dialog', { name: 'Please confirm' });
  await dialog.getByText(/You ask the holders of its keys/).waitFor();
  const person = stage.demo.person('radiologist');
  await dialog.getByLabel('Password').fill(person.password);
  await dialog.getByLabel('One-time code').fill(await stage.demo.code(person));
  await dialog.getByRole('button', { name: 'Confirm with password and code' }).click();
}

test('a site without holders says so, and that nothing goes cold', async () => {
  await officer.getByText(/No holders are named, so nothing goes cold/).waitFor();
  await officer.getByText('Nobody waits for a cold study.').waitFor();
});

test('two persons name two holders, and what nobody has a reason to open goes cold', async () => {
  for (const name of ['ada', 'bea']) await stage.demo.tell('cold', 'holder', 'new', `Dr. ${name}`, '--out', file(name));
  await stage.demo.tell('cold', 'init', '--threshold', '2', '--holder', file('ada.pub'), '--holder', file('bea.pub'));
  await stage.demo.tell('cold', 'rule', '--after', '0s', '--priors', 'none');
  for (const patient of ['D-1003', 'D-1004', 'D-1006']) await stage.demo.tell('unrelate', 'org:Practice Other', `patient:DEMO/${patient}`);
  await agreed('Cold studies are held by: Dr. ada');
  await agreed('Studies go cold 0 seconds after');
  await carriedOut('Cold studies are held by: Dr. ada');
  await carriedOut('Studies go cold 0 seconds after');
  await officer.goto('/cold');
  await officer.getByText('Nothing goes cold, and nothing is handed over, before these holders have shown their key: Dr. ada, Dr. bea.', { exact: false }).waitFor();
  for (const name of ['ada', 'bea']) await stage.demo.tell('cold', 'holder', 'prove', '--share-file', file(name));
  const { studies } = await stage.demo.tell('cold', 'sweep');
  assert.ok(studies > 0);
  await officer.goto('/cold');
  const cold = officer.locator('dl.counts > div').filter({ hasText: 'Cold now' });
  await cold.getByText(String(studies), { exact: true }).waitFor();
  await officer.getByRole('region', { name: 'Cold studies by year' }).waitFor();
  for (const family of ['MÜLLER', 'BEISPIEL']) assert.equal(await officer.getByText(family).count(), 0, 'no patient is named');
  await stage.picture(officer, 'cold', { fullPage: true });
});

test('a reader is told on the page of a cold study, asks there, and follows the request', async () => {
  const { body: { studies } } = await ask(reader, 'GET', '/api/studies');
  const row = studies.find((one) => one.cold && one.patient.id === 'D-1003');
  study = row.number;
  await reader.goto(`/study/${study}`);
  await reader.getByText('This study is cold').waitFor();
  await asks('comparison before surgery');
  await reader.getByText('0 of 2 holders have answered.').waitFor();
  await stage.picture(reader, 'cold-study-asked');
  [{ request }] = await stage.demo.tell('cold', 'requests');
});

test('an officer approves exactly that with a touch, and it opens nothing', async () => {
  const row = officer.getByRole('article').filter({ hasText: `Request ${request}` });
  await row.getByText(/Asked .* from 127\.0\.0\.1/).waitFor();
  await row.getByText('comparison before surgery').waitFor();
  await row.getByRole('button', { name: `Approve request ${request}` }).click();
  const dialog = officer.getByRole('dialog', { name: 'Approve this request?' });
  await dialog.getByText(/opens nothing by itself/).waitFor();
  await stage.picture(officer, 'cold-approve');
  await dialog.getByRole('button', { name: 'Approve' }).click();
  await touch(officer, /You approve this request: .*comparison before surgery/);
  await row.getByText(/Approved by Olga Officer, .*\(signed with a passkey\)/).waitFor();
  assert.equal(await row.getByRole('button', { name: `Approve request ${request}` }).count(), 0);
  await reader.getByText('One officer or administrator has approved it.').waitFor();
  const { cold } = await stage.demo.tell('cold', 'state');
  assert.ok(cold > 0);
  assert.equal((await stage.demo.tell('cold', 'requests'))[0].approved, 0, 'no holder has answered');
  await row.getByRole('button', { name: `Show patient and studies: request ${request}` }).click();
  await row.getByText(/MÜLLER-PROBE/).waitFor();
});

test('the holders answer with the command that the page names, and the study opens by itself', async () => {
  const row = officer.getByRole('article').filter({ hasText: `Request ${request}` });
  await row.getByText('What a holder runs').click();
  await row.getByText(`leadglass cold approve ${request} --share-file FILE.holder --passphrase-file -`).waitFor();
  await stage.demo.tell('cold', 'approve', String(request), '--share-file', file('ada'));
  await row.getByText('1 of 2 holders have answered: Dr. ada').waitFor();
  await reader.getByText('1 of 2 holders have answered.').waitFor();
  await stage.picture(officer, 'cold-request', { fullPage: true });
  await stage.demo.tell('cold', 'approve', String(request), '--share-file', file('bea'));
  await reader.locator('[data-shown]:not([data-shown="0"])').first().waitFor();
  const warmed = officer.getByRole('region', { name: 'Brought back lately' }).getByRole('row').filter({ hasText: 'comparison before surgery' });
  await warmed.getByText('open', { exact: true }).waitFor();
  await stage.picture(reader, 'cold-study-open');
});

test('an administrator refuses another one with a reason, which whoever asked reads', async () => {
  const { body: { studies } } = await ask(reader, 'GET', '/api/studies');
  await reader.goto(`/study/${studies.find((one) => one.cold && one.patient.id === 'D-1004').number}`);
  await asks('curious');
  await reader.getByText('0 of 2 holders have answered.').waitFor();
  await administrator.goto('/cold');
  const row = administrator.getByRole('article').filter({ hasText: 'curious' });
  assert.equal(await row.getByRole('button', { name: /^Show patient/ }).count(), 0, 'names are the officer’s to see');
  await row.getByRole('button', { name: /^Refuse request/ }).click();
  const dialog = administrator.getByRole('dialog', { name: 'Refuse this request?' });
  await dialog.getByRole('textbox', { name: 'Why' }).fill('No treatment is planned');
  await dialog.getByRole('button', { name: 'Refuse' }).click();
  await touch(administrator, /You refuse this request/);
  await administrator.getByText('The request is refused.').waitFor();
  await reader.getByText(/Request \d+ was refused .*: No treatment is planned/).waitFor();
  await stage.picture(reader, 'cold-study-refused');
});

test('other holders get what is cold already: the page says what is left, and then nothing is', async () => {
  await stage.demo.tell('cold', 'holder', 'new', 'Dr. cleo', '--out', file('cleo'));
  await stage.demo.tell('cold', 'holder', 'replace', '--threshold', '1', '--holder', file('cleo.pub'));
  await agreed('Everything that is cold is held by: Dr. cleo');
  await carriedOut('Everything that is cold is held by: Dr. cleo');
  await officer.goto('/cold');
  const left = officer.getByText(/cold studies are still with holders of an earlier set/);
  await left.waitFor();
  await stage.demo.tell('cold', 'holder', 'prove', '--share-file', file('cleo'));
  const { set } = (await stage.demo.tell('cold', 'state')).exchange;
  await stage.demo.tell('cold', 'holder', 'hand-over', '--to', set, '--share-file', file('ada'));
  await officer.getByText('Handed over already, waiting for the others: Dr. ada').waitFor();
  await officer.setViewportSize(PHONE);
  await stage.picture(officer, 'cold-exchange-phone', { fullPage: true });
  const { behind } = await stage.demo.tell('cold', 'holder', 'hand-over', '--to', set, '--share-file', file('bea'));
  assert.equal(behind, 0);
  await left.waitFor({ state: 'detached' });
  await officer.getByRole('region', { name: 'Holders' }).getByText('Dr. cleo').waitFor();
});

stage.lastly();
