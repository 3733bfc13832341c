/** Sessions of people and tokens of devices on one page. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { as } from './stage.mjs';

test('the officer sees people and machines in one list, tells them apart and ends a token', () =>
  as('officer', '/account', async (page) => {
    const list = page.getByRole('heading', { level: 2, name: 'All sessions and tokens' }).locator('..');
    const rows = list.getByRole('listitem');
    await rows.filter({ hasText: 'Befundarbeitsplatz' }).getByText('ends soon').waitFor();
    assert.equal(await rows.count(), 4);
    await list.getByRole('button', { name: 'Machines' }).click();
    assert.equal(await rows.count(), 1);
    await list.getByRole('button', { name: 'People' }).click();
    assert.equal(await rows.count(), 3);
    // one's own is not ended here
    assert.equal(await list.getByRole('button', { name: /^End: / }).count(), 2);
    await list.getByRole('button', { name: 'Machines' }).click();
    await list.getByRole('button', { name: 'End the token of Befundarbeitsplatz' }).click();
    await list.getByText('The token was ended. The device stays.').waitFor();
    await list.getByText('Nobody and nothing is signed in.').waitFor();
  }));

test('who is no officer sees their own sessions alone', () =>
  as('referrer', '/account', async (page) => {
    await page.getByRole('heading', { level: 1, name: 'My sessions' }).waitFor();
    await page.getByText('this one').waitFor();
    assert.equal(await page.getByRole('heading', { name: 'All sessions and tokens' }).count(), 0);
  }));
