import assert from 'node:assert/strict';
import { test } from 'node:test';
import { imagesOf, type Dataset } from '../src/viewer/instances.ts';
import { drawable } from '../src/viewer/uncompressed.ts';

const EXPLICIT = '1.2.840.10008.1.2.1';
const said = (values: Record<string, unknown>): Dataset => Object.fromEntries(Object.entries(values).map(([tag, value]) => [tag, { Value: [value] }]));
const bytes = (...values: number[]): Uint8Array<ArrayBuffer> => Uint8Array.from(values);

test('one bit a pixel becomes a byte a pixel, the lowest bit first', () => {
  const dataset = said({ '00280010': 2, '00280011': 8, '00280100': 1, '00280101': 1, '00280004': 'MONOCHROME2' });
  assert.deepEqual([...drawable(bytes(0b0000_0011, 0b1000_0000), dataset, EXPLICIT)], [1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
  assert.deepEqual(dataset['00280100']?.Value, [8]);
  // the next frame is read as the first was, though the data set says 8 now
  assert.equal(drawable(bytes(0xff, 0xff), dataset, EXPLICIT).length, 16);
});

test('frames of bits that share a byte are refused, one such frame is not', () => {
  const bits = (frames: number): Dataset => said({ '00280010': 3, '00280011': 3, '00280100': 1, '00280008': frames });
  assert.throws(() => drawable(bytes(1, 1), bits(2), EXPLICIT));
  assert.equal(drawable(bytes(1, 1), bits(1), EXPLICIT).length, 9);
  assert.throws(() => drawable(bytes(1), bits(1), EXPLICIT));
});

test('chroma at half the width becomes chroma for every pixel', () => {
  const dataset = said({ '00280010': 1, '00280011': 4, '00280100': 8, '00280004': 'YBR_FULL_422' });
  assert.deepEqual([...drawable(bytes(10, 20, 30, 40, 50, 60, 70, 80), dataset, EXPLICIT)], [10, 30, 40, 20, 30, 40, 50, 70, 80, 60, 70, 80]);
  assert.deepEqual(dataset['00280004']?.Value, ['YBR_FULL']);
  assert.throws(() => drawable(bytes(1, 2, 3), dataset, EXPLICIT));
});

test('compressed frames and ordinary ones are left as they are', () => {
  const frame = bytes(1, 2, 3, 4);
  const dataset = said({ '00280010': 1, '00280011': 4, '00280100': 8, '00280004': 'YBR_FULL_422' });
  assert.equal(drawable(frame, dataset, '1.2.840.10008.1.2.4.50'), frame);
  assert.deepEqual(dataset['00280004']?.Value, ['YBR_FULL_422']);
  assert.equal(drawable(frame, said({ '00280100': 8, '00280004': 'MONOCHROME2' }), EXPLICIT), frame);
});

test('a spacing of nothing is no spacing', () => {
  const of = (spacing: number[]): Dataset => ({ '00080018': { Value: ['1.2.3'] }, '00280010': { Value: [1] }, '00280011': { Value: [1] }, '00280030': { Value: spacing } });
  assert.equal(imagesOf('1.2', '1.3', [of([0, 0])])[0]?.dataset['00280030'], undefined);
  assert.deepEqual(imagesOf('1.2', '1.3', [of([0.5, 0.5])])[0]?.dataset['00280030']?.Value, [0.5, 0.5]);
});
