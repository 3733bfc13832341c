import assert from 'node:assert/strict';
import { test } from 'node:test';
import { as, mock } from './stage.mjs';

const worklist = (page) => page.getByRole('grid', { name: 'Worklist' });
const search = (page) => page.getByRole('searchbox', { name: 'Search studies' });

test('a study is found and opened by keyboard alone', () =>
  as('radiologist', '/worklist', async (page) => {
    await page.getByRole('row').nth(3).waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('sandberg emil thorax');
    await page.getByText('1 study', { exact: true }).waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/study/2');
    await page.locator('[data-shown="1"]').waitFor();
    await page.getByRole('region', { name: 'Patient' }).getByText('SANDBERG').waitFor();
  }));

test('nothing of a patient stands in the address, the title, the history or storage', () =>
  as('radiologist', '/worklist', async (page) => {
    await search(page).fill('sandberg emil');
    await page.getByRole('row', { name: /SANDBERG/ }).first().click();
    await page.locator('[data-shown="1"]').waitFor();
    const kept = await page.evaluate(() => JSON.stringify([location.href, document.title, history.state, { ...localStorage }, { ...sessionStorage }, document.cookie]));
    for (const secret of ['SANDBERG', 'Sandberg', '2.25.', '100234', '19310101', 'Kopf']) assert.ok(!kept.includes(secret), `${secret} in ${kept}`);
    assert.match(page.url(), /\/study\/\d+$/);
  }));

test('who signs out while the archive is away is told so, and no other tab goes on', () =>
  as('radiologist', '/worklist', async (page) => {
    const other = await page.context().newPage();
    await other.goto('/worklist');
    await other.getByRole('row').nth(3).waitFor();
    await mock.fault('away');
    // a slow disk: no other tab may look for the key before it is gone
    await page.evaluate(() => {
      const open = indexedDB.open.bind(indexedDB);
      IDBFactory.prototype.open = (...how) => {
        const late = {};
        setTimeout(() => {
          const opening = open(...how);
          opening.onsuccess = () => { late.result = opening.result; late.onsuccess(); };
        }, 1_500);
        return late;
      };
    });
    try {
      await page.locator('details.account > summary').click();
      await page.getByRole('button', { name: 'Sign out' }).click();
      await page.getByText('You are signed out in this browser, but the archive could not be told.').waitFor();
      await other.getByRole('heading', { name: 'Sign in', exact: true }).waitFor();
    } finally {
      await mock.fault('well');
    }
  }));

test('a later search is never overtaken by an earlier one', () =>
  as('radiologist', '/worklist', async (page) => {
    await page.getByRole('row').nth(3).waitFor();
    await page.route('**/api/studies?*words=san&*', async (route) => {
      await new Promise((resolve) => setTimeout(resolve, 900));
      await route.continue().catch(() => undefined);
    });
    await search(page).pressSequentially('san', { delay: 10 });
    await page.waitForTimeout(250);
    await search(page).pressSequentially('dberg emil thorax', { delay: 5 });
    await page.getByText('1 study', { exact: true }).waitFor();
    await page.waitForTimeout(900);
    assert.equal(await page.getByRole('row').count(), 2);
  }));

test('ten thousand rows are reached by scrolling, and few of them are drawn', () =>
  as('radiologist', '/worklist', async (page) => {
    await page.getByRole('row').nth(3).waitFor();
    const rows = async () => worklist(page).evaluate((grid) => Math.round(grid.querySelector('.space').offsetHeight / grid.querySelector('.row').offsetHeight));
    for (let turn = 0; turn < 400 && (await rows()) < 9_990; turn += 1) {
      await worklist(page).evaluate((grid) => grid.scrollTo(0, grid.scrollHeight));
      await page.waitForTimeout(25);
    }
    assert.ok((await rows()) >= 9_990, `only ${await rows()} rows`);
    assert.ok((await page.getByRole('row').count()) < 80);
  }));

test('coming back from a study finds the row and the place again', () =>
  as('radiologist', '/worklist', async (page) => {
    await page.getByRole('row').nth(3).waitFor();
    await worklist(page).evaluate((grid) => grid.scrollTo(0, 2_400));
    await page.waitForTimeout(200);
    await worklist(page).focus();
    await page.locator('.row').nth(20).click();
    await page.waitForURL('**/study/*');
    await page.getByRole('link', { name: 'Worklist' }).click();
    await page.locator('.row.selected').waitFor();
    assert.ok((await worklist(page).evaluate((grid) => grid.scrollTop)) > 2_000);
  }));

