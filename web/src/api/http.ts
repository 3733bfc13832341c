/**
 * The one place that speaks to the front.
 *
 * A request never takes the screen away: where the session has ended it waits until somebody has signed in again
 * and then goes on; where the warden is away or the line is lost, a reading request waits and repeats itself, and
 * `line` says so to the banner. Requests that change something are not repeated: the person decides.
 *
 * Every request of a session carries a proof of this browser's key (`key.ts`), with a nonce that the last answer
 * brought. So a wrong clock does no harm, and a cookie in other hands none either.
 */

import { freshly, NotConfirmed } from './confirm.svelte.ts';
import { type BrowserKey, type SessionKey, forgetKey, heldElsewhere, heldKey, proofOf } from './key.ts';
import { line, session } from './state.svelte.ts';

/** Why something was not done. `message` and `hint` come from the front, in English; `kind` is for our own words. */
export class Refusal extends Error {
  constructor(
    readonly kind: 'signed-out' | 'refused' | 'not-found' | 'away' | 'offline' | 'wrong' | 'failed',
    readonly status: number,
    message: string,
    readonly hint: string,
    /** Whether the person must confirm it first (`confirm.svelte.ts`): this act, or that they are still there. */
    readonly fresh: 'act' | 'still-here' | null = null,
    /** What else the front said, for pages that know it: why a share link did not open. */
    readonly told: { link?: unknown; left?: unknown; seconds?: unknown } = {},
  ) {
    super(message);
  }
}

/** Options of one request. */
export interface Asking {
  signal?: AbortSignal;
  /** Answer 401 and 503 with a `Refusal` at once instead of waiting: signing in, health. */
  atOnce?: boolean;
  accept?: string;
  /** Sign with this key, which no session is bound to yet: signing in. */
  key?: BrowserKey;
  /** Sign with the key of this session, which is forgotten already: signing out. */
  leaving?: SessionKey | null;
  /** What the person reads where the act wants them to confirm it. */
  why?: string;
}

const RETRY_FIRST_MS = 1_000;
const RETRY_LONGEST_MS = 15_000;
/** A nonce is taken for two minutes; after one a newer one is fetched before it is needed. */
const NONCE_FRESH_MS = 60_000;
/** What a budget asks for before somebody reads on. */
const STILL_HERE = '/api/fresh/still-here';
/** How often a request is signed anew when its proof was not taken. */
const PROOFS_MAX = 3;

let nonce = { value: '', at: -Infinity };
let fetching: Promise<void> | null = null;
let showing: Promise<void> | null = null;

/** GET, as JSON. */
export async function get<T>(path: string, asking: Asking = {}): Promise<T> {
  const response = await send('GET', path, undefined, asking);
  return (await response.json()) as T;
}

/** GET, as bytes: frames and pictures. */
export function fetchBytes(path: string, asking: Asking = {}): Promise<Response> {
  return send('GET', path, undefined, asking);
}

/** POST JSON, answered with bytes: a study to take along. */
export function postForBytes(path: string, body: object, asking: Asking = {}): Promise<Response> {
  return send('POST', path, body, asking);
}

/**
 * POST JSON; `undefined` when the front answers with nothing. Where the act wants the person to confirm it, they are asked,
 * and it is sent again with what they showed.
 */
export async function post<T = undefined>(path: string, body: object, asking: Asking = {}): Promise<T> {
  try {
    return await answered<T>(await send('POST', path, body, asking));
  } catch (problem) {
    if (asking.atOnce || !wantsTouch(problem)) throw problem;
    return confirmed<T>(path, body, asking);
  }
}

/** The same for an act that always wants it: the person is asked first. */
export async function confirmed<T = undefined>(path: string, body: object, asking: Asking = {}): Promise<T> {
  for (let again = false; ; again = true) {
    const fresh = await freshly(path, body, asking.why, again);
    try {
      return await answered<T>(await send('POST', path, { ...body, fresh }, asking));
    } catch (problem) {
      if (!wantsTouch(problem)) throw problem;
    }
  }
}

function wantsTouch(problem: unknown): boolean {
  return problem instanceof Refusal && problem.fresh === 'act';
}

async function answered<T>(response: Response): Promise<T> {
  return (response.status === 204 ? undefined : await response.json()) as T;
}

/** DELETE. */
export async function remove<T = undefined>(path: string): Promise<T> {
  return answered<T>(await send('DELETE', path, undefined, {}));
}

/** Ends the session here, then at the front: however long that takes to answer, nothing goes on with the key meanwhile. */
export async function signOut(): Promise<void> {
  const leaving = await heldKey();
  await forgetKey();
  await post('/api/sign-out', {}, { atOnce: true, leaving });
}

