/** Ending many links at once. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { as } from './stage.mjs';

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
