/**
 * Covers the screen when nobody has touched the page for a while. The session itself ends at the front, whatever a
 * page does; this keeps a patient off an unattended screen.
 */

import { get, Refusal } from '../api/http.ts';
import { session } from '../api/state.svelte.ts';
import type { Me } from '../api/types.ts';

export const IDLE_COVER_MS = 10 * 60 * 1_000;
const CHECK_EVERY_MS = 5_000;
const TOUCHES = ['pointerdown', 'pointermove', 'keydown', 'wheel', 'touchstart'] as const;

class Idle {
  covered = $state(false);
  #touched = Date.now();
  #asking = false;

  watch(): () => void {
    const touch = (): void => {
      if (this.covered) void this.#uncover();
      else this.#touched = Date.now();
    };
    const check = (): void => {
      if (session.me && Date.now() - this.#touched > IDLE_COVER_MS) this.covered = true;
    };
    for (const name of TOUCHES) addEventListener(name, touch, { passive: true });
    document.addEventListener('visibilitychange', check);
    const timer = setInterval(check, CHECK_EVERY_MS);
    return () => {
      for (const name of TOUCHES) removeEventListener(name, touch);
      document.removeEventListener('visibilitychange', check);
      clearInterval(timer);
    };
  }

  /** The page comes back only when the front says that the session still holds, or after signing in again. */
  async #uncover(): Promise<void> {
    if (this.#asking || session.ended) return;
    this.#asking = true;
    try {
      session.me = await get<Me>('/api/session', { atOnce: true });
    } catch (error) {
      if (error instanceof Refusal && error.kind === 'signed-out') await session.again();
      else return;
    } finally {
      this.#asking = false;
    }
    this.#touched = Date.now();
    this.covered = false;
  }
}

export const idle = new Idle();
