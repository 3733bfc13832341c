/** The administrator: organisations, people, devices and relationships, and no patient. */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { ask, setStage } from './stage/stage.mjs';

/** What names the demonstration's patients; Anna is a person with an account too, so her name may stand here. */
const PATIENTS = /müller|yamada|phantom|specimen|muster\b|D-100\d/i;

/** @type {import('playwright-core').Page} */
let page;
let token;

const stage = setStage(async () => {
  page = await stage.signedIn('administrator', '/', { expected: [/status of 40[0-9]/] });
});

const dialog = (name) => page.getByRole('dialog', { name });
const add = () => page.getByRole('dialog').getByRole('button', { name: 'Add', exact: true }).click();

test('an organisation is added', async () => {
  await page.getByRole('link', { name: 'Organisations' }).click();
  await page.getByRole('button', { name: 'Add an organisation' }).click();
  await dialog('Add an organisation').getByLabel('Name').fill('Praxis Süd');
  await stage.picture(page, 'organisation-add');
  await add();
  const row = page.getByRole('row').filter({ hasText: 'Praxis Süd' });
  await row.waitFor();
  assert.match(await row.innerText(), /Passkeys only\s+0/);
});

test('the same organisation is not added twice', async () => {
  await page.getByRole('button', { name: 'Add an organisation' }).click();
  await dialog('Add an organisation').getByLabel('Name').fill('Praxis Süd');
  await add();
  await dialog('Add an organisation').getByText('This exists already.').waitFor();
  await stage.picture(page, 'organisation-refused');
  await page.keyboard.press('Escape');
  assert.equal(await page.getByRole('row').filter({ hasText: 'Praxis Süd' }).count(), 1);
});

test('a person is added, and the link that is shown once is theirs', async () => {
  await page.getByRole('link', { name: 'People' }).click();
  await page.getByRole('button', { name: 'Add a person' }).click();
  const form = dialog('Add a person');
  await add();
  await form.getByText('Enter a name.').waitFor();
  await stage.picture(page, 'person-add');
  await form.getByLabel('Name').fill('Dr. Nora Neu');
  await form.getByLabel('E-mail address').fill('nora@demo.example');
  await form.getByLabel('Role').selectOption('referrer');
  await form.getByLabel('Organisation').selectOption('Praxis Süd');
  await add();
  const shown = dialog('Enrolment link for Dr. Nora Neu');
  const link = await shown.locator('code').innerText();
  assert.match(link, new RegExp(`^${stage.demo.address}/enrol#[\\w-]{43}$`));
  await stage.picture(page, 'person-link');
  await shown.getByRole('button', { name: 'Done' }).click();
  const row = page.getByRole('row').filter({ hasText: 'nora@demo.example' });
  assert.match(await row.innerText(), /Referring doctor\s+Praxis Süd\s+not (yet )?enrolled/i);
  assert.doesNotMatch(await page.content(), new RegExp(link.split('#')[1]), 'the link is still in the page');

  const visitor = await (await stage.browser()).newPage();
  await visitor.goto(link);
  await visitor.getByRole('heading', { name: 'Welcome' }).waitFor();
  await visitor.getByText('Dr. Nora Neu').waitFor();
  // her organisation takes passkeys only
  assert.equal(await visitor.getByRole('button', { name: 'Set a password and an authenticator app instead' }).count(), 0);
  await visitor.context().close();
});

test('a new link takes the old one’s place', async () => {
  await page.getByRole('button', { name: 'New link for Dr. Nora Neu' }).click();
  const first = await dialog(/^Enrolment link/).locator('code').innerText();
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'New link for Dr. Nora Neu' }).click();
  await dialog(/^Enrolment link/).locator('code').waitFor();
  await page.keyboard.press('Escape');
  const { status, body } = await ask(page, 'POST', '/api/enrolment/look', { token: first.split('#')[1] });
  assert.ok(status >= 400 && status < 500, `${status}`);
  assert.equal(body.error, 'this link has been used or has expired');
});

test('a device is added, and its token is shown once and stores images', async () => {
  await page.getByRole('link', { name: 'Devices' }).click();
  await page.getByRole('button', { name: 'Add a device' }).click();
  const form = dialog('Add a device');
  await form.getByLabel('Name', { exact: true }).fill('Scanner Süd');
  await form.getByLabel('Organisation').selectOption('Praxis Süd');
  await form.getByLabel('From where').fill('127.0.0.1');
  await add();
  await form.getByText('A device needs an AE title or a token').waitFor();
  await form.getByRole('checkbox', { name: /^Make a token/ }).check();
  await stage.picture(page, 'device-add');
  await add();
  token = await dialog('Token of Scanner Süd').locator('code').innerText();
  await stage.picture(page, 'device-token');
  await dialog('Token of Scanner Süd').getByRole('button', { name: 'Done' }).click();
  await page.getByRole('row').filter({ hasText: 'Scanner Süd' }).waitFor();
  assert.doesNotMatch(await page.content(), new RegExp(token));

  const answer = await stow(token);
  assert.equal(answer.status, 200, await answer.text());
});

