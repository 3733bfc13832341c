/**
 * Real images through the front door: stored by a device (STOW-RS), drawn by the viewer. One CT slice in 15 transfer
 * syntaxes must be the same picture in each; a real head in 24 slices scrolls. Under the policy of production, so that
 * a codec which the policy forbids is found here. Skipped where the folder of real images is absent; the pages'
 * other tests rest on the demonstration's images.
 */

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { test } from 'node:test';
import * as pixels from './stage/pixels.mjs';
import { ask, setStage } from './stage/stage.mjs';

const shared = new URL('../../../shared/dicom/', import.meta.url);
const skip = existsSync(shared) ? false : 'the folder of real images is absent';

const SYNTAXES = 'ct-one-image-16-syntaxes';
/**
 * Transfer syntax (PS3.5 section 10) to what the viewer makes of it: the same pixels; nearly the same, after a lossy
 * step; the same slice, where a file holds it at 8 or 12 bits.
 */
const DRAWN = {
  '1.2.840.10008.1.2': 'same',
  '1.2.840.10008.1.2.1': 'same',
  '1.2.840.10008.1.2.1.99': 'same',
  '1.2.840.10008.1.2.2': 'same',
  '1.2.840.10008.1.2.4.50': 'slice',
  '1.2.840.10008.1.2.4.51': 'slice',
  '1.2.840.10008.1.2.4.53': 'slice',
  '1.2.840.10008.1.2.4.55': 'slice',
  '1.2.840.10008.1.2.4.57': 'same',
  '1.2.840.10008.1.2.4.70': 'same',
  '1.2.840.10008.1.2.4.80': 'same',
  '1.2.840.10008.1.2.4.81': 'near',
  '1.2.840.10008.1.2.4.90': 'same',
  '1.2.840.10008.1.2.4.91': 'near',
  '1.2.840.10008.1.2.5': 'same',
};

/** @type {import('playwright-core').Page} */
let page;
let token;
/** Study number by transfer syntax. */
const numbers = {};
let plain;

