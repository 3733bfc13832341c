import assert from 'node:assert/strict';
import { test } from 'node:test';
import { as, confirm } from './stage.mjs';

const approvals = (page) => page.getByRole('article');

test('an officer reads what exactly changes, and approves that', () =>
  as('officer', '/approvals', async (page) => {
    const row = approvals(page).filter({ hasText: 'Proposal 412' });
    await row.getByRole('heading', { name: /Dr\. Jonas Keller .* becomes “radiologist” instead of “referring doctor”/ }).waitFor();
    const sent = page.waitForRequest((request) => request.url().endsWith('/api/approvals/412/approve'));
    await row.getByRole('button', { name: 'Approve proposal 412' }).click();
    const dialog = page.getByRole('dialog', { name: 'Approve this change?' });
    await dialog.getByText(/becomes “radiologist”/).waitFor();
    await dialog.getByRole('button', { name: 'Approve' }).click();
    await confirm(page, /You approve this change: .*becomes “radiologist”/);
    const body = JSON.parse((await sent).postData());
    assert.equal(body.fresh.ceremony, 'c4', 'a touch for this');
    assert.equal(body.digest, '0412'.repeat(16), 'the digest of what was shown');
    await page.getByText('Your approval is recorded.').waitFor();
    await row.getByText('approved, waits for its time').waitFor();
  }));

test('a refusal needs a reason', () =>
  as('officer', '/approvals', async (page) => {
    await page.getByRole('button', { name: /^Refuse proposal/ }).first().click();
    const dialog = page.getByRole('dialog', { name: 'Refuse this change?' });
    await dialog.getByRole('button', { name: 'Refuse' }).click();
    await dialog.getByText('Say why in a few words.').waitFor();
  }, { prepare: (page) => page.route('**/api/approvals', async (route) => {
    // the first test may have approved it: as it was before
    const response = await route.fetch();
    const all = await response.json();
    for (const row of all.rows) if (row.proposal === 412) Object.assign(row, { state: 'open', may_approve: true, approvals: [] });
    await route.fulfill({ response, json: all });
  }) }));

test('in an emergency a patient is reached by keyboard alone, and nothing of them stands in the address', () =>
  as('referrer', '/worklist', async (page) => {
    await page.getByRole('link', { name: 'Patient not in my list' }).first().click();
    await page.getByRole('heading', { name: 'Emergency access' }).waitFor();
    await page.getByText(/All 2 data protection officers are told at once/).waitFor();
    await page.keyboard.type('100234');
    await page.keyboard.press('Tab');
    await page.keyboard.type('12.05.1970');
    await page.getByRole('textbox', { name: 'In your own words' }).focus();
    await page.keyboard.type('Unconscious in the emergency room');
    const sent = page.waitForRequest((request) => request.url().endsWith('/api/break-glass') && request.method() === 'POST');
    await page.keyboard.press('Enter');
    await confirm(page, /emergency access to one patient/);
    const body = JSON.parse((await sent).postData());
    assert.deepEqual([body.patient_id, body.birth_date, body.reason, body.seconds], ['100234', '19700512', 'life-threatening', 3_600]);
    const done = page.getByRole('heading', { name: /You may open/ });
    await done.waitFor();
    assert.ok(await done.evaluate((heading) => heading === document.activeElement), 'the answer has the focus');
    const kept = await page.evaluate(() => JSON.stringify([location.href, document.title, history.state, { ...localStorage }, { ...sessionStorage }]));
    for (const secret of ['100234', '1970', 'Unconscious']) assert.ok(!kept.includes(secret), `${secret} in ${kept}`);
    await page.getByRole('link', { name: 'To the worklist' }).click();
    await page.getByRole('row').nth(1).waitFor();
  }));

test('a form that lacks something says what, and a patient who is not known says no more than that', () =>
  as('referrer', '/emergency', async (page) => {
    const open = page.getByRole('button', { name: 'Open in the emergency' });
    await open.click();
    await page.getByText('Fill in two of the three.').waitFor();
    await page.getByText('Say why in one sentence, at least five characters.').waitFor();
    await page.getByRole('textbox', { name: 'Patient ID' }).fill('999');
    await page.getByRole('textbox', { name: 'Birth date' }).fill('31.02.1970');
    await page.getByRole('textbox', { name: 'In your own words' }).fill('Unconscious');
    await open.click();
    await page.getByText(/Write the date as it is on the order/).waitFor();
    await page.getByRole('textbox', { name: 'Birth date' }).fill('28.02.1970');
    await open.click();
    await confirm(page, /emergency access/);
    const alert = page.getByRole('alert');
    await alert.getByText('No patient is known by exactly this').waitFor();
    await alert.getByText(/Every try is recorded/).waitFor();
    assert.equal(await page.getByRole('textbox', { name: 'Patient ID' }).inputValue(), '999', 'what was typed stays');
  }));

