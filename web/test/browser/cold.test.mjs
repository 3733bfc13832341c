import assert from 'node:assert/strict';
import { test } from 'node:test';
import { as } from './stage.mjs';

/** The person confirms the act that the dialog names, with a password and a code. */
async function confirm(page, why) {
  const dialog = page.getByRole('dialog', { name: 'Please confirm' });
  await dialog.getByText(why).waitFor();
  await dialog.getByLabel('Password').fill('password of a test');
  await dialog.getByLabel('One-time code').fill('123456');
  await dialog.getByRole('button', { name: 'Confirm with password and code' }).click();
}

const request = (page, number) => page.getByRole('article').filter({ hasText: `Request ${number}` });

test('an officer sees what is cold by year, who waits from where, and who of the holders answered; no patient is named', () =>
  as('officer', '/cold', async (page) => {
    await page.getByRole('heading', { name: 'Cold studies', exact: true }).waitFor();
    await page.getByText('98,412').waitFor();
    await page.getByRole('row', { name: /2024.*18,400/ }).waitFor();
    const urgent = request(page, 2160);
    await urgent.getByRole('heading', { name: 'Dr. Anna Weiß asks for 1 cold study of patient 88' }).waitFor();
    await urgent.getByText(/Asked .* from 192\.0\.2\.40/).waitFor();
    await urgent.getByText('1 of 2 holders have answered: Dr. Clara Nowak').waitFor();
    await request(page, 2151).getByText(/Approved by Tim Vogel, .*signed with a passkey/).waitFor();
    await page.getByText(/61,200 cold studies are still with holders of an earlier set/).waitFor();
    await page.getByText(`leadglass cold holder hand-over --to ${'ab'.repeat(32)} --share-file FILE.holder --passphrase-file -`).waitFor();
    assert.equal(await page.getByText('leadglass cold holder prove', { exact: false }).count(), 0, 'every holder has shown their key');
    await page.getByRole('row', { name: /Sturz.*Dr\. Clara Nowak alone agreed.*cold again/ }).waitFor();
    assert.equal(await page.getByText('SANDBERG').count(), 0);
    await urgent.getByRole('button', { name: 'Show patient and studies: request 2160' }).click();
    await urgent.getByText(/SANDBERG, Emil/).waitFor();
  }));

/** The page of a site whose holders are as `state` says, with nothing at those of an earlier set. */
const holdersAre = (state) => ({
  prepare: (page) => page.route('**/api/cold', async (route) => {
    const response = await route.fetch();
    const all = await response.json();
    Object.assign(all.state, { behind: 0, exchange: null, takes: false, ...state });
    await route.fulfill({ response, json: all });
  }),
});

test('holders who have not shown their key are named, exchange or not, with what they run', () =>
  as('officer', '/cold', async (page) => {
    await page.getByText(/Nothing goes cold, and nothing is handed over, before these holders have shown their key: Dr\. Clara Nowak, Dr\. Ines Berger\./).waitFor();
    await page.getByText('leadglass cold holder prove --share-file FILE.holder --passphrase-file -').waitFor();
    assert.equal(await page.getByText(/with holders of an earlier set/).count(), 0);
    await page.getByRole('button', { name: 'Approve request 2151' }).waitFor();
  }, holdersAre({ unproven: ['Dr. Clara Nowak', 'Dr. Ines Berger'] })));

test('keys of holders that are in no database are said in the reader’s language', () =>
  as('officer', '/cold', async (page) => {
    await page.getByText(/^Nichts wird kalt: Die Schlüssel der Hüter fehlen in der Datenbank\./).waitFor();
  }, { ...holdersAre({ unproven: [] }), locale: 'de-DE' }));

test('an administrator decides too, and is offered no name', () =>
  as('administrator', '/cold', async (page) => {
    const row = request(page, 2151);
    await row.getByRole('button', { name: 'Approve request 2151' }).waitFor();
    assert.equal(await page.getByRole('button', { name: /^Show patient/ }).count(), 0);
    await row.getByText('What a holder runs').click();
    await row.getByText('leadglass cold approve 2151 --share-file FILE.holder --passphrase-file -').waitFor();
    await row.getByText(/never goes through a browser/).waitFor();
  }));

