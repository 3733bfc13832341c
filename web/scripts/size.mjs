/**
 * The first screen after sign-in may take 150 kB of script, gzip: everything that the entry, the worklist and what
 * both import bring. Fails above. The viewer is printed beside it.
 */

import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const FIRST_SCREEN_BYTES_MAX = 150_000;
const FIRST_SCREENS = ['worklist/Worklist', 'my/MyImages', 'officer/Ledger', 'people/People'];

const dist = fileURLToPath(new URL('../dist/', import.meta.url));
const manifest = JSON.parse(await readFile(join(dist, '.vite/manifest.json'), 'utf8'));

function scriptsOf(key, found = new Set()) {
  const chunk = manifest[key];
  if (!chunk || found.has(chunk.file)) return found;
  found.add(chunk.file);
  for (const imported of chunk.imports ?? []) scriptsOf(imported, found);
  return found;
}

async function bytesOf(files) {
  const sizes = await Promise.all([...files].map(async (file) => gzipSync(await readFile(join(dist, file))).length));
  return sizes.reduce((sum, size) => sum + size, 0);
}

let failed = false;
for (const screen of FIRST_SCREENS) {
  const key = `src/${screen}.svelte`;
  if (!manifest[key]) throw new Error(`${key} is not in the build`);
  const bytes = await bytesOf(scriptsOf(key, scriptsOf('index.html')));
  const over = bytes > FIRST_SCREEN_BYTES_MAX;
  failed ||= over;
  console.log(`${screen}: ${(bytes / 1_000).toFixed(1)} kB of script, gzip${over ? `, more than ${FIRST_SCREEN_BYTES_MAX / 1_000} kB` : ''}`);
}
const viewer = await bytesOf(scriptsOf('src/viewer/Viewer.svelte'));
console.log(`viewer, when a study opens: ${(viewer / 1_000).toFixed(1)} kB (codecs come when an image needs them)`);
// the list of chunks is for this script alone: it is no page
await rm(join(dist, '.vite'), { recursive: true });
process.exit(failed ? 1 : 0);
