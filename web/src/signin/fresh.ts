/** The two steps behind the dialog that asks for a fresh touch (`api/confirm.svelte.ts`). */

import { NotConfirmed } from '../api/confirm.svelte.ts';
import { post } from '../api/http.ts';
import { heldKey } from '../api/key.ts';
import type { Fresh, FreshChallenge } from '../api/types.ts';
import { askPasskey, withChallenge } from './passkey.ts';

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
