/** Two persons and a delay, and break-glass, from the first click to the ledger. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setStage } from './stage/stage.mjs';
import { counted } from '../test/counted.mjs';

/** The demonstration's delay, and what a busy machine may add, in milliseconds. */
const DELAY_MS_MAX = 120_000;

/** @type {import('playwright-core').Page} */
let administrator;
/** @type {import('playwright-core').Page} */
let officer;
/** @type {import('playwright-core').Page} */
let doctor;

const stage = setStage(async () => {
  administrator = await stage.signedIn('administrator', '/people');
  officer = await stage.signedIn('officer', '/officer/emergencies');
  doctor = await stage.signedIn('referrer', '/worklist', { expected: [/status of 404/] });
});

/** The person confirms with their password and a code that was not used before. */
async function confirm(page, role) {
  const person = stage.demo.person(role);
  const dialog = page.getByRole('dialog', { name: 'Please confirm' });
  await dialog.getByLabel('Password').fill(person.password);
  await dialog.getByLabel('One-time code').fill(await stage.demo.code(person));
  await dialog.getByRole('button', { name: 'Confirm with password and code' }).click();
}

test('an administrator proposes a role, and it does not change', async () => {
  await administrator.getByRole('button', { name: /^Change Dr\. Robin/ }).click();
  const dialog = administrator.getByRole('dialog', { name: /^Change Dr\. Robin/ });
  await dialog.getByRole('combobox', { name: 'Role' }).selectOption('radiologist');
  await stage.picture(administrator, 'person-change');
  await dialog.getByRole('button', { name: 'Propose this role' }).click();
  await administrator.getByText(/^You propose the role “Radiologist” for Dr\. Robin.*\.$/).waitFor();
  await stage.picture(administrator, 'person-change-confirm');
  await confirm(administrator, 'administrator');
  await administrator.getByText(/This does not happen at once/).waitFor();
  await stage.picture(administrator, 'person-change-waits');
  const row = administrator.getByRole('row').filter({ hasText: 'robin@demo.example' });
  assert.match(await row.innerText(), /Referring doctor/);
  await administrator.getByRole('link', { name: 'See it under Approvals' }).click();
  const proposal = administrator.getByRole('article').filter({ hasText: 'becomes “radiologist”' });
  await proposal.getByRole('button', { name: /^Take back/ }).waitFor();
  assert.equal(await proposal.getByRole('button', { name: /^Approve/ }).count(), 0, 'nobody approves their own');
});

test('an officer approves exactly that', async () => {
  await officer.getByRole('link', { name: 'Approvals' }).click();
  const proposal = officer.getByRole('article').filter({ hasText: 'becomes “radiologist”' });
  await proposal.getByRole('button', { name: /^Approve proposal/ }).click();
  await stage.picture(officer, 'approve');
  await officer.getByRole('dialog').getByRole('button', { name: 'Approve' }).click();
  await confirm(officer, 'officer');
  await proposal.getByText('approved, waits for its time').waitFor();
  await stage.picture(officer, 'approved');
});

test('in an emergency one form reaches a patient of another practice', async () => {
  const rows = doctor.getByRole('row').filter({ hasText: 'MÜLLER-PROBE' });
  await doctor.getByRole('row').nth(1).waitFor();
  await counted(rows, 0);
  await doctor.getByRole('link', { name: 'Patient not in my list' }).first().click();
  await doctor.getByLabel('Patient ID').first().fill('D-1003');
  await doctor.getByLabel('Birth date').fill('01.07.1944');
  await doctor.getByLabel('In your own words').fill('Unconscious in the emergency room');
  const open = doctor.getByRole('button', { name: 'Open in the emergency' });
  await open.click();
  await confirm(doctor, 'referrer');
  await doctor.getByText('No patient is known by exactly this').waitFor();
  await doctor.getByText(/4 more tries/).waitFor();
  await stage.picture(doctor, 'emergency-missed');
  await doctor.getByLabel('Birth date').fill('30.06.1944');
  await open.click();
  await confirm(doctor, 'referrer');
  await doctor.getByRole('heading', { name: /You may open/ }).waitFor();
  await stage.picture(doctor, 'emergency-done');
  await doctor.getByRole('link', { name: 'To the worklist' }).click();
  await rows.first().waitFor();
  await rows.first().getByRole('link').click();
  await doctor.locator('[data-shown]:not([data-shown="0"])').first().waitFor();
});

test('the officer sees it at once, with the reason, and signs it off', async () => {
  await officer.goto('/officer/emergencies');
  const use = officer.getByRole('article').filter({ hasText: 'Unconscious in the emergency room' });
  await use.getByText('runs now').waitFor();
  await use.getByText('1 study opened').waitFor();
  assert.equal(await officer.getByText('MÜLLER').count(), 0);
  await use.getByRole('button', { name: /^Show patient/ }).click();
  await use.getByText(/MÜLLER-PROBE/).waitFor();
  await stage.picture(officer, 'emergencies');
  await use.getByRole('button', { name: /was justified$/ }).click();
  await officer.getByRole('dialog').getByRole('textbox', { name: 'Why' }).fill('Asked the ward');
  await officer.getByRole('dialog').getByRole('button', { name: 'Sign off' }).click();
  await officer.getByText(/^Justified, said/).or(officer.getByText(/Asked the ward/)).first().waitFor();
});

test('the role changes by itself when the delay is over, and the ledger says on whose word', async () => {
  await officer.goto('/approvals');
  const proposal = officer.getByRole('article').filter({ hasText: 'becomes “radiologist”' });
  await proposal.getByText(/^Carried out .* on the word of two persons or more$/).waitFor({ timeout: DELAY_MS_MAX });
  await stage.picture(officer, 'carried-out');
  const people = await stage.demo.tell('person', 'list');
  assert.equal(people.find((person) => person.email === 'robin@demo.example').role, 'radiologist');
});
