/**
 * One program and one browser for a file of tests, and what every page is watched for: a breach of the content policy,
 * an error of a script, a request to anybody else, anything of a patient where it would stay.
 */

import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { installBrowserKey } from './browser-key.mjs';
import { startDemo } from './demo.mjs';

const FLAGS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--use-gl=angle', '--use-angle=swiftshader', '--enable-unsafe-swiftshader',
];
// Debian's chromium by default; anything else by its path
const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
const pictures = fileURLToPath(new URL('../../test-results/', import.meta.url));

/** What is said in any test: that nobody is signed in yet; that an address without a page has no icon. */
const ALWAYS_EXPECTED = [/status of 401.*\/api\/session$/, /status of 404.*\/favicon\.ico$/];
/** The longest wait for something on a page, in milliseconds: the machine may be busy. */
export const WAIT_MS = 20_000;

export const DESK = { width: 1440, height: 900 };
export const PHONE = { width: 360, height: 740 };

/** Registers start and end for the file that calls it; `prepare` runs before its first test. */
export function setStage(prepare = async () => {}) {
  const stage = new Stage();
  before(async () => {
    await stage.open();
    await prepare();
  });
  after(() => stage.close());
  return stage;
}

class Stage {
  /** @type {Awaited<ReturnType<typeof startDemo>>} */
  demo;
  /** @type {string[]} */
  complaints = [];
  #browser;

  async open() {
    await mkdir(pictures, { recursive: true });
    [this.demo, this.#browser] = await Promise.all([startDemo(), chromium.launch({ executablePath, args: FLAGS })]);
  }

  async close() {
    await this.#browser?.close();
    await this.demo?.end();
  }

  /**
   * A browser of its own, watched. `expected` are console messages that belong to the test; `elsewhere` allows
   * requests to other addresses, for tests that play another site.
   */
  async browser({ expected = [], elsewhere = false, language = 'en-GB', viewport = DESK, ...options } = {}) {
    const context = await this.#browser.newContext({
      baseURL: this.demo.address, locale: language, timezoneId: 'Europe/Berlin', reducedMotion: 'reduce', viewport, ...options,
    });
    context.setDefaultTimeout(WAIT_MS);
    const own = new URL(this.demo.address).origin;
    const allowed = [...ALWAYS_EXPECTED, ...expected];
    const complain = (what) => this.complaints.push(what);
    context.on('console', (message) => {
      const text = `${message.text()} ${message.location().url}`;
      if (['error', 'warning'].includes(message.type()) && !allowed.some((pattern) => pattern.test(text))) complain(`console ${message.type()}: ${text}`);
    });
    context.on('weberror', (error) => complain(`script: ${error.error().stack}`));
    context.on('request', (request) => {
      const { origin, protocol } = new URL(request.url());
      if (!elsewhere && !['blob:', 'data:'].includes(protocol) && origin !== own) complain(`a request to somebody else: ${request.url()}`);
    });
    await context.addInitScript(installBrowserKey);
    await context.addInitScript(() => {
      document.addEventListener('securitypolicyviolation', (event) => {
        console.error(`policy: ${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber} ${event.sample}`);
      });
    });
    return context;
  }

  /**
   * A page on which the demonstration's person of `role` is signed in, by password and code, at `path`. `code` stands
   * in for the next code of the person's app.
   */
  async signedIn(role, path = '/', { code, ...options } = {}) {
    const context = await this.browser(options);
    const page = await context.newPage();
    const person = this.demo.person(role);
    // any address of the archive will do; this one shows no page
    await page.goto('/api/health');
    const answer = await ask(page, 'POST', '/api/sign-in/password', { email: person.email, password: person.password, code: code ?? (await this.demo.code(person)) });
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    await page.goto(path);
    return page;
  }

  /** Pictures for people to look at. */
  async picture(page, name, options = {}) {
    await page.screenshot({ path: join(pictures, `${name}.png`), ...options });
  }

  /** The tests that end every file. */
  lastly() {
    test('no page breached the policy, raised an error or asked anybody else', () => assert.deepEqual(this.complaints, []));
    test('Ctrl-C ends the program and nothing of it is left on disk', async () => {
      const { outcome, left } = await this.demo.end();
      assert.deepEqual(outcome, { code: 0, signal: null }, this.demo.errors());
      assert.deepEqual(left, []);
    });
  }
}

/** A request as the page's own script would make it, with the proof of the browser's key; `bare` leaves the proof out. */
export function ask(page, method, path, body, headers = { 'X-Leadglass': '1' }, { bare = false } = {}) {
  return page.evaluate((asked) => window.leadglassTest.ask(asked), { method, path, body, headers, bare });
}

/** Everything that a browser keeps or shows beside the page: nothing of a patient may stand there. */
export async function keptBy(page) {
  const inside = await page.evaluate(async () => JSON.stringify({
    title: document.title,
    local: { ...localStorage },
    session: { ...sessionStorage },
    state: history.state,
    cookie: document.cookie,
    name: window.name,
    databases: (await indexedDB.databases()).map((database) => database.name),
    caches: 'caches' in window ? await caches.keys() : [],
    workers: (await navigator.serviceWorker?.getRegistrations())?.length ?? 0,
  }));
  return `${page.url()} ${inside}`;
}
