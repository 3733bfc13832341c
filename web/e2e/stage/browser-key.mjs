/**
 * What the pages do with the browser's key, for tests that ask as a page's script would: runs in every document, keeps
 * the key where the pages keep it (IndexedDB `leadglass`, store `keys`, under `session`), and signs each request.
 */
export function installBrowserKey() {
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
  const bytes = (value) => new TextEncoder().encode(value);
  const sha256 = (value) => crypto.subtle.digest('SHA-256', typeof value === 'string' ? bytes(value) : value);
  async function store(mode, ask) {
    const database = await new Promise((resolve, reject) => {
      const opening = indexedDB.open('leadglass', 1);
      opening.onupgradeneeded = () => opening.result.createObjectStore('keys');
      opening.onsuccess = () => resolve(opening.result);
      opening.onerror = () => reject(opening.error);
    });
    const transaction = database.transaction('keys', mode);
    const asked = ask(transaction.objectStore('keys'));
    await new Promise((resolve, reject) => Object.assign(transaction, { oncomplete: resolve, onerror: reject, onabort: reject }));
    database.close();
    return asked.result;
  }
  async function make() {
    const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign', 'verify']);
    const { x, y } = await crypto.subtle.exportKey('jwk', pair.publicKey);
    const thumbprint = text(await sha256(`{"crv":"P-256","kty":"EC","x":"${x}","y":"${y}"}`));
    return { pair, jwk: { kty: 'EC', crv: 'P-256', x, y }, thumbprint };
  }
  async function proof(key, method, url, body, session) {
    const nonce = (await fetch('/api/health', { cache: 'no-store', credentials: 'omit' })).headers.get('DPoP-Nonce');
    const both = new Uint8Array([...new Uint8Array(await sha256(url.search.slice(1))), ...new Uint8Array(await sha256(body))]);
    const claims = { jti: crypto.randomUUID(), htm: method, htu: url.origin + url.pathname, iat: 0, nonce, lg_req: text(await sha256(both)) };
    if (session) claims.sid = session;
    const part = (value) => text(bytes(JSON.stringify(value)));
    const signed = `${part({ typ: 'dpop+jwt', alg: 'ES256', jwk: key.jwk })}.${part(claims)}`;
    return `${signed}.${text(await crypto.subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, key.pair.privateKey, bytes(signed)))}`;
  }
  /** Asks; `bare` sends the cookie without a proof. */
  async function ask({ method, path, body, headers, bare }) {
    const init = { method, headers: { ...headers } };
    if (body !== undefined) {
      init.headers['Content-Type'] = 'application/json';
      init.body = JSON.stringify(body);
    }
    const signsIn = path === '/api/sign-in/password';
    const key = signsIn ? await make() : await store('readonly', (keys) => keys.get('session'));
    if (key && !bare) init.headers.DPoP = await proof(key, method, new URL(path, location.origin), init.body ?? '', signsIn ? null : key.session);
    const response = await fetch(path, init);
    const said = await response.text();
    let parsed = said;
    try {
      parsed = JSON.parse(said);
    } catch {
      // not every answer is JSON
    }
    if (signsIn && response.ok) await store('readwrite', (keys) => keys.put({ ...key, session: parsed.session }, 'session'));
    return { status: response.status, body: parsed, headers: Object.fromEntries(response.headers) };
  }
  Object.defineProperty(window, 'leadglassTest', { value: { ask, proof, key: () => store('readonly', (keys) => keys.get('session')) } });
}
