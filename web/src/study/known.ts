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

export async function studyDetail(number: number, signal?: AbortSignal): Promise<StudyDetail> {
  const row = known.get(number);
  const path = row ? `/api/studies/${encodeURIComponent(row.uid)}` : `/api/studies/number/${number}`;
  const detail = await get<StudyDetail>(path, signal ? { signal } : {});
  remember([detail.study, ...detail.priors]);
  return detail;
}
