/** What orders go by on the page of people: shown apart from what a delegate stated, given, taken over and taken away. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { counted } from '../counted.mjs';
import { as } from './stage.mjs';

const PHONE = { locale: 'de-DE', viewport: { width: 360, height: 740 } };
const PATH = '/api/people/professional-id';

async function confirm(page, why) {
  const dialog = page.getByRole('dialog', { name: /Please confirm|Bitte bestätigen/ });
  await dialog.getByText(why).waitFor();
  await dialog.getByLabel(/^(Password|Passwort)$/).fill('password of a test');
  await dialog.getByLabel(/^(One-time code|Einmalcode)$/).fill('123456');
  await dialog.getByRole('button', { name: /^(Confirm with password and code|Mit Passwort und Code bestätigen)$/ }).click();
}

/** The next request that gives or takes one, without its touch. */
async function told(page) {
  const sent = await page.waitForRequest((request) => request.url().endsWith(PATH));
  const { fresh, ...body } = JSON.parse(sent.postData());
  assert.equal(fresh.ceremony, 'c4', 'a touch for this');
  return body;
}

const row = (page, name) => page.getByRole('row', { name });

test('an administrator sees what orders go by and what was only stated, and takes it over by the keyboard alone', () =>
  as('administrator', '/people', async (page) => {
    await row(page, /Keller.*In orders: LANR\/123456601/).waitFor();
    await row(page, /Öztürk.*Stated by a delegate, not for orders: KV\/123456701/).waitFor();
    await page.getByRole('searchbox').fill('kv/1234');
    await row(page, /Jonas Keller/).waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Change Dr. Leyla Öztürk' }).press('Enter');
    const part = page.getByRole('dialog', { name: 'Change Dr. Leyla Öztürk' }).getByRole('region', { name: 'Identifiers in orders' });
    await part.getByText('A delegate stated it for the census. Orders do not go by it.').waitFor();
    await part.getByRole('button', { name: 'Let orders go by it: KV/123456701' }).press('Enter');
    const body = told(page);
    await confirm(page, 'You let orders that name KV/123456701 give their patients to Dr. Leyla Öztürk.');
    assert.deepEqual(await body, { email: 'oeztuerk@example.org', professional_id: { issuer: 'KV', id: '123456701' }, holds: true });
    await row(page, /Öztürk.*In orders: KV\/123456701/).waitFor();
    assert.equal(await row(page, /Stated by a delegate/).count(), 0);
  }));

test('another identifier is typed, an address as its issuer, and taken away again', () =>
  as('administrator', '/people', async (page) => {
    const part = page.getByRole('region', { name: 'Identifiers in orders' });
    await page.getByRole('button', { name: 'Change Dr. Anna Weiß' }).click();
    const field = part.getByRole('textbox', { name: 'New identifier' });
    for (const wrong of ['', 'LANR', 'LANR/']) {
      await field.fill(wrong);
      await part.getByRole('button', { name: 'Give this identifier' }).click();
      await part.getByText('Write it as ISSUER/ID', { exact: false }).waitFor();
      assert.ok(await field.evaluate((input) => input === document.activeElement), 'the field to mend has the focus');
    }
    await field.fill('https://lanr.example/77');
    await field.press('Enter');
    const given = told(page);
    await confirm(page, 'You let orders that name https://lanr.example/77 give their patients to Dr. Anna Weiß.');
    assert.deepEqual((await given).professional_id, { issuer: 'https://lanr.example', id: '77' });
    await row(page, /Weiß.*In orders: https:\/\/lanr\.example\/77/).waitFor();
    await page.getByRole('button', { name: 'Change Dr. Anna Weiß' }).click();
    await part.getByRole('button', { name: 'Remove https://lanr.example/77' }).click();
    const taken = told(page);
    await confirm(page, 'You take the identifier https://lanr.example/77 from Dr. Anna Weiß.');
    assert.equal((await taken).holds, false);
    await row(page, /lanr\.example/).waitFor({ state: 'detached' });
  }));

test('on a phone an identifier of somebody else is refused with what to do, beside the field, and nothing is cut off', () =>
  as('administrator', '/people', async (page) => {
    await row(page, /Keller.*In Aufträgen: LANR\/123456601/).waitFor();
    await page.getByRole('button', { name: 'Dr. Anna Weiß ändern' }).click();
    const part = page.getByRole('region', { name: 'Kennungen in Aufträgen' });
    await part.getByRole('textbox', { name: 'Neue Kennung' }).fill('LANR/123456601');
    await part.getByRole('button', { name: 'Diese Kennung geben' }).click();
    await confirm(page, 'Aufträge, die LANR/123456601 nennen, geben ihre Patienten von nun an Dr. Anna Weiß.');
    await part.getByText('Jemand anderes hat diese Kennung.').waitFor();
    await part.getByText('Nehmen Sie sie dort zuerst weg: Die Liste der Personen zeigt, wer sie hat.').waitFor();
    const beyond = await page.getByRole('dialog').evaluate((dialog) =>
      [...dialog.querySelectorAll('button, input, select, code, p')].filter((element) => element.getBoundingClientRect().right > innerWidth + 0.5).map((element) => element.textContent));
    assert.deepEqual(beyond, []);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360);
  }, PHONE));

test('nobody is asked for an identifier whom orders give no patient', () =>
  as('administrator', '/people', async (page) => {
    await page.getByRole('button', { name: 'Change Mara Lindqvist' }).click();
    const dialog = page.getByRole('dialog', { name: 'Change Mara Lindqvist' });
    await dialog.getByRole('heading', { name: 'The person leaves' }).waitFor();
    await counted(dialog.getByRole('region', { name: 'Identifiers in orders' }), 0);
  }));
