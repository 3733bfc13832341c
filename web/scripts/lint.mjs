/** What a compiler does not see: rules of PAGES.md that a line of source can break. */

import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const LINES_MAX = 600;
const root = fileURLToPath(new URL('..', import.meta.url));

/** [what is wrong, pattern, files in which it is right] */
const RULES = [
  ['markup from a string: names of patients are text nodes only', /\{@html|\binnerHTML\b|\bouterHTML\b|insertAdjacentHTML|document\.write/, []],
  ['an inline style attribute: the policy forbids it; use a class or style:property', /<[a-z][^>]*\sstyle=/i, []],
  ['a handler in markup text: the policy forbids it', /<[a-z][^>]*\son[a-z]+="/i, []],
  ['storage: nothing of a patient stays in a browser', /\b(localStorage|sessionStorage|indexedDB|document\.cookie)\b/, ['src/app/preferences.svelte.ts', 'src/api/key.ts', 'src/app/desk.svelte.ts']],
  ['an address of somebody else', /['"`(]https?:\/\//, []],
  ['a fetch past api/http.ts', /(?<![.#\w])fetch\(/, ['src/api/http.ts']],
  ['a word left for later', /\b(TODO|FIXME|XXX)\b/, []],
  ['console output in the pages', /\bconsole\./, []],
  ['a type that checks nothing', /\bas any\b|: any\b(?!thing)/, []],
  ['the address bar: UIDs stay out of it', /(pushState|replaceState)\((?!null)/, []],
];

async function* sources(folder) {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* sources(path);
    else if (/\.(ts|svelte|css|html)$/.test(entry.name)) yield path;
  }
}

const found = [];
for await (const path of sources(join(root, 'src'))) {
  const name = relative(root, path);
  const lines = (await readFile(path, 'utf8')).split('\n');
  if (lines.length > LINES_MAX) found.push(`${name}: ${lines.length} lines, more than ${LINES_MAX}`);
  lines.forEach((line, index) => {
    for (const [what, pattern, right] of RULES) {
      if (pattern.test(line) && !right.includes(name)) found.push(`${name}:${index + 1}: ${what}`);
    }
  });
}
const page = await readFile(join(root, 'index.html'), 'utf8');
if (/<style|style=|<script(?![^>]*\ssrc=)|\son\w+=/i.test(page)) found.push('index.html: something inline, which the policy forbids');
const lock = await readFile(join(root, 'package-lock.json'), 'utf8');
if (/"resolved":/.test(lock)) found.push('package-lock.json: names a registry; npm takes that out with omit-lockfile-registry-resolved');

for (const line of found) console.error(line);
console.log(found.length ? `${found.length} to mend` : 'lint: nothing to mend');
process.exit(found.length ? 1 : 0);
