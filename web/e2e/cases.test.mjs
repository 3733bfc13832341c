/** What an officer hands out and answers: a signed report that a command accepts, a patient's question, an incident with its clocks. */

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { PROGRAM } from './stage/demo.mjs';
import { setStage } from './stage/stage.mjs';
import { counted } from '../test/counted.mjs';

const run = promisify(execFile);

/** @type {import('playwright-core').Page} */
let patient;
let officer;
let room;

const stage = setStage(async () => {
  [patient, officer] = await Promise.all(['patient', 'officer'].map((role) => stage.signedIn(role, '/api/health', { acceptDownloads: true, expected: [/status of 40[134]/] })));
});
before(async () => (room = await mkdtemp(join(tmpdir(), 'lg-report-'))));
after(() => rm(room, { recursive: true, force: true }));

/** The command that whoever gets a report runs, in a folder without an installation. */
const verify = (file, ...more) => run(PROGRAM, ['ledger', 'verify', '--report', file, '--dir', join(room, 'nowhere'), '--format', 'json', ...more]);

async function saved(button, name) {
  const [download] = await Promise.all([officer.waitForEvent('download'), button.click()]);
  const path = join(room, name);
  await download.saveAs(path);
  return path;
}

test('the officer saves a signed PDF, and the command accepts it and refuses one flipped byte', async () => {
  await officer.goto('/officer/exposure');
  await officer.getByRole('combobox', { name: 'About' }).selectOption('person:rae@demo.example');
  await officer.getByRole('button', { name: 'Compute' }).click();
  await officer.locator('dl.three > div').nth(2).waitFor();
  const path = await saved(officer.getByRole('button', { name: 'PDF' }), 'report.pdf');
  const bytes = await readFile(path);
  assert.equal(bytes.subarray(0, 5).toString(), '%PDF-');
  const key = (await readFile(join(stage.demo.dir, 'ledger', 'site.vkey'), 'utf8')).trim();
  const answer = JSON.parse((await verify(path, '--key', key)).stdout);
  assert.equal(answer.verified, true);
  assert.equal(answer.about, 'person:rae@demo.example');
  assert.deepEqual([answer.pages, answer.key], ['en', key]);
  for (const share of [0.1, 0.5, 0.9]) {
    const changed = Buffer.from(bytes);
    changed[Math.floor(changed.length * share)] ^= 1;
    const other = join(room, 'changed.pdf');
    await writeFile(other, changed);
    await assert.rejects(verify(other, '--key', key), (error) => error.code === 1 && /"error"/.test(error.stderr));
  }
  const lines = await saved(officer.getByRole('button', { name: 'Signed JSON' }), 'report.json');
  assert.equal(JSON.parse((await verify(lines, '--key', key)).stdout).pages, 'none');
  await stage.picture(officer, 'exposure-save');
});

test('a patient asks who looked, the officer answers, the patient reads it', async () => {
  await patient.goto('/my/accesses');
  await patient.getByRole('button', { name: 'Ask a question' }).click();
  await patient.getByLabel('Your question or complaint').fill('Who is Dr. Rae Reader?\n<b>I do not know her.</b>');
  await patient.getByRole('button', { name: 'Send it' }).click();
  await patient.getByText('Your question is with the data protection officer.').waitFor();
  await patient.getByText('No answer yet.').waitFor();
  await officer.goto('/officer/questions');
  const item = officer.getByRole('listitem').filter({ hasText: 'Who is Dr. Rae Reader?' });
  await item.getByText('BEISPIEL').waitFor();
  await item.getByText('<b>I do not know her.</b>').waitFor();
  await item.getByRole('button', { name: 'Your answer' }).click();
  await item.getByLabel('Your answer').fill('She read your CT for Practice Robin.');
  await item.getByRole('button', { name: 'Send the answer' }).click();
  await item.getByText('She read your CT for Practice Robin.').waitFor();
  await stage.picture(officer, 'questions');
  await patient.goto('/my/accesses');
  await patient.getByText('She read your CT for Practice Robin.').waitFor();
  await stage.picture(patient, 'my-question');
});

test('an incident is opened on the page, its clocks run, and the command says the same', async () => {
  await officer.goto('/officer/incidents');
  await officer.getByRole('button', { name: 'Open an incident' }).click();
  await officer.getByLabel('What happened, in a line').fill('A login was found in a dump');
  await officer.getByLabel('What it is about').fill('person:rae@demo.example');
  await officer.getByRole('button', { name: 'Open', exact: true }).click();
  await officer.getByRole('heading', { level: 1, name: /Incident 1: A login was found in a dump/ }).waitFor();
  const clocks = officer.locator('ul.clocks > li');
  await counted(clocks, 4);
  await clocks.filter({ hasText: 'GDPR Art. 33' }).getByText(/running, (71 h 59 min|72 h 0 min) left/).waitFor();
  await officer.getByRole('button', { name: /Mark as done.*NIS2 early warning/ }).click();
  await clocks.filter({ hasText: 'NIS2 early warning' }).getByText(/done in time/).waitFor();
  const report = await saved(officer.getByRole('region', { name: 'Report about person:rae@demo.example' }).getByRole('button', { name: 'PDF' }), 'incident.pdf');
  assert.equal(JSON.parse((await verify(report)).stdout).verified, true);
  await officer.locator('ol.steps').getByText('attached the report of entry').waitFor();
  const notice = await saved(officer.getByRole('button', { name: /^PDF.*Draft of the notice/ }), 'notice.pdf');
  assert.equal((await readFile(notice)).subarray(0, 5).toString(), '%PDF-');
  await stage.picture(officer, 'incident', { fullPage: true });
  const shown = await stage.demo.tell('incident', 'show', '1');
  assert.equal(shown.row.title, 'A login was found in a dump');
  assert.equal(shown.row.clocks.find((clock) => clock.clock === 'nis2-early-warning').state, 'done');
  const { draft } = await stage.demo.tell('incident', 'draft', '1', '--language', 'de');
  assert.match(draft, /DSGVO Art\. 33/);
  assert.match(draft, /person:rae@demo\.example/);
});

stage.lastly();
