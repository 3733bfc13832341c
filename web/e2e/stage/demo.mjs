/**
 * The real program, as `leadglass demo --machine` runs it: an installation in a temporary folder, synthetic patients,
 * plain HTTP at localhost. `LEADGLASS_BIN` names another binary than the one of `cargo build`.
 */

import { execFile, spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('../../../', import.meta.url));
export const PROGRAM = process.env.LEADGLASS_BIN ?? join(root, 'target/debug/leadglass');

/** How long the program may take from its start to its ready line, in milliseconds. */
const READY_MS_MAX = 60_000;
/** How long it may take from SIGINT to its end, in milliseconds. */
const END_MS_MAX = 20_000;
/** RFC 6238: one step, in milliseconds. */
const CODE_STEP_MS = 30_000;

export async function startDemo() {
  // a folder of its own, so that what the program leaves behind is seen
  const room = await mkdtemp(join(tmpdir(), 'lg-e2e-'));
  const child = spawn(PROGRAM, ['demo', '--machine', '--http', '127.0.0.1:0', '--data', join(root, 'demo')], {
    env: { ...process.env, TMPDIR: room },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const killed = () => child.kill('SIGKILL');
  process.once('exit', killed);
  const ended = new Promise((resolve) => child.once('close', (code, signal) => resolve({ code, signal })));
  let errors = '';
  child.stderr.on('data', (data) => (errors += data));
  const ready = await readyLine(child, () => errors);
  return new Demo(ready, room, {
    errors: () => errors,
    async end() {
      // a test may have left it asleep
      child.kill('SIGCONT');
      child.kill('SIGINT');
      const late = pause(END_MS_MAX, 'late', { ref: false });
      const outcome = await Promise.race([ended, late]);
      if (outcome === 'late') child.kill('SIGKILL');
      process.removeListener('exit', killed);
      const left = await readdir(room);
      await rm(room, { recursive: true, force: true });
      return { outcome, left };
    },
  });
}

function readyLine(child, errors) {
  return new Promise((resolve, reject) => {
    let text = '';
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`the program was not ready in time; ${errors()}`));
    }, READY_MS_MAX);
    child.once('error', (error) => reject(new Error(`${PROGRAM} cannot be run; cargo build -p leadglass makes it`, { cause: error })));
    child.once('close', (code) => reject(new Error(`the program ended with ${code} before it was ready; ${errors()}`)));
    child.stdout.on('data', (data) => {
      text += data;
      if (!text.includes('\n')) return;
      clearTimeout(timer);
      resolve(JSON.parse(text.slice(0, text.indexOf('\n'))));
    });
  });
}

class Demo {
  /** @type {string} */
  address;
  #people;
  #process;
  /** The latest step that was used of each person's codes: each is good once, and none before it. */
  #used = new Map();

  constructor(ready, room, process) {
    this.address = ready.http;
    this.dir = ready.dir;
    this.hl7 = ready.hl7;
    this.pids = ready.pids;
    this.room = room;
    this.#people = ready.people;
    this.#process = process;
    // enrolling took a code of the moment
    const now = Math.floor(Date.now() / CODE_STEP_MS);
    for (const { email } of this.#people) this.#used.set(email, now);
  }

  /** Who has `role`: email, name, password, secret, enrolment. */
  person(role) {
    const found = this.#people.find((person) => person.role === role);
    if (!found) throw new Error(`the demonstration has nobody whose role is ${role}`);
    return found;
  }

  /** A code that has not been used; waits where the next one is not taken yet (one step ahead is). */
  async code({ email, secret }) {
    const step = Math.max(this.#used.get(email) ?? 0, Math.floor(Date.now() / CODE_STEP_MS) - 1) + 1;
    while (Math.floor(Date.now() / CODE_STEP_MS) < step - 1) await pause(250);
    this.#used.set(email, step);
    return codeOfStep(secret, step);
  }

  /** What the program's own command says, as JSON. */
  async tell(...words) {
    const { stdout } = await promisify(execFile)(PROGRAM, [...words, '--dir', this.dir, '--format', 'json']);
    return JSON.parse(stdout);
  }

  /** Ends it as Ctrl-C does; says how it ended and what it left behind. Repeating it gives the same answer. */
  end() {
    this.ending ??= this.#process.end();
    return this.ending;
  }

  errors() {
    return this.#process.errors();
  }
}

/** The code of the moment for a secret that a test has just been given. */
export function codeNow(secret) {
  return codeOfStep(secret, Math.floor(Date.now() / CODE_STEP_MS));
}

/** RFC 6238 over RFC 4226: SHA-1, six digits. */
export function codeOfStep(secret, step) {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac('sha1', base32(secret)).update(counter).digest();
  const number = mac.readUInt32BE(mac[19] & 0xf) & 0x7fff_ffff;
  return String(number % 1_000_000).padStart(6, '0');
}

/** RFC 4648 section 6, without padding. */
function base32(text) {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const bytes = [];
  let [bits, held] = [0, 0];
  for (const letter of text.replaceAll(/[\s=]/g, '').toUpperCase()) {
    held = (held << 5) | alphabet.indexOf(letter);
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push((held >> bits) & 0xff);
    held &= (1 << bits) - 1;
  }
  return Buffer.from(bytes);
}
