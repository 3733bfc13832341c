/** The radiologist: from the worklist to the picture, by mouse and by keyboard alone. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as pixels from './stage/pixels.mjs';
import { ask, keptBy, setStage } from './stage/stage.mjs';
import { counted } from '../test/counted.mjs';

/** @type {import('playwright-core').Page} */
let page;
/** @type {{ number: number, uid: string, patient: Record<string, string>, modalities: string[], description: string }[]} */
let studies;

const stage = setStage(async () => {
  page = await stage.signedIn('radiologist');
  ({ body: { studies } } = await ask(page, 'GET', '/api/studies'));
});

const study = (id, date) => studies.find((row) => row.patient.id === id && row.date === date);
const pane = () => page.getByRole('group', { name: 'Pane 1' });

async function openViewer({ number }) {
  await page.goto(`/study/${number}`);
  await shown(1);
}

/** Waits until image `number` is drawn. */
async function shown(number) {
  await page.locator(`.pane[data-shown="${number}"]`).first().waitFor();
}

/** Waits until what is drawn differs from `before`. */
async function drawnAnew(before) {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const now = await pixels.ofPane(page);
    if (now.mark !== before.mark) return now;
    await page.waitForTimeout(50);
  }
  return assert.fail(`the picture did not change: ${JSON.stringify(before)}`);
}

/** Nothing that names a patient or their studies stands beside the page. */
async function assertNothingKept() {
  const kept = (await keptBy(page)).toLocaleLowerCase();
  for (const { patient, uid, accession_number: accession, description } of studies) {
    for (const secret of [...patient.name.split(/[\^=]/), patient.id, patient.birth_date, uid, accession, description]) {
      if (secret && secret.length > 3) assert.ok(!kept.includes(secret.toLocaleLowerCase()), `${secret} is kept: ${kept}`);
    }
  }
}

test('the worklist names everybody of the demonstration', async () => {
  const links = page.getByRole('grid', { name: 'Worklist' }).getByRole('link');
  await links.first().waitFor();
  const names = new Set(await links.allInnerTexts());
  assert.deepEqual(names, new Set(['YAMADA, Tarou', 'PHANTOM, Felix', 'SPECIMEN, Dr. Chris', 'MÜLLER-PROBE, Änne', 'MUSTER, Bruno', 'BEISPIEL, Anna']));
  await counted(links, 13);
  await page.getByText('13 studies', { exact: true }).waitFor();
  await stage.picture(page, 'worklist');
  await assertNothingKept();
});

test('search answers while typing, without accents', async () => {
  const grid = page.getByRole('grid', { name: 'Worklist' });
  await page.getByRole('searchbox').pressSequentially('muller', { delay: 30 });
  await page.getByText('3 studies', { exact: true }).waitFor();
  assert.deepEqual(await grid.getByRole('link').allInnerTexts(), Array(3).fill('MÜLLER-PROBE, Änne'));
  await stage.picture(page, 'worklist-search');
  await assertNothingKept();

  await page.getByRole('searchbox').fill('nobody of this name');
  await page.getByRole('heading', { name: 'Nothing matches' }).waitFor();
  await stage.picture(page, 'worklist-none');
  await page.getByRole('searchbox').press('Escape');
  await page.getByText('13 studies', { exact: true }).waitFor();
});

test('the keyboard alone finds a study, opens it and comes back', async () => {
  await page.goto('/worklist');
  await page.getByRole('grid').getByRole('link').first().waitFor();
  await page.keyboard.press('/');
  await page.keyboard.type('beispiel ct');
  await page.getByText('2 studies', { exact: true }).waitFor();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await page.waitForURL(`**/study/${study('D-1001', '20141120').number}`);
  await shown(1);
  await page.keyboard.press('End');
  await shown(16);
  await page.keyboard.press('ArrowUp');
  await shown(15);
  await page.keyboard.press('?');
  await page.getByRole('dialog', { name: 'Keys and help' }).waitFor();
  await stage.picture(page, 'viewer-help');
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'hidden' });
  await page.goBack();
  await page.getByRole('grid', { name: 'Worklist' }).waitFor();
  assert.equal(await page.getByRole('searchbox').inputValue(), 'beispiel ct');
});

