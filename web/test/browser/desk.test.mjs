/** Leaks and orders: what officers and administrators see of them, and what they may do. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { as } from './stage.mjs';
import { counted } from '../counted.mjs';

test('an officer reads which lists hold, whom a dump locked and whom it only named, and how a dump is looked through', () =>
  as('officer', '/officer/leaks', async (page) => {
    const lists = page.getByRole('region', { name: 'Lists of leaked passwords' });
    await lists.getByRole('row', { name: /pwned SHA-1 1,123,456,789/ }).waitFor();
    await lists.getByRole('row', { name: /region Cannot be read, and is left out/ }).waitFor();
    await page.getByText('Without an answer since the last start: 2', { exact: false }).waitFor();
    const locked = page.getByRole('region', { name: 'Accounts that were locked' });
    await locked.getByRole('row', { name: /Dr\. Anna Weiß.*Incident 4 Locked/ }).waitFor();
    await locked.getByRole('row', { name: /Dr\. Jonas Keller.*Incident 2 Open again/ }).waitFor();
    const named = page.getByRole('region', { name: 'Accounts that were only named' });
    await named.getByRole('row', { name: /Öztürk.*The whole address; 3 passwords were tried\. Finding 4,812 Open/ }).waitFor();
    await named.getByRole('row', { name: /Lindqvist.*Only the part before the @.*no password was tried\. Finding 4,813 Looked at/ }).waitFor();
    await page.getByText('leadglass leaks check DUMP.txt.zst --letters letters/').waitFor();
    await named.getByRole('link', { name: 'Finding 4,812' }).click();
    await page.getByRole('heading', { name: 'Findings' }).waitFor();
  }));

test('without a list the page of leaks says so, and how one is loaded', () =>
  as('officer', '/officer/leaks', async (page) => {
    await page.getByText('No list is loaded').waitFor();
    await page.getByText(/^leadglass leaks load /).waitFor();
    await page.getByText('No password of an account here was found in a dump.').waitFor();
  }, { prepare: (page) => page.route('**/api/leaks', (route) => route.fulfill({ json: { lists: [], locked: [], named: [], ranges_failed: null } })) }));

test('leaks are the officer’s, orders are the administrator’s as well', () =>
  as('administrator', '/officer/leaks', async (page) => {
    await page.getByRole('heading', { name: 'This page belongs to another role' }).waitFor();
    const pages = page.getByRole('navigation', { name: 'Pages' });
    assert.equal(await pages.getByRole('link', { name: 'Leaks' }).count(), 0);
    await pages.getByRole('link', { name: 'Orders' }).click();
    await page.getByRole('heading', { name: 'Orders', exact: true }).waitFor();
    await page.getByRole('main').getByText('Radiologie am Musterplatz', { exact: true }).waitFor();
    await page.getByText('MRT → Klinikum Nord').waitFor();
  }));

test('orders show what each sender told against its limits, by day, and those without an appointment alone', () =>
  as('officer', '/orders', async (page) => {
    await page.getByRole('region', { name: 'Today, by sender' }).getByRole('row', { name: /KIS Klinikum Nord 412 of 2,000 100 of 100 2 of 50/ }).waitFor();
    const days = await page.getByRole('region', { name: 'By day' }).getByRole('row').allInnerTexts();
    assert.match(days[1], /^\d{4}-\d\d-\d\d\s+2\s+1$/);
    const newest = page.getByRole('region', { name: 'The newest orders' });
    await counted(newest.getByRole('row'), 7);
    await page.getByRole('button', { name: 'Without an appointment' }).click();
    await page.waitForFunction(() => document.querySelectorAll('[aria-label="The newest orders"] tbody tr').length === 2);
    await newest.getByRole('row', { name: /9,096.*No appointment known replaced by a newer state Nobody/ }).waitFor();
    assert.equal(await page.getByText(/Sandberg/i).count(), 0, 'patients are numbers');
  }));

test('a message that waits for repair is described without its content, and thrown away after a question', () =>
  as('both', '/orders', async (page) => {
    const message = page.getByRole('listitem').filter({ hasText: 'Message 3' });
    await message.getByText(/KIS Klinikum Nord · .* · Control id MSG-20261127-0815 · 1,482 bytes/).waitFor();
    await message.getByText('A field is missing').waitFor();
    await message.getByText(/at PID-3: the patient has no identifier/).waitFor();
    await message.getByText('How it is decided on again').click();
    await message.getByText('leadglass orders replay 3 --repaired message.hl7').waitFor();
    await page.getByRole('button', { name: 'Throw away message 3' }).click();
    const dialog = page.getByRole('dialog', { name: 'Throw message 3 away?' });
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await message.waitFor();
    await page.getByRole('button', { name: 'Throw away message 3' }).click();
    const sent = page.waitForRequest((request) => request.method() === 'DELETE');
    await dialog.getByRole('button', { name: 'Throw away', exact: true }).click();
    assert.ok((await sent).url().endsWith('/api/orders/kept/3'));
    await page.getByText('Message 3 is thrown away.').waitFor();
    await counted(message, 0);
  }));

test('a merge is taken back after a question', () =>
  as('administrator', '/orders', async (page) => {
    await page.getByRole('button', { name: 'Take back the merge of entry 9050' }).click();
    const dialog = page.getByRole('dialog', { name: 'Take this merge back?' });
    await dialog.getByText('Patient 31 became one with patient 22.').waitFor();
    const sent = page.waitForRequest((request) => request.method() === 'POST' && request.url().includes('/merges/'));
    await dialog.getByRole('button', { name: 'Take back' }).click();
    assert.ok((await sent).url().endsWith('/api/orders/merges/9050/undo'));
    await page.getByText('The merge is taken back.').waitFor();
    await counted(page.getByRole('button', { name: 'Take back the merge of entry 9050' }), 0);
    await page.getByRole('button', { name: 'Take back the merge of entry 8720' }).waitFor();
  }));
