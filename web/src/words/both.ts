/**
 * Two languages side by side. Each page keeps its own words next to itself, so that they load with it; the compiler
 * refuses a German table that lacks a line of the English one.
 */

import { preferences } from '../app/preferences.svelte.ts';

/** Gives the words in the language of the moment; markup that calls it follows a change of language. */
export function both<T>(en: T, de: NoInfer<T>): () => T {
  return () => (preferences.language === 'de' ? de : en);
}
