/**
 * A fresh touch for one act: the person is asked, in a dialog that says why, to touch the authenticator (or to type
 * password and a new code). The act is the request that does it: method, path, query and body, as they are sent. What
 * comes out serves this request once and goes into its body as `fresh`. The warden computes the act's digest from what
 * the browser signed.
 */

import { textOf } from './base64url.ts';
import { sha256 } from './key.ts';
import { inOrder } from './order.ts';
import type { Fresh } from './types.ts';

/** The person chose not to. */
export class NotConfirmed extends Error {}

/** What a dialog asks for. */
export interface Asked {
  /** The digest that the challenge names. */
  act: string;
  path: string;
  /** The sentence that the person reads; the dialog has one of its own. */
  why: string | undefined;
  /** What was shown before did not hold. */
  again: boolean;
  answer: (fresh: Fresh) => void;
  cancel: () => void;
}

class Confirming {
  now = $state.raw<Asked | null>(null);
}

export const confirming = new Confirming();

/** Asks the person to confirm a POST. */
export async function freshly(path: string, body: unknown, why: string | undefined, again = false): Promise<Fresh> {
  const act = textOf(await sha256(JSON.stringify(['POST', path, '', inOrder(body)])));
  try {
    return await new Promise<Fresh>((resolve, reject) => {
      confirming.now?.cancel();
      confirming.now = { act, path, why, again, answer: resolve, cancel: () => reject(new NotConfirmed()) };
    });
  } finally {
    if (confirming.now?.act === act) confirming.now = null;
  }
}
