/** Ending many links at once. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { as, confirm } from './stage.mjs';

/** Says yes to the dialog, and gives what was sent. */
async function endsThem(page, words, method) {
  const dialog = page.getByRole('dialog', { name: 'End these links?' });
  await dialog.getByText(words).waitFor();
  const sent = page.waitForRequest((request) => request.method() === method && /\/api\/links/.test(request.url()));
  await dialog.getByRole('button', { name: 'End them' }).click();
  const request = await sent;
  return [new URL(request.url()).pathname, JSON.parse(request.postData() ?? 'null')];
}

test('an officer looks at the links of one maker and ends all of them, and nobody else’s', () =>
  as('officer', '/officer/links', async (page) => {
    await page.getByRole('button', { name: 'End all 3 that run' }).waitFor();
    const which = page.getByLabel('Which links');
    assert.deepEqual(await which.locator('option').allInnerTexts(), ['Everybody’s', 'Made by Emil Sandberg (emil@example.org)', 'Made by Dr. Jonas Keller (keller@example.org)', 'Of study 0', 'Of study 1']);
    await which.selectOption('person:keller@example.org');
    await page.getByRole('button', { name: 'End the one that runs' }).click();
    assert.deepEqual(await endsThem(page, 'One link ends at once, for good.', 'POST'), ['/api/links/end', { of: 'person:keller@example.org' }]);
    await page.getByText('One link was ended.').waitFor();
    await page.getByRole('button', { name: 'End all 2 that run' }).waitFor();
  }));

test('a person thinks better of it, then ends all of their own', () =>
  as('patient', '/links', async (page) => {
    const all = page.getByRole('button', { name: 'End all 2 that run' });
    await all.click();
    await page.getByRole('dialog', { name: 'End these links?' }).getByRole('button', { name: 'Cancel' }).click();
    assert.equal(await page.getByLabel('Which links').count(), 0, 'only officers choose');
    await all.click();
    assert.deepEqual(await endsThem(page, '2 links end at once, for good.', 'DELETE'), ['/api/links', null]);
    await page.getByText('2 links were ended.').waitFor();
    assert.equal(await all.count(), 0);
  }));

test('an officer proposes another rule of sharing, and reads that a second person approves it, and where', () =>
  as('officer', '/officer/links', async (page) => {
    const part = page.getByRole('region', { name: 'Who may share by a link' });
    await part.getByText('Patients and clinicians may share a study by a link, for at most 14 days.').waitFor();
    await part.getByRole('button', { name: 'Propose another rule' }).click();
    const dialog = page.getByRole('dialog', { name: 'Propose another rule of sharing' });
    await dialog.getByText('a second person approves it on the page Approvals', { exact: false }).waitFor();
    const propose = dialog.getByRole('button', { name: 'Propose this rule' });
    await propose.click();
    await dialog.getByText('This is the rule in force.', { exact: false }).waitFor();
    const days = dialog.getByLabel('The longest time of a link, in days');
    for (const wrong of ['0', '31', 'x']) {
      await days.fill(wrong);
      await propose.click();
      await dialog.getByText('Give a whole number of days from 1 to 30.').waitFor();
      assert.ok(await days.evaluate((own) => own === document.activeElement));
      await days.fill('7');
    }
    await dialog.getByLabel('Patients, their own studies').uncheck();
    const sent = page.waitForRequest((request) => request.url().endsWith('/api/approvals/sharing-rule'));
    await propose.click();
    await confirm(page, 'You propose another rule of sharing.');
    const { fresh, ...body } = JSON.parse((await sent).postData());
    assert.ok(fresh.ceremony, 'with a touch for exactly this');
    assert.deepEqual(body, { patients: false, clinicians: true, days_max: 7 });
    await part.getByText('Clinicians may share a study by a link, for at most 7 days.').waitFor();
    await part.getByText(/It waits as proposal 503 for another person/).waitFor();
    await part.getByText('for at most 14 days', { exact: false }).waitFor();
    await part.getByRole('link', { name: 'See it under Approvals' }).click();
    await page.getByRole('heading', { name: 'Approvals', exact: true }).waitFor();
  }));

test('who shares their own studies proposes no rule', () =>
  as('patient', '/links', async (page) => {
    await page.getByRole('listitem').first().waitFor();
    assert.equal(await page.getByRole('button', { name: 'Propose another rule' }).count(), 0);
  }));
