/**
 * Sharing one study with somebody who has no account: a link and the code that is told beside it, on a telephone outside; a QR
 * code in a consulting room; and the end of both, at once.
 */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import jsQR from 'jsqr';
import { PROGRAM } from './stage/demo.mjs';
import * as pixels from './stage/pixels.mjs';
import { ask, setStage } from './stage/stage.mjs';

/** A telephone. */
const OUTSIDE = { width: 390, height: 844 };
const IMAGES = 16;
const FILE_SET = fileURLToPath(new URL('../../crates/leadglass/tests/file_set.py', import.meta.url));
const run = promisify(execFile);

/** @type {import('playwright-core').Page} */
let doctor;
let patient;
let officer;
/** Somebody outside, on a telephone. */
let visitor;
/** The study that is shared, and its UID. */
let study;
let uid;
/** What the doctor's screen showed once. */
let link;
let code;
let folder;

const stage = setStage(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lg-shared-'));
  [doctor, patient, officer] = await Promise.all(['radiologist', 'patient', 'officer'].map((role) => stage.signedIn(role, '/api/health')));
  visitor = await telephone();
  const { body: { studies } } = await ask(doctor, 'GET', '/api/studies');
  ({ number: study, uid } = studies.find((row) => row.patient.id === 'D-1001' && row.date === '20260503'));
});
after(() => folder && rm(folder, { recursive: true, force: true }));

async function telephone() {
  const context = await stage.browser({ viewport: OUTSIDE, acceptDownloads: true, expected: [/status of 40[0134]/] });
  return context.newPage();
}

/** Password and code, for exactly what the dialog names. */
async function confirm(page, role) {
  const dialog = page.getByRole('dialog', { name: 'Please confirm' });
  await dialog.getByText('You share one study with somebody who has no account here.').waitFor();
  const person = stage.demo.person(role);
  await dialog.getByLabel('Password').fill(person.password);
  await dialog.getByLabel('One-time code').fill(await stage.demo.code(person));
  await dialog.getByRole('button', { name: 'Confirm with password and code' }).click();
}

async function digitsOf(dialog) {
  const words = await dialog.getByRole('img', { name: /^The code is / }).getAttribute('aria-label');
  return words.replace(/\D/g, '');
}

/** What a camera reads in the picture. */
async function scanned(picture) {
  const { width, height, data } = await picture.evaluate((image) => {
    const canvas = new OffscreenCanvas(4 * image.width, 4 * image.height);
    const context = canvas.getContext('2d');
    context.fillStyle = '#fff';
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(image, 40, 40, canvas.width - 80, canvas.height - 80);
    return { width: canvas.width, height: canvas.height, data: [...context.getImageData(0, 0, canvas.width, canvas.height).data] };
  });
  return (jsQR.default ?? jsQR)(Uint8ClampedArray.from(data), width, height)?.data;
}

async function opens(page, address, digits) {
  await page.goto(address);
  await page.getByLabel('Code of eight digits').fill(digits);
  await page.getByRole('button', { name: 'Open' }).click();
}

/** Nothing is wider than the screen. */
async function fits(page) {
  const [wide, screen] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  assert.ok(wide <= screen, `${wide} pixels on a screen of ${screen}`);
}

/** What the ledger says of links, and what was opened. */
async function kinds() {
  const { stdout } = await run(PROGRAM, ['ledger', 'entries', '--limit', '1000', '--dir', stage.demo.dir, '--format', 'json']);
  const entries = stdout.trim().split('\n').map((line) => JSON.parse(line).entry);
  return entries.filter((entry) => /^link-|^opened$/.test(entry.kind));
}

