/** The warden goes away: reading says that it waits and goes on by itself, and nothing on the screen is lost. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, setStage } from './stage/stage.mjs';
import { counted } from '../test/counted.mjs';

/** @type {import('playwright-core').Page} */
let page;

const stage = setStage(async () => {
  page = await stage.signedIn('radiologist', '/', { expected: [/status of 503/, /status of 401/] });
  await page.getByRole('grid').getByRole('link').first().waitFor();
});

const banner = () => page.getByText('Reading waits for the warden.');
const shown = (number) => page.locator(`.pane[data-shown="${number}"]`).first();

test('while the warden is away, the page says that reading waits and keeps what is on it', async () => {
  // who would start the warden again sleeps
  process.kill(stage.demo.pids.serve, 'SIGSTOP');
  process.kill(stage.demo.pids.warden, 'SIGKILL');
  await page.getByRole('searchbox').fill('beispiel ct');
  await banner().waitFor();
  await page.getByText('This page goes on by itself as soon as keys can be released again.').waitFor();
  await counted(page.getByRole('grid').getByRole('link'), 13);
  await stage.picture(page, 'warden-away');

  const { status, body, headers } = await ask(page, 'GET', '/api/studies');
  assert.equal(status, 503);
  assert.ok(Number(headers['retry-after']) >= 1);
  assert.deepEqual(body, { error: 'reading waits for the warden', hint: 'images are still being taken in, try again in a few seconds' });
  assert.deepEqual((await ask(page, 'GET', '/api/health')).body, { front: 'ok', warden: 'away' });
  await page.getByRole('button', { name: 'Try now' }).click();
  await banner().waitFor();
});

test('when the warden is back, the page goes on by itself and the session holds', async () => {
  process.kill(stage.demo.pids.serve, 'SIGCONT');
  await page.getByText('2 studies', { exact: true }).waitFor();
  await banner().waitFor({ state: 'hidden' });
  await counted(page.getByRole('grid').getByRole('link', { name: 'BEISPIEL' }), 2);
  assert.deepEqual((await ask(page, 'GET', '/api/health')).body, { front: 'ok', warden: 'ok' });
});

test('what was opened goes on after the warden was killed: its keys are on lease', async () => {
  await page.getByRole('grid').getByRole('link').first().click();
  await shown(1).waitFor();
  await page.keyboard.press('End');
  await shown(16).waitFor();
  await page.keyboard.press('ArrowUp');
  await shown(15).waitFor();
  await page.keyboard.press('[');
  await page.getByText('20/11/2014 CT of the head').waitFor();
  await shown(1).waitFor();
});

stage.lastly();
