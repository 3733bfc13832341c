/** Who is signed in, and how the line to the front is. Kept in memory only. */

import type { SharedStudy } from './sharing.ts';
import type { Me } from './types.ts';

class Session {
  /** Who is signed in; `undefined` before the first answer, `null` for nobody. */
  me = $state<Me | null | undefined>(undefined);
  /** What the share link shows that is open in this browser, where nobody is signed in. */
  link = $state<SharedStudy | null>(null);
  /** A share link was open on this page, and has ended. */
  linkOver = $state(false);
  /** The session ended while a page was open: the page stays, a dialog asks to sign in again. */
  ended = $state(false);
  #waiting = new Set<() => void>();

  /** Waits until somebody has signed in again. */
  again(signal?: AbortSignal): Promise<void> {
    this.ended = true;
    return new Promise((resolve, reject) => {
      this.#waiting.add(resolve);
      signal?.addEventListener('abort', () => {
        this.#waiting.delete(resolve);
        reject(signal.reason as Error);
      }, { once: true });
    });
  }

  /**
   * Takes a sign-in. Somebody else than the person whose page is open gets a fresh page: nothing of the one before
   * stays in memory.
   */
  signedIn(me: Me): void {
    if (this.ended && this.me && this.me.person !== me.person) {
      location.assign('/');
      return;
    }
    this.me = me;
    this.ended = false;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resolve of waiting) resolve();
  }
}

class Line {
  state = $state<'well' | 'away' | 'offline'>('well');
  retryAt = $state(0);
  /** Requests that wait; calling one repeats it now. */
  retryNow = new Set<() => void>();
}

export const session = new Session();
export const line = new Line();
