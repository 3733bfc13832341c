/** Letters at the edges, the scale bar, lengths. Pure. */

import type { Vector } from './instances.ts';

/** A second letter stands when its part of the direction is at least this much (about 20 degrees). */
const SECOND_LETTER_FROM = 0.34;

/** `L`, or `LP` where oblique: the patient's left, posterior, head and so on (PS3.3 C.7.6.2.1.1). */
export function letters(direction: Vector): string {
  const length = Math.hypot(...direction);
  if (!(length > 0)) return '';
  const parts = ([['R', 'L'], ['A', 'P'], ['F', 'H']] as const)
    .map(([negative, positive], axis) => {
      const part = (direction[axis] ?? 0) / length;
      return { letter: part < 0 ? negative : positive, size: Math.abs(part) };
    })
    .toSorted((one, other) => other.size - one.size);
  return parts.filter(({ size }, index) => index === 0 || (index === 1 && size >= SECOND_LETTER_FROM)).map(({ letter }) => letter).join('');
}

/** The letters for the other side. */
export function opposite(sides: string): string {
  const pairs: Record<string, string> = { R: 'L', L: 'R', A: 'P', P: 'A', F: 'H', H: 'F' };
  return [...sides].map((letter) => pairs[letter] ?? '').join('');
}

/** The longest round length (1, 2 or 5 times a power of ten, in millimetres) that fits into `room` pixels. */
export function scaleBar(millimetresPerPixel: number, room: number): { millimetres: number; pixels: number } | null {
  const most = millimetresPerPixel * room;
  if (!(most > 0) || !Number.isFinite(most)) return null;
  const power = 10 ** Math.floor(Math.log10(most));
  const millimetres = [5, 2, 1].map((factor) => factor * power).find((length) => length <= most) ?? power;
  return { millimetres, pixels: millimetres / millimetresPerPixel };
}

/** `5 cm`, `20 mm`, `0.5 mm`. */
export function lengthWords(millimetres: number): string {
  return millimetres >= 10 && millimetres % 10 === 0 ? `${millimetres / 10} cm` : `${millimetres} mm`;
}
