/** Leaks and orders: what officers and administrators see of them, and what they may do. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { as, confirm } from './stage.mjs';
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

const proposes = async (page) => {
  await page.getByRole('button', { name: 'Propose another rule' }).click();
  return page.getByRole('dialog', { name: 'Propose another rule of orders' });
};

/** What is sent, without the touch. */
const ruleSent = (page) =>
  page.waitForRequest((request) => request.method() === 'POST' && request.url().endsWith('/api/approvals/orders-rule')).then((request) => {
    const { fresh, ...body } = JSON.parse(request.postData());
    assert.ok(fresh.ceremony, 'with a touch for exactly this');
    return body;
  });

for (const role of ['administrator', 'officer']) {
  test(`another rule of orders is proposed by ${role}, and the page says that it waits for a second person, and where`, () =>
    as(role, '/orders', async (page) => {
      const dialog = await proposes(page);
      await dialog.getByText('a second person approves it on the page Approvals', { exact: false }).waitFor();
      await dialog.getByLabel('Reads what nothing else says').selectOption('Klinikum Nord');
      assert.equal(await dialog.getByLabel('Place', { exact: true }).inputValue(), 'MRT');
      await dialog.getByRole('button', { name: 'Add a place' }).click();
      const places = dialog.getByRole('group', { name: 'Who reads, by place' });
      await places.getByLabel('Place', { exact: true }).last().fill(' CT 2 ');
      await places.getByLabel('Read by', { exact: true }).last().selectOption('Praxis Keller');
      await dialog.getByRole('button', { name: 'Take out the authority HOSPITAL' }).click();
      await dialog.getByLabel('After an order was done').fill('14');
      const sent = ruleSent(page);
      await dialog.getByRole('button', { name: 'Propose this rule' }).click();
      await confirm(page, 'You propose another rule of orders.');
      assert.deepEqual(await sent, {
        open_days: 90, grace_days: 14, orders_per_day: 2_000, unmatched_per_day: 100, merges_per_day: 50, reading_group: 'Klinikum Nord',
        places: [{ place: 'MRT', organisation: 'Klinikum Nord' }, { place: 'CT 2', organisation: 'Praxis Keller' }], authorities: [{ authority: 'PRAXIS', issuer: 'PK' }],
      });
      await dialog.waitFor({ state: 'detached' });
      await page.getByText('Klinikum Nord a relationship of 90 days and 14 more after it was done. Praxis Keller reads what is at “CT 2”.', { exact: false }).waitFor();
      await page.getByText(/This does not happen at once\. It waits as proposal 502 for another person/).waitFor();
      await page.getByText('MRT → Klinikum Nord').waitFor();
      await page.getByRole('link', { name: 'See it under Approvals' }).click();
      await page.getByRole('heading', { name: 'Approvals', exact: true }).waitFor();
    }));
}

test('a rule that does not fit is not sent: the first wrong field has the focus and says what it wants', () =>
  as('officer', '/orders', async (page) => {
    const posted = [];
    page.on('request', (request) => request.method() === 'POST' && request.url().includes('/approvals/') && posted.push(request.url()));
    const dialog = await proposes(page);
    const propose = dialog.getByRole('button', { name: 'Propose this rule' });
    await propose.click();
    await dialog.getByText('This is the rule in force.', { exact: false }).waitFor();
    await dialog.getByRole('button', { name: 'Add a place' }).click();
    await dialog.getByLabel('An order that nobody ends').fill('3661');
    await dialog.getByLabel('Merges', { exact: true }).fill('-1');
    await propose.click();
    await dialog.getByText('Name the place, or take it out.').waitFor();
    await dialog.getByText('Give a whole number of at most 3,660.').waitFor();
    await dialog.getByText('Give a whole number of at most 1,000,000.').waitFor();
    const focused = page.locator(':focus');
    assert.deepEqual([await focused.inputValue(), await focused.getAttribute('aria-invalid')], ['', 'true']);
    await focused.fill('MRT');
    await propose.click();
    await dialog.getByText('This one stands above already.').waitFor();
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await dialog.waitFor({ state: 'detached' });
    assert.deepEqual(posted, []);
  }));

test('a rule of orders is proposed with the keyboard alone, on a phone, and nothing of the form is cut off', () =>
  as('administrator', '/orders', async (page) => {
    const opens = page.getByRole('button', { name: 'Andere Regel vorschlagen' });
    await opens.focus();
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog', { name: 'Andere Regel der Aufträge vorschlagen' });
    await dialog.waitFor();
    const add = dialog.getByRole('button', { name: 'Ort hinzufügen' });
    for (let step = 0; step < 20 && !(await add.evaluate((own) => own === document.activeElement)); step += 1) await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.keyboard.type('Röntgen');
    assert.equal(await dialog.getByLabel('Ort', { exact: true }).last().inputValue(), 'Röntgen', 'the focus is in the new row');
    const cut = await dialog.evaluate((own) => [...own.querySelectorAll('button, input, select, legend, label')].filter((one) => {
      const [box, frame] = [one.getBoundingClientRect(), own.getBoundingClientRect()];
      return box.right > frame.right + 0.5 || box.left < frame.left - 0.5;
    }).map((one) => one.outerHTML));
    assert.deepEqual(cut, []);
    const sent = ruleSent(page);
    await page.keyboard.press('Enter');
    await confirm(page, 'Sie schlagen eine andere Regel der Aufträge vor.');
    assert.deepEqual((await sent).places.at(-1), { place: 'Röntgen', organisation: 'Radiologie am Musterplatz' });
    await page.getByText(/Es wartet als Vorschlag 502 auf eine zweite Person/).waitFor();
    await dialog.waitFor({ state: 'detached' });
  }, { locale: 'de-DE', viewport: { width: 360, height: 740 } }));
