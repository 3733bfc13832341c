/** Sessions of people and tokens of devices on one page. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { as } from './stage.mjs';
import { counted } from '../counted.mjs';

test('the officer sees people and machines in one list, tells them apart and ends a token', () =>
  as('officer', '/account', async (page) => {
    const list = page.getByRole('heading', { level: 2, name: 'All sessions and tokens' }).locator('..');
    const rows = list.getByRole('listitem');
    await rows.filter({ hasText: 'Befundarbeitsplatz' }).getByText('ends soon').waitFor();
    await counted(rows, 4);
    await list.getByRole('button', { name: 'Machines' }).click();
    await counted(rows, 1);
    await list.getByRole('button', { name: 'People' }).click();
    await counted(rows, 3);
    // one's own is not ended here
    await counted(list.getByRole('button', { name: /^End: / }), 2);
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

test('an officer who ends a session sees the links that were made in it and ends them', () =>
  as('officer', '/account', async (page) => {
    const list = page.getByRole('heading', { level: 2, name: 'All sessions and tokens' }).locator('..');
    await list.getByRole('button', { name: /^End: .*Firefox/ }).click();
    const made = list.getByRole('heading', { name: 'Links that were made in this session' }).locator('..');
    await made.getByText(/Link 1 \(Dr\. Buche\), study 1: Opened once · Works until/).waitFor();
    await made.getByRole('button', { name: 'End the one that runs' }).click();
    const sent = page.waitForRequest((request) => request.url().endsWith('/api/links/end'));
    await page.getByRole('dialog', { name: 'End these links?' }).getByRole('button', { name: 'End them' }).click();
    assert.deepEqual(JSON.parse((await sent).postData()), { of: `session:${'cd'.repeat(16)}` });
    await made.getByText(/Link 1 .*· Ended/).waitFor();
    await list.getByText('One link was ended.').waitFor();
  }));

test('the report of a session names its links', () =>
  as('officer', '/officer/exposure', async (page) => {
    await page.getByRole('button', { name: 'Session', exact: true }).click();
    await page.getByLabel('Session', { exact: true }).fill('ef'.repeat(16));
    await page.getByRole('button', { name: 'Compute' }).click();
    await page.getByRole('heading', { name: 'Links that were made in this session' }).waitFor();
    await page.getByRole('button', { name: 'End all 2 that run' }).waitFor();
  }));
