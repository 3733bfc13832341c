/**
 * One desk, many people. Whoever leaves it presses F9 or the button: their screen is gone at once, their session ends, and a
 * fresh page waits for the next person's touch. Whoever comes back within the time that their session had is put where they
 * were, by their own touch.
 *
 * A fresh page is the surest way to forget: elements, images, workers and everything in the memory of the page go with it. What
 * is kept for the return are numbers (who, which page, which image of which series, how far scrolled), in this tab's session
 * storage. Nothing of a patient is among them: the number of a study stands in the address bar as well.
 */

import { flushSync } from 'svelte';
import { signOut } from '../api/http.ts';
import { session } from '../api/state.svelte.ts';
import type { Me } from '../api/types.ts';

interface Place {
  person: number;
  /** In milliseconds since 1970. */
  until: number;
  path: string;
  scroll: number;
  parts: Record<string, unknown>;
}

/** Where a page that waits for the next person lies. */
export const NEXT = '/sign-in#next';

const PLACES = 'leadglass.places';
/** People whose places one tab keeps. */
const PLACES_MAX = 8;
/** How long the front may take to end the session before the page goes on without its answer, in milliseconds. */
const TOLD_WITHIN_MS = 1_500;
/** How long a page may take to grow to the height at which it was left, in milliseconds. */
const SCROLL_WITHIN_MS = 5_000;

class Desk {
  /** Nothing is drawn any more. */
  leaving = $state(false);
  #parts = new Map<string, () => unknown>();
  #back: Record<string, unknown> = {};

  /** A page says what of it comes back, and is given what there was. Ends with the page. */
  part<T>(name: string, save: () => T): { was: T | null; end: () => void } {
    this.#parts.set(name, save);
    const was = (this.#back[name] as T | undefined) ?? null;
    delete this.#back[name];
    return { was, end: () => this.#parts.delete(name) };
  }

  /** The person leaves the desk. */
  async lock(): Promise<void> {
    if (this.leaving || !session.me) return;
    this.#keep(session.me);
    this.clear();
    const late = new Promise((resolve) => setTimeout(resolve, TOLD_WITHIN_MS));
    // the key is forgotten first: where the front cannot be told the session ends by itself, and nothing goes on with it here
    await Promise.race([signOut().catch(() => undefined), late]);
    location.replace(NEXT);
  }

  /** Another tab of this browser was left. */
  follow(): void {
    if (this.leaving || !session.me) return;
    this.#keep(session.me);
    this.clear();
    location.replace('/sign-in');
  }

  /** Takes everything off the screen before anything else happens. */
  clear(): void {
    flushSync(() => {
      this.leaving = true;
    });
    document.title = 'leadglass';
  }

  /** Where somebody who has just signed in was; `null` for whoever was not here, or too long ago. */
  backOf(me: Me): string | null {
    const places = placesKept();
    const place = places.find((one) => one.person === me.person && Date.now() < one.until);
    keepPlaces(places.filter((one) => one.person !== me.person));
    if (!place) return null;
    this.#back = place.parts;
    scrollBack(place.scroll);
    return place.path;
  }

  #keep(me: Me): void {
    const parts = Object.fromEntries([...this.#parts].map(([name, save]) => [name, save()]));
    const place = { person: me.person, until: me.absolute_until / 1_000, path: location.pathname, scroll: Math.round(scrollY), parts };
    keepPlaces([place, ...placesKept().filter((one) => one.person !== me.person)].slice(0, PLACES_MAX));
  }
}

function placesKept(): Place[] {
  try {
    const kept = JSON.parse(sessionStorage.getItem(PLACES) ?? '[]') as unknown;
    return Array.isArray(kept) ? kept.filter(isPlace) : [];
  } catch {
    return [];
  }
}

function keepPlaces(places: Place[]): void {
  try {
    if (places.length === 0) sessionStorage.removeItem(PLACES);
    else sessionStorage.setItem(PLACES, JSON.stringify(places));
  } catch {
    // a window that keeps nothing brings nothing back
  }
}

function isPlace(value: unknown): value is Place {
  const place = value as Partial<Place> | null;
  return typeof place === 'object' && place !== null && Number.isInteger(place.person) && typeof place.until === 'number' &&
    typeof place.path === 'string' && /^\/(?!\/)[\w/-]*$/.test(place.path) && typeof place.scroll === 'number' &&
    typeof place.parts === 'object' && place.parts !== null;
}

/** Scrolls once the page has grown so far. */
function scrollBack(to: number): void {
  if (to <= 0) return;
  const end = performance.now() + SCROLL_WITHIN_MS;
  const look = (): void => {
    if (document.documentElement.scrollHeight - innerHeight >= to) scrollTo(0, to);
    else if (performance.now() < end) requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
}

export const desk = new Desk();
