/** A browser over the mock front, one page a test, watched for what no page may do. */

import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { chromium } from 'playwright-core';
import { startMock } from '../../scripts/mock.mjs';

const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

let browser;
export let mock;

before(async () => {
  mock = await startMock();
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: FLAGS });
});

after(async () => {
  await browser?.close();
  mock?.stop();
});

/** Runs `work` on a page of somebody signed in as `role` (`null` for nobody), and fails on errors and policy breaches. */
export async function as(role, path, work, options = {}) {
  await mock.fault('well');
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: 'en-GB', timezoneId: 'Europe/Berlin', baseURL: mock.address, ...options });
  const wrong = [];
  try {
    if (role) await mock.signIn(context, role);
    const page = await context.newPage();
    page.setDefaultTimeout(10_000);
    page.on('pageerror', (error) => wrong.push(error.message));
    page.on('request', (request) => {
      if (!request.url().startsWith(mock.address) && !/^(blob|data):/.test(request.url())) wrong.push(`a request to ${request.url()}`);
    });
    await page.addInitScript(() => {
      window.breaches = [];
      document.addEventListener('securitypolicyviolation', (event) => window.breaches.push(`${event.violatedDirective} ${event.blockedURI}`));
    });
    await options.prepare?.(page);
    await page.goto(path);
    await work(page, context);
    assert.deepEqual(await page.evaluate(() => window.breaches), []);
    assert.deepEqual(wrong, []);
  } finally {
    await context.close();
  }
}

/** The person confirms the act that the dialog names, with a password and a code. */
export async function confirm(page, why) {
  const dialog = page.getByRole('dialog', { name: /^(Please confirm|Bitte bestätigen)$/ });
  await dialog.getByText(why).waitFor();
  await dialog.getByLabel(/^(Password|Passwort)$/).fill('password of a test');
  await dialog.getByLabel(/^(One-time code|Einmalcode)/).fill('123456');
  await dialog.getByRole('button', { name: /^(Confirm with password and code|Mit Passwort und Code bestätigen)$/ }).click();
}

/** What a page shows of a picture: mean and spread of the brightness of `locator`, 0 to 255. */
export async function brightness(page, locator) {
  const png = (await locator.screenshot()).toString('base64');
  return page.evaluate(async (base64) => {
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    const bitmap = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
    const context = canvas.getContext('2d');
    context.drawImage(bitmap, 0, 0);
    const { data } = context.getImageData(0, 0, bitmap.width, bitmap.height);
    let [sum, squares, count] = [0, 0, 0];
    for (let index = 0; index < data.length; index += 4) {
      const value = (data[index] + data[index + 1] + data[index + 2]) / 3;
      sum += value;
      squares += value * value;
      count += 1;
    }
    const mean = sum / count;
    return { mean, spread: Math.sqrt(Math.max(0, squares / count - mean * mean)) };
  }, png);
}