test('an officer sees uses as they come, looks at one and signs it off', () =>
  as('officer', '/officer/emergencies', async (page) => {
    await page.getByRole('img', { name: /^Bar chart: emergency accesses per week/ }).waitFor();
    const row = approvals(page).filter({ hasText: 'Operation heute' });
    await row.getByText('overdue').waitFor();
    assert.equal(await page.getByText('SANDBERG').count(), 0, 'no patient is named before somebody asks');
    await row.getByRole('button', { name: /^Show patient and studies/ }).click();
    await row.getByText(/SANDBERG, Emil/).waitFor();
    await row.getByRole('button', { name: /was justified$/ }).click();
    const dialog = page.getByRole('dialog', { name: 'It was justified' });
    await dialog.getByRole('button', { name: 'Sign off' }).click();
    await dialog.getByText('Say why in a few words.').waitFor();
    await dialog.getByRole('textbox', { name: 'Why' }).fill('Asked the ward');
    await dialog.getByRole('button', { name: 'Sign off' }).click();
    await page.getByText('Signed off.', { exact: true }).waitFor();
  }));

test('on any page an officer is told how many emergencies and changes wait', () =>
  as('officer', '/officer/exposure', async (page) => {
    const links = page.getByRole('navigation', { name: 'Pages' });
    await links.getByRole('link', { name: /^Emergencies\W+\d+\W+waiting$/ }).waitFor();
  }));

test('a patient reads an emergency as one, with the reason', () =>
  as('patient', '/my/accesses', async (page) => {
    await page.getByText('Took access to your images in an emergency').waitFor();
    await page.getByText(/danger to life: Bewusstlos in der Notaufnahme/).waitFor();
  }));

test('a role is proposed, and the page says that it waits', () =>
  as('administrator', '/people', async (page) => {
    await page.getByRole('button', { name: 'Change Dr. Jonas Keller' }).click();
    const dialog = page.getByRole('dialog', { name: 'Change Dr. Jonas Keller' });
    await dialog.getByRole('combobox', { name: 'Role' }).selectOption('radiologist');
    const sent = page.waitForRequest((request) => request.url().endsWith('/api/approvals/role'));
    await dialog.getByRole('button', { name: 'Propose this role' }).click();
    await confirm(page, 'You propose the role “Radiologist” for Dr. Jonas Keller.');
    const { fresh, ...body } = JSON.parse((await sent).postData());
    assert.deepEqual([body, fresh.ceremony], [{ email: 'referrer@example.org', role: 'radiologist' }, 'c4']);
    await page.getByText(/This does not happen at once\. It waits as proposal 500/).waitFor();
  }));

test('a change that is not confirmed is not sent, and one that turns out to need it asks then', () =>
  as('administrator', '/people', async (page) => {
    const sent = [];
    page.on('request', (request) => request.method() === 'POST' && request.url().endsWith('/api/people/enrolment') && sent.push(JSON.parse(request.postData())));
    await page.route('**/api/people/enrolment', (route) =>
      sent.at(-1).fresh ? route.continue() : route.fulfill({ status: 403, json: { error: 'this needs a fresh touch', hint: 'confirm it', fresh: 'act' } }));
    const ask = page.getByRole('button', { name: 'New link for Dr. Anna Weiß' });
    await ask.click();
    const why = 'You ask for a new enrolment link for Dr. Anna Weiß.';
    const dialog = page.getByRole('dialog', { name: 'Please confirm' });
    await dialog.getByText(why).waitFor();
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    await page.getByText('You did not confirm it, so nothing was changed.').waitFor();
    assert.equal(sent.length, 1);
    await ask.click();
    await confirm(page, why);
    await page.getByRole('img', { name: 'QR code of the link, for a phone' }).waitFor();
    assert.deepEqual(sent.map((body) => 'fresh' in body), [false, false, true]);
  }));

test('whoever read unusually many confirms once, and every request that waited goes on', () =>
  as('radiologist', '/worklist', async (page) => {
    await page.getByRole('row').nth(1).waitFor();
    let here = false;
    await page.route('**/api/studies?*', (route) =>
      here ? route.continue() : route.fulfill({ status: 403, json: { error: 'unusually many patients were read here', hint: 'confirm that it is you, then go on', fresh: 'still-here' } }));
    await page.route('**/api/fresh/still-here', (route) => {
      here = 'fresh' in JSON.parse(route.request().postData());
      return route.fulfill({ status: 204 });
    });
    await page.getByRole('searchbox').fill('weiß');
    await confirm(page, 'You have read unusually many patients.');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
    await page.getByRole('row').nth(1).waitFor();
    assert.ok(here);
  }));

test('an enrolment link is shown as a QR code too', () =>
  as('administrator', '/people', async (page) => {
    await page.getByRole('button', { name: 'New link for Dr. Anna Weiß' }).click();
    const code = page.getByRole('img', { name: 'QR code of the link, for a phone' });
    await code.waitFor();
    assert.ok(await code.evaluate((image) => image.complete && image.naturalWidth > 0));
  }));

