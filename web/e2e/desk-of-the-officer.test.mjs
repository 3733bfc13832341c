/** Orders, leaks, findings, and all sessions, after something really happened: on the built program. */

import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ask, setStage } from './stage/stage.mjs';

const REFUSED = { expected: [/status of (401|403|404)/] };
/** Of nobody here. */
const STRANGER = '999999901^Unbekannt^Ute^^^^^^LANR';
const CANARY = 'Geheimwort-aus-dem-Dump';

let answers;
let locked;
let named;
let token;

const stage = setStage(async () => {
  locked = stage.demo.person('referrer');
  named = stage.demo.person('radiologist');
  await stage.demo.tell('person', 'professional-id', locked.email, 'LANR/123456601');
  await stage.demo.tell('org', 'add', 'Machines');
  await stage.demo.tell('device', 'add', 'RIS', '--organisation', 'Machines', '--may', 'orders', '--from', '127.0.0.1');
  token = (await stage.demo.tell('device', 'add', 'Reader', '--organisation', 'Machines', '--may', 'list', '--token')).token;
  answers = await told([
    ['ORM^O01', 'taken', 'PID|1||D-1001^^^DEMO', 'ORC|NW|4711^RIS||||||||||123456601^Referrer^R^^^^^^LANR', 'OBR|1|4711^RIS||CT'],
    ['ORM^O01', 'refused', 'PID|1||D-1002^^^DEMO||Geheimfrau^Greta', `ORC|NW|4712^RIS||||||||||${STRANGER}`, 'OBR|1|4712^RIS||CT'],
  ]);
});

/** Sends messages over MLLP, one connection; MSA-1 of each answer. */
async function told(messages) {
  const [host, port] = stage.demo.hl7.split(':');
  const socket = connect(Number(port), host);
  socket.setEncoding('utf8');
  const codes = [];
  try {
    for (const [kind, id, ...segments] of messages) {
      const head = `MSH|^~\\&|RIS|NORTH|LEADGLASS||20261127093000||${kind}|${id}|P|2.5.1||||||UNICODE UTF-8`;
      socket.write(`\x0b${[head, ...segments].join('\r')}\r\x1c\r`);
      let answer = '';
      while (!answer.includes('\x1c\r')) {
        answer += await new Promise((resolve, reject) => {
          socket.once('data', resolve);
          socket.once('error', reject);
          socket.once('close', () => reject(new Error('the connection was closed')));
        });
      }
      codes.push(/\rMSA\|(\w\w)/.exec(answer)[1]);
    }
  } finally {
    socket.destroy();
  }
  return codes;
}

test('the page of orders shows an order that came over MLLP, its sender’s day, and the message that was refused and kept', async () => {
  assert.deepEqual(answers, ['AA', 'AE']);
  const page = await stage.signedIn('officer', '/orders', REFUSED);
  await page.getByRole('heading', { name: 'Orders', exact: true }).waitFor();
  await page.getByRole('region', { name: 'Today, by sender' }).getByRole('row', { name: /RIS 1 of 2,000 1 of 100 0 of 50/ }).waitFor();
  const newest = page.getByRole('region', { name: 'The newest orders' });
  await newest.getByRole('row', { name: new RegExp(`RIS.*No appointment known runs ${locked.name}`) }).waitFor();
  const message = page.getByRole('listitem').filter({ hasText: 'Message 0' });
  await message.getByText(/RIS · .* · Control id refused · \d+ bytes/).waitFor();
  await message.getByText('Somebody or something is not known').waitFor();
  await message.getByText(/at ORC-12: nobody here who reads patients has this professional identifier/).waitFor();
  const text = await page.content();
  for (const secret of ['Geheimfrau', 'D-1001', 'D-1002', '4711', '999999901']) assert.ok(!text.includes(secret), `${secret} stands on the page`);
  await stage.picture(page, 'officer-orders');

  // an appointment takes its order out of those without one, and its end brings it back
  const sch = 'SCH|A-1^RIS||||||||||1^^^209912241030|||||||||||||||4711^RIS';
  for (const [event, count] of [['S12', '0 of 100'], ['S15', '1 of 100']]) {
    assert.deepEqual(await told([[`SIU^${event}`, event, sch, 'PID|1||D-1001^^^DEMO']]), ['AA']);
    await page.reload();
    await page.getByRole('region', { name: 'Today, by sender' }).getByRole('row', { name: `RIS 1 of 2,000 ${count} 0 of 50` }).waitFor();
    await newest.getByRole('row', { name: event === 'S12' ? /RIS.*Appointment known runs/ : /RIS.*No appointment known runs/ }).waitFor();
  }
  await page.context().close();
});

