/** What is handed over on paper, in German: letters for new colleagues and after a loss, links, and what they name on the page of enrolment. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { as } from './stage.mjs';

const GERMAN = { locale: 'de-DE' };
const PHONE = { locale: 'de-DE', viewport: { width: 360, height: 740 } };
const LINK = /^http:\/\/localhost:\d+\/enrol#Zk3vT9qLw0xYb7nRc2mHs5uJd8fGa1eP$/;

const STEPS = [
  'Öffnen Sie die Kamera Ihres eigenen Telefons und richten Sie sie auf das Quadrat. Öffnen Sie die Adresse, die erscheint.',
  'Wählen Sie „Passkey einrichten“ und bestätigen Sie mit Gesicht, Finger oder PIN.',
  'Von da an melden Sie sich mit diesem Passkey an. Es gibt kein Passwort und nichts zu merken.',
];
const WORDS = [
  'Wer diesen Brief zuerst benutzt, ist hier Sie. Behalten Sie ihn für sich, benutzen Sie ihn heute und vernichten Sie ihn dann. Er gilt einmal.',
  'Das Telefon ist später weg? Zwei aus dem Kollegium, oder wer Ihnen diesen Brief gab, erstellen einen neuen. Niemand fragt je per E-Mail oder Telefon danach.',
];

async function confirm(page, why) {
  const dialog = page.getByRole('dialog', { name: 'Bitte bestätigen' });
  await dialog.getByText(why).waitFor();
  await dialog.getByLabel('Passwort').fill('password of a test');
  await dialog.getByLabel('Einmalcode').fill('123456');
  await dialog.getByRole('button', { name: 'Mit Passwort und Code bestätigen' }).click();
}

/** Reads a letter whole: whose it is, until when, its code, its steps and its warnings. */
async function read(page, { name, role, organisation }) {
  const letter = page.getByRole('article', { name: `Brief für ${name}` });
  await letter.getByRole('heading', { name: 'Ihr Konto für radiologische Bilder' }).waitFor();
  await letter.getByText('Radiologie am Musterplatz', { exact: true }).first().waitFor();
  assert.equal(await letter.getAttribute('lang'), 'de');
  const [terms, details] = await Promise.all(['dt', 'dd'].map((part) => letter.locator(part).allTextContents()));
  assert.deepEqual(terms, ['Für', 'Rolle', 'Organisation', 'Gültig bis']);
  assert.deepEqual(details.slice(0, 3), [name, role, organisation]);
  assert.match(details[3], /^\d\d\.\d\d\.\d{4}, \d\d:\d\d ME(S?)Z$/);
  await letter.getByRole('img', { name: 'QR-Code des Links, für ein Telefon' }).waitFor();
  assert.deepEqual(await letter.getByRole('listitem').allTextContents(), STEPS);
  for (const words of WORDS) await letter.getByText(words, { exact: true }).waitFor();
  await letter.getByText('Ohne Kamera tippen Sie diese Adresse:').waitFor();
  assert.match(await letter.locator('code').textContent(), LINK);
  return letter;
}

/** Closes a letter; its secret is in no page any more. */
async function close(page, letter) {
  await page.getByRole('dialog').getByRole('button', { name: 'Fertig' }).click();
  await letter.waitFor({ state: 'detached' });
  assert.doesNotMatch(await page.content(), /Zk3vT9qLw0xYb7nRc2mHs5uJd8fGa1eP/);
}

test('the letter for a new colleague is German from the first line to the last', () =>
  as('referrer', '/colleagues', async (page) => {
    await page.getByRole('button', { name: 'Kollegin oder Kollegen anlegen' }).click();
    const form = page.getByRole('dialog', { name: 'Kollegin oder Kollegen anlegen' });
    await form.getByLabel('Name').fill('Dr. Carla Kollegin');
    await form.getByLabel('E-Mail-Adresse').fill('carla@example.org');
    await form.getByLabel('Rolle').selectOption('radiologist');
    await form.getByLabel('Das Konto endet').selectOption('12h');
    const sent = page.waitForRequest((request) => request.url().endsWith('/api/colleagues') && request.method() === 'POST');
    await form.getByRole('button', { name: 'Anlegen und Brief erstellen' }).click();
    await confirm(page, 'Sie legen Dr. Carla Kollegin in Praxis Keller an. Wer den Brief zuerst benutzt, ist hier diese Person.');
    const body = JSON.parse((await sent).postData());
    assert.deepEqual([body.name, body.role, body.organisation], ['Dr. Carla Kollegin', 'radiologist', 'Praxis Keller']);
    await page.getByText('Dieser Brief wird nur jetzt gezeigt. Drucken Sie ihn und übergeben Sie ihn selbst.').waitFor();
    const letter = await read(page, { name: 'Dr. Carla Kollegin', role: 'Radiologie', organisation: 'Praxis Keller' });
    await page.getByRole('button', { name: 'Brief drucken' }).waitFor();
    await close(page, letter);
  }, GERMAN));

