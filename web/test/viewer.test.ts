import assert from 'node:assert/strict';
import { test } from 'node:test';
import { firstPart, parameter } from '../src/viewer/frames.ts';
import { letters, lengthWords, opposite, scaleBar } from '../src/viewer/geometry.ts';
import { cineRate, imagesOf, nearest, tableOf, type Dataset } from '../src/viewer/instances.ts';
import { commandOf } from '../src/viewer/keys.ts';
import { dragged, presetsOf, rangeOf, windowOf } from '../src/viewer/presets.ts';

const latin = (text: string): Uint8Array<ArrayBuffer> => Uint8Array.from(text, (character) => character.charCodeAt(0));
const body = (part: string, head = 'Content-Type: application/octet-stream; transfer-syntax=1.2.3'): Uint8Array<ArrayBuffer> =>
  latin(`--edge\r\n${head}\r\n\r\n${part}\r\n--edge--\r\n`);
const multipart = 'multipart/related; type="application/octet-stream"; boundary=edge';

test('a frame comes out of its multipart answer as it went in', () => {
  const pixels = '\x00\xff\r\n--edg\r\n\r\n-';
  const part = firstPart(body(pixels), multipart);
  assert.equal(String.fromCharCode(...(part?.bytes ?? [])), pixels);
  assert.equal(part?.transferSyntax, '1.2.3');
});

test('a boundary in quotes and a part header in other letters are read', () => {
  const part = firstPart(body('x', 'content-TYPE: image/jls; transfer-syntax="1.2.4"'), 'Multipart/Related; boundary="edge"');
  assert.deepEqual([part?.transferSyntax, part?.bytes.length], ['1.2.4', 1]);
});

test('an answer that is no multipart is the frame itself', () => {
  assert.deepEqual(firstPart(latin('ab'), 'application/octet-stream; transfer-syntax=1.2.5')?.transferSyntax, '1.2.5');
});

test('a multipart answer that is cut off is refused', () => {
  for (const broken of ['', '--edge', '--edge\r\nContent-Type: x/y\r\n', '--edge\r\nContent-Type: x/y\r\n\r\nhalf a frame', '--other\r\n\r\n\r\nx\r\n--other--']) {
    assert.equal(firstPart(latin(broken), multipart), null, JSON.stringify(broken));
  }
});

test('a part header without an end is not searched for in megabytes of pixels', () => {
  assert.equal(firstPart(latin(`--edge\r\nX: ${'y'.repeat(10_000)}\r\n\r\nz\r\n--edge--`), multipart), null);
});

test('parameters of a media type are found by their whole name', () => {
  assert.equal(parameter('a/b; xboundary=1; boundary=2', 'boundary'), '2');
  assert.equal(parameter('a/b', 'boundary'), null);
});

const slice = (instance: number, z: number, more: Dataset = {}): Dataset => ({
  '00080018': { Value: [`1.2.${instance}`] },
  '00200013': { Value: [instance] },
  '00280010': { Value: [4] },
  '00280011': { Value: [4] },
  '00200032': { Value: [0, 0, z] },
  '00200037': { Value: [1, 0, 0, 0, 1, 0] },
  ...more,
});
const order = (datasets: Dataset[]): (number | null)[] => imagesOf('1', '2', datasets).map(({ instanceNumber }) => instanceNumber);

test('slices scroll by place, in the direction in which they were numbered', () => {
  assert.deepEqual(order([slice(3, 10), slice(1, 30), slice(2, 20)]), [1, 2, 3]);
  assert.deepEqual(order([slice(2, -5), slice(4, 9), slice(1, -9), slice(3, 3)]), [1, 2, 3, 4]);
  assert.deepEqual(order([slice(1, 0), slice(9, 5), slice(5, 10), slice(10, 15)]), [1, 9, 5, 10]);
});

test('slices at one place, as in time series, scroll by number', () => {
  assert.deepEqual(order([slice(3, 0), slice(1, 0), slice(2, 5)]), [1, 2, 3]);
});

test('slices that are not parallel scroll by number', () => {
  assert.deepEqual(order([slice(2, 0, { '00200037': { Value: [0, 1, 0, 0, 0, 1] } }), slice(1, 10)]), [1, 2]);
});

