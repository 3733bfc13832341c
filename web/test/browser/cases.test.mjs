/** Incidents, questions and reports on the officer's and the patient's pages. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { as } from './stage.mjs';
import { counted } from '../counted.mjs';

test('an incident is opened, its clocks run, a deadline is met, and the draft is saved', () =>
  as('officer', '/officer/incidents', async (page) => {
    await page.getByRole('button', { name: 'Open an incident' }).click();
    await page.getByRole('button', { name: 'Open', exact: true }).click();
    await page.getByText('Fill in what is missing.').waitFor();
    await page.getByLabel('What happened, in a line').fill('A disk is missing');
    await page.getByLabel('What it is about').fill('disk:abc\nperson:keller@example.org');
    await page.getByRole('button', { name: 'Open', exact: true }).click();
    await page.getByRole('heading', { level: 1, name: /A disk is missing/ }).waitFor();
    const clocks = page.locator('ul.clocks > li');
    await counted(clocks, 4);
    await clocks.filter({ hasText: 'NIS2 early warning' }).getByText(/running, (23 h 59 min|24 h 0 min) left/).waitFor();
    await page.getByRole('button', { name: /Mark as done.*GDPR Art\. 33/ }).click();
    await clocks.filter({ hasText: 'GDPR Art. 33' }).getByText(/done in time/).waitFor();
    await page.getByLabel('Write something down').fill('The police were told.');
    await page.getByRole('button', { name: 'Add the note' }).click();
    await page.locator('ol.steps').getByText('The police were told.').waitFor();
    const [saved] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: /^PDF.*Draft of the notice/ }).click()]);
    assert.equal(saved.suggestedFilename(), 'notice-art-33.pdf');
    // one report for each account, and no name of anybody in the file's name
    const [report] = await Promise.all([page.waitForEvent('download'), page.getByRole('region', { name: 'Report about disk:abc' }).getByRole('button', { name: 'PDF' }).click()]);
    assert.equal(report.suggestedFilename(), 'exposure-report.pdf');
    assert.doesNotMatch(page.url(), /incidents\/./);
  }));

test('a patient asks, the officer answers, the patient reads it', async () => {
  const question = `Who looked on Sunday? ${Date.now()}`;
  await as('patient', '/my/accesses', async (page) => {
    await page.getByRole('button', { name: 'Ask a question' }).click();
    await page.getByLabel('Your question or complaint').fill(question);
    await page.getByRole('button', { name: 'Send it' }).click();
    await page.getByText('Your question is with the data protection officer.').waitFor();
  });
  await as('officer', '/officer/questions', async (page) => {
    const item = page.getByRole('listitem').filter({ hasText: question });
    await item.getByText('SANDBERG').waitFor();
    await item.getByRole('button', { name: 'Your answer' }).click();
    await item.getByLabel('Your answer').fill('That was the doctor on call.');
    await item.getByRole('button', { name: 'Send the answer' }).click();
    await item.getByText('That was the doctor on call.').waitFor();
  });
  await as('patient', '/my/accesses', async (page) => {
    await page.getByRole('listitem').filter({ hasText: question }).getByText('That was the doctor on call.').waitFor();
  });
});

test('exposure takes sessions, keys and disks by their id, and saves a signed report', () =>
  as('officer', '/officer/exposure', async (page) => {
    await page.getByRole('button', { name: 'Key' }).click();
    await page.getByLabel('Key', { exact: true }).fill('00112233445566778899aabbccddeeff');
    await page.getByRole('button', { name: 'Compute' }).click();
    await page.getByText('This key was never released to anybody through the warden.').waitFor();
    const [saved] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'PDF' }).click()]);
    assert.equal(saved.suggestedFilename(), 'exposure-report.pdf');
    // each patient's studies unfold below the patient
    await page.getByRole('button', { name: /^1 study/ }).first().click();
    await page.getByRole('cell', { name: '03/05/2026 · CT · CT Thorax' }).waitFor();
  }));