test('after a loss a delegate makes the letter anew, and the touch says what it means', () =>
  as('referrer', '/colleagues', async (page) => {
    await page.getByRole('button', { name: 'Dr. Leyla Öztürk ändern' }).click();
    const dialog = page.getByRole('dialog', { name: 'Dr. Leyla Öztürk ändern' });
    await dialog.getByText('Nur, wenn die Person vor Ihnen steht.', { exact: false }).waitFor();
    await dialog.getByRole('button', { name: 'Brief erstellen' }).click();
    await confirm(page, 'Sie bestätigen, dass Dr. Leyla Öztürk vor Ihnen steht und Telefon oder Schlüssel verloren hat.');
    await close(page, await read(page, { name: 'Dr. Leyla Öztürk', role: 'Zuweisende Praxis', organisation: 'Praxis Keller' }));
  }, GERMAN));

test('after a loss an administrator makes the same letter, with every organisation of the person', () =>
  as('administrator', '/people', async (page) => {
    await page.getByRole('button', { name: 'Dr. Leyla Öztürk ändern' }).click();
    await page.getByRole('dialog', { name: 'Dr. Leyla Öztürk ändern' }).getByRole('button', { name: 'Brief erstellen' }).click();
    await confirm(page, 'Sie bestätigen, dass Dr. Leyla Öztürk vor Ihnen steht und Telefon oder Schlüssel verloren hat.');
    await close(page, await read(page, { name: 'Dr. Leyla Öztürk', role: 'Zuweisende Praxis', organisation: 'Klinikum Nord, Praxis Keller' }));
  }, GERMAN));

test('who adds nobody gives a word for a colleague, and no letter is shown to the first of two', () =>
  as('technologist', '/colleagues', async (page) => {
    await page.getByRole('button', { name: 'Telefon oder Schlüssel von Dr. Anna Weiß verloren' }).click();
    await page.getByRole('dialog', { name: 'Telefon oder Schlüssel von Dr. Anna Weiß verloren' }).getByRole('button', { name: 'Bestätigen, dass es verloren ist' }).click();
    await confirm(page, 'Sie bestätigen, dass Dr. Anna Weiß vor Ihnen steht und Telefon oder Schlüssel verloren hat.');
    await page.getByText('Ihr Wort für Dr. Anna Weiß ist festgehalten. Jemand anderes aus dem Kollegium bestätigt es binnen einer Stunde und bekommt den Brief.').waitFor();
    await page.getByRole('article').waitFor({ state: 'detached' });
  }, { ...GERMAN, prepare: (page) => page.route('**/api/colleagues/vouch', (route) => route.fulfill({ status: 204 })) }));

test('a link of enrolment says that it is shown once, until when it works and how it is handed over', () =>
  as('administrator', '/people', async (page) => {
    await page.getByRole('button', { name: 'Neuer Link für Dr. Jonas Keller' }).click();
    const dialog = page.getByRole('dialog', { name: 'Einrichtungslink für Dr. Jonas Keller' });
    await dialog.getByText('Dieser Link wird nur jetzt gezeigt. Er gilt einmal, und ein älterer gilt nicht mehr.').waitFor();
    await dialog.getByText(/^Er gilt bis \d\d\.\d\d\.\d{4}, \d\d:\d\d MES?Z\.$/).waitFor();
    await dialog.getByText('Wer ihn zuerst öffnet, ist hier diese Person.', { exact: false }).waitFor();
    await dialog.getByRole('button', { name: 'Link kopieren' }).waitFor();
    assert.match(await dialog.locator('code').textContent(), LINK);
  }, GERMAN));

test('the page that a letter opens has the button that the letter names, on a phone', () =>
  as(null, '/enrol#passkey-only', async (page) => {
    await page.getByRole('button', { name: 'Passkey einrichten', exact: true }).waitFor();
    await page.getByText('Emil Sandberg').first().waitFor();
    assert.equal(await page.evaluate(() => location.hash), '', 'the secret stays in the address');
  }, PHONE));

test('a letter with the longest names is one A4 page, and fits a phone', () =>
  as('referrer', '/colleagues', async (page) => {
    const name = `Prof. Dr. ${'Wolkenstein-Trostburg '.repeat(5)}`.slice(0, 120).trim();
    await page.getByRole('button', { name: 'Kollegin oder Kollegen anlegen' }).click();
    const form = page.getByRole('dialog', { name: 'Kollegin oder Kollegen anlegen' });
    await form.getByLabel('Name').fill(name);
    await form.getByLabel('E-Mail-Adresse').fill('wolkenstein@example.org');
    await form.getByRole('button', { name: 'Anlegen und Brief erstellen' }).click();
    await confirm(page, /Wer den Brief zuerst benutzt/);
    const letter = await read(page, { name, role: 'Zuweisende Praxis', organisation: 'Praxis Keller' });
    const box = await letter.boundingBox();
    assert.ok(box.x >= 0 && box.x + box.width <= 360, `from ${box.x} to ${box.x + box.width}`);
    assert.equal(await letter.evaluate((article) => article.scrollWidth > article.clientWidth), false, 'something sticks out');
    await page.emulateMedia({ media: 'print' });
    const paper = (await page.pdf({ format: 'A4', preferCSSPageSize: true })).toString('latin1');
    assert.equal(paper.match(/\/Type\s*\/Page\b(?!s)/g).length, 1, 'the letter is one page');
  }, PHONE));