test('new studies are announced and do not move the list', () =>
  as('radiologist', '/worklist', async (page) => {
    const first = page.locator('.row').first();
    await first.waitFor();
    const before = await first.innerText();
    await page.route('**/api/studies?*limit=50', async (route) => {
      const answer = await route.fetch();
      const body = await answer.json();
      body.studies.unshift({ ...body.studies[0], number: 99_999 });
      await route.fulfill({ response: answer, json: body });
    });
    await page.clock.runFor(21_000);
    await page.getByText('1 new study has arrived').waitFor();
    assert.equal(await first.innerText(), before);
  }, { prepare: (page) => page.clock.install() }));

test('an ended session keeps the screen, asks, and goes on where it was', () =>
  as('radiologist', '/worklist', async (page) => {
    await page.getByRole('row').nth(3).waitFor();
    await mock.fault('signed-out');
    await search(page).fill('thorax');
    const dialog = page.getByRole('dialog', { name: 'Your session has ended' });
    await dialog.waitFor();
    assert.ok((await page.getByRole('row', { includeHidden: true }).count()) > 3);
    await mock.fault('well');
    await dialog.getByText('Sign in with a password and a code instead').click();
    await dialog.getByLabel('Password', { exact: true }).fill('a long one');
    await dialog.getByLabel('One-time code').fill('123456');
    await dialog.getByRole('button', { name: 'Sign in', exact: true }).click();
    await dialog.waitFor({ state: 'detached' });
    await page.getByRole('row', { name: /Thorax/ }).first().waitFor();
  }));

test('somebody else at the same screen gets a fresh page', () =>
  as('radiologist', '/worklist', async (page) => {
    await page.getByRole('row').nth(3).waitFor();
    await mock.fault('signed-out');
    await search(page).fill('thorax');
    const dialog = page.getByRole('dialog');
    await dialog.getByText('Sign in with a password and a code instead').click();
    await dialog.getByLabel('E-mail address').fill('officer@example.org');
    await dialog.getByLabel('Password', { exact: true }).fill('a long one');
    await dialog.getByLabel('One-time code').fill('123456');
    await dialog.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.waitForURL('**/officer');
    await page.getByRole('heading', { name: 'Ledger' }).waitFor();
  }));

test('while the warden is away a banner says so, and the page goes on by itself', () =>
  as('radiologist', '/worklist', async (page) => {
    await page.getByRole('row').nth(3).waitFor();
    await mock.fault('away');
    await search(page).fill('thorax');
    await page.getByText('Reading waits for the warden.').waitFor();
    await mock.fault('well');
    await page.getByRole('button', { name: 'Try now' }).click();
    await page.getByText('Reading waits for the warden.').waitFor({ state: 'detached' });
    await page.getByRole('row', { name: /Thorax/ }).first().waitFor();
  }));

test('an untouched screen is covered, and comes back while the session holds', () =>
  as('radiologist', '/worklist', async (page) => {
    await page.getByRole('row').nth(3).waitFor();
    await page.clock.runFor(11 * 60_000);
    await page.getByText('The screen is covered').waitFor();
    assert.equal(await page.locator('.app').evaluate((element) => getComputedStyle(element).visibility), 'hidden');
    await page.keyboard.press('Shift');
    await page.getByText('The screen is covered').waitFor({ state: 'detached' });
    assert.equal(await page.locator('.app').evaluate((element) => getComputedStyle(element).visibility), 'visible');
  }, { prepare: (page) => page.clock.install() }));

test('an untouched screen stays covered when the session has ended meanwhile', () =>
  as('radiologist', '/worklist', async (page) => {
    await page.getByRole('row').nth(3).waitFor();
    await page.clock.runFor(11 * 60_000);
    await page.getByText('The screen is covered').waitFor();
    await mock.fault('signed-out');
    await page.keyboard.press('Shift');
    await page.getByRole('dialog', { name: 'Your session has ended' }).waitFor();
    assert.equal(await page.locator('.app').evaluate((element) => getComputedStyle(element).visibility), 'hidden');
  }, { prepare: (page) => page.clock.install() }));

