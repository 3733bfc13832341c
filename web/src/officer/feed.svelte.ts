/** The ledger as the officer's page follows it: the newest entries, more on demand, new ones every two seconds. */

import type { EntryPage, NumberedEntry } from '../api/entries.ts';
import { get } from '../api/http.ts';

export const PAGE_ENTRIES = 200;
export const FOLLOW_EVERY_MS = 2_000;
const BATCH_MAX = 500;

export class Feed {
  /** Ascending by number, without gaps. */
  entries = $state.raw<NumberedEntry[]>([]);
  size = $state(0);
  answered = $state(false);
  error = $state<unknown>(null);
  busy = $state(false);

  async begin(): Promise<void> {
    this.error = null;
    this.busy = true;
    try {
      const { size } = await this.#page(0, 1);
      const from = Math.max(0, size - PAGE_ENTRIES);
      const page = await this.#page(from, BATCH_MAX);
      this.entries = page.entries;
      this.size = page.size;
      this.answered = true;
    } catch (error) {
      this.error = error;
    } finally {
      this.busy = false;
    }
  }

  /** Takes what came since. */
  async follow(): Promise<void> {
    if (this.busy || !this.answered) return;
    this.busy = true;
    try {
      const next = (this.entries.at(-1)?.number ?? -1) + 1;
      const page = await this.#page(next, BATCH_MAX);
      this.size = page.size;
      if (page.entries.length > 0) this.entries = [...this.entries, ...page.entries];
      this.error = null;
    } catch (error) {
      this.error = error;
    } finally {
      this.busy = false;
    }
  }

  get earliest(): number {
    return this.entries[0]?.number ?? 0;
  }

  async earlier(): Promise<void> {
    const { earliest } = this;
    if (earliest === 0) return;
    try {
      const from = Math.max(0, earliest - PAGE_ENTRIES);
      const page = await this.#page(from, earliest - from);
      this.entries = [...page.entries.filter((entry) => entry.number < earliest), ...this.entries];
    } catch (error) {
      this.error = error;
    }
  }

  #page(from: number, limit: number): Promise<EntryPage> {
    return get<EntryPage>(`/api/ledger/entries?from=${from}&limit=${limit}`);
  }
}