const stage = setStage(async () => {
  const administrator = await stage.signedIn('administrator', '/api/health');
  const device = { name: 'Real images', organisation: 'Demonstration Hospital', may: ['store'], ae_title: null, from: ['127.0.0.1'], token: true };
  ({ body: { token } } = await ask(administrator, 'POST', '/api/devices', device));
  await administrator.context().close();
  page = await stage.signedIn('radiologist', '/api/health', { expected: [/status of 406.*\/thumbnail/, /status of 404.*\/api\/studies\//, /vtkDataArray\.newInstance: no dataType/] });
});

async function stow(files) {
  const parts = files.flatMap((file) => [Buffer.from('\r\n--part\r\nContent-Type: application/dicom\r\n\r\n'), file]);
  const answer = await fetch(`${stage.demo.address}/dicom-web/studies`, {
    method: 'POST', body: Buffer.concat([...parts, Buffer.from('\r\n--part--\r\n')]),
    headers: { Authorization: `Bearer ${token}`, Accept: 'application/dicom+json', 'Content-Type': 'multipart/related; type="application/dicom"; boundary=part' },
  });
  assert.equal(answer.status, 200, await answer.clone().text());
  return (await answer.text()).match(/studies\/([\d.]+)/)[1];
}

/** The study, as soon as the warden has taken it over. */
async function numberOf(uid) {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const { status, body } = await ask(page, 'GET', `/api/studies/${uid}`);
    if (status === 200) return body.study.number;
    await page.waitForTimeout(100);
  }
  return assert.fail(`${uid} is not there`);
}

/** Opens the study and says what is drawn, in numbers. */
async function drawn(number) {
  await page.goto(`/study/${number}`);
  await page.locator('.pane.shown').waitFor();
  return pixels.ofPane(page);
}

test('a device stores one slice in every transfer syntax, a study each', { skip }, async () => {
  const folder = new URL(`03-transfer-syntaxes/${SYNTAXES}/`, shared);
  const expected = [];
  for (const [index, name] of (await readdir(folder)).sort().entries()) {
    const syntax = name.match(/_([\d.]+)\.dcm$/)[1];
    // the files carry the same UIDs; digits of the same length make studies of them (not within a deflated one)
    const own = String(100 + index);
    const text = (await readFile(new URL(name, folder))).toString('latin1')
      .replaceAll('978668949.886', `978668949.${own}`).replaceAll('978668949.890', `978668949.${own}`).replaceAll('978668950.109', `978668950.${own}`);
    expected.push([syntax, await stow([Buffer.from(text, 'latin1')])]);
  }
  for (const [syntax, uid] of expected) numbers[syntax] = await numberOf(uid);
  assert.deepEqual(Object.keys(numbers).sort(), Object.keys(DRAWN).sort());
  plain = await drawn(numbers['1.2.840.10008.1.2.1']);
  assert.ok(plain.distinct > 100 && plain.deviation > 30, JSON.stringify(plain));
  await stage.picture(page, 'codec-plain');
});

for (const [syntax, how] of Object.entries(DRAWN)) {
  test(`a slice in ${syntax} is drawn: ${how === 'slice' ? 'the slice as stored' : how}`, { skip }, async () => {
    const picture = await drawn(numbers[syntax]);
    await stage.picture(page, `codecs/${syntax}`);
    const told = JSON.stringify({ picture, plain });
    if (how === 'same') assert.equal(picture.mark, plain.mark, told);
    const [mean, deviation] = how === 'slice' ? [6, 8] : [0.1, 0.1];
    assert.ok(Math.abs(picture.mean - plain.mean) <= mean, told);
    assert.ok(Math.abs(picture.deviation - plain.deviation) <= deviation, told);
    assert.ok(picture.distinct > 200, told);
  });
}

test('a real head, JPEG-LS, scrolls by the wheel and shows bone and brain', { skip }, async () => {
  const files = [];
  for (let slice = 300; slice < 540; slice += 10) files.push(await readFile(new URL(`01-ct-head-phantom-140/I${slice}.dcm`, shared)));
  const number = await numberOf(await stow(files));
  const first = await drawn(number);
  assert.ok(first.mean > 20 && first.deviation > 40 && first.distinct > 150, JSON.stringify(first));
  await page.getByText('1 / 24').waitFor();
  await page.getByRole('group', { name: 'Pane 1' }).hover();
  for (let image = 2; image <= 12; image += 1) {
    await page.mouse.wheel(0, 120);
    await page.locator(`.pane[data-shown="${image}"]`).waitFor();
  }
  const middle = await pixels.ofPane(page);
  assert.notEqual(middle.mark, first.mark);
  await stage.picture(page, 'viewer-real-ct');
  await page.keyboard.press('2');
  await page.getByText('W 2,500 C 480').waitFor();
  await page.waitForTimeout(200);
  const bone = await pixels.ofPane(page);
  assert.notEqual(bone.mark, middle.mark);
  await stage.picture(page, 'viewer-real-ct-bone');
});

/** Images whose description once left the pane black: what is told of each, and the least that must be seen. */
const HARD = [
  ['an MR that names its VOI LUT function', '10-other-modalities/tcia-pt-mr-ct/3.dcm', { deviation: 30, distinct: 100 }],
  ['a mammogram with a sigmoid and three windows', '05-projection/mg-ms-pl/GH133.dcm', { deviation: 20, distinct: 200 }],
  ['a chest whose pixel spacing is 0', '05-projection/cr/RG1_J2KI.dcm', { deviation: 20, distinct: 100 }],
  ['a colour ultrasound with chroma at half the width', '06-ultrasound/US-YBR_FULL_422-EVRLE.dcm', { deviation: 10, distinct: 100 }],
  ['a colour ultrasound by a palette, run-length coded', '06-ultrasound/OBXXXX1A_rle_2frame.dcm', { deviation: 10, distinct: 100 }],
  ['a segment of one bit a pixel', '08-seg/highdicom/seg_image_ct_binary.dcm', { deviation: 5, distinct: 2 }],
];

for (const [what, path, least] of HARD) {
  test(`${what} is drawn`, { skip }, async () => {
    const picture = await drawn(await numberOf(await stow([await readFile(new URL(path, shared))])));
    await stage.picture(page, `codecs/${path.replaceAll('/', '-')}`);
    assert.ok(picture.deviation >= least.deviation && picture.distinct >= least.distinct, JSON.stringify(picture));
    assert.equal(await page.locator('.pane .message').count(), 0);
  });
}

stage.lastly();
