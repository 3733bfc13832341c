/**
 * Uncompressed frames in two forms that the engine takes for others: one bit a pixel (PS3.5 section 8.1.1, segments
 * and old scans), and chroma at half the width (YBR_FULL_422, PS3.3 C.7.6.3.1.2). Each becomes bytes that it draws,
 * and the description beside it says so. Pure but for that description.
 */

import { number, text, type Dataset } from './instances.ts';

const UNCOMPRESSED = new Set(['1.2.840.10008.1.2', '1.2.840.10008.1.2.1', '1.2.840.10008.1.2.1.99', '1.2.840.10008.1.2.2']);

type Form = 'bits' | 'half-chroma' | 'plain';

/** What each data set said of its pixels before it was changed here. */
const forms = new WeakMap<Dataset, Form>();

/** The frame as the engine draws it. Throws where its pixels cannot be told apart. */
export function drawable(bytes: Uint8Array<ArrayBuffer>, dataset: Dataset, transferSyntax: string): Uint8Array<ArrayBuffer> {
  if (!UNCOMPRESSED.has(transferSyntax)) return bytes;
  const form = forms.get(dataset) ?? formOf(dataset);
  forms.set(dataset, form);
  if (form === 'plain') return bytes;
  const pixels = (number(dataset, '00280010') ?? 0) * (number(dataset, '00280011') ?? 0);
  if (form === 'bits') {
    // frames that do not end with a byte share one with the next (PS3.5 section 8.1.1)
    if (bytes.length * 8 < pixels || (pixels % 8 !== 0 && (number(dataset, '00280008') ?? 1) > 1)) throw new Error('bits that belong to no frame');
    say(dataset, { '00280100': 8, '00280101': 8, '00280102': 7 });
    return Uint8Array.from({ length: pixels }, (_, at) => ((bytes[at >> 3] ?? 0) >> (at & 7)) & 1);
  }
  if (bytes.length < pixels * 2) throw new Error('less chroma than the image has');
  say(dataset, { '00280004': 'YBR_FULL' });
  return fullChroma(bytes, pixels);
}

function formOf(dataset: Dataset): Form {
  if (number(dataset, '00280100') === 1) return 'bits';
  return text(dataset, '00280004') === 'YBR_FULL_422' && number(dataset, '00280100') === 8 ? 'half-chroma' : 'plain';
}

function say(dataset: Dataset, values: Record<string, number | string>): void {
  for (const [tag, value] of Object.entries(values)) dataset[tag] = { ...dataset[tag], Value: [value] };
}

/** Y1 Y2 CB CR to Y1 CB CR, Y2 CB CR. */
function fullChroma(bytes: Uint8Array, pixels: number): Uint8Array<ArrayBuffer> {
  const full = new Uint8Array(pixels * 3);
  for (let pair = 0; pair < pixels >> 1; pair += 1) {
    const [from, to] = [pair * 4, pair * 6];
    full[to] = bytes[from] ?? 0;
    full[to + 3] = bytes[from + 1] ?? 0;
    full[to + 1] = full[to + 4] = bytes[from + 2] ?? 0;
    full[to + 2] = full[to + 5] = bytes[from + 3] ?? 0;
  }
  return full;
}