test('a device that may store may not read, and a token that was changed by a letter is nobody’s', async () => {
  const headers = { Authorization: `Bearer ${token}` };
  const listed = await fetch(`${stage.demo.address}/dicom-web/studies`, { headers });
  assert.ok([403, 404].includes(listed.status), `${listed.status}`);
  assert.doesNotMatch(await listed.text(), PATIENTS);
  const changed = token.slice(0, -2) + (token.at(-2) === 'A' ? 'B' : 'A') + token.at(-1);
  assert.equal((await stow(changed)).status, 401);
});

test('a relationship is made and ended, each an entry in the ledger', async () => {
  await page.getByRole('link', { name: 'Relationships' }).click();
  await page.getByRole('group', { name: 'Who' }).getByRole('button', { name: 'An organisation' }).click();
  await page.getByRole('combobox', { name: 'An organisation' }).selectOption('org:Praxis Süd');
  await page.getByLabel('Patient', { exact: true }).fill('DEMO/D-1003');
  await page.getByRole('button', { name: 'Make the relationship' }).click();
  await page.getByText('Say why in a few words.').waitFor();
  await page.getByLabel('Why').fill('second opinion');
  await page.getByRole('button', { name: 'Make the relationship' }).click();
  await page.getByText(/^The relationship holds\. It is entry \d+ in the ledger\.$/).waitFor();
  await stage.picture(page, 'relationships');
  const reach = async () => (await stage.demo.tell('exposure', 'org:Praxis Süd', '--from', '1h')).reachable.patients;
  assert.equal(await reach(), 1);
  await page.getByText('End a relationship').click();
  await page.getByRole('button', { name: 'End it now' }).click();
  await page.getByText('What there was between the two has ended.').waitFor();
});

test('a misfiled study is moved by its number, and the image stays as it was made', async () => {
  const radiologist = await stage.signedIn('radiologist', '/api/health');
  const find = async () => (await ask(radiologist, 'GET', '/api/studies')).body.studies.find((row) => row.description === 'X-ray of the chest' && row.date === '20261122');
  const before = await find();
  assert.equal(before.patient.id, 'D-1006');
  const picture = async () => (await ask(radiologist, 'GET', `/dicom-web/studies/${before.uid}/rendered`, undefined, { Accept: 'image/jpeg' })).body;
  const made = await picture();
  assert.ok(made.length > 1_000, made);

  await page.getByRole('button', { name: 'Move a misfiled study' }).click();
  const form = dialog('Move a misfiled study');
  await form.getByLabel('Study').fill(String(before.number));
  await form.getByLabel('Right patient').fill('DEMO/D-1002');
  await form.getByRole('button', { name: 'Move the study' }).click();
  await form.getByText('Say why in a few words.').waitFor();
  await form.getByLabel('Why').fill('wrong patient chosen at the modality');
  await stage.picture(page, 'move');
  await form.getByRole('button', { name: 'Move the study' }).click();
  await form.getByText('The study was moved.').waitFor();
  await form.getByRole('button', { name: 'Close' }).last().click();

  const after = await find();
  assert.equal(after.patient.id, 'D-1002');
  assert.equal(after.uid, before.uid);
  assert.ok((await picture()) === made, 'the picture is another one');
  await radiologist.context().close();
});

test('an administrator sees no patient', async () => {
  assert.deepEqual(await page.getByRole('navigation', { name: 'Pages' }).getByRole('link').allInnerTexts(), ['People', 'Organisations', 'Census', 'Devices', 'Relationships', 'Orders', 'Approvals', 'Cold studies']);
  for (const path of ['/people', '/people/organisations', '/people/devices']) {
    await page.goto(path);
    await page.getByRole('table').waitFor();
    assert.doesNotMatch(await page.getByRole('main').innerText(), PATIENTS);
  }
  for (const path of ['/worklist', '/officer', '/my', '/study/1']) {
    await page.goto(path);
    await page.getByRole('heading', { name: 'This page belongs to another role' }).waitFor();
  }
  for (const path of ['/api/studies', '/api/studies/number/1', '/dicom-web/studies', '/dicom-web/series', '/api/ledger/entries?from=0', '/api/my/studies']) {
    const { status, body } = await ask(page, 'GET', path);
    assert.ok(status === 403 || status === 404, `${path}: ${status}`);
    assert.doesNotMatch(JSON.stringify(body), PATIENTS);
  }
});

/** One of the demonstration's own images, once more: PS3.18 10.5. */
async function stow(bearer) {
  const image = await readFile(new URL('../../demo/D-1006-20261122-DX-01.dcm', import.meta.url));
  const body = Buffer.concat([Buffer.from('--part\r\nContent-Type: application/dicom\r\n\r\n'), image, Buffer.from('\r\n--part--\r\n')]);
  return fetch(`${stage.demo.address}/dicom-web/studies`, {
    method: 'POST', body,
    headers: { Authorization: `Bearer ${bearer}`, Accept: 'application/dicom+json', 'Content-Type': 'multipart/related; type="application/dicom"; boundary=part' },
  });
}

stage.lastly();