async function send(method: 'GET' | 'POST' | 'DELETE', path: string, body: unknown, asking: Asking): Promise<Response> {
  const headers: Record<string, string> = { Accept: asking.accept ?? 'application/json' };
  if (method !== 'GET') headers['X-Leadglass'] = '1';
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  const init: RequestInit = { method, headers, credentials: 'same-origin', cache: 'no-store', redirect: 'error' };
  if (body !== undefined) init.body = JSON.stringify(body);
  if (asking.signal) init.signal = asking.signal;
  const url = new URL(path, location.origin);

  let proofs = 0;
  let shown = false;
  for (let attempt = 0; ; attempt += 1) {
    let response: Response;
    try {
      const proof = await proofFor(method, url, init.body, asking);
      if (proof === null) delete headers['DPoP'];
      else headers['DPoP'] = proof;
      response = await fetch(path, init);
      takeNonce(response);
    } catch (error) {
      if (asking.signal?.aborted) throw error;
      if (method !== 'GET' || asking.atOnce) throw new Refusal('offline', 0, '', '');
      line.state = 'offline';
      await pause(attempt, null, asking.signal);
      continue;
    }
    if (response.ok) {
      line.state = 'well';
      return response;
    }
    if (response.status === 401 && proofs < PROOFS_MAX && (await mayTryAgain(response))) {
      proofs += 1;
      await response.body?.cancel();
      continue;
    }
    if (response.status === 401 && !asking.atOnce && session.link !== null) {
      // nobody signs in again here: nothing that the link showed stays on the screen
      session.linkOver = true;
      session.link = null;
    }
    if (response.status === 401 && !asking.atOnce && session.me !== null && !session.linkOver) {
      await response.body?.cancel();
      await session.again(asking.signal);
      continue;
    }
    if (response.status === 503 && method === 'GET' && !asking.atOnce) {
      line.state = 'away';
      await response.body?.cancel();
      await pause(attempt, response.headers.get('Retry-After'), asking.signal);
      continue;
    }
    const refusal = await refusalOf(response);
    if (refusal.fresh === 'still-here' && method === 'GET' && !asking.atOnce && !shown && (await isStillHere())) {
      shown = true;
      continue;
    }
    throw refusal;
  }
}

/** Asks the person once, however many requests wait for it; whether they confirmed. */
async function isStillHere(): Promise<boolean> {
  showing ??= confirmed(STILL_HERE, {}).finally(() => (showing = null));
  try {
    await showing;
    return true;
  } catch (problem) {
    if (problem instanceof NotConfirmed || problem instanceof Refusal) return false;
    throw problem;
  }
}

/** The proof of a request; `null` for nobody in particular. */
async function proofFor(method: string, url: URL, body: BodyInit | null | undefined, asking: Asking): Promise<string | null> {
  const key = asking.key ?? asking.leaving ?? (await heldKey());
  if (key === null) return null;
  await freshNonce();
  const text = typeof body === 'string' ? body : '';
  return proofOf(key, { method, url, body: text, nonce: nonce.value, session: 'session' in key && !asking.key ? (key.session as string) : null });
}

/** Gets a nonce before it is needed, from the one address that asks for nothing. */
async function freshNonce(): Promise<void> {
  if (performance.now() - nonce.at < NONCE_FRESH_MS) return;
  fetching ??= (async () => {
    try {
      const response = await fetch('/api/health', { cache: 'no-store', credentials: 'omit' });
      takeNonce(response);
      // an answer that nobody reads keeps its connection
      await response.arrayBuffer();
    } catch {
      // the request itself will say that the line is lost
    } finally {
      fetching = null;
    }
  })();
  await fetching;
}

function takeNonce(response: Response): void {
  const value = response.headers.get('DPoP-Nonce');
  if (value) nonce = { value, at: performance.now() };
}

/** Whether a refused proof is worth another try: with a newer nonce, or with the key of another tab's sign-in. */
async function mayTryAgain(response: Response): Promise<boolean> {
  const wanted = response.headers.get('WWW-Authenticate') ?? '';
  if (!wanted.startsWith('DPoP')) return false;
  return wanted.includes('use_dpop_nonce') || (await heldElsewhere());
}

async function refusalOf(response: Response): Promise<Refusal> {
  const { status } = response;
  let message = '';
  let hint = '';
  let fresh: Refusal['fresh'] = null;
  let told: Refusal['told'] = {};
  try {
    const body = (await response.json()) as { error?: unknown; hint?: unknown; fresh?: unknown; link?: unknown; left?: unknown; seconds?: unknown };
    told = { link: body.link, left: body.left, seconds: body.seconds };
    if (body.fresh === 'act' || body.fresh === 'still-here') fresh = body.fresh;
    if (typeof body.error === 'string') message = body.error;
    if (typeof body.hint === 'string') hint = body.hint;
  } catch {
    // a body that is not JSON says nothing to a person; the status does
  }
  return new Refusal(kindOf(status), status, message, hint, fresh, told);
}

function kindOf(status: number): Refusal['kind'] {
  if (status === 401) return 'signed-out';
  if (status === 403) return 'refused';
  if (status === 404) return 'not-found';
  if (status === 503) return 'away';
  return status >= 500 ? 'failed' : 'wrong';
}

function pause(attempt: number, retryAfter: string | null, signal: AbortSignal | undefined): Promise<void> {
  const named = Number(retryAfter) * 1_000;
  const milliseconds = named > 0 ? Math.min(named, RETRY_LONGEST_MS) : Math.min(RETRY_FIRST_MS * 2 ** attempt, RETRY_LONGEST_MS);
  line.retryAt = Date.now() + milliseconds;
  return new Promise((resolve, reject) => {
    const done = () => {
      clearTimeout(timer);
      line.retryNow.delete(done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    line.retryNow.add(done);
    signal?.addEventListener('abort', () => {
      clearTimeout(timer);
      line.retryNow.delete(done);
      reject(signal.reason as Error);
    }, { once: true });
  });
}
