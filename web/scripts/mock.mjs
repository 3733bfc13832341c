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
    },
    stop: () => child.kill(),
  };
}