test('an enrolment link leaves the address at once, and a dead one says whom to ask', () =>
  as(null, '/enrol#good', async (page) => {
    await page.getByRole('heading', { name: 'Welcome' }).waitFor();
    assert.match(page.url(), /\/enrol$/);
    await page.goto('about:blank');
    await page.goto('/enrol#gone');
    await page.getByText('Ask your administrator for a new one.').waitFor();
  }));

test('a weak password is refused with its reason, and recovery codes must be saved to go on', () =>
  as(null, '/enrol#good', async (page) => {
    await page.getByRole('button', { name: 'Set a password and an authenticator app instead' }).click();
    await page.getByLabel('Password', { exact: true }).fill('password1');
    await page.getByText('It is on the list of passwords that are tried first.').waitFor();
    assert.ok(await page.getByRole('button', { name: 'Next' }).isDisabled());
    await page.getByLabel('Password', { exact: true }).fill('Grüner Turm 88');
    await page.getByText('This is a good password.').waitFor();
    await page.getByRole('button', { name: 'Next' }).click();
    await page.getByRole('img', { name: /QR code/ }).waitFor();
    await page.getByLabel('Code that the app shows now').fill('12345');
    await page.getByRole('button', { name: 'Confirm' }).click();
    await page.getByText('Enter the six digits that the app shows.').waitFor();
    await page.getByLabel('Code that the app shows now').fill('123 456');
    await page.getByRole('button', { name: 'Confirm' }).click();
    await page.getByRole('heading', { name: 'Save your recovery codes' }).waitFor();
    assert.ok(await page.getByRole('button', { name: 'Next' }).isDisabled());
    await page.getByLabel('I have saved the codes').check();
    await page.getByRole('button', { name: 'Next' }).click();
    await page.getByText('Everything is set up').waitFor();
  }));

for (const [role, home, forbidden] of [['patient', '/my', '/worklist'], ['officer', '/officer', '/study/0'], ['administrator', '/people', '/study/0'], ['referrer', '/worklist', '/officer'], ['officer-administrator', '/officer', '/worklist']]) {
  test(`the first page of role ${role} is ${home}, and ${forbidden} is not theirs`, () =>
    as(role === 'officer-administrator' ? 'both' : role, '/', async (page) => {
      await page.waitForURL(`**${home}`);
      await page.goto(forbidden);
      await page.getByRole('heading', { name: 'This page belongs to another role' }).waitFor();
    }));
}

test('language and colours are chosen, kept, and spoken by the page', () =>
  as('patient', '/my', async (page) => {
    await page.locator('details.account > summary').click();
    await page.getByRole('button', { name: 'Deutsch' }).click();
    await page.getByRole('button', { name: 'Dunkel' }).click();
    await page.getByRole('heading', { name: 'Ihre Bilder' }).waitFor();
    await page.reload();
    await page.getByRole('heading', { name: 'Ihre Bilder' }).waitFor();
    assert.equal(await page.locator('html').getAttribute('lang'), 'de');
    assert.equal(await page.locator('html').evaluate((root) => getComputedStyle(root).colorScheme), 'dark');
  }));

test('a patient reads who looked, in words, and sees plain pictures first', () =>
  as('patient', '/my', async (page) => {
    await page.getByRole('link', { name: 'CT scan of the head' }).first().click();
    await page.getByRole('img', { name: 'CT scan of the head, image 25 of 48' }).waitFor();
    await page.getByRole('slider', { name: 'Choose the image' }).first().press('ArrowRight');
    await page.getByRole('img', { name: 'CT scan of the head, image 26 of 48' }).waitFor();
    await page.getByText('Looked at the images').first().waitFor();
    const words = await page.locator('main').innerText();
    for (const term of ['UID', 'DICOM', 'modality', 'series', 'instance']) assert.ok(!new RegExp(term, 'i').test(words), term);
  }));

test('an officer’s ledger grows while it is looked at, and a pause holds it', () =>
  as('officer', '/officer', async (page) => {
    const size = async () => Number((await page.locator('.counts dd').first().innerText()).replaceAll(/\D/g, ''));
    await page.getByRole('row').nth(5).waitFor();
    const before = await size();
    for (let turn = 0; turn < 40 && (await size()) === before; turn += 1) await page.clock.runFor(2_100);
    assert.ok((await size()) > before);
    await page.getByRole('button', { name: 'Pause' }).click();
    const held = await size();
    await page.clock.runFor(20_000);
    assert.equal(await size(), held);
  }, { prepare: (page) => page.clock.install() }));