test('data sets without pixels or with a UID out of shape give no image', () => {
  assert.equal(imagesOf('1', '2', [{ '00080018': { Value: ['1.2'] } }, slice(1, 0, { '00080018': { Value: ['../x'] } })]).length, 0);
});

test('every frame is an image with its own address', () => {
  const images = imagesOf('1', '2', [slice(1, 0, { '00280008': { Value: [3] } })]);
  assert.deepEqual(images.map(({ path }) => path.split('/').slice(-2).join('/')), ['frames/1', 'frames/2', 'frames/3']);
});

test('enhanced images take each frame’s place from its functional group', () => {
  const frame = (z: number): Dataset => ({ '00209113': { Value: [{ '00200032': { Value: [0, 0, z] } }] } });
  const enhanced: Dataset = {
    '00080018': { Value: ['1.2.3'] }, '00280008': { Value: [2] }, '00280010': { Value: [4] }, '00280011': { Value: [4] },
    '52009229': { Value: [{ '00209116': { Value: [{ '00200037': { Value: [1, 0, 0, 0, 1, 0] } }] } }] },
    '52009230': { Value: [frame(7), frame(9)] },
  };
  assert.deepEqual(imagesOf('1', '2', [enhanced]).map(({ position }) => position), [7, 9]);
});

test('the nearest slice is found by millimetres', () => {
  const images = imagesOf('1', '2', [slice(1, 0), slice(2, 5), slice(3, 10)]);
  assert.deepEqual([nearest(images, -100), nearest(images, 6), nearest(images, 99)], [0, 1, 2]);
});

test('the film runs as its maker meant', () => {
  assert.equal(cineRate({ '00181063': { Value: [40] } }, 20), 25);
  assert.equal(cineRate({ '00082144': { Value: [12] }, '00181063': { Value: [40] } }, 20), 12);
  assert.equal(cineRate({ '00181063': { Value: [0.001] } }, 20), 60);
  assert.equal(cineRate({}, 1), 10);
});

test('palette tables of one and of two bytes are read', () => {
  assert.deepEqual(tableOf(Uint8Array.of(1, 2, 3), 3), [1, 2, 3]);
  assert.deepEqual(tableOf(Uint8Array.of(0, 1, 255, 255), 2), [256, 65_535]);
});

test('letters name the side, and a second where the image lies oblique', () => {
  assert.equal(letters([1, 0, 0]), 'L');
  assert.equal(letters([-1, 0.1, 0]), 'R');
  assert.equal(letters([0, 0, 2]), 'H');
  assert.equal(letters([0.9, 0.45, 0]), 'LP');
  assert.equal(letters([0, 0, 0]), '');
  assert.equal(opposite('LPH'), 'RAF');
});

test('the scale bar is the longest round length that fits', () => {
  assert.deepEqual(scaleBar(0.5, 250), { millimetres: 100, pixels: 200 });
  assert.deepEqual(scaleBar(1, 60), { millimetres: 50, pixels: 50 });
  assert.equal(scaleBar(0, 100), null);
  assert.equal(scaleBar(Number.NaN, 100), null);
  assert.equal(lengthWords(50), '5 cm');
  assert.equal(lengthWords(5), '5 mm');
});

test('a window and its range are two forms of one thing', () => {
  for (const window of [{ centre: 40, width: 80 }, { centre: -600, width: 1_500 }]) assert.deepEqual(windowOf(rangeOf(window)), window);
  assert.ok(rangeOf({ centre: 0, width: 0 }).lower <= rangeOf({ centre: 0, width: 0 }).upper);
});

test('no drag makes a window narrower than one', () => {
  assert.equal(dragged({ centre: 0, width: 2 }, -1_000_000, 0).width, 1);
});

test('CT has nine presets, the others relative ones', () => {
  assert.equal(presetsOf('CT').length, 9);
  assert.deepEqual(presetsOf('MR')[1]?.window({ centre: 0, width: 1 }, { least: 10, most: 30 }), { centre: 20, width: 20 });
});

test('keys do what the help says, and letters can be turned off', () => {
  assert.deepEqual(commandOf('3', true), { do: 'preset', key: 3 });
  assert.deepEqual(commandOf('R', true), { do: 'reset' });
  assert.deepEqual(commandOf('ArrowDown', false), { do: 'step', by: 1 });
  assert.equal(commandOf('r', false), null);
  assert.equal(commandOf('0', true), null);
  assert.equal(commandOf('constructor', true), null);
});
