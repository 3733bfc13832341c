import assert from 'node:assert/strict';
import { test } from 'node:test';
import { as, brightness, mock } from './stage.mjs';
import { counted } from '../counted.mjs';

const pane = (page, number = 1) => page.getByRole('group', { name: `Pane ${number}` });
const shown = (page, image, number = 1) => pane(page, number).and(page.locator(`[data-shown="${image}"]`)).waitFor();

/** Until `condition` holds; a picture is drawn with the next frame. */
async function until(condition, what) {
  for (let turn = 0; turn < 50; turn += 1) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.fail(what);
}

test('a CT is drawn, scrolls by wheel, keys and strip, and stops at its ends', () =>
  as('radiologist', '/study/0', async (page) => {
    await shown(page, 1);
    for (let step = 0; step < 24; step += 1) await page.keyboard.press('ArrowDown');
    await shown(page, 25);
    const { mean, spread } = await brightness(page, pane(page));
    assert.ok(mean > 20 && spread > 40, `mean ${mean}, spread ${spread}: the picture is blank`);
    await pane(page).hover();
    await page.mouse.wheel(0, 120);
    await shown(page, 26);
    await page.keyboard.press('End');
    await shown(page, 48);
    await page.keyboard.press('ArrowDown');
    await shown(page, 48);
    await page.keyboard.press('Home');
    await shown(page, 1);
  }));

test('windows, inversion and reset change the picture and bring it back', () =>
  as('radiologist', '/study/0', async (page) => {
    await shown(page, 1);
    for (let step = 0; step < 24; step += 1) await page.keyboard.press('ArrowDown');
    await shown(page, 25);
    await page.keyboard.press('o');
    const first = await brightness(page, pane(page));
    await page.keyboard.press('1');
    await until(async () => Math.abs((await brightness(page, pane(page))).mean - first.mean) > 5, 'the lung window changes nothing');
    await page.keyboard.press('r');
    await until(async () => Math.abs((await brightness(page, pane(page))).mean - first.mean) < 2, 'reset does not bring the window back');
    await page.keyboard.press('i');
    await until(async () => (await brightness(page, pane(page))).mean > first.mean + 40, 'inversion changes nothing');
    await page.keyboard.press('i');
    await until(async () => Math.abs((await brightness(page, pane(page))).mean - first.mean) < 2, 'inversion does not go back');
  }));

test('left drag sets the window, and the overlay says so', () =>
  as('radiologist', '/study/0', async (page) => {
    await shown(page, 1);
    await page.getByText('W 80 C 40').waitFor();
    const box = await pane(page).boundingBox();
    await page.mouse.move(box.x + 300, box.y + 300);
    await page.mouse.down();
    await page.mouse.move(box.x + 400, box.y + 300, { steps: 5 });
    await page.mouse.up();
    await page.getByText('W 80 C 40').waitFor({ state: 'detached' });
  }));

test('flipping swaps the letters', () =>
  as('radiologist', '/study/0', async (page) => {
    await shown(page, 1);
    const left = page.locator('.side.left');
    await until(async () => /R$/.test(await left.innerText()), 'no R at the left');
    await page.keyboard.press('h');
    await until(async () => /L$/.test(await left.innerText()), 'no L at the left after flipping');
  }));

test('the film of a multi-frame image runs and stops', () =>
  as('radiologist', '/study/3', async (page) => {
    await shown(page, 1);
    await page.keyboard.press(' ');
    await page.getByRole('button', { name: 'Pause' }).waitFor();
    await until(async () => (await pane(page).getAttribute('data-shown')) !== '1', 'the film stands');
    await page.keyboard.press(' ');
    await page.getByRole('button', { name: 'Play' }).waitFor();
    // an image that was under way may still come: then none
    const image = () => pane(page).getAttribute('data-shown');
    await until(async () => {
      const at = await image();
      await page.waitForTimeout(300);
      return (await image()) === at;
    }, 'the film goes on');
  }));