test('an approval is of the exact request, by keyboard alone, and says that it opens nothing by itself', () =>
  as('officer', '/cold', async (page) => {
    await page.getByRole('button', { name: 'Approve request 2149' }).focus();
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog', { name: 'Approve this request?' });
    await dialog.getByText(/12 cold studies of patient 1204/).waitFor();
    await dialog.getByText(/Your approval opens nothing by itself/).waitFor();
    const sent = page.waitForRequest((one) => one.url().endsWith('/api/cold/2149/approve'));
    await dialog.getByRole('button', { name: 'Approve' }).focus();
    await page.keyboard.press('Enter');
    await confirm(page, /You approve this request: leadglass asks for 12 cold studies/);
    const body = JSON.parse((await sent).postData());
    assert.deepEqual([body.digest, body.fresh.ceremony], ['2149'.repeat(16), 'c4']);
    await page.getByText('Your approval is recorded. The holders still have to answer.').waitFor();
    await request(page, 2149).getByText(/Approved by Ruth Amsel/).waitFor();
    assert.equal(await page.getByRole('button', { name: 'Approve request 2149' }).count(), 0, 'nobody twice');
  }));

test('a refusal needs a reason, and the request is gone', () =>
  as('officer', '/cold', async (page) => {
    await page.getByRole('button', { name: 'Refuse request 2151' }).click();
    const dialog = page.getByRole('dialog', { name: 'Refuse this request?' });
    await dialog.getByRole('button', { name: 'Refuse' }).click();
    await dialog.getByText('Say why in a few words.').waitFor();
    await dialog.getByRole('textbox', { name: 'Why' }).fill('No operation is planned');
    const sent = page.waitForRequest((one) => one.url().endsWith('/api/cold/2151/refuse'));
    await dialog.getByRole('button', { name: 'Refuse' }).click();
    await confirm(page, /You refuse this request/);
    const body = JSON.parse((await sent).postData());
    assert.deepEqual([body.digest, body.reason], ['2151'.repeat(16), 'No operation is planned']);
    await page.getByText('The request is refused.').waitFor();
    assert.equal(await request(page, 2151).count(), 0);
  }));

test('whoever needs a cold study asks on its page, follows the request there, and the study opens by itself', () =>
  as('radiologist', '/study/9998', async (page) => {
    await page.getByText('This study is cold').waitFor();
    await page.getByRole('textbox', { name: 'Why it is needed' }).fill('comparison before surgery');
    await page.getByRole('button', { name: 'Ask the holders' }).click();
    await confirm(page, /You ask the holders of its keys/);
    await page.getByText('1 of 2 holders have answered.').waitFor();
    await page.getByText(/One officer or administrator has approved it/).waitFor();
    let warm = false;
    await page.route('**/api/studies/*/cold', (route) => {
      warm = true;
      return route.fulfill({ json: { cold: false, warm_until: 1, asked: null, others: 0 } });
    });
    // by its UID, now that the page knows it
    await page.route('**/api/studies/2.25.7001.9998', async (route) => {
      const response = await route.fetch();
      const detail = await response.json();
      if (warm) detail.study.cold = false;
      await route.fulfill({ response, json: detail });
    });
    await page.locator('[data-shown]:not([data-shown="0"])').first().waitFor();
  }));

test('a refusal is read by whoever asked, who may ask again', () =>
  as('radiologist', '/study/9998', async (page) => {
    await page.getByText(/Request 2170 was refused .*: No operation is planned/).waitFor();
    await page.getByRole('button', { name: 'Ask the holders' }).waitFor();
  }, { prepare: (page) => page.route('**/api/studies/*/cold', (route) => route.fulfill({ json: {
    cold: true, warm_until: null, others: 0,
    asked: { request: 2170, at: 1, until: 2, reason: 'comparison', approved: 0, threshold: 2, endorsed: 0, state: { refused: { at: 1_764_000_000_000_000, reason: 'No operation is planned' } } },
  } })) }));
