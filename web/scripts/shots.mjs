/**
 * Pictures of every page over the mock, and what axe and the content policy say of each.
 *
 *   node scripts/shots.mjs OUT_DIR [NAME_PART]
 *
 * Exits 1 when axe finds something serious or critical, when the policy is violated, or when a page logs an error.
 */

import { mkdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { startMock } from './mock.mjs';
import { scenes } from './scenes.mjs';

const [out = 'test-results/shots', part = ''] = process.argv.slice(2);
// 'half' is a desk of 1280 by 800 at 200 % zoom
const SIZES = { half: { width: 640, height: 400 }, phone: { width: 360, height: 740 }, laptop: { width: 1280, height: 800 }, desk: { width: 1440, height: 900 }, wall: { width: 3840, height: 2160 } };
const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
// Debian's chromium by default; anything else by its path
const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';

await mkdir(out, { recursive: true });
const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const mock = await startMock();
const browser = await chromium.launch({ executablePath, args: FLAGS });
const problems = [];

for (const scene of scenes.filter(({ name }) => name.includes(part))) {
  for (const look of scene.looks) {
    const [size, scheme, language] = look.split(' ');
    const label = `${scene.name}-${size}-${scheme}-${language}`;
    const context = await browser.newContext({ viewport: SIZES[size], colorScheme: scheme, locale: language === 'de' ? 'de-DE' : 'en-GB', timezoneId: 'Europe/Berlin', reducedMotion: 'reduce', baseURL: mock.address });
    const page = await context.newPage();
    page.on('console', (message) => {
      const text = message.text();
      if (message.type() === 'error' && !scene.expected?.test(text)) problems.push(`${label}: ${text}`);
    });
    page.on('pageerror', (error) => problems.push(`${label}: ${error.stack ?? error.message}`));
    await page.addInitScript(() => document.addEventListener('securitypolicyviolation', (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber} ${event.sample}`)));
    try {
      await mock.fault('well');
      if (scene.role) await mock.signIn(context, scene.role);
      await scene.go(page, mock);
      await page.waitForTimeout(scene.settle ?? 300);
      await page.screenshot({ path: join(out, `${label}.png`) });
      if (!scene.noAxe) {
        const result = await page.evaluate(`${axe}; axe.run(document, { resultTypes: ['violations'] })`);
        for (const { id, impact, nodes, help } of result.violations) {
          const line = `${label}: axe ${impact} ${id} (${nodes.length}): ${help}: ${nodes[0].html.slice(0, 160)}`;
          if (impact === 'serious' || impact === 'critical') problems.push(line);
          else console.log(line);
        }
      }
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      if (wide > 0) problems.push(`${label}: ${wide}px wider than the screen`);
    } catch (error) {
      problems.push(`${label}: ${error.message}`);
      await page.screenshot({ path: join(out, `${label}-failed.png`) });
    }
    await context.close();
  }
}

await browser.close();
mock.stop();
for (const problem of problems) console.error(problem);
console.log(`${problems.length} problems`);
process.exit(problems.length ? 1 : 0);
