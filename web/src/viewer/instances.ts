/** From a series' metadata (DICOM JSON, PS3.18 Annex F) to the images of a stack, in the order to scroll. Pure. */

export interface Dataset {
  [tag: string]: { vr?: string; Value?: unknown[]; InlineBinary?: string; BulkDataURI?: string } | undefined;
}

export type Vector = readonly [number, number, number];

/** One picture: an instance, or a frame of one. */
export interface ImageRef {
  /** Where the frame is. */
  path: string;
  /** Frame number, from 1. */
  frame: number;
  frames: number;
  dataset: Dataset;
  sopInstanceUid: string;
  instanceNumber: number | null;
  /** Millimetres along the stack's normal; `null` where the data set does not say. */
  position: number | null;
  normal: Vector | null;
}

export function text(dataset: Dataset, tag: string): string {
  const value = dataset[tag]?.Value?.[0];
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '';
}

export function number(dataset: Dataset, tag: string, index = 0): number | null {
  const value = dataset[tag]?.Value?.[index];
  if (value === undefined || value === null || value === '') return null;
  const read = Number(value);
  return Number.isFinite(read) ? read : null;
}

export function numbers(dataset: Dataset, tag: string): number[] {
  const values = dataset[tag]?.Value?.map(Number) ?? [];
  return values.every(Number.isFinite) ? values : [];
}

/** The images of a series; data sets without pixels (reports, states) give none. */
export function imagesOf(study: string, series: string, datasets: readonly Dataset[]): ImageRef[] {
  const images = datasets
    .filter((dataset) => number(dataset, '00280010') !== null && number(dataset, '00280011') !== null)
    .map(withUsableSpacing)
    .flatMap((dataset) => framesOf(study, series, dataset));
  return inOrder(images);
}

/** A spacing of nothing (some scanners of films write 0) is no spacing: nothing can be measured or placed by it. */
function withUsableSpacing(dataset: Dataset): Dataset {
  const usable = (tag: string): boolean => !dataset[tag] || (numbers(dataset, tag).length > 0 && numbers(dataset, tag).every((value) => value > 0));
  const wrong = ['00280030', '00181164'].filter((tag) => !usable(tag));
  return wrong.length === 0 ? dataset : { ...dataset, ...Object.fromEntries(wrong.map((tag) => [tag, undefined])) };
}

function framesOf(study: string, series: string, dataset: Dataset): ImageRef[] {
  const uid = text(dataset, '00080018');
  if (!/^[\d.]{1,64}$/.test(uid)) return [];
  const frames = Math.max(1, Math.floor(number(dataset, '00280008') ?? 1));
  return Array.from({ length: frames }, (_, index) => {
    const place = placeOf(dataset, index);
    return {
      path: `/dicom-web/studies/${study}/series/${series}/instances/${uid}/frames/${index + 1}`,
      frame: index + 1,
      frames,
      dataset,
      sopInstanceUid: uid,
      instanceNumber: number(dataset, '00200013'),
      ...place,
    };
  });
}

/** Image Position and Orientation (Patient), from the data set or from its functional groups (PS3.3 C.7.6.16.2). */
function placeOf(dataset: Dataset, frame: number): { position: number | null; normal: Vector | null } {
  const perFrame = dataset['52009230']?.Value?.[frame] as Dataset | undefined;
  const shared = dataset['52009229']?.Value?.[0] as Dataset | undefined;
  const from = (sequence: string, tag: string): number[] => {
    for (const group of [perFrame, shared]) {
      const item = group?.[sequence]?.Value?.[0] as Dataset | undefined;
      if (item?.[tag]) return numbers(item, tag);
    }
    return numbers(dataset, tag);
  };
  const orientation = from('00209116', '00200037');
  const position = from('00209113', '00200032');
  if (orientation.length !== 6 || position.length !== 3) return { position: null, normal: null };
  const normal = cross(orientation.slice(0, 3) as unknown as Vector, orientation.slice(3, 6) as unknown as Vector);
  return { position: dot(normal, position as unknown as Vector), normal };
}

/**
 * By position where every image has its own place on one line, running as the instance numbers run; by instance
 * number (then frame) otherwise: time series, localisers, projections.
 */
function inOrder(images: ImageRef[]): ImageRef[] {
  const byNumber = images.toSorted((one, other) => (one.instanceNumber ?? 0) - (other.instanceNumber ?? 0) || one.frame - other.frame);
  const first = byNumber[0]?.normal;
  const parallel = first && byNumber.every(({ normal }) => normal && Math.abs(dot(first, normal)) > 0.999);
  const places = new Set(byNumber.map(({ position }) => position?.toFixed(3)));
  if (!parallel || places.size !== byNumber.length || byNumber.length < 2) return byNumber;
  const ascending = byNumber.toSorted((one, other) => (one.position ?? 0) - (other.position ?? 0));
  const runsUp = (byNumber.at(-1)?.position ?? 0) >= (byNumber[0]?.position ?? 0);
  return runsUp ? ascending : ascending.toReversed();
}

export function dot(one: Vector, other: Vector): number {
  return one[0] * other[0] + one[1] * other[1] + one[2] * other[2];
}

export function cross(one: Vector, other: Vector): Vector {
  return [one[1] * other[2] - one[2] * other[1], one[2] * other[0] - one[0] * other[2], one[0] * other[1] - one[1] * other[0]];
}

/** Frames per second that the maker meant: Recommended Display Frame Rate, Frame Time, Cine Rate (PS3.3 C.7.6.5). */
export function cineRate(dataset: Dataset, frames: number): number {
  const named = number(dataset, '00082144') ?? number(dataset, '00180040');
  const time = number(dataset, '00181063');
  const rate = named ?? (time ? 1_000 / time : frames > 1 ? 24 : 10);
  return Math.min(60, Math.max(1, Math.round(rate)));
}

/** Index of the slice nearest to a position in millimetres. */
export function nearest(images: readonly ImageRef[], position: number): number {
  let best = 0;
  let least = Infinity;
  images.forEach((image, index) => {
    const distance = Math.abs((image.position ?? Infinity) - position);
    if (distance < least) {
      best = index;
      least = distance;
    }
  });
  return best;
}

/** Numbers of a palette table (PS3.3 C.7.6.3.1.6): one byte or two, little endian, as the length says. */
export function tableOf(bytes: Uint8Array, entries: number): number[] {
  if (bytes.length < entries * 2) return Array.from(bytes.subarray(0, entries));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: entries }, (_, index) => view.getUint16(index * 2, true));
}
