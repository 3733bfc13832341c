/**
 * Palette tables (PS3.3 C.7.9) as the decoder wants them. The metadata brings them as bytes, inline or by address;
 * the decoder reads numbers.
 */

import { fetchBytes } from '../api/http.ts';
import { number, numbers, tableOf, text, type Dataset } from './instances.ts';

const TABLES = ['00281201', '00281202', '00281203'] as const;
const DESCRIPTORS = ['00281101', '00281102', '00281103'] as const;
const ready = new WeakMap<Dataset, Promise<void>>();

/** Completes the tables of a palette image in place; other images are left alone. */
export function completePalette(dataset: Dataset, signal: AbortSignal): Promise<void> {
  if (text(dataset, '00280004') !== 'PALETTE COLOR') return Promise.resolve();
  let completing = ready.get(dataset);
  if (!completing) {
    completing = complete(dataset, signal);
    ready.set(dataset, completing);
    completing.catch(() => ready.delete(dataset));
  }
  return completing;
}

async function complete(dataset: Dataset, signal: AbortSignal): Promise<void> {
  for (const [index, tag] of TABLES.entries()) {
    const element = dataset[tag];
    if (!element) throw new Error('a palette image without its tables');
    if (numbers(dataset, tag).length > 1) continue;
    const entries = number(dataset, DESCRIPTORS[index] ?? '', 0) || 65_536;
    element.Value = tableOf(await bytesOf(element, signal), entries);
  }
}

async function bytesOf(element: NonNullable<Dataset[string]>, signal: AbortSignal): Promise<Uint8Array> {
  if (element.InlineBinary) return Uint8Array.from(atob(element.InlineBinary), (character) => character.charCodeAt(0));
  if (!element.BulkDataURI) throw new Error('a palette table without values');
  const { pathname } = new URL(element.BulkDataURI, location.origin);
  const response = await fetchBytes(pathname, { accept: 'application/octet-stream', signal });
  return new Uint8Array(await response.arrayBuffer());
}
