/** Sharing a study, and the page of whoever was sent a link. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { as } from './stage.mjs';

async function confirm(page, why) {
  const dialog = page.getByRole('dialog', { name: 'Please confirm' });
  await dialog.getByText(why).waitFor();
  await dialog.getByLabel('Password').fill('password of a test');
  await dialog.getByLabel('One-time code').fill('123456');
  await dialog.getByRole('button', { name: 'Confirm with password and code' }).click();
}

const path = (page) => page.evaluate(() => location.pathname + location.hash);

test('a patient shares a study by a link, and link and code are shown once', () =>
  as('patient', '/my/study/0', async (page) => {
    await page.getByRole('button', { name: 'Share by a link' }).click();
    const dialog = page.getByRole('dialog', { name: 'Share by a link' });
    await dialog.getByLabel('For whom').fill('Praxis Weber');
    await dialog.getByLabel('For how many days').fill('31');
    await dialog.getByRole('button', { name: 'Make the link' }).click();
    await dialog.getByText('A whole number of days from 1 to 30.').waitFor();
    await dialog.getByLabel('For how many days').fill('3');
    const sent = page.waitForRequest((request) => request.url().endsWith('/links') && request.method() === 'POST');
    await dialog.getByRole('button', { name: 'Make the link' }).click();
    await confirm(page, 'You share one study with somebody who has no account here.');
    const body = JSON.parse((await sent).postData());
    assert.deepEqual([body.purpose, body.seconds, body.note, body.fresh.ceremony], ['outside', 3 * 86_400, 'Praxis Weber', 'c4']);
    const made = page.getByRole('dialog', { name: 'The link is made' });
    await made.getByText(/\/link#Zk3vT9qLw0xYb7nRc2mHs5uJd8fGa1ePQ4tUo6iNzXs$/).waitFor();
    await made.getByRole('img', { name: 'The code is 4 8 2 1 7 7 3 0' }).waitFor();
    await made.getByRole('img', { name: 'QR code of the link' }).waitFor();
    await made.getByRole('button', { name: 'Done' }).click();
    assert.equal(await page.getByText('4821 7730').count(), 0, 'shown once');
    assert.equal(await path(page), '/my/study/0');
  }));

test('a patient shows a QR code and its digits to a doctor in the room', () =>
  as('patient', '/my/study/0', async (page) => {
    await page.getByRole('button', { name: 'Show a QR code' }).click();
    const sent = page.waitForRequest((request) => request.url().endsWith('/links') && request.method() === 'POST');
    await page.getByRole('dialog', { name: 'Show to a doctor here' }).getByRole('button', { name: 'Make the QR code' }).click();
    await confirm(page, /You share one study/);
    assert.equal(JSON.parse((await sent).postData()).purpose, 'room');
    const made = page.getByRole('dialog', { name: 'The link is made' });
    await made.getByRole('img', { name: 'QR code of the link' }).waitFor();
    await made.getByRole('img', { name: 'The code is 4 8 2 1 7 7 3 0' }).waitFor();
    assert.equal(await made.getByText(/link#/).count(), 0, 'the code picture is the link');
  }));

test('whoever was sent a link types the code, sees one study and leaves; the secret leaves the address at once', () =>
  as(null, '/link#good', async (page, context) => {
    await page.getByRole('heading', { name: 'Images were shared with you' }).waitFor();
    assert.equal(await path(page), '/link');
    await page.getByRole('button', { name: 'Open' }).click();
    await page.getByText('Type the eight digits.').waitFor();
    await page.getByLabel('Code of eight digits').fill('11111111');
    await page.getByRole('button', { name: 'Open' }).click();
    await page.getByText(/The code does not fit\. \d tries are left/).waitFor();
    const sent = page.waitForRequest((request) => request.url().endsWith('/api/link/open'));
    await page.getByLabel('Code of eight digits').fill('4821 7730');
    await page.getByRole('button', { name: 'Open' }).click();
    const request = await sent;
    assert.deepEqual(JSON.parse(request.postData()), { secret: 'good', code: '48217730' });
    assert.ok(request.headers()['dpop'], 'signed with a key of this browser');
    await page.getByText('Shared by the patient, Emil Sandberg', { exact: false }).waitFor();
    await page.getByText('SANDBERG').first().waitFor();
    assert.equal(await page.getByRole('navigation').count(), 0, 'no page but this one');
    await page.getByRole('link', { name: 'Look at the images' }).click();
    await page.getByRole('group', { name: 'Pane 1' }).waitFor();
    assert.equal(await path(page), '/study/0');
    await page.reload();
    await page.getByRole('group', { name: 'Pane 1' }).waitFor();
    await page.getByRole('link', { name: 'Back' }).click();
    await page.getByRole('heading', { name: 'Images were shared with you' }).waitFor();
    await page.goto('/study/1');
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    await page.goto('/link');
    await page.getByRole('button', { name: 'Close the link here' }).click();
    await page.getByRole('heading', { name: 'The link is closed in this browser' }).waitFor();
    const kept = await page.evaluate(() => JSON.stringify(localStorage) + document.cookie + document.title);
    assert.ok(!/good|4821|Sandberg/i.test(kept), kept);
    assert.equal((await context.cookies()).filter((cookie) => cookie.value).length, 0);
  }));

test('a link that ended says so, and a page without one asks for it', () =>
  as(null, '/link#gone', async (page) => {
    await page.getByLabel('Code of eight digits').fill('12345678');
    await page.getByRole('button', { name: 'Open' }).click();
    await page.getByRole('heading', { name: 'This link opens nothing' }).waitFor();
    await page.goto('/link');
    await page.getByRole('heading', { name: 'No link' }).waitFor();
  }));

test('somebody who is signed in is told that a link signs them out here', () =>
  as('referrer', '/worklist', async (page) => {
    await page.getByRole('grid', { name: 'Worklist' }).waitFor();
    await page.goto('/link#good');
    await page.getByText('Opening the link signs them out.').waitFor();
  }));

test('a clinician asks a colleague, and takes a study along', () =>
  as('referrer', '/study/0', async (page) => {
    await page.getByRole('button', { name: 'Share', exact: true }).click();
    await page.getByRole('button', { name: 'Ask a colleague' }).click();
    const dialog = page.getByRole('dialog', { name: 'Ask a colleague' });
    await dialog.getByRole('button', { name: 'Ask', exact: true }).click();
    await dialog.getByText('Write at least three characters.').waitFor();
    await dialog.getByLabel('Colleague').selectOption('vogt@example.org');
    await dialog.getByLabel('Your question').fill('Is this a fracture?');
    const sent = page.waitForRequest((request) => request.url().endsWith('/second-opinion'));
    await dialog.getByRole('button', { name: 'Ask', exact: true }).click();
    await confirm(page, 'You let a colleague see one study.');
    const { fresh, ...asked } = JSON.parse((await sent).postData());
    assert.deepEqual([asked, fresh.ceremony], [{ colleague: 'vogt@example.org', reason: 'Is this a fracture?', seconds: 14 * 86_400 }, 'c4']);
    await dialog.getByText('Dr. Maren Vogt sees the study in their list now.').waitFor();
    await dialog.getByRole('button', { name: 'Done' }).click();
    await page.getByRole('button', { name: 'Take along as files' }).click();
    const file = page.waitForEvent('download');
    await page.getByRole('dialog', { name: 'Take along as files' }).getByRole('button', { name: 'Download' }).click();
    assert.equal((await file).suggestedFilename(), 'images.zip');
    await page.getByText('K7QMD-2XW9F-HT4RB-NC8VE-P6JZY').waitFor();
  }));

test('makers and officers see how often links were opened, and end them', () =>
  as('patient', '/links', async (page, context) => {
    const first = page.getByRole('listitem').filter({ hasText: 'Praxis Dr. Weber' }).first();
    await first.getByText(/Opened 2 times · 1 of 3 browsers · taken along once · 1 of 10 wrong codes/).waitFor();
    await first.getByText('When it was opened').click();
    await first.getByText(/from 198\.51\.100\.23/).first().waitFor();
    await page.getByText('Ended after too many wrong codes').waitFor();
    await page.getByRole('button', { name: 'End it now: link 4' }).click();
    await first.getByText('Ended', { exact: true }).waitFor();
    await context.clearCookies();
  }));

test('who looked says that somebody came by a link, and not that its maker did', () =>
  as('patient', '/my/accesses', async (page) => {
    await page.getByText('Somebody with the link that Emil Sandberg made').waitFor();
    await page.getByText(/Asked Dr\. Maren Vogt for a second opinion/).waitFor();
    await page.getByText('share link for Praxis Dr. Weber, Zürich').waitFor();
  }));