test('an officer reads why something was found, sees the volume, and lifts it with a note', () =>
  as('officer', '/officer/findings', async (page) => {
    await page.getByText('6 are open').waitFor();
    await page.getByText(/one holder alone warmed 2 cold studies of patient 0 as for an emergency; Dr\. Jonas Keller asked for it in entry 169/).waitFor();
    await page.getByText(/Dr\. Jonas Keller opened 34 patients about whom nothing is new within a day/).waitFor();
    await page.getByText(/listed a honey patient outside of an exact search/).waitFor();
    await page.getByRole('button', { name: 'Volume Dr. Jonas Keller, 214' }).click();
    await page.getByRole('img', { name: /At most 34 new patients were read on one day; reading stops past 43/ }).waitFor();
    await page.getByText('Stopped: Opened, nothing new about them').waitFor();
    await page.getByRole('button', { name: 'Lift Dr. Jonas Keller, 214' }).click();
    const dialog = page.getByRole('dialog', { name: 'Let Dr. Jonas Keller read on' });
    await dialog.getByRole('button', { name: 'Lift' }).click();
    await dialog.getByText('Say in a few words what you saw.').waitFor();
    await dialog.getByLabel('What you saw').fill('asked the practice');
    await dialog.getByRole('button', { name: 'Lift' }).click();
    await dialog.waitFor({ state: 'detached' });
    await page.getByText('2 are open').waitFor();
    await page.setViewportSize({ width: 360, height: 740 });
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= 360), 'nothing is cut off at 360 px');
  }));

test('an officer lowers a ceiling at once, and a higher one waits for a second person', () =>
  as('officer', '/officer/findings', async (page) => {
    // another test may have lifted it
    await page.getByRole('button', { name: 'All', exact: true }).click();
    await page.getByRole('button', { name: 'Volume Dr. Jonas Keller, 214' }).click();
    const opened = page.getByLabel('Opened, nothing new about them');
    await opened.and(page.locator('input')).fill('many');
    await page.getByRole('button', { name: 'Set ceilings' }).click();
    await page.getByText('A number of patients, or nothing.').waitFor();
    await opened.and(page.locator('input')).fill('500');
    await page.getByRole('button', { name: 'Set ceilings' }).click();
    await page.getByText(/may read more patients – opened, nothing new: 500 a day instead of as learned/).waitFor();
    await page.getByText(/It waits as proposal 501 for another person/).waitFor();
    const sent = page.waitForRequest((request) => request.method() === 'POST' && request.url().endsWith('/api/budgets'));
    await opened.and(page.locator('input')).fill('12');
    await page.getByRole('button', { name: 'Set ceilings' }).click();
    assert.deepEqual((await sent).postDataJSON(), { whose: 'person:referrer@example.org', ceilings: { opened_other: 12, opened_due: null, listed_other: null, listed_due: null } });
    await page.waitForFunction(() => [...document.querySelectorAll('form input')].some((input) => input.value === '12'));
    assert.equal(await page.getByText(/It waits as proposal/).count(), 0);
  }));

test('an officer makes honey patients and sees which they are', () =>
  as('officer', '/officer/findings', async (page) => {
    await page.getByRole('row', { name: /QUEDNAU, Hildegard/ }).waitFor();
    await page.getByLabel('How many more').fill('101');
    await page.getByRole('button', { name: 'Make honey patients' }).click();
    await page.getByText('A number from 1 to 100.').waitFor();
    await page.getByLabel('How many more').fill('3');
    await page.getByRole('button', { name: 'Make honey patients' }).click();
    await page.getByText('3 honey patients were made').waitFor();
    assert.equal(await page.getByRole('row', { name: /UPHUES, Irmtraud/ }).count(), 3);
    await page.setViewportSize({ width: 360, height: 740 });
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= 360), 'nothing is cut off at 360 px');
  }));

test('a name that is markup stays a name', () =>
  as('radiologist', '/worklist', async (page) => {
    const rows = page.locator('.row');
    await rows.first().waitFor();
    assert.equal(await rows.filter({ hasText: '<IMG' }).count(), 1);
    assert.equal(await page.locator('.row img').count(), 0);
  }, {
    prepare: (page) =>
      page.route('**/api/studies?*', async (route) => {
        const answer = await route.fetch();
        const body = await answer.json();
        body.studies[0].patient.name = '<img src=x onerror=alert(1)>^<b>x</b>';
        await route.fulfill({ response: answer, json: body });
      }),
  }));
