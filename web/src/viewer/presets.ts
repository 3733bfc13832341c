/** Window presets on the keys 1 to 9, by modality. Pure. */

export interface Window {
  centre: number;
  width: number;
}

export type PresetName =
  | 'lung' | 'bone' | 'brain' | 'softTissue' | 'liver' | 'mediastinum' | 'subdural' | 'stroke' | 'vessels'
  | 'asStored' | 'fullRange' | 'softer' | 'harder' | 'brighter' | 'darker';

export interface Preset {
  name: PresetName;
  /** The window, from the one that the image brings and the range of its values. */
  window: (stored: Window, range: { least: number; most: number }) => Window;
}

const fixed = (name: PresetName, centre: number, width: number): Preset => ({ name, window: () => ({ centre, width }) });

/** Hounsfield units. */
const CT: readonly Preset[] = [
  fixed('lung', -600, 1_500),
  fixed('bone', 480, 2_500),
  fixed('brain', 40, 80),
  fixed('softTissue', 50, 400),
  fixed('liver', 80, 150),
  fixed('mediastinum', 50, 350),
  fixed('subdural', 75, 215),
  fixed('stroke', 35, 30),
  fixed('vessels', 300, 600),
];

/** For values without a unit: relative to what the image brings. */
const RELATIVE: readonly Preset[] = [
  { name: 'asStored', window: (stored) => stored },
  { name: 'fullRange', window: (_, { least, most }) => ({ centre: (least + most) / 2, width: Math.max(1, most - least) }) },
  { name: 'softer', window: ({ centre, width }) => ({ centre, width: width * 1.6 }) },
  { name: 'harder', window: ({ centre, width }) => ({ centre, width: Math.max(1, width * 0.6) }) },
  { name: 'brighter', window: ({ centre, width }) => ({ centre: centre - width * 0.2, width }) },
  { name: 'darker', window: ({ centre, width }) => ({ centre: centre + width * 0.2, width }) },
];

export function presetsOf(modality: string): readonly Preset[] {
  return modality === 'CT' ? CT : RELATIVE;
}

/** Centre and width as a range of values (PS3.3 C.11.2.1.2.1, LINEAR). */
export function rangeOf({ centre, width }: Window): { lower: number; upper: number } {
  const wide = Math.max(1, width);
  return { lower: centre - 0.5 - (wide - 1) / 2, upper: centre - 0.5 + (wide - 1) / 2 };
}

/** The inverse of `rangeOf`. */
export function windowOf({ lower, upper }: { lower: number; upper: number }): Window {
  return { centre: (lower + upper) / 2 + 0.5, width: upper - lower + 1 };
}

/** A window after a drag: to the right widens, downwards brings the centre up, in proportion to the present width. */
export function dragged({ centre, width }: Window, dx: number, dy: number): Window {
  const speed = Math.max(0.05, width / 400);
  return { centre: centre + dy * speed, width: Math.max(1, width + dx * speed) };
}
