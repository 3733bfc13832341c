/** How much waits for whoever is signed in: uses of break-glass to review, changes to approve, cold studies that are asked for. Asked now and then, also from other pages. */

import type { ColdOverview } from '../api/cold.ts';
import type { BreakGlassUses, Proposals } from '../api/deciding.ts';
import { get } from '../api/http.ts';
import type { Me } from '../api/types.ts';
import { idle } from './idle.svelte.ts';
import type { Page } from './pages.ts';
import { mayOpen, pages } from './pages.ts';

const LOOK_EVERY_MS = 15_000;

class Waiting {
  #counts = $state<Partial<Record<Page['name'], number>>>({});

  of(name: Page['name']): number {
    return this.#counts[name] ?? 0;
  }

  /** Looks until the answer is called. */
  watch(me: Me): () => void {
    const opens = (name: Page['name']): boolean => pages.some((page) => page.name === name && mayOpen(page, me.role));
    const look = async (): Promise<void> => {
      if (document.hidden || idle.covered) return;
      try {
        const counts: Partial<Record<Page['name'], number>> = {};
        if (opens('emergencies')) counts.emergencies = (await get<BreakGlassUses>('/api/break-glass', { atOnce: true })).rows.filter((row) => row.review === null).length;
        if (opens('approvals')) counts.approvals = (await get<Proposals>('/api/approvals?open=true', { atOnce: true })).rows.filter((row) => row.may_approve).length;
        if (opens('cold')) counts.cold = (await get<ColdOverview>('/api/cold', { atOnce: true })).requests.filter((row) => row.may_decide).length;
        this.#counts = counts;
      } catch {
        // the next look tries again; the pages themselves say when something is wrong
      }
    };
    if (!opens('emergencies') && !opens('approvals')) return () => undefined;
    void look();
    const timer = setInterval(() => void look(), LOOK_EVERY_MS);
    return () => clearInterval(timer);
  }
}

export const waiting = new Waiting();
