/** One sentence for what went wrong, in the reader's language; the front's own English words where they say more. */

import { NotConfirmed } from '../api/confirm.svelte.ts';
import { Refusal } from '../api/http.ts';
import { preferences } from './preferences.svelte.ts';
import { german } from './refusals.ts';
import { t } from './words.ts';

/** What a page shows: a sentence and, where there is one, what to do. */
export interface Reason {
  message: string;
  hint: string;
}

export function reasonOf(error: unknown): Reason {
  if (error instanceof NotConfirmed) return { message: t().notConfirmed, hint: '' };
  if (!(error instanceof Refusal)) return { message: t().failed, hint: '' };
  // the front speaks English: its sentence is more exact than ours, so English readers get it as it is
  if (preferences.language === 'en' && error.message) return { message: sentence(error.message), hint: sentence(error.hint) };
  const said = error.message ? german(error.message) : null;
  if (said) return { message: sentence(said), hint: sentence(german(error.hint) ?? '') };
  const general = {
    'signed-out': t().signedOutShort,
    refused: t().refusedShort,
    'not-found': t().notFoundShort,
    away: t().awayShort,
    offline: t().unreachable,
    wrong: t().wrongTitle + '.',
    failed: t().failed,
  }[error.kind];
  return { message: general, hint: [error.message, error.hint].filter(Boolean).map(sentence).join(' ') };
}

function sentence(text: string): string {
  if (!text) return '';
  const begun = text.charAt(0).toLocaleUpperCase() + text.slice(1);
  return /[.!?]$/.test(begun) ? begun : `${begun}.`;
}
