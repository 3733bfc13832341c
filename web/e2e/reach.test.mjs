/** Who reaches what: a referring physician exactly the referred patients, a technologist names but no image. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, setStage } from './stage/stage.mjs';
import { counted } from '../test/counted.mjs';

const REFERRED = ['D-1001', 'D-1002', 'D-1005'];
const OTHERS = ['D-1003', 'D-1004', 'D-1006'];
/** Names, identifiers and birth dates of the patients of the other practice, as they might leak. */
const THEIRS = /m(ü|u|ue)ller|änne|yamada|tarou|山田|phantom|felix|D-100[346]|19440630|30\/06\/1944/i;

/** @type {import('playwright-core').Page} */
let page;
let everything;

const stage = setStage(async () => {
  // what there is, as somebody sees it who may
  const radiologist = await stage.signedIn('radiologist', '/api/health');
  ({ body: { studies: everything } } = await ask(radiologist, 'GET', '/api/studies'));
  await radiologist.context().close();
  page = await stage.signedIn('referrer', '/', { expected: [/status of 40[34]/] });
});

test('the worklist lists the three referred patients and nobody else', async () => {
  await page.getByRole('grid', { name: 'Worklist' }).getByRole('link').first().waitFor();
  const names = new Set(await page.getByRole('grid').getByRole('link').allInnerTexts());
  assert.deepEqual(names, new Set(['BEISPIEL, Anna', 'MUSTER, Bruno', 'SPECIMEN, Dr. Chris']));
  const { body } = await ask(page, 'GET', '/api/studies');
  assert.deepEqual([...new Set(body.studies.map((row) => row.patient.id))].sort(), REFERRED);
  assert.equal(body.studies.length, everything.filter((row) => REFERRED.includes(row.patient.id)).length);
  assert.doesNotMatch(JSON.stringify(body), THEIRS);
  await stage.picture(page, 'referrer-worklist');
});

test('a search for somebody else finds nothing', async () => {
  await page.getByRole('searchbox').fill('muller');
  await page.getByRole('heading', { name: 'Nothing matches' }).waitFor();
  await page.getByRole('searchbox').fill('');
  for (const query of ['PatientID=D-1003', 'PatientName=Yamada*', `StudyInstanceUID=${uidOf('D-1006')}`]) {
    const { status, body } = await ask(page, 'GET', `/dicom-web/studies?${query}`);
    assert.ok(status === 204 || (status === 200 && body.length === 0), `${query}: ${status} ${JSON.stringify(body)}`);
  }
});

test('a study of a referred patient opens', async () => {
  const { number } = everything.find((row) => row.patient.id === 'D-1002');
  await page.goto(`/study/${number}`);
  await page.locator('.pane.shown').waitFor();
  await page.getByRole('region', { name: 'Patient' }).getByText('MUSTER').waitFor();
});

for (const id of OTHERS) {
  test(`the page of a study of ${id} says that there is nothing, and nothing else`, async () => {
    const { number } = everything.find((row) => row.patient.id === id);
    await page.goto(`/study/${number}`);
    await page.getByText('There is nothing here that you may see.').waitFor();
    assert.doesNotMatch(await page.locator('body').innerText(), THEIRS);
    assert.doesNotMatch(await page.content(), THEIRS);
    assert.equal(await page.locator('.pane.shown').count(), 0);
    await stage.picture(page, 'refused-study');
  });
}

test('every address of somebody else’s study answers 404, word for word as one that never was', async () => {
  await page.goto('/worklist');
  const unknown = '2.25.1';
  const paths = (uid) => [
    `/api/studies/${uid}`, `/dicom-web/studies/${uid}`, `/dicom-web/studies/${uid}/metadata`, `/dicom-web/studies/${uid}/series`,
    `/dicom-web/studies/${uid}/instances`, `/dicom-web/studies/${uid}/rendered`, `/dicom-web/studies/${uid}/thumbnail`,
    `/dicom-web/studies/${uid}/series/${uid}.1/metadata`, `/dicom-web/studies/${uid}/series/${uid}.1/instances/${uid}.1.1/frames/1`,
  ];
  for (const id of OTHERS) {
    const real = paths(uidOf(id));
    const made = paths(unknown);
    for (const [index, path] of real.entries()) {
      const [theirs, nobodys] = [await ask(page, 'GET', path), await ask(page, 'GET', made[index])];
      assert.equal(theirs.status, nobodys.status, path);
      assert.deepEqual(theirs.body, nobodys.body, path);
      assert.doesNotMatch(JSON.stringify(theirs.body), THEIRS);
      if (!path.endsWith('/series') && !path.endsWith('/instances')) {
        assert.equal(theirs.status, 404, path);
        assert.equal(theirs.body.error, 'there is nothing here that you may see');
      }
    }
    const number = everything.find((row) => row.patient.id === id).number;
    assert.deepEqual((await ask(page, 'GET', `/api/studies/number/${number}`)).body, (await ask(page, 'GET', '/api/studies/number/987654')).body);
  }
});

test('pages and addresses of other roles are refused', async () => {
  for (const path of ['/officer', '/people', '/my']) {
    await page.goto(path);
    await page.getByRole('heading', { name: 'This page belongs to another role' }).waitFor();
  }
  await stage.picture(page, 'not-yours');
  for (const path of ['/api/ledger/entries?from=0', '/api/exposure?who=person:rae@demo.example&from=0&to=1', '/api/people', '/api/devices', '/api/my/studies']) {
    const { status, body } = await ask(page, 'GET', path);
    assert.equal(status, 403, path);
    assert.equal(body.error, 'you may not do this', path);
  }
  const { status } = await ask(page, 'POST', '/api/relationships', { who: 'person:robin@demo.example', whom: 'site', tier: 'open', from: 0, until: 9e15, basis: 'because' });
  assert.equal(status, 403);
});

test('a technologist sees what arrived and opens no image', async () => {
  const technologist = await stage.signedIn('technologist', '/', { expected: [/status of 40[34]/] });
  const links = technologist.getByRole('grid', { name: 'Worklist' }).getByRole('link');
  await links.first().waitFor();
  await counted(links, everything.length);
  await links.first().click();
  await technologist.getByText('You may see that this study is here, but not its images.').first().waitFor();
  assert.equal(await technologist.locator('.pane.shown').count(), 0);
  await stage.picture(technologist, 'technologist-refused');
  for (const path of [`/dicom-web/studies/${uidOf('D-1001')}`, `/dicom-web/studies/${uidOf('D-1001')}/rendered`, `/dicom-web/studies/${uidOf('D-1001')}/thumbnail`]) {
    const { status } = await ask(technologist, 'GET', path);
    assert.ok(status === 403 || status === 404, `${path}: ${status}`);
  }
  await technologist.context().close();
});

function uidOf(id) {
  return everything.find((row) => row.patient.id === id).uid;
}

stage.lastly();
