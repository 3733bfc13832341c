/**
 * A fresh touch for one act: the person is asked, in a dialog that says why, to touch the authenticator (or to type
 * password and a new code). What comes out serves this act once; it goes into the act's request as `fresh`.
 *
 *   const act = ['break-glass', patient, reason];
 *   const fresh = await freshly(act, t().whyBreakGlass);
 *   await post('/api/break-glass', { patient, reason, fresh });
 *
 * The warden computes the act's digest from what it is about to do; the words must be the same, in the same order.
 */

import { post } from '../api/http.ts';
import { heldKey, sha256 } from '../api/key.ts';
import { textOf } from '../api/base64url.ts';
import type { Fresh, FreshChallenge } from '../api/types.ts';
import { askPasskey, withChallenge } from './passkey.ts';

/** The person chose not to. */
export class NotConfirmed extends Error {}

/** What a dialog asks for. */
export interface Asked {
  act: string;
  why: string;
  answer: (fresh: Fresh) => void;
  cancel: () => void;
}

class Confirming {
  now = $state.raw<Asked | null>(null);
}

export const confirming = new Confirming();

/** Asks the person to confirm an act. `why` is the sentence that they read. */
export async function freshly(words: readonly string[], why: string): Promise<Fresh> {
  const act = textOf(await sha256(JSON.stringify(words)));
  try {
    return await new Promise<Fresh>((resolve, reject) => {
      confirming.now?.cancel();
      confirming.now = { act, why, answer: resolve, cancel: () => reject(new NotConfirmed()) };
    });
  } finally {
    confirming.now = null;
  }
}

/** A challenge for the act. Each answer, right or wrong, uses one up. */
export function beginFresh(act: string): Promise<FreshChallenge> {
  return post<FreshChallenge>('/api/fresh', { act });
}

/** Touches the authenticator for the act. */
export async function touch(act: string, challenge: FreshChallenge): Promise<Fresh> {
  const key = await heldKey();
  if (!challenge.options || !key) throw new NotConfirmed();
  const publicKey = await withChallenge(challenge.options.publicKey, challenge.nonce, key.thumbprint, act);
  const credential = await askPasskey(publicKey, { signal: new AbortController().signal, suggest: false });
  return { ceremony: challenge.ceremony, shown: { passkey: { credential: JSON.stringify(credential) } } };
}
