/** What one address of the front answers: a page shows it, asks for it anew after a change, or looks again every few seconds. */

import { get } from '../api/http.ts';
import { idle } from './idle.svelte.ts';

export class Loaded<T> {
  value = $state.raw<T | null>(null);
  error = $state<unknown>(null);
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  load = async (): Promise<void> => {
    try {
      this.value = await get<T>(this.#path);
      this.error = null;
    } catch (problem) {
      this.error = problem;
    }
  };

  /** Loads now, and again every so often while somebody looks and `busy` says nothing else. For onMount: gives what ends it. */
  watch(everyMs: number, busy: () => boolean): () => void {
    void this.load();
    const timer = setInterval(() => {
      if (!document.hidden && !idle.covered && !busy()) void this.load();
    }, everyMs);
    return () => clearInterval(timer);
  }
}
