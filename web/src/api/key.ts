/**
 * The browser's key. Made at each sign-in, never given out (WebCrypto keeps it, not extractable), held in IndexedDB
 * under the session that is bound to it. Every request of a session carries a proof that it signed (DPoP, RFC 9449);
 * a cookie without it is worth nothing. Nothing of a patient is kept here.
 */

import { textOf } from './base64url.ts';

/** A key and what is told of it. */
export interface BrowserKey {
  pair: CryptoKeyPair;
  jwk: { kty: 'EC'; crv: 'P-256'; x: string; y: string };
  /** RFC 7638. */
  thumbprint: string;
}

/** The key of the session that this browser is signed in with. */
export interface SessionKey extends BrowserKey {
  session: string;
  /** The session is one in which a share link is open: nobody is signed in. */
  link?: boolean;
}

/** What a proof is for. */
export interface Signed {
  method: string;
  url: URL;
  body: string;
  nonce: string;
  session: string | null;
}

/** The browser keeps no keys here: a private window, or storage that is switched off. */
export class NoKeyStorage extends Error {}

const DATABASE = 'leadglass';
const STORE = 'keys';
const TABS = 'leadglass key';
/** Tells this tab's own words from those of others. */
const TAB = crypto.randomUUID();
const CURRENT = 'session';
const TRIAL = 'trial';
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256' } as const;

let current: SessionKey | null | undefined;

/** Makes a key, and sees whether this browser can keep it. */
export async function makeKey(): Promise<BrowserKey> {
  try {
    const pair = await crypto.subtle.generateKey(ALGORITHM, false, ['sign', 'verify']);
    const { x, y } = await crypto.subtle.exportKey('jwk', pair.publicKey);
    if (!x || !y) throw new NoKeyStorage();
    const jwk = { kty: 'EC', crv: 'P-256', x, y } as const;
    const thumbprint = textOf(await sha256(`{"crv":"P-256","kty":"EC","x":"${x}","y":"${y}"}`));
    const key = { pair, jwk, thumbprint };
    await request('readwrite', (store) => store.put(key, TRIAL));
    await request('readwrite', (store) => store.delete(TRIAL));
    return key;
  } catch (error) {
    throw error instanceof NoKeyStorage ? error : new NoKeyStorage(String(error));
  }
}

/** Keeps the key of a sign-in that went well. */
export async function keepKey(key: BrowserKey, session: string, link = false): Promise<void> {
  current = { ...key, session, link };
  await request('readwrite', (store) => store.put(current, CURRENT));
  tell('signed in');
}

/** The key of the session; `null` when this browser has none. */
export async function heldKey(): Promise<SessionKey | null> {
  if (current === undefined) {
    try {
      current = ((await request('readonly', (store) => store.get(CURRENT))) as SessionKey | undefined) ?? null;
    } catch {
      current = null;
    }
  }
  return current;
}

/** Looks again: another tab may have signed in meanwhile. Says whether it is another key. */
export async function heldElsewhere(): Promise<boolean> {
  const before = current?.thumbprint;
  current = undefined;
  return (await heldKey())?.thumbprint !== before;
}

/** Forgets the key, in every tab: signing out. */
export async function forgetKey(): Promise<void> {
  current = null;
  await request('readwrite', (store) => store.delete(CURRENT)).catch(() => undefined);
  // after the key is gone: a tab that hears it looks for one at once, and would go on with what it finds
  tell('signed out');
}

/** Calls `then` when another tab of this browser signs out: its key is still in the memory of this one. Gives what ends that. */
export function whenForgotten(then: () => void): () => void {
  return whenTold('signed out', then);
}

/** Calls `then` when somebody signs in in another tab of this browser. */
export function whenSignedIn(then: () => void): () => void {
  return whenTold('signed in', then);
}

type Told = 'signed in' | 'signed out';

function tell(what: Told): void {
  const tabs = new BroadcastChannel(TABS);
  tabs.postMessage({ what, by: TAB });
  tabs.close();
}

function whenTold(what: Told, then: () => void): () => void {
  const tabs = new BroadcastChannel(TABS);
  tabs.onmessage = (event: MessageEvent<{ what: Told; by: string }>) => {
    if (event.data.what === what && event.data.by !== TAB) then();
  };
  return () => tabs.close();
}

/** A proof for one request: a JWT of type `dpop+jwt`. The claim `lg_req` hashes query and body. */
export async function proofOf(key: BrowserKey, { method, url, body, nonce, session }: Signed): Promise<string> {
  const [query, content] = await Promise.all([sha256(url.search.slice(1)), sha256(body)]);
  const both = new Uint8Array(64);
  both.set(new Uint8Array(query), 0);
  both.set(new Uint8Array(content), 32);
  const claims = {
    jti: crypto.randomUUID(),
    htm: method,
    htu: url.origin + url.pathname,
    iat: Math.floor(Date.now() / 1_000),
    nonce,
    lg_req: textOf(await crypto.subtle.digest('SHA-256', both)),
    ...(session === null ? {} : { sid: session }),
  };
  const signed = `${jsonText({ typ: 'dpop+jwt', alg: 'ES256', jwk: key.jwk })}.${jsonText(claims)}`;
  const signature = await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, key.pair.privateKey, bytesOfText(signed));
  return `${signed}.${textOf(signature)}`;
}

export function sha256(text: string): Promise<ArrayBuffer> {
  return crypto.subtle.digest('SHA-256', bytesOfText(text));
}

function bytesOfText(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

function jsonText(value: unknown): string {
  return textOf(bytesOfText(JSON.stringify(value)).buffer);
}

/** One request to the one store. */
async function request(mode: IDBTransactionMode, ask: (store: IDBObjectStore) => IDBRequest): Promise<unknown> {
  const database = await new Promise<IDBDatabase>((resolve, reject) => {
    const opening = indexedDB.open(DATABASE, 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(STORE);
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = () => reject(opening.error ?? new NoKeyStorage());
    opening.onblocked = () => reject(new NoKeyStorage());
  });
  try {
    const transaction = database.transaction(STORE, mode);
    const asked = ask(transaction.objectStore(STORE));
    await new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onerror = () => reject(transaction.error ?? new NoKeyStorage());
      transaction.onabort = () => reject(transaction.error ?? new NoKeyStorage());
    });
    return asked.result as unknown;
  } finally {
    database.close();
  }
}
