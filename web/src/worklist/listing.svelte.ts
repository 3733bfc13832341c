/**
 * The list behind the worklist: pages of rows, fetched as the reader comes near them. A new search or order aborts
 * what was asked before; rows that are shown never move by themselves.
 */

import { get } from '../api/http.ts';
import type { Order, StudyPage, StudyRow } from '../api/types.ts';
import { remember } from '../study/known.ts';

export const PAGE_ROWS = 200;
/** A search names fewer people at a time: each row is somebody's name that was read. */
const SEARCH_ROWS = 25;
/** How many of the newest rows a look for arrivals asks for. */
const ARRIVAL_ROWS = 50;

export class Listing {
  words = $state('');
  order = $state<Order>('newest-first');
  rows = $state.raw<StudyRow[]>([]);
  more = $state(false);
  busy = $state(false);
  /** Whether the first answer to the present question is there. */
  answered = $state(false);
  error = $state<unknown>(null);
  arrivals = $state(0);
  /** The selected row; -1 for none. Kept here so that coming back from a study finds it again. */
  selected = $state(-1);
  scrollTop = 0;
  #asking: AbortController | null = null;

  /** Rows of one page. */
  get pageRows(): number {
    return this.words.trim() ? SEARCH_ROWS : PAGE_ROWS;
  }

  /** Asks anew from the top. Old rows stay on the screen until the answer is there. */
  async ask(): Promise<void> {
    this.#asking?.abort();
    const asking = new AbortController();
    this.#asking = asking;
    this.busy = true;
    this.error = null;
    try {
      const page = await this.#page(0, this.pageRows, asking.signal);
      if (asking.signal.aborted) return;
      this.rows = page.studies;
      this.more = page.more;
      this.arrivals = 0;
      this.selected = -1;
      this.scrollTop = 0;
      this.answered = true;
    } catch (error) {
      if (!asking.signal.aborted) this.error = error;
    } finally {
      if (this.#asking === asking) this.busy = false;
    }
  }

  /** Appends the next page. */
  async extend(): Promise<void> {
    if (this.busy || !this.more || this.error) return;
    const asking = (this.#asking ??= new AbortController());
    this.busy = true;
    try {
      const page = await this.#page(this.rows.length, this.pageRows, asking.signal);
      if (asking.signal.aborted) return;
      // a study that arrived meanwhile moves the pages by one: no row may stand twice
      const there = new Set(this.rows.map((row) => row.number));
      this.rows = [...this.rows, ...page.studies.filter((row) => !there.has(row.number))];
      this.more = page.more;
    } catch (error) {
      if (!asking.signal.aborted) this.error = error;
    } finally {
      if (this.#asking === asking) this.busy = false;
    }
  }

  /** Counts what has arrived since, without touching what is shown. */
  async look(): Promise<void> {
    if (this.order !== 'newest-first' || this.busy || !this.answered || this.error) return;
    const { words } = this;
    try {
      const page = await this.#page(0, ARRIVAL_ROWS, undefined, true);
      if (words !== this.words) return;
      const there = new Set(this.rows.map((row) => row.number));
      this.arrivals = page.studies.filter((row) => !there.has(row.number)).length;
    } catch {
      // the next look tries again; the list itself says when something is wrong
    }
  }

  async #page(offset: number, limit: number, signal?: AbortSignal, atOnce = false): Promise<StudyPage> {
    const query = new URLSearchParams({ words: this.words.trim(), order: this.order, offset: String(offset), limit: String(limit) });
    const page = await get<StudyPage>(`/api/studies?${query}`, { ...(signal ? { signal } : {}), atOnce });
    remember(page.studies);
    return page;
  }
}

export const listing = new Listing();
