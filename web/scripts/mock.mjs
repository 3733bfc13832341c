/** Starts the mock front on a free port for scripts and tests. */

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export async function startMock(environment = {}) {
  const child = spawn(process.execPath, [fileURLToPath(new URL('../mock/server.mjs', import.meta.url)), '0'], { env: { ...process.env, ...environment }, stdio: ['ignore', 'pipe', 'inherit'] });
  const address = await new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the mock ended with ${code}`)));
    child.stdout.on('data', (data) => {
      const found = /http:\/\/localhost:\d+/.exec(String(data));
      if (found) resolve(found[0]);
    });
  });
  const send = (path, body) => fetch(`${address}${path}`, { method: 'POST', headers: { 'Content-Type': 'application/json', 'X-Leadglass': '1' }, body: JSON.stringify(body) });
  return {
    address,
    fault: (mode) => send('/mock/fault', { mode }),
    async signIn(context, role) {
      const answer = await send('/api/sign-in/password', { email: `${role}@example.org`, password: 'any', code: '123456' });
      const value = /leadglass=(\w+)/.exec(answer.headers.get('set-cookie') ?? '')?.[1];
      await context.addCookies([{ name: 'leadglass', value, url: address }]);
      // the key that the pages would have made: without it nobody is signed in here
      const page = await context.newPage();
      await page.goto(`${address}/api/health`);
      await page.evaluate(keepKey, value);
      await page.close();
    },
    stop: () => child.kill(),
  };
}

/** Runs in a page: makes a key and keeps it where `src/api/key.ts` looks. */
async function keepKey(session) {
  const pair = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign', 'verify']);
  const { x, y } = await crypto.subtle.exportKey('jwk', pair.publicKey);
  const database = await new Promise((resolve, reject) => {
    const opening = indexedDB.open('leadglass', 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore('keys');
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = () => reject(opening.error);
  });
  const transaction = database.transaction('keys', 'readwrite');
  transaction.objectStore('keys').put({ pair, jwk: { kty: 'EC', crv: 'P-256', x, y }, thumbprint: 'mock', session }, 'session');
  await new Promise((resolve) => (transaction.oncomplete = resolve));
  database.close();
}
