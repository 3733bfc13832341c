/** A look leaves a trace that the patient and the officer see: who, why, when; and the counts of pages and commands agree. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as pixels from './stage/pixels.mjs';
import { ask, keptBy, setStage } from './stage/stage.mjs';

const MINUTE_MS = 60_000;
const RADIOLOGIST = 'Dr. Rae Reader';

/** @type {import('playwright-core').Page} */
let patient;
let officer;
let radiologist;

const stage = setStage(async () => {
  [patient, officer, radiologist] = await Promise.all(['patient', 'officer', 'radiologist'].map((role) => stage.signedIn(role, '/api/health', { expected: [/status of 40[134]/] })));
});

test('the patient sees their own images in words', async () => {
  await patient.goto('/');
  await patient.getByRole('heading', { name: 'Your images' }).waitFor();
  const links = patient.getByRole('main').getByRole('list').getByRole('link');
  assert.deepEqual(await links.allInnerTexts(), ['CT scan of the head', 'CT scan of the head', 'X-ray of the chest']);
  await patient.getByText('3 May 2026').waitFor();
  await stage.picture(patient, 'my');
});

test('the patient sees the picture itself', async () => {
  await patient.getByRole('link', { name: 'CT scan of the head' }).first().click();
  const picture = patient.getByRole('img', { name: 'CT scan of the head, image 9 of 16' });
  await picture.waitFor();
  const drawn = await pixels.ofImage(picture);
  assert.ok(drawn.width >= 64 && drawn.height >= 64, `${drawn.width} x ${drawn.height}`);
  assert.ok(drawn.mean > 10 && drawn.deviation > 30 && drawn.distinct > 60, JSON.stringify(drawn));
  await patient.getByRole('slider', { name: 'Choose the image' }).press('End');
  const last = patient.getByRole('img', { name: 'CT scan of the head, image 16 of 16' });
  await last.waitFor();
  assert.notEqual((await pixels.ofImage(last)).mark, drawn.mark);
  await patient.getByText('Nobody has opened these images yet, apart from you.').waitFor();
  assert.match(await patient.getByRole('region', { name: 'Patient' }).innerText(), /BEISPIEL, Anna/);
  assert.doesNotMatch(await keptBy(patient), /beispiel|anna|D-1001|2\.25\.|19580214/i);
  await stage.picture(patient, 'my-study');
});

test('an entry appears on the officer’s page while somebody else acts', async () => {
  await officer.goto('/');
  await officer.getByRole('table').getByRole('row').nth(1).waitFor();
  const opened = officer.getByRole('row').filter({ hasText: RADIOLOGIST }).filter({ hasText: /Study \d+ of patient \d+ was opened\./ });
  assert.equal(await opened.count(), 0);

  const { body: { studies } } = await ask(radiologist, 'GET', '/api/studies');
  const { number } = studies.find((row) => row.patient.id === 'D-1001' && row.date === '20260503');
  await radiologist.goto(`/study/${number}`);
  await radiologist.locator('.pane.shown').waitFor();

  await opened.first().waitFor();
  assert.match(await opened.first().innerText(), new RegExp(`Study ${number} of patient \\d+ was opened\\.`));
  // numbers stand for patients here: an officer reads who looked, not who is ill
  assert.doesNotMatch(await officer.getByRole('table').innerText(), /müller|yamada|phantom|muster|specimen/i);
  await stage.picture(officer, 'ledger');
  await officer.getByRole('button', { name: /^Details \d/ }).first().click();
  await stage.picture(officer, 'ledger-details');
});

test('the patient reads who looked, in which role and why', async () => {
  await patient.goto('/my/accesses');
  const look = patient.getByRole('listitem').filter({ hasText: RADIOLOGIST }).filter({ hasText: 'Looked at the images' });
  await look.first().waitFor();
  const words = await look.first().innerText();
  assert.match(words, /Radiologist/);
  assert.match(words, /Demonstration Hospital/);
  assert.match(words, /reading group of the hospital/);
  assert.match(words, /CT scan of the head, 3 May 2026/);
  await stage.picture(patient, 'my-accesses');
  await patient.getByRole('button', { name: 'Who looked at images' }).click();
  assert.equal(await patient.getByText('Saw them in a list; no image was opened').count(), 0);
});

test('beside the picture stands who looked at it, and when', async () => {
  await patient.goto('/my');
  await patient.getByRole('link', { name: 'CT scan of the head' }).first().click();
  const look = patient.getByRole('listitem').filter({ hasText: RADIOLOGIST });
  await look.first().waitFor();
  assert.match(await look.first().getByRole('time').innerText(), /^\d{1,2} [A-Z][a-z]+ \d{4}, \d\d:\d\d$/);
  assert.equal(await patient.getByText('Nobody has opened these images yet, apart from you.').count(), 0);
});

test('a patient is refused the images of others', async () => {
  const { body: { studies } } = await ask(radiologist, 'GET', '/api/studies');
  const other = studies.find((row) => row.patient.id === 'D-1003');
  await patient.goto(`/my/study/${other.number}`);
  await patient.getByText('There is nothing here that you may see.').waitFor();
  assert.doesNotMatch(await patient.content(), /müller|D-1003/i);
  for (const path of [`/api/studies/${other.uid}`, `/dicom-web/studies/${other.uid}/rendered`, `/dicom-web/studies/${other.uid}/metadata`]) {
    assert.equal((await ask(patient, 'GET', path)).status, 404, path);
  }
});

