/** What phones and small desks show whole: rows of tables, the pages of the frame, the words of the language. */

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { as } from './stage.mjs';

const PHONE = { locale: 'de-DE', viewport: { width: 360, height: 740 } };

/** What lies right of the screen, and tables that hide a part of themselves. */
const cutOff = (page) =>
  page.evaluate(() => {
    const beyond = [...document.querySelectorAll('main button, main a, main input, main select')].filter((element) => element.getClientRects().length > 0 && element.getBoundingClientRect().right > innerWidth + 0.5);
    const hidden = [...document.querySelectorAll('.table-wrap.stacks')].filter((wrap) => wrap.scrollWidth > wrap.clientWidth);
    return [...beyond, ...hidden].map((element) => element.getAttribute('aria-label') ?? element.textContent);
  });

for (const [role, path, table, row] of [
  ['administrator', '/people', 'Personen', /Öztürk.*Rolle: Zuweisende Praxis.*Organisation: Klinikum Nord/],
  ['administrator', '/people/organisations', 'Organisationen', /Klinikum Nord.*Lässt zu: Nur Passkeys.*Mitglieder: 1/],
  ['administrator', '/people/devices', 'Geräte', /Befundarbeitsplatz.*AE-Titel oder Token: Token.*Darf: auflisten, öffnen/],
  ['referrer', '/colleagues', 'Kollegium', /Öztürk.*Rolle: Zuweisende Praxis/],
  ['officer', '/officer/leaks', 'Gesperrte Konten', /Wer: Dr\. Anna Weiß.*Vorfall: Vorfall 4.*Stand: Gesperrt/],
  ['officer', '/orders', 'Heute, nach Absender', /KIS Klinikum Nord.*Ohne Termin: 100 von 100/],
  ['officer', '/cold', 'Zuletzt zurückgeholt', /Dr\. Jonas Keller.*Patient: 77.*Untersuchungen: 2/],
]) {
  test(`on a phone a row of ${path} says each cell's heading and nothing of it is cut off`, () =>
    as(role, path, async (page) => {
      const region = page.getByRole('region', { name: table, exact: true });
      await region.getByRole('row', { name: row }).first().waitFor();
      // still a table for those who hear it
      assert.ok((await region.getByRole('columnheader').count()) > 2);
      assert.deepEqual(await cutOff(page), []);
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360);
    }, PHONE));
}

test('headings in stacked rows follow a change of language, and rows that come later have them', () =>
  as('administrator', '/people', async (page) => {
    const region = page.getByRole('region', { name: 'Personen', exact: true });
    await region.getByRole('row', { name: /Amsel.*Rolle: Datenschutz/ }).waitFor();
    await page.getByRole('searchbox').fill('amsel');
    await region.getByRole('row', { name: /Vogel/ }).waitFor({ state: 'detached' });
    await page.getByRole('searchbox').fill('');
    await region.getByRole('row', { name: /Vogel.*Rolle: Verwaltung/ }).waitFor();
    await page.locator('details.account > summary').click();
    await page.getByRole('button', { name: 'English' }).click();
    await page.getByRole('region', { name: 'People', exact: true }).getByRole('row', { name: /Vogel.*Role: Administrator.*Last sign-in: / }).waitFor();
  }, PHONE));

test('a browser keeps the roles of a table whose rows are stacked', () =>
  as('administrator', '/people', async (page, context) => {
    await page.getByRole('region', { name: 'Personen', exact: true }).getByRole('row', { name: /Vogel/ }).waitFor();
    const client = await context.newCDPSession(page);
    const { nodes } = await client.send('Accessibility.getFullAXTree');
    const roles = new Set(nodes.filter((node) => !node.ignored).map((node) => node.role?.value));
    for (const role of ['table', 'row', 'cell', 'columnheader']) assert.ok(roles.has(role), `${role} is lost: ${[...roles].join(' ')}`);
  }, PHONE));

for (const role of ['patient', 'referrer', 'technologist', 'officer', 'administrator', 'both']) {
  test(`no page in the frame of ${role} is cut off or covered, from phones to desks`, () =>
    as(role, '/account', async (page) => {
      await page.getByRole('heading', { level: 1, name: 'Meine Sitzungen' }).waitFor();
      for (const width of [360, 640, 900, 1_024, 1_280, 1_440, 1_920]) {
        await page.setViewportSize({ width, height: 800 });
        const wrong = await page.evaluate(() => {
          const nav = document.querySelector('header nav');
          const lock = document.querySelector('header .lock').getBoundingClientRect();
          const edge = nav.getBoundingClientRect();
          return [...nav.querySelectorAll('a')].filter((link) => {
            const box = link.getBoundingClientRect();
            const covered = box.right > lock.left && box.top < lock.bottom && box.bottom > lock.top && box.left < lock.right;
            return covered || box.left < -0.5 || box.right > innerWidth + 0.5 || (getComputedStyle(nav).overflowX !== 'visible' && box.right > edge.right + 0.5);
          }).map((link) => link.textContent);
        });
        assert.deepEqual(wrong, [], `at ${width}`);
        const rows = await page.evaluate(() => new Set([...document.querySelectorAll('header nav a')].map((link) => Math.round(link.getBoundingClientRect().top))).size);
        assert.ok(width < 640 || rows <= (['patient', 'referrer', 'technologist'].includes(role) ? 2 : 4), `${rows} rows of pages at ${width}`);
        assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width);
      }
    }, { locale: 'de-DE' }));
}