test('the page of leaks shows whom a dump locked and whom it only named, and findings the sentence about it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lg-dump-'));
  const dump = join(folder, 'combo.txt');
  await writeFile(dump, `nobody@shop.example:${CANARY}\n${locked.email}:${locked.password}\n${named.email}:${CANARY}\n`);
  const checked = await stage.demo.tell('leaks', 'check', dump);
  await rm(folder, { recursive: true });
  assert.deepEqual([checked.verified.map((row) => row.email), checked.named.map((row) => row.email)], [[locked.email], [named.email]]);

  const page = await stage.signedIn('officer', '/officer/leaks', REFUSED);
  const rowOf = (region, person, rest) => page.getByRole('region', { name: region }).getByRole('row').filter({ hasText: person.email }).filter({ hasText: rest });
  await rowOf('Accounts that were locked', locked, /Incident 1\s*Locked/).waitFor();
  await rowOf('Accounts that were only named', named, /The whole address; one password was tried/).waitFor();
  assert.equal(await page.getByRole('region', { name: 'Accounts that were only named' }).getByRole('row').count(), 2, 'one row and its head');
  await page.getByText('No list is loaded').waitFor();
  await stage.picture(page, 'officer-leaks');
  await page.getByRole('link', { name: /^Finding / }).click();
  await page.getByRole('heading', { name: 'Findings', exact: true }).waitFor();
  await page.getByRole('row').filter({ hasText: `the login of ${named.name} stands in a dump of stolen logins; 1 passwords beside it were tried` }).waitFor();
  assert.ok(!(await page.content()).includes(CANARY));
  await stage.picture(page, 'officer-findings');

  // looked at, it is open no more
  await page.getByRole('button', { name: `Looked at ${named.name}` }).click();
  const dialog = page.getByRole('dialog', { name: 'You have looked at this' });
  await dialog.getByRole('textbox').fill('Rang her up: an old mailbox.');
  await dialog.getByRole('button', { name: 'Looked at' }).click();
  await page.getByRole('row').filter({ hasText: 'stands in a dump of stolen logins' }).waitFor({ state: 'detached' });
  await page.context().close();
});

test('all sessions name who is signed in and which devices have a token, and end both', async () => {
  const reader = await stage.signedIn('radiologist', '/', REFUSED);
  await reader.getByRole('grid', { name: 'Worklist' }).waitFor();
  const page = await stage.signedIn('officer', '/account', REFUSED);
  const everything = page.getByRole('listitem');
  const session = everything.filter({ hasText: named.email });
  await session.getByText('Password and code').waitFor();
  await everything.filter({ hasText: stage.demo.person('officer').email }).getByText('this one').waitFor();
  assert.equal(await everything.filter({ hasText: locked.email }).count(), 0, 'whose password leaked has no session');
  const device = everything.filter({ hasText: 'Reader' }).filter({ hasText: 'Machines' });
  await device.getByText('not yet').waitFor();
  await stage.picture(page, 'officer-sessions');
  await session.getByRole('button', { name: new RegExp(`^End: ${named.name}`) }).click();
  await page.getByText('The session was ended.').waitFor();
  assert.equal((await ask(reader, 'GET', '/api/session')).status, 401);
  await device.getByRole('button', { name: 'End the token of Reader' }).click();
  await page.getByText('The token was ended. The device stays.').waitFor();
  await device.waitFor({ state: 'detached' });
  const answer = await fetch(`${stage.demo.address}/dicom-web/studies`, { headers: { Authorization: `Bearer ${token}` } });
  assert.equal(answer.status, 401);
  await reader.context().close();
  await page.context().close();
});

stage.lastly();