test('the exposure of a person over an hour is the same on the page and from the command', async () => {
  const to = Math.ceil(Date.now() / MINUTE_MS) * MINUTE_MS;
  const from = to - 60 * MINUTE_MS;
  await officer.goto('/officer/exposure');
  await officer.getByRole('combobox', { name: 'About' }).selectOption('person:rae@demo.example');
  await officer.getByRole('button', { name: 'From – to' }).click();
  await officer.getByLabel('From', { exact: true }).fill(onTheWall(from));
  await officer.getByLabel('To', { exact: true }).fill(onTheWall(to));
  await officer.getByRole('button', { name: 'Compute' }).click();
  const counts = officer.locator('dl.three > div');
  await counts.nth(2).waitFor();
  const page = await counts.evaluateAll((parts) => parts.map((part) => ({
    name: part.querySelector('dt strong').textContent,
    patients: Number(part.querySelector('.big').textContent),
    studies: parseInt(part.querySelectorAll('dd')[1].textContent, 10),
  })));
  const command = await stage.demo.tell('exposure', 'person:rae@demo.example', '--from', new Date(from).toISOString(), '--to', new Date(to).toISOString());
  assert.deepEqual(page, [{ name: 'Reachable', ...command.reachable }, { name: 'Listed', ...command.listed }, { name: 'Opened', ...command.opened }]);
  assert.deepEqual(command.reachable, { patients: 6, studies: 13 });
  assert.deepEqual(command.listed, { patients: 6, studies: 13 });
  assert.deepEqual(command.opened, { patients: 1, studies: 1 });
});

test('the plot has a title, two axes with marks, and says its unit', async () => {
  const plot = officer.getByRole('img', { name: /^Bar chart of \d+ equal parts of the window\. At most 6 patients were listed and 1 opened in one part\.$/ });
  await plot.waitFor();
  const marks = await plot.locator('text').allTextContents();
  assert.ok(marks.includes('0') && marks.includes('6'), `marks of the upright axis: ${marks}`);
  assert.ok(marks.filter((mark) => /^\d\d:\d\d$/.test(mark)).length >= 3, `marks of the time axis: ${marks}`);
  assert.equal(await plot.locator('line.axis').count(), 1);
  assert.ok((await plot.locator('rect.wide').count()) >= 10);
  await officer.getByText(/^Patients per /).waitFor();
  await plot.scrollIntoViewIfNeeded();
  await stage.picture(officer, 'exposure');
});

test('a practice’s exposure tells its members’ reach', async () => {
  const command = await stage.demo.tell('exposure', 'org:Practice Robin', '--from', '1h', '--to', 'now');
  assert.deepEqual(command.reachable, { patients: 3, studies: 7 });
  assert.deepEqual(command.opened, { patients: 0, studies: 0 });
});

test('an officer sees no worklist and no image', async () => {
  await officer.goto('/officer');
  await officer.getByRole('heading', { name: 'Ledger' }).waitFor();
  const links = await officer.getByRole('navigation', { name: 'Pages' }).getByRole('link').allInnerTexts();
  assert.deepEqual(links, ['Ledger', 'Findings', 'Exposure', 'Incidents', 'Questions', 'Emergencies', 'Leaks', 'Shared links', 'Census', 'Orders', 'Approvals', 'Cold studies']);
  await officer.goto('/worklist');
  await officer.getByRole('heading', { name: 'This page belongs to another role' }).waitFor();
  const { body: { studies: [{ uid, number }] } } = await ask(radiologist, 'GET', '/api/studies');
  for (const path of ['/api/studies', '/dicom-web/studies', `/api/studies/${uid}`, `/api/studies/number/${number}`, `/dicom-web/studies/${uid}/metadata`, `/dicom-web/studies/${uid}/rendered`]) {
    const { status, body } = await ask(officer, 'GET', path);
    assert.ok(status === 403 || status === 404, `${path}: ${status}`);
    assert.match(body.error, /^(you may not do this|there is nothing here that you may see)$/);
  }
});

test('an officer ends the session of somebody else, who is asked to sign in again', async () => {
  await radiologist.goto('/worklist');
  await radiologist.getByRole('grid').getByRole('link').first().waitFor();
  await officer.goto('/account');
  const list = officer.getByRole('heading', { level: 2, name: 'All sessions and tokens' }).locator('..');
  const hers = list.getByRole('listitem').filter({ hasText: 'Dr. Rae Reader' });
  await hers.first().waitFor();
  await stage.picture(officer, 'sessions-officer');
  await hers.getByRole('button', { name: /^End: / }).click();
  await hers.waitFor({ state: 'detached' });
  await radiologist.getByRole('searchbox').fill('muller');
  await radiologist.getByRole('dialog', { name: 'Your session has ended' }).waitFor();
  await officer.goto('/officer');
  const ended = officer.getByRole('row').filter({ hasText: 'A session of Dr. Rae Reader was ended.' });
  await ended.waitFor();
  assert.match(await ended.innerText(), /Olga Officer/);
});

/** What a field for date and time takes, at the clock of the pages (Europe/Berlin). */
function onTheWall(at) {
  return new Date(at).toLocaleString('sv-SE', { timeZone: 'Europe/Berlin' }).slice(0, 16).replace(' ', 'T');
}

stage.lastly();