test('two panes show the prior beside it and scroll together by millimetres', () =>
  as('radiologist', '/study/0', async (page) => {
    await shown(page, 1);
    await page.keyboard.press('t');
    await shown(page, 1, 2);
    await page.getByText('Prior', { exact: true }).waitFor();
    await page.keyboard.press('l');
    for (let step = 0; step < 9; step += 1) await page.keyboard.press('ArrowDown');
    await shown(page, 10, 2);
    await shown(page, 10, 1);
    await counted(page.getByRole('region', { name: 'Patient' }), 1);
  }));

/** How far a pane's picture is stretched: its canvas' own shape against the shape in which it is shown. */
const stretched = (page, number) =>
  pane(page, number).locator('canvas').first().evaluate((canvas) => Math.abs(canvas.width / canvas.height / (canvas.clientWidth / canvas.clientHeight) - 1));

test('no picture is stretched when panes and windows change their shape', () =>
  as('radiologist', '/study/0', async (page) => {
    await shown(page, 1);
    await page.keyboard.press('t');
    await shown(page, 1, 2);
    for (const size of [{ width: 360, height: 740 }, { width: 1_280, height: 800 }, { width: 640, height: 400 }]) {
      await page.setViewportSize(size);
      for (const number of [1, 2]) await until(async () => (await stretched(page, number)) < 0.02, `pane ${number} is stretched at ${size.width}`);
    }
    await page.keyboard.press('t');
    await until(async () => (await stretched(page, 1)) < 0.02, 'the pane is stretched after the other has gone');
  }));

test('older and newer studies of the same patient come by brackets', () =>
  as('radiologist', '/study/0', async (page) => {
    await shown(page, 1);
    await page.keyboard.press('[');
    await page.locator('.corner').getByText('Sonographie Herz').waitFor();
    await page.keyboard.press(']');
    await page.locator('.corner').getByText('CT Kopf nativ').waitFor();
  }));

test('a session that ended between two series loses no image', () =>
  as('radiologist', '/study/0', async (page) => {
    await shown(page, 1);
    await page.getByRole('progressbar', { name: '48 of 48 images are there' }).waitFor({ state: 'attached' });
    await mock.fault('signed-out');
    await page.getByRole('button', { name: /Axial 5 mm/ }).click();
    const dialog = page.getByRole('dialog', { name: 'Your session has ended' });
    await dialog.waitFor();
    await dialog.getByText('Sign in with a password and a code instead').click();
    await dialog.getByLabel('Password', { exact: true }).fill('a long one');
    await dialog.getByLabel('One-time code').fill('123456');
    await dialog.getByRole('button', { name: 'Sign in', exact: true }).click();
    await dialog.waitFor({ state: 'detached' });
    await shown(page, 1);
    await page.getByText('1 / 12').waitFor();
  }));

test('a frame that cannot be decoded says so, and its neighbours are shown', () =>
  as('radiologist', '/study/0', async (page) => {
    await shown(page, 1);
    await page.keyboard.press('ArrowDown');
    await page.getByText('This image cannot be shown.').waitFor();
    await page.keyboard.press('ArrowDown');
    await shown(page, 3);
    assert.equal(await page.getByText('This image cannot be shown.').count(), 0);
  }, {
    prepare: (page) => page.route('**/instances/*.2/frames/1', (route) => route.fulfill({ status: 200, contentType: 'multipart/related; boundary=edge', body: '--edge\r\n' })),
  }));

test('single keys can be turned off, arrows stay', () =>
  as('radiologist', '/study/0', async (page) => {
    await shown(page, 1);
    await page.keyboard.press('?');
    await page.getByText('Not for diagnosis').waitFor();
    await page.getByLabel(/Single keys act/).uncheck();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await page.keyboard.press('t');
    await page.keyboard.press('ArrowDown');
    await shown(page, 2);
    await counted(pane(page, 2), 0);
  }));

test('a study that is out of reach is refused in a sentence', () =>
  as('radiologist', '/study/4000000', async (page) => {
    await page.getByRole('alert').getByText('This study is not there, or out of your reach.').waitFor();
  }));

test('a reload of a study finds it by its number', () =>
  as('radiologist', '/study/0', async (page) => {
    await shown(page, 1);
    await page.reload();
    await shown(page, 1);
    await page.getByRole('region', { name: 'Patient' }).getByText('SANDBERG').waitFor();
  }));
