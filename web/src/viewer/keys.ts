/** What a key does in the viewer. Pure: the page carries it out. */

import type { Tool } from './stack.svelte.ts';

export type Command =
  | { do: 'preset'; key: number }
  | { do: 'step'; by: number }
  | { do: 'first' | 'last' | 'cine' | 'reset' | 'invert' | 'flipH' | 'flipV' | 'overlays' | 'two' | 'other' | 'link' | 'help' }
  | { do: 'series' | 'study' | 'speed'; by: 1 | -1 }
  | { do: 'tool'; tool: Tool };

const LETTERS = new Map<string, Command>(Object.entries({
  r: { do: 'reset' },
  i: { do: 'invert' },
  h: { do: 'flipH' },
  v: { do: 'flipV' },
  o: { do: 'overlays' },
  t: { do: 'two' },
  x: { do: 'other' },
  l: { do: 'link' },
  w: { do: 'tool', tool: 'window' },
  p: { do: 'tool', tool: 'pan' },
  z: { do: 'tool', tool: 'zoom' },
  s: { do: 'tool', tool: 'scroll' },
  m: { do: 'tool', tool: 'measure' },
  '?': { do: 'help' },
  ' ': { do: 'cine' },
  // older first: a study's neighbours in time
  '[': { do: 'study', by: 1 },
  ']': { do: 'study', by: -1 },
  ',': { do: 'speed', by: -1 },
  '.': { do: 'speed', by: 1 },
} satisfies Record<string, Command>));

const NAMED = new Map<string, Command>(Object.entries({
  ArrowUp: { do: 'step', by: -1 },
  ArrowLeft: { do: 'step', by: -1 },
  ArrowDown: { do: 'step', by: 1 },
  ArrowRight: { do: 'step', by: 1 },
  Home: { do: 'first' },
  End: { do: 'last' },
  PageUp: { do: 'series', by: -1 },
  PageDown: { do: 'series', by: 1 },
} satisfies Record<string, Command>));

/** The command of a key press, or `null`. `singleKeys` turns letters, digits and signs off (WCAG 2.1.4). */
export function commandOf(key: string, singleKeys: boolean): Command | null {
  const named = NAMED.get(key);
  if (named) return named;
  if (!singleKeys) return null;
  if (/^[1-9]$/.test(key)) return { do: 'preset', key: Number(key) };
  return LETTERS.get(key.toLowerCase()) ?? null;
}
