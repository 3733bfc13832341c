import assert from 'node:assert/strict';
import { test } from 'node:test';
import { as } from './stage.mjs';

/** The person confirms the act that the dialog names, with a password and a code. */
async function confirm(page, why) {
  const dialog = page.getByRole('dialog', { name: 'Please confirm' });
  await dialog.getByText(why).waitFor();
  await dialog.getByLabel('Password').fill('password of a test');
  await dialog.getByLabel('One-time code').fill('123456');
  await dialog.getByRole('button', { name: 'Confirm with password and code' }).click();
}

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