test('a CT is drawn: the identity above it, the series beside it, and pixels that are no blank', async () => {
  await openViewer(study('D-1001', '20260503'));
  const identity = page.getByRole('region', { name: 'Patient' });
  assert.match((await identity.innerText()).replaceAll(/\s+/g, ' '), /^BEISPIEL, Anna Born 14\/02\/1958 \(68 years\) female ID D-1001 issued by DEMO$/);
  await page.getByRole('complementary', { name: 'Series' }).getByRole('button', { name: /CT head/ }).waitFor();
  await page.locator('.thumbnail img').first().waitFor();

  const first = await pixels.ofPane(page);
  await pane().hover();
  for (let number = 2; number <= 9; number += 1) {
    await page.mouse.wheel(0, 120);
    await shown(number);
  }
  const middle = await drawnAnew(first);
  assert.ok(middle.width > 800 && middle.height > 500, 'the canvas fills its pane');
  assert.ok(middle.mean > 15 && middle.mean < 200, `mean ${middle.mean}`);
  assert.ok(middle.deviation > 30, `deviation ${middle.deviation}`);
  assert.ok(middle.distinct > 100, `distinct ${middle.distinct}`);
  await page.getByRole('img', { name: 'CT head, image 9 of 16' }).waitFor();
  await stage.picture(page, 'viewer-ct');
  await assertNothingKept();
});

test('a window preset, a drag and an inversion change the picture; a reset brings it back', async () => {
  const stored = await pixels.ofPane(page);
  await page.keyboard.press('2');
  const bone = await drawnAnew(stored);
  await page.getByText('W 2,500 C 480').waitFor();
  assert.ok(bone.mean < stored.mean * 0.8, `bone ${bone.mean} of ${stored.mean}: soft tissue is darker in a bone window`);
  await stage.picture(page, 'viewer-bone');
  await page.getByRole('combobox', { name: 'Window presets' }).selectOption({ label: '3  Brain' });
  const brain = await drawnAnew(bone);
  assert.notEqual(brain.mean, bone.mean);

  const box = await pane().boundingBox();
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width / 2 + 150, box.y + box.height / 2 + 40, { steps: 5 });
  await page.mouse.up();
  const dragged = await drawnAnew(brain);
  await page.getByRole('button', { name: 'Invert' }).click();
  const inverted = await drawnAnew(dragged);
  assert.ok(inverted.mean > dragged.mean * 2, `inverted, air is bright: ${inverted.mean} of ${dragged.mean}`);
  await page.getByRole('button', { name: 'Reset' }).click();
  const back = await drawnAnew(inverted);
  assert.equal(back.mark, stored.mark, 'a reset draws what was drawn at first');
});

test('a prior stands beside the study, and both scroll together', async () => {
  await page.keyboard.press('t');
  await page.locator('.pane.shown').nth(1).waitFor();
  await page.keyboard.press('l');
  await page.getByRole('group', { name: 'Pane 2' }).hover();
  await page.keyboard.press('Home');
  await page.keyboard.press('ArrowDown');
  const panes = page.locator('.pane');
  await page.locator('.pane[data-shown="2"]').nth(1).waitFor();
  assert.deepEqual(await panes.evaluateAll((elements) => elements.map((element) => element.dataset.shown)), ['2', '2']);
  const [one, other] = [await pixels.ofPane(page, 1), await pixels.ofPane(page, 2)];
  assert.notEqual(one.mark, other.mark, 'both panes show the same study');
  for (let step = 0; step < 6; step += 1) await page.keyboard.press('ArrowDown');
  await page.locator('.pane[data-shown="8"]').nth(1).waitFor();
  await stage.picture(page, 'viewer-two');
});

test('an ultrasound of several frames plays', async () => {
  await openViewer(study('D-1003', '20160228'));
  const first = await pixels.ofPane(page);
  assert.ok(first.distinct > 20 && first.deviation > 5, JSON.stringify(first));
  await page.getByRole('button', { name: 'Play' }).click();
  const seen = new Set();
  for (let look = 0; look < 200 && seen.size < 4; look += 1) {
    seen.add(await pane().getAttribute('data-shown'));
    await page.waitForTimeout(50);
  }
  assert.ok(seen.size >= 4, `frames seen while playing: ${[...seen]}`);
  await drawnAnew(first);
  await stage.picture(page, 'viewer-cine');
  await page.getByRole('button', { name: 'Pause' }).click();
  await assertNothingKept();
});

for (const [what, id, date] of [['a colour ultrasound', 'D-1004', '20210415'], ['an MR', 'D-1002', '20261102'], ['an X-ray', 'D-1006', '20261122'], ['a first X-ray', 'D-1001', '20060315'], ['a heart in ultrasound', 'D-1005', '20261121']]) {
  test(`${what} is drawn`, async () => {
    await openViewer(study(id, date));
    const drawn = await pixels.ofPane(page);
    assert.ok(drawn.deviation > 10 && drawn.distinct > 20, JSON.stringify(drawn));
    await stage.picture(page, `viewer-${id}-${date}`);
  });
}

stage.lastly();
