/**
 * Every page, in English and German, light and dark, on a phone and on a desk: nothing that axe calls serious or
 * critical (WCAG 2.2 A and AA among its rules), nothing wider than the screen, and a picture for people to look at.
 */

import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { ask, DESK, PHONE, setStage } from './stage/stage.mjs';

const SIZES = { phone: PHONE, desk: DESK };
const SCHEMES = ['light', 'dark'];
const LANGUAGES = ['en', 'de'];
/** Pages whose picture is of the screen, not of all that scrolls. */
const LONG = ['viewer', 'viewer-help', 'person-add', 'ledger'];

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** @type {Record<string, import('playwright-core').Page>} */
const pages = {};

const stage = setStage(async () => {
  const roles = ['radiologist', 'patient', 'officer', 'administrator'];
  await Promise.all(roles.map(async (role) => (pages[role] = await stage.signedIn(role, '/api/health'))));
  pages.nobody = await (await stage.browser({ expected: [/status of 400/] })).newPage();
  const { body: { studies } } = await ask(pages.radiologist, 'GET', '/api/studies');
  study = studies.find((row) => row.patient.id === 'D-1001' && row.date === '20260503').number;
  // somebody has looked, so that there is something to see
  await pages.radiologist.goto(`/study/${study}`);
  await pages.radiologist.locator('.pane.shown').waitFor();
});
let study;

const heading = (page) => page.getByRole('heading', { level: 1 }).waitFor();

/** [name of the picture, who, path, what makes the page complete] */
const PAGES = [
  ['sign-in', 'nobody', () => '/', async (page) => {
    await page.locator('details.other summary').click();
    await page.locator('form button.wide').click();
  }],
  ['enrol', 'nobody', () => stage.demo.person('technologist').enrolment.replace(stage.demo.address, ''), heading],
  ['enrol-dead', 'nobody', () => '/enrol#nothing', heading],
  ['worklist', 'radiologist', () => '/worklist', (page) => page.getByRole('link', { name: 'BEISPIEL' }).first().waitFor()],
  ['viewer', 'radiologist', () => `/study/${study}`, async (page) => {
    await page.locator('.pane.shown').waitFor();
    for (let step = 0; step < 8; step += 1) await page.keyboard.press('ArrowDown');
    await page.locator('.pane[data-shown="9"]').waitFor();
  }],
  ['viewer-help', 'radiologist', () => `/study/${study}`, async (page) => {
    await page.locator('.pane.shown').waitFor();
    await page.keyboard.press('?');
    await page.getByRole('dialog').waitFor();
  }],
  ['sessions', 'radiologist', () => '/account', (page) => page.locator('ul.cards').waitFor()],
  ['my', 'patient', () => '/my', (page) => page.getByRole('list').getByRole('link').first().waitFor()],
  ['my-study', 'patient', () => `/my/study/${study}`, (page) => page.locator('img').first().waitFor()],
  ['my-accesses', 'patient', () => '/my/accesses', (page) => page.getByText('Dr. Rae Reader').first().waitFor()],
  ['ledger', 'officer', () => '/officer', (page) => page.getByRole('row').nth(2).waitFor()],
  ['exposure', 'officer', () => '/officer/exposure', async (page) => {
    await page.locator('select').selectOption('person:rae@demo.example');
    await page.locator('button.go').click();
    await page.locator('dl.three').waitFor();
  }],
  ['cold', 'officer', () => '/cold', (page) => page.locator('dl.counts').waitFor()],
  ['people', 'administrator', () => '/people', (page) => page.getByRole('table').waitFor()],
  ['person-add', 'administrator', () => '/people', async (page) => {
    await page.getByRole('table').waitFor();
    await page.locator('.page-head button.primary').click();
    await page.getByRole('dialog').waitFor();
  }],
  ['organisations', 'administrator', () => '/people/organisations', (page) => page.getByRole('table').waitFor()],
  ['devices', 'administrator', () => '/people/devices', (page) => page.getByRole('table').waitFor()],
  ['relationships', 'administrator', () => '/people/relationships', (page) => page.locator('option[value^="person:"]').first().waitFor({ state: 'attached' })],
];

for (const [name, who, path, complete] of PAGES) {
  test(`${name}: nothing serious, nothing too wide, in every look`, async () => {
    const page = pages[who];
    const wrong = [];
    for (const language of LANGUAGES) {
      await page.emulateMedia({ colorScheme: 'light' });
      await page.setViewportSize(DESK);
      await page.goto('/api/health');
      await page.evaluate((chosen) => localStorage.setItem('leadglass.language', chosen), language);
      await page.goto(path());
      await complete(page);
      assert.equal(await page.locator('html').getAttribute('lang'), language);
      await page.evaluate(axe);
      await page.evaluate(stand);
      for (const [size, viewport] of Object.entries(SIZES)) {
        await page.setViewportSize(viewport);
        for (const scheme of SCHEMES) {
          await page.emulateMedia({ colorScheme: scheme });
          const look = `${language} ${size} ${scheme}`;
          wrong.push(...(await page.evaluate(lookAt, scheme)).map((line) => `${look}: ${line}`));
          await stage.picture(page, `looks/${name}-${size}-${scheme}-${language}`, { fullPage: !LONG.includes(name) });
        }
      }
    }
    assert.deepEqual(wrong, []);
  });
}

/** Runs in the page: colours that are on their way from light to dark are no colours of the page. */
function stand() {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync('*, *::before, *::after { transition: none !important; animation: none !important; }');
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
}

/** Runs in the page: what is wrong with it as it stands. */
async function lookAt(scheme) {
  await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
  // names, roles and order are the same in both colour schemes
  const rules = scheme === 'light' ? {} : { runOnly: { type: 'rule', values: ['color-contrast', 'link-in-text-block'] } };
  const { violations, passes, incomplete } = await window.axe.run(document, { ...rules, resultTypes: ['violations'] });
  if (passes.length + incomplete.length === 0) return ['axe looked at nothing'];
  const wrong = violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, help, nodes }) => `${id}: ${help}: ${nodes.map(({ html }) => html.slice(0, 120)).slice(0, 3).join(' | ')}`);
  const over = document.documentElement.scrollWidth - innerWidth;
  if (over > 0) wrong.push(`${over} px wider than the screen`);
  return wrong;
}

stage.lastly();
