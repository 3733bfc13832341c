/** Runs test/*.test.ts on Node's own runner: types are taken off by the bundler that Vite brings. */

import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const root = fileURLToPath(new URL('..', import.meta.url));
const tests = (await readdir(join(root, 'test'))).filter((name) => name.endsWith('.test.ts'));
if (tests.length === 0) throw new Error('there is no test in web/test');
const out = await mkdtemp(join(root, 'node_modules', '.test-'));
try {
  const bundle = await rolldown({
    input: Object.fromEntries(tests.map((name) => [name.replace(/\.ts$/, ''), join(root, 'test', name)])),
    platform: 'node',
    external: /^node:/,
    // no page is drawn here: that is for browsers
    plugins: [{ name: 'no-pages', load: (id) => (id.endsWith('.svelte') ? 'export default null' : null) }],
  });
  await bundle.write({ dir: out, format: 'esm', entryFileNames: '[name].mjs', sourcemap: 'inline' });
  const files = tests.map((name) => join(out, name.replace(/\.ts$/, '.mjs')));
  const child = spawn(process.execPath, ['--enable-source-maps', '--test', ...files], { stdio: 'inherit' });
  process.exitCode = await new Promise((resolve) => child.once('exit', (code) => resolve(code ?? 1)));
} finally {
  await rm(out, { recursive: true, force: true });
}