for (const role of ['officer-administrator', 'administrator']) {
  test(`every page of an ${role} is in sight on a phone in German`, () =>
    as(role, '/people', async (page) => {
      const links = page.getByRole('navigation', { name: 'Seiten' }).getByRole('link');
      await links.first().waitFor();
      const out = await links.evaluateAll((all) => all.filter((link) => {
        const box = link.getBoundingClientRect();
        return box.left < 0 || box.right > innerWidth || box.height < 24;
      }).map((link) => link.textContent));
      assert.deepEqual(out, []);
      assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= 360);
    }, { viewport: { width: 360, height: 740 }, locale: 'de-DE' }));
}

test('an officer reads the networks that signs go by, and proposes others', () =>
  as('officer', '/officer/findings', async (page) => {
    const part = page.getByRole('region', { name: 'Networks of the site' });
    await part.getByText('at 52.52, 13.40').waitFor();
    await part.getByText('time UTC+10:00').waitFor();
    await part.getByText('no place: it says nothing about journeys').waitFor();
    await part.getByRole('button', { name: 'Propose other networks' }).click();
    const dialog = page.getByRole('dialog', { name: 'Propose other networks' });
    await dialog.getByText('a second person approves it on the page Approvals', { exact: false }).waitFor();
    const propose = dialog.getByRole('button', { name: 'Propose these networks' });
    await propose.click();
    await dialog.getByText('These are the networks that are known.', { exact: false }).waitFor();
    await dialog.getByRole('button', { name: 'Take out VPN' }).click();
    await dialog.getByRole('button', { name: 'Add a network' }).click();
    await page.keyboard.type('Praxis Sydney');
    const added = dialog.getByRole('group').last();
    await added.getByLabel('Blocks of addresses').fill('198.51.100.0/33');
    await added.getByLabel('Place').fill('north');
    await added.getByLabel('Difference to UTC').fill('noon');
    await propose.click();
    for (const wrong of ['Give a name that no other network has.', 'This is no block of addresses: 198.51.100.0/33', 'Give latitude and longitude in degrees, as in 52.52, 13.40.', 'Give it as in +01:00 or -03:30.']) await added.getByText(wrong).waitFor();
    assert.ok(await added.getByLabel('Name').evaluate((own) => own === document.activeElement));
    await added.getByLabel('Name').fill('Haus Süd');
    await added.getByLabel('Blocks of addresses').fill('198.51.100.0/24 2001:db8::/32');
    await added.getByLabel('Place').fill('48.14, 11.58');
    await added.getByLabel('Difference to UTC').fill('');
    const sent = page.waitForRequest((request) => request.url().endsWith('/api/approvals/network-rule'));
    await propose.click();
    await confirm(page, 'You propose other networks of the site.');
    const { fresh, ...body } = JSON.parse((await sent).postData());
    assert.ok(fresh.ceremony, 'with a touch for exactly this');
    assert.deepEqual(body, { networks: [
      { name: 'Klinikum Mitte', blocks: ['10.1.0.0/16', '192.0.2.0/24'], at: { latitude: 5_252, longitude: 1_340 }, utc_minutes: null },
      { name: 'Praxis Sydney', blocks: ['203.0.113.0/24'], at: null, utc_minutes: 600 },
      { name: 'Haus Süd', blocks: ['198.51.100.0/24', '2001:db8::/32'], at: { latitude: 4_814, longitude: 1_158 }, utc_minutes: null },
    ] });
    await part.getByText(/Haus Süd \(198\.51\.100\.0\/24, 2001:db8::\/32\) at 48\.14, 11\.58/).waitFor();
    await part.getByText(/It waits as proposal 503 for another person/).waitFor();
  }));

for (const [role, path, opens, title] of [
  ['officer', '/officer/findings', 'Andere Netze vorschlagen', 'Andere Netze vorschlagen'],
  ['officer', '/officer/links', 'Andere Regel vorschlagen', 'Andere Regel des Teilens vorschlagen'],
]) {
  test(`on a phone nothing of the form behind “${opens}” on ${path} is cut off`, () =>
    as(role, path, async (page) => {
      await page.getByRole('button', { name: opens }).click();
      const dialog = page.getByRole('dialog', { name: title });
      await dialog.getByRole('button').last().waitFor();
      const cut = await dialog.evaluate((own) => [...own.querySelectorAll('button, input, label, legend, p')].filter((one) => one.getBoundingClientRect().right > own.getBoundingClientRect().right + 0.5).map((one) => one.outerHTML));
      assert.deepEqual(cut, []);
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 360);
      await page.keyboard.press('Escape');
      await dialog.waitFor({ state: 'detached' });
    }, { locale: 'de-DE', viewport: { width: 360, height: 740 } }));
}