test('a census speaks the language of the page: roles, days and lines that are not clear', () =>
  as('officer', '/people/census', async (page) => {
    await page.getByLabel('Personalliste (CSV)').setInputFiles({ name: 'staff.csv', mimeType: 'text/csv', buffer: Buffer.from('email\na@b.example\n') });
    await page.getByRole('button', { name: 'Vergleichen' }).click();
    const row = (part, name) => page.getByRole('region', { name: part }).getByRole('row', { name });
    await row('Andere Rolle als in der Liste', /Dr\. Jonas Keller.*in der Liste: Röntgenassistenz/).waitFor();
    await row('Endet später als in der Liste', /Dr\. Anna Weiß.*in der Liste: 31\.12\.2026/).waitFor();
    await row('Zeilen, die nicht klar sind', /Otto Ohne.*Zeile 6: unbekannte Rolle: Zauberer/).waitFor();
    await row('Länger als so viele Tage unbenutzt', /Öztürk.*letzte Anmeldung: nie/).waitFor();
    assert.deepEqual(await cutOff(page), []);
  }, PHONE));

test('a link that was shared is told until the minute, in the language of the reader', () =>
  as('patient', '/links', async (page) => {
    await page.getByText(/^Gilt bis \d\d\.\d\d\.\d{4}, \d\d:\d\d MES?Z$/).first().waitFor();
    await page.getByText('Jeder öffnet nur in wenigen Browsern und endet nach zu vielen falschen Codes.', { exact: false }).waitFor();
    assert.deepEqual(await cutOff(page), []);
  }, PHONE));

test('the sex beside an age in the worklist is a letter of the language', () =>
  as('radiologist', '/worklist', async (page) => {
    await page.getByRole('grid', { name: 'Arbeitsliste' }).getByRole('row', { name: /DUBOIS.*\d+ J\. W/ }).first().waitFor();
  }, { locale: 'de-DE' }));

test('a cold study on a phone: the box of an emergency stands beside its words', () =>
  as('radiologist', '/study/9998', async (page) => {
    const box = page.getByRole('checkbox', { name: /Es kann nicht warten/ });
    await box.waitFor();
    const [tick, words] = await Promise.all([box.boundingBox(), page.getByText(/^Es kann nicht warten/).boundingBox()]);
    assert.ok(words.x >= tick.x + tick.width && Math.abs(words.y - tick.y) < tick.height, 'the words lie below the box');
  }, PHONE));

test('without holders the page of cold studies gives the command that names them', () =>
  as('officer', '/cold', async (page) => {
    await page.getByText('Es sind keine Hüter benannt', { exact: false }).waitFor();
    await page.getByText('leadglass cold init', { exact: true }).waitFor();
    await page.getByRole('button', { name: /Kopieren/ }).first().waitFor();
  }, { ...PHONE, prepare: async () => (await import('./stage.mjs')).mock.fault('empty') }));

/** Names, addresses and organisations as long as they come. */
const LONG = {
  name: 'Prof. Dr. med. Maximiliane-Alexandra von Wolkenstein-Trostburg zu Hohenlohe-Schillingsfürst',
  email: 'maximiliane-alexandra.von-wolkenstein-trostburg@radiologie-versorgungszentrum.example.org',
  organisation: 'Medizinisches Versorgungszentrum für Radiologie, Nuklearmedizin und Strahlentherapie Schwäbisch-Gmünd GmbH',
};
const lengthened = (value) =>
  JSON.parse(JSON.stringify(value), (key, inner) => (typeof inner === 'string' && key in LONG ? LONG[key] : key === 'organisations' ? inner.map(() => LONG.organisation) : inner));
const long = (api) => (page) => page.route((url) => url.pathname === api, async (route) => route.fulfill({ json: lengthened(await (await route.fetch()).json()) }));

for (const width of [360, 1_280]) {
  test(`the longest names cover no button and hide none at ${width}`, async () => {
    const size = { locale: 'de-DE', viewport: { width, height: 800 } };
    await as('administrator', '/people', async (page) => {
      await page.getByRole('row', { name: /Wolkenstein/ }).first().waitFor();
      assert.deepEqual(await cutOff(page), []);
    }, { ...size, prepare: long('/api/people') });
    await as('officer', '/account', async (page) => {
      await page.getByRole('heading', { level: 3, name: /Wolkenstein/ }).first().waitFor();
      const covered = await page.evaluate(() => [...document.querySelectorAll('li.sheet')].filter((card) => {
        const button = card.querySelector('button')?.getBoundingClientRect();
        const words = [...card.querySelectorAll('h2, h3, dd, h3 span')].flatMap((element) => {
          const range = document.createRange();
          range.selectNodeContents(element);
          return [...range.getClientRects()];
        });
        return button && words.some((box) => box.right > button.left && box.left < button.right && box.bottom > button.top && box.top < button.bottom);
      }).map((card) => card.textContent));
      assert.deepEqual(covered, []);
      assert.deepEqual(await cutOff(page), []);
    }, { ...size, prepare: long('/api/sessions/all') });
  });
}
