/**
 * Studies by their number, as lists have shown them. In memory only: the address bar carries the number, never the
 * StudyInstanceUID, and a reload asks the front again.
 */

import { get } from '../api/http.ts';
import type { StudyDetail, StudyRow } from '../api/types.ts';

const known = new Map<number, StudyRow>();

export function remember(rows: readonly StudyRow[]): void {
  for (const row of rows) known.set(row.number, row);
}

/** What is known already, so that a page can name the patient before the front has answered. */
export function recall(number: number): StudyRow | null {
  return known.get(number) ?? null;
}

let begun: { number: number; detail: Promise<StudyDetail> } | null = null;

/** Asks for a study while its page is still loading; the page then takes the same answer. */
export function begin(number: number): void {
  const detail = studyDetail(number);
  // the page that takes it says what went wrong
  detail.catch(() => undefined);
  begun = { number, detail };
}

export async function studyDetail(number: number): Promise<StudyDetail> {
  if (begun?.number === number) {
    const { detail } = begun;
    begun = null;
    return detail;
  }
  const row = known.get(number);
  const path = row ? `/api/studies/${encodeURIComponent(row.uid)}` : `/api/studies/number/${number}`;
  const detail = await get<StudyDetail>(path);
  remember([detail.study, ...detail.priors]);
  return detail;
}