test('a clinician makes a link with a second secret, for some days, after a touch', async () => {
  await doctor.goto(`/study/${study}`);
  await doctor.locator('.pane.shown').waitFor();
  await doctor.getByRole('button', { name: 'Share', exact: true }).click();
  await doctor.getByRole('button', { name: 'Share by a link' }).click();
  const dialog = doctor.getByRole('dialog', { name: 'Share by a link' });
  await dialog.getByLabel('For whom').fill('Praxis Weber');
  await dialog.getByLabel('For how many days').fill('3');
  await dialog.getByRole('button', { name: 'Make the link' }).click();
  await confirm(doctor, 'radiologist');
  const made = doctor.getByRole('dialog', { name: 'The link is made' });
  link = await made.getByText(/\/link#/).innerText();
  code = await digitsOf(made);
  assert.match(link, new RegExp(`^${stage.demo.address}/link#[\\w-]{43}$`));
  assert.match(code, /^\d{8}$/);
  assert.equal(await scanned(made.getByRole('img', { name: 'QR code of the link' })), link, 'the picture is the link, without the code');
  await stage.picture(doctor, 'share-made');
  await made.getByRole('button', { name: 'Done' }).click();
  assert.equal(await doctor.getByText(code.slice(0, 4)).count(), 0, 'shown once');
});

test('somebody outside opens it on a telephone: a wrong code first, then the one study and its pictures', async () => {
  await opens(visitor, link, code === '00000000' ? '00000001' : '00000000');
  await visitor.getByText('The code does not fit. 9 tries are left, then the link ends.').waitFor();
  assert.equal(new URL(visitor.url()).hash, '', 'the secret has left the address bar');
  await stage.picture(visitor, 'share-code');
  await visitor.getByLabel('Code of eight digits').fill(`${code.slice(0, 4)} ${code.slice(4)}`);
  await visitor.getByRole('button', { name: 'Open' }).click();
  await visitor.getByRole('heading', { name: 'Images were shared with you' }).waitFor();
  await visitor.getByText(/^Shared by Dr\. Rae Reader/).waitFor();
  const picture = visitor.getByRole('img', { name: `CT scan of the head, image ${IMAGES / 2 + 1} of ${IMAGES}` });
  await picture.waitFor();
  const drawn = await pixels.ofImage(picture);
  assert.ok(drawn.mean > 10 && drawn.deviation > 30 && drawn.distinct > 60, JSON.stringify(drawn));
  await fits(visitor);
  await stage.picture(visitor, 'share-opened', { fullPage: true });
  await visitor.getByRole('link', { name: 'Look at the images' }).click();
  await visitor.locator('.pane.shown').waitFor();
  const pane = await pixels.ofPane(visitor);
  assert.ok(pane.deviation > 20 && pane.distinct > 30, JSON.stringify(pane));
  await fits(visitor);
  await stage.picture(visitor, 'share-viewer');
  const { body: { studies } } = await ask(doctor, 'GET', '/api/studies');
  const other = studies.find((row) => row.uid !== uid);
  for (const path of [`/dicom-web/studies/${other.uid}/metadata`, `/dicom-web/studies/${other.uid}/rendered`, `/api/studies/${other.uid}`]) {
    assert.equal((await ask(visitor, 'GET', path)).status, 404, path);
  }
  for (const path of ['/api/session', '/api/links', '/api/links/all', '/api/my/studies', '/api/people']) {
    assert.equal((await ask(visitor, 'GET', path)).status, 403, path);
  }
});

test('the study is taken along as an encrypted zip with a DICOMDIR that other programs read', async () => {
  await visitor.getByRole('link', { name: 'Back' }).click();
  await visitor.getByRole('button', { name: 'Take along as files' }).click();
  const dialog = visitor.getByRole('dialog', { name: 'Take along as files' });
  const coming = visitor.waitForEvent('download');
  await dialog.getByRole('button', { name: 'Download' }).click();
  const file = join(folder, (await coming).suggestedFilename());
  await (await coming).saveAs(file);
  const secret = await dialog.locator('.secret').innerText();
  assert.match(secret, /^(?:[0-9A-Z]{5}-){4}[0-9A-Z]{5}$/);
  await fits(visitor);
  await stage.picture(visitor, 'share-taken');
  await dialog.getByRole('button', { name: 'Done' }).click();
  const zip = (await readFile(file)).toString('latin1');
  for (const part of ['DICM', 'D-1001', 'BEISPIEL', uid]) assert.ok(!zip.includes(part), `${part} in the clear`);
  if (!process.env.LEADGLASS_TEST_PYTHON) return console.log('NOT RUN: the zip is not opened: LEADGLASS_TEST_PYTHON is not set; `cargo xtask test` sets it');
  const unpacked = join(folder, 'unpacked');
  const read = JSON.parse((await run(process.env.LEADGLASS_TEST_PYTHON, [FILE_SET, file, secret, unpacked])).stdout);
  assert.deepEqual([read.wrong, read.patients, read.studies, read.names[0]], ['refused', ['D-1001'], [uid], 'DICOMDIR']);
  assert.equal(new Set(read.instances).size, read.names.length - 1);
  const { stdout, stderr } = await run('dcmdump', [join(unpacked, 'DICOMDIR')]);
  assert.equal(stderr, '');
  const records = (kind) => stdout.split('\n').filter((line) => line.includes('DirectoryRecordType') && line.includes(`[${kind}]`)).length;
  assert.deepEqual([records('PATIENT'), records('STUDY'), records('IMAGE')], [1, 1, read.instances.length]);
});

test('the maker reads how often it was used, ends it, and the open page loses access at once', async () => {
  const image = `/dicom-web/studies/${uid}/rendered`;
  assert.equal((await ask(visitor, 'GET', image)).status, 200);
  await doctor.goto('/links');
  const row = doctor.getByRole('listitem').filter({ hasText: 'Praxis Weber' }).first();
  await row.getByText('Opened once · 1 of 3 browsers · taken along once · 1 of 10 wrong codes').waitFor();
  await stage.picture(doctor, 'share-list');
  await row.getByRole('button', { name: /^End it now: link/ }).click();
  await row.getByText('Ended', { exact: true }).waitFor();
  assert.equal((await ask(visitor, 'GET', image)).status, 401, 'at once');
  // the page as it stands, without being loaded again: no further picture comes
  const slider = visitor.getByRole('slider', { name: 'Choose the image' }).first();
  await slider.press('Home');
  await visitor.getByRole('heading', { name: 'Your access has ended' }).waitFor();
  assert.equal(await visitor.getByRole('img', { name: /CT scan/ }).count(), 0, 'nothing of it stays on the screen');
  assert.doesNotMatch(await visitor.content(), /BEISPIEL|D-1001/);
  await stage.picture(visitor, 'share-lost');
  await visitor.reload();
  await visitor.getByRole('heading', { name: 'No link' }).waitFor();
  await opens(visitor, link, code);
  await visitor.getByRole('heading', { name: 'This link opens nothing' }).waitFor();
});

test('ledger, exposure, the officer and the patient tell of it', async () => {
  const told = await kinds();
  const of = told.map((entry) => entry.kind).filter((kind) => kind !== 'opened');
  assert.deepEqual(of, ['link-made', 'link-refused', 'link-opened', 'link-ended']);
  const by = told.filter((entry) => entry.kind === 'opened' && entry.actor.link);
  assert.ok(by.length >= 2 && by.some((entry) => entry.scope === 'download'), JSON.stringify(by));
  const text = JSON.stringify(told);
  assert.ok(!text.includes(link.split('#')[1]) && !text.includes(code), 'neither secret');
  const exposure = await stage.demo.tell('exposure', 'link:0', '--from', '1h', '--to', 'now');
  assert.deepEqual([exposure.reachable, exposure.opened], [{ patients: 1, studies: 1 }, { patients: 1, studies: 1 }]);
  const { openings, browsers, downloads, tries, ended } = exposure.about.link;
  assert.deepEqual({ openings, browsers, downloads, tries, ended }, { openings: 1, browsers: 1, downloads: 1, tries: 1, ended: 'revoked' });
  const [row] = await stage.demo.tell('link', 'list');
  assert.deepEqual([row.link, row.note, row.end], [0, 'Praxis Weber', 'revoked']);
  await officer.goto('/officer/links');
  await officer.getByText('Opened once · 1 of 3 browsers · taken along once · 1 of 10 wrong codes').waitFor();
  await patient.goto('/my/accesses');
  await patient.getByText('Somebody with the link that Dr. Rae Reader made').first().waitFor();
});

test('a patient hands a study over by a QR code in the consulting room', async () => {
  await patient.goto(`/my/study/${study}`);
  await patient.getByRole('button', { name: 'Show a QR code' }).click();
  await patient.getByRole('dialog', { name: 'Show to a doctor here' }).getByRole('button', { name: 'Make the QR code' }).click();
  await confirm(patient, 'patient');
  const made = patient.getByRole('dialog', { name: 'The link is made' });
  await made.getByRole('img', { name: /^The code is / }).waitFor();
  assert.equal(await made.getByText(/link#/).count(), 0, 'the picture is the link');
  const [address, digits] = [await scanned(made.getByRole('img', { name: 'QR code of the link' })), await digitsOf(made)];
  assert.match(address, new RegExp(`^${stage.demo.address}/link#[\\w-]{43}$`));
  await stage.picture(patient, 'share-room');
  const doctors = await telephone();
  await opens(doctors, address, digits);
  await doctors.getByText(/^Shared by the patient, /).waitFor();
  await doctors.getByRole('img', { name: /CT scan of the head, image/ }).first().waitFor();
  await fits(doctors);
  // one browser, that of the doctor in the room
  const another = await telephone();
  await opens(another, address, digits);
  await another.getByText('This link is open in as many browsers as it may be.', { exact: false }).waitFor();
  const rows = await stage.demo.tell('link', 'list', '--running');
  const [{ purpose, openings, browsers_max, until, made: at }] = rows;
  assert.deepEqual([rows.length, purpose, openings, browsers_max], [1, 'room', 1, 1]);
  assert.ok(until - at <= 30 * 60 * 1_000_000, 'half an hour');
  await made.getByRole('button', { name: 'Done' }).click();
  await doctors.getByRole('button', { name: 'Close the link here' }).click();
  await doctors.getByRole('heading', { name: 'The link is closed in this browser' }).waitFor();
});

test('an officer ends a session, reads what was shared in it, and ends all of that at once', async () => {
  await doctor.goto(`/study/${study}`);
  await doctor.getByRole('button', { name: 'Share', exact: true }).click();
  await doctor.getByRole('button', { name: 'Share by a link' }).click();
  const dialog = doctor.getByRole('dialog', { name: 'Share by a link' });
  await dialog.getByLabel('For whom').fill('Praxis Linde');
  await dialog.getByRole('button', { name: 'Make the link' }).click();
  await confirm(doctor, 'radiologist');
  const made = doctor.getByRole('dialog', { name: 'The link is made' });
  const [address, digits] = [await made.getByText(/\/link#/).innerText(), await digitsOf(made)];
  await opens(visitor, address, digits);
  await visitor.getByRole('heading', { name: 'Images were shared with you' }).waitFor();
  const image = `/dicom-web/studies/${uid}/rendered`;
  await visitor.getByText(/^Shared by Dr\. Rae Reader/).waitFor();
  assert.equal((await ask(visitor, 'GET', image)).status, 200);

  await officer.goto('/account');
  const hers = officer.getByRole('listitem').filter({ hasText: 'Dr. Rae Reader' });
  await hers.first().waitFor();
  await hers.getByRole('button', { name: /^End: / }).first().click();
  const shared = officer.getByRole('heading', { name: 'Links that were made in this session' }).locator('..');
  await shared.getByText(/Praxis Linde.*Opened once/).waitFor();
  assert.equal((await ask(visitor, 'GET', image)).status, 200, 'the link goes on without its maker’s session');
  await stage.picture(officer, 'share-session-ended', { fullPage: true });
  await shared.getByRole('button', { name: 'End the one that runs' }).click();
  await officer.getByRole('dialog', { name: 'End these links?' }).getByRole('button', { name: 'End them' }).click();
  await officer.getByText('One link was ended.').waitFor();
  assert.equal((await ask(visitor, 'GET', image)).status, 401);
  // the patient's own still runs: the officer ends everybody's
  await officer.goto('/officer/links');
  await officer.getByLabel('Which links').waitFor();
  await officer.getByRole('button', { name: 'End the one that runs' }).click();
  await stage.picture(officer, 'share-end-all');
  await officer.getByRole('dialog', { name: 'End these links?' }).getByRole('button', { name: 'End them' }).click();
  await officer.getByText('One link was ended.').waitFor();
  assert.deepEqual(await stage.demo.tell('link', 'list', '--running'), []);
  const ended = (await kinds()).filter((entry) => entry.kind === 'link-ended');
  assert.equal(ended.length, 3, 'each has its entry');
});

stage.lastly();
