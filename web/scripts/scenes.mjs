/** The pages and states that pictures are taken of. */

const ALL = ['phone light de', 'phone dark en', 'desk light en', 'desk dark de', 'wall light de', 'half light en'];
const BOTH = ['phone light de', 'desk light en', 'desk dark de'];
const ONE = ['desk light en', 'phone light de'];
const CEILINGS = ['phone light de', 'phone dark en', 'laptop light en', 'laptop dark de'];
const REFUSED = /status of (401|403|404|406|503)/;

const go = (path) => async (page) => {
  await page.goto(path);
  await page.waitForLoadState('networkidle');
};

const named = (role, de, en) => (page) => page.getByRole(role, { name: new RegExp(`^(${de}|${en})`) });

async function emergency(page, id) {
  await named('textbox', 'Patientennummer', 'Patient ID')(page).fill(id);
  await named('textbox', 'Geburtsdatum', 'Birth date')(page).fill('12.05.1970');
  await named('textbox', 'In Ihren Worten', 'In your own words')(page).fill('Bewusstlos in der Notaufnahme');
  await page.locator('form button.danger').click();
  await page.locator('dialog input[type=password]').fill('password of a test');
  await page.locator('dialog input[name=code]').fill('123456');
  await page.locator('dialog form button').last().click();
}

/** The touch that a change asks for, with password and code. */
async function confirmed(page) {
  await page.locator('dialog input[type=password]').fill('password of a test');
  await page.locator('dialog input[name=code]').fill('123456');
  await page.locator('dialog:has(input[name=code]) form button').last().click();
}

async function search(page, words) {
  await page.getByRole('searchbox').fill(words);
  await page.waitForTimeout(500);
}

export const scenes = [
  { name: 'sign-in', looks: ALL, expected: REFUSED, go: go('/') },
  {
    name: 'sign-in-password', looks: BOTH, expected: REFUSED,
    async go(page) {
      await go('/')(page);
      await page.locator('details.other summary').click();
      await page.locator('form button.wide').click();
    },
  },
  { name: 'enrol', looks: ALL, go: go('/enrol#good') },
  { name: 'enrol-dead', looks: ONE, expected: REFUSED, go: go('/enrol#gone') },
  {
    name: 'enrol-password', looks: BOTH,
    async go(page) {
      await go('/enrol#good')(page);
      await page.locator('.swap').click();
      await page.locator('input[name=password]').fill('Grüner Turm 88');
      await page.waitForTimeout(600);
    },
  },
  {
    name: 'enrol-code', looks: BOTH,
    async go(page) {
      await go('/enrol#good')(page);
      await page.locator('.swap').click();
      await page.locator('input[name=password]').fill('Grüner Turm 88');
      await page.locator('form button.primary:enabled').click();
      await page.locator('.qr').waitFor();
    },
  },
  {
    name: 'enrol-codes', looks: ONE,
    async go(page) {
      await go('/enrol#good')(page);
      await page.locator('.swap').click();
      await page.locator('input[name=password]').fill('Grüner Turm 88');
      await page.locator('form button.primary:enabled').click();
      await page.locator('input[name=code]').fill('123456');
      await page.locator('form button.primary').click();
      await page.locator('.codes').waitFor();
    },
  },
  { name: 'worklist', role: 'radiologist', looks: ALL, go: go('/worklist') },
  {
    name: 'worklist-search', role: 'referrer', looks: BOTH,
    async go(page) {
      await go('/worklist')(page);
      await search(page, 'sandb ct');
      await page.keyboard.press('ArrowDown');
      await page.keyboard.press('ArrowDown');
    },
  },
  {
    name: 'worklist-none', role: 'referrer', looks: ONE,
    async go(page) {
      await go('/worklist')(page);
      await search(page, 'zzz nobody');
    },
  },
  {
    name: 'worklist-empty', role: 'referrer', looks: ONE,
    async go(page, mock) {
      await mock.fault('empty');
      await go('/worklist')(page);
    },
  },
  {
    name: 'away', role: 'radiologist', looks: BOTH, expected: REFUSED,
    async go(page, mock) {
      await go('/worklist')(page);
      await mock.fault('away');
      await page.getByRole('searchbox').fill('thorax');
      await page.locator('.banner').waitFor();
    },
  },
  {
    name: 'ended', role: 'radiologist', looks: BOTH, expected: REFUSED,
    async go(page, mock) {
      await go('/worklist')(page);
      await mock.fault('signed-out');
      await page.getByRole('searchbox').fill('thorax');
      await page.locator('dialog').waitFor();
    },
  },
  { name: 'not-yours', role: 'patient', looks: ONE, go: go('/officer') },
  { name: 'not-found', role: 'radiologist', looks: ONE, go: go('/nowhere') },
  { name: 'my', role: 'patient', looks: ALL, go: go('/my') },
  {
    name: 'my-empty', role: 'patient', looks: ONE,
    async go(page, mock) {
      await mock.fault('empty');
      await go('/my')(page);
    },
  },
  { name: 'my-study', role: 'patient', looks: BOTH, settle: 800, go: go('/my/study/0') },
  { name: 'my-accesses', role: 'patient', looks: ALL, go: go('/my/accesses') },
  { name: 'links', role: 'patient', looks: ALL, go: go('/links') },
  { name: 'leaks', role: 'officer', looks: ALL, go: go('/officer/leaks') },
  { name: 'leaks-empty', role: 'officer', looks: ONE, async go(page, mock) { await mock.fault('empty'); await go('/officer/leaks')(page); } },
  { name: 'orders', role: 'both', looks: ALL, go: go('/orders') },
  { name: 'orders-administrator', role: 'administrator', looks: ONE, go: go('/orders') },
  {
    name: 'orders-rule', role: 'administrator', looks: CEILINGS,
    async go(page) {
      await go('/orders')(page);
      await page.getByRole('button', { name: /Andere Regel vorschlagen|Propose another rule/ }).click();
      await page.getByRole('button', { name: /Ort hinzufügen|Add a place/ }).click();
      await page.locator('dialog form button.primary').click();
      await page.locator('[aria-invalid=true]').first().waitFor();
    },
  },
  {
    name: 'orders-rule-waits', role: 'officer', looks: CEILINGS,
    async go(page) {
      await go('/orders')(page);
      await page.getByRole('button', { name: /Andere Regel vorschlagen|Propose another rule/ }).click();
      await page.locator('dialog form input[inputmode=numeric]').first().fill('60');
      await page.locator('dialog form button.primary').click();
      await confirmed(page);
      await page.locator('a[href="/approvals"]').last().scrollIntoViewIfNeeded();
    },
  },
  {
    name: 'networks-form', role: 'officer', looks: CEILINGS,
    async go(page) {
      await go('/officer/findings')(page);
      await page.getByRole('button', { name: /Andere Netze vorschlagen|Propose other networks/ }).click();
    },
  },
  {
    name: 'networks-wait', role: 'officer', looks: CEILINGS,
    async go(page) {
      await go('/officer/findings')(page);
      await page.getByRole('button', { name: /Andere Netze vorschlagen|Propose other networks/ }).click();
      await page.locator('dialog fieldset button').last().click();
      await page.locator('dialog form button.primary').click();
      await confirmed(page);
      await page.locator('#networks').scrollIntoViewIfNeeded();
    },
  },
  {
    name: 'sharing-rule', role: 'officer', looks: CEILINGS,
    async go(page) {
      await go('/officer/links')(page);
      await page.getByRole('button', { name: /Andere Regel vorschlagen|Propose another rule/ }).click();
    },
  },
  { name: 'orders-empty', role: 'officer', looks: ONE, async go(page, mock) { await mock.fault('empty'); await go('/orders')(page); } },
  { name: 'links-officer', role: 'officer', looks: BOTH, go: go('/officer/links') },
  {
    name: 'share-link', role: 'patient', looks: ALL, settle: 400,
    async go(page) {
      await go('/my/study/0')(page);
      await page.getByRole('button', { name: /Mit einem Link teilen|Share by a link/ }).click();
      await page.locator('dialog form').waitFor();
    },
  },
  { name: 'links-clinician', role: 'referrer', looks: CEILINGS, go: go('/links') },
  {
    name: 'share-made', role: 'patient', looks: CEILINGS, settle: 400,
    async go(page) {
      await go('/my/study/0')(page);
      await page.getByRole('button', { name: /Mit einem Link teilen|Share by a link/ }).click();
      await page.locator('dialog form input').first().fill('Praxis Dr. Weber');
      await page.locator('dialog form button.primary').click();
      await confirmed(page);
      await page.locator('dialog .qr').waitFor();
    },
  },
  { name: 'link-code', looks: ALL, go: go('/link#good') },
  {
    name: 'link-ended', looks: ONE, expected: /status of (400|401)/,
    async go(page) {
      await go('/link#gone')(page);
      await page.locator('main input').fill('12345678');
      await page.locator('main form button.primary').click();
      await page.locator('h1', { hasText: /öffnet nichts|opens nothing/ }).waitFor();
    },
  },
  {
    name: 'link-open', looks: ALL, settle: 800,
    async go(page) {
      await go('/link#good')(page);
      await page.locator('main input').fill('4821 7730');
      await page.locator('main form button.primary').click();
      await page.locator('.letter .identity').waitFor();
    },
  },
  { name: 'ledger', role: 'officer', looks: ALL, go: go('/officer') },
  {
    name: 'ledger-details', role: 'officer', looks: ONE,
    async go(page) {
      await go('/officer')(page);
      await page.locator('button.more').first().click();
    },
  },
  {
    name: 'findings', role: 'officer', looks: ALL,
    async go(page) {
      await go('/officer/findings')(page);
      await page.locator('tbody button').first().click();
      await page.locator('svg rect.bar').last().waitFor();
    },
  },
  {
    name: 'findings-ceilings', role: 'officer', looks: CEILINGS,
    async go(page) {
      await go('/officer/findings')(page);
      await page.locator('tbody button').first().click();
      const fields = page.locator('form .fields input');
      await fields.first().fill('500');
      await fields.last().fill('viele');
      await page.locator('form button.primary').click();
      await fields.last().fill('');
      await page.locator('form button.primary').click();
      await page.locator('form .notice').waitFor();
      await page.locator('form .notice').scrollIntoViewIfNeeded();
    },
  },
  {
    name: 'findings-honey', role: 'officer', looks: CEILINGS,
    async go(page) {
      await go('/officer/findings')(page);
      await named('button', 'Köder anlegen', 'Make honey')(page).scrollIntoViewIfNeeded();
      await page.getByText(/QUEDNAU/).first().scrollIntoViewIfNeeded();
    },
  },
  {
    name: 'findings-lift', role: 'officer', looks: ONE,
    async go(page) {
      await go('/officer/findings')(page);
      await named('button', 'Aufheben', 'Lift')(page).first().click();
      await page.locator('dialog button.primary').click();
    },
  },
  {
    name: 'exposure', role: 'officer', looks: ALL,
    async go(page) {
      await go('/officer/exposure')(page);
      await page.locator('select').selectOption('person:radiologist@example.org');
      await page.locator('button.go').click();
      await page.locator('.three').waitFor();
    },
  },
  { name: 'incidents', role: 'officer', looks: ALL, go: go('/officer/incidents') },
  {
    name: 'incident', role: 'officer', looks: ALL,
    go: async (page) => {
      await go('/officer/incidents')(page);
      await page.getByRole('button', { name: /^Incident 1|^Vorfall 1/ }).click();
      await page.getByRole('heading', { level: 1, name: /Incident 1|Vorfall 1/ }).waitFor();
    },
  },
  {
    name: 'incident-open', role: 'officer', looks: BOTH,
    go: async (page) => {
      await go('/officer/incidents')(page);
      await page.getByRole('button', { name: /Open an incident|Vorfall eröffnen/ }).click();
    },
  },
  { name: 'questions', role: 'officer', looks: ALL, go: go('/officer/questions') },
  { name: 'exposure-start', role: 'officer', looks: ONE, go: go('/officer/exposure') },
  {
    name: 'move', role: 'officer', looks: ONE,
    async go(page) {
      await go('/officer')(page);
      await named('button', 'Falsch', 'Move')(page).click();
      await page.locator('dialog button.primary').click();
    },
  },
  { name: 'approvals', role: 'officer', looks: ALL, go: go('/approvals') },
  {
    name: 'approvals-approve', role: 'officer', looks: BOTH,
    async go(page) {
      await go('/approvals')(page);
      await named('button', 'Vorschlag 412 zustimmen', 'Approve proposal 412')(page).click();
    },
  },
  { name: 'emergency', role: 'referrer', looks: ALL, go: go('/emergency') },
  {
    name: 'emergency-missed', role: 'referrer', looks: BOTH, expected: REFUSED,
    async go(page) {
      await go('/emergency')(page);
      await emergency(page, '999');
      await page.getByRole('alert').waitFor();
    },
  },
  {
    name: 'emergency-done', role: 'referrer', looks: ONE,
    async go(page) {
      await go('/emergency')(page);
      await emergency(page, '100234');
      await page.locator('#emergency-done').waitFor();
    },
  },
  { name: 'emergencies', role: 'officer', looks: ALL, go: go('/officer/emergencies') },
  { name: 'cold', role: 'officer', looks: ALL, go: go('/cold') },
  {
    name: 'cold-empty', role: 'officer', looks: ONE,
    async go(page, mock) {
      await mock.fault('empty');
      await go('/cold')(page);
    },
  },
  {
    name: 'cold-holder', role: 'administrator', looks: BOTH,
    async go(page) {
      await go('/cold')(page);
      await page.locator('article details summary').first().click();
    },
  },
  {
    name: 'cold-approve', role: 'officer', looks: BOTH,
    async go(page) {
      await go('/cold')(page);
      await page.locator('article button.primary').first().click();
      await page.locator('dialog').waitFor();
    },
  },
  {
    name: 'cold-refuse', role: 'officer', looks: ONE,
    async go(page) {
      await go('/cold')(page);
      await page.getByRole('button', { name: /^(Refuse request|Anfrage \d+ ablehnen)/ }).first().click();
      await page.locator('dialog form button.danger').click();
    },
  },
  { name: 'people', role: 'administrator', looks: ALL, go: go('/people') },
  {
    name: 'people-change', role: 'administrator', looks: BOTH,
    async go(page) {
      await go('/people')(page);
      await named('button', 'Dr. Jonas Keller ändern', 'Change Dr. Jonas Keller')(page).click();
    },
  },
  {
    name: 'people-identifiers', role: 'administrator', looks: CEILINGS,
    async go(page) {
      await go('/people')(page);
      await named('button', 'Dr. Leyla Öztürk ändern', 'Change Dr. Leyla Öztürk')(page).click();
      await page.locator('#order-ids').scrollIntoViewIfNeeded();
    },
  },
  {
    name: 'people-add', role: 'administrator', looks: BOTH,
    async go(page) {
      await go('/people')(page);
      await page.locator('.page-head button.primary').click();
    },
  },
  {
    name: 'people-link', role: 'administrator', looks: ONE,
    async go(page) {
      await go('/people')(page);
      await page.locator('button.little').first().click();
      await page.locator('dialog').waitFor();
    },
  },
  { name: 'desk-next', looks: CEILINGS, expected: REFUSED, go: go('/sign-in#next') },
  { name: 'colleagues', role: 'referrer', looks: CEILINGS, go: go('/colleagues') },
  {
    name: 'colleagues-add', role: 'referrer', looks: BOTH,
    async go(page) {
      await go('/colleagues')(page);
      await page.locator('.page-head button.primary').click();
    },
  },
  {
    name: 'colleagues-change', role: 'referrer', looks: BOTH,
    async go(page) {
      await go('/colleagues')(page);
      await page.locator('td button.little').first().click();
    },
  },
  {
    name: 'colleagues-letter', role: 'referrer', looks: CEILINGS,
    async go(page) {
      await go('/colleagues')(page);
      await page.locator('.page-head button.primary').click();
      await page.locator('dialog input').nth(0).fill('Dr. Carla Kollegin');
      await page.locator('dialog input').nth(1).fill('carla@example.org');
      await page.locator('dialog form button.primary').click();
      await confirmed(page);
      await page.locator('article.letter').waitFor();
    },
  },
  {
    name: 'census', role: 'officer', looks: CEILINGS,
    async go(page) {
      await go('/people/census')(page);
      await page.locator('input[type=file]').setInputFiles({ name: 'staff.csv', mimeType: 'text/csv', buffer: Buffer.from('email\na@b.example\n') });
      await page.locator('form button.primary').click();
      await page.locator('section h2').first().waitFor();
    },
  },
  {
    name: 'organisations-rule', role: 'administrator', looks: CEILINGS,
    async go(page) {
      await go('/people/organisations')(page);
      await page.locator('td button.little').last().click();
      await page.locator('dialog').waitFor();
    },
  },
  { name: 'organisations', role: 'administrator', looks: ONE, go: go('/people/organisations') },
  { name: 'devices', role: 'administrator', looks: ONE, go: go('/people/devices') },
  {
    name: 'devices-add', role: 'administrator', looks: ONE,
    async go(page) {
      await go('/people/devices')(page);
      await page.locator('.page-head button.primary').click();
    },
  },
  {
    name: 'devices-rotate', role: 'administrator', looks: ONE,
    async go(page) {
      await go('/people/devices')(page);
      await page.getByRole('button', { name: /[Tt]oken/ }).first().click();
      await page.locator('dialog').waitFor();
    },
  },
  { name: 'relationships', role: 'administrator', looks: BOTH, go: go('/people/relationships') },
  { name: 'sessions', role: 'radiologist', looks: BOTH, go: go('/account') },
  { name: 'sessions-officer', role: 'officer', looks: CEILINGS, go: go('/account') },
  {
    name: 'menu', role: 'officer-administrator', looks: BOTH, noAxe: true,
    async go(page) {
      await go('/officer')(page);
      await page.locator('details.account summary').click();
    },
  },
  {
    name: 'viewer', role: 'radiologist', looks: ALL, settle: 600,
    async go(page) {
      await go('/study/0')(page);
      await page.locator('.pane.shown').waitFor();
      await page.locator('.pane').hover();
      await page.mouse.wheel(0, 120);
      for (let step = 0; step < 22; step += 1) await page.keyboard.press('ArrowDown');
    },
  },
  { name: 'viewer-cold', role: 'radiologist', looks: BOTH, settle: 300, go: go('/study/9998') },
  {
    name: 'viewer-two', role: 'radiologist', looks: BOTH, settle: 900,
    async go(page) {
      await go('/study/0')(page);
      await page.locator('.pane.shown').waitFor();
      await page.keyboard.press('t');
      await page.locator('.pane.shown').nth(1).waitFor();
      await page.keyboard.press('l');
      for (let step = 0; step < 20; step += 1) await page.keyboard.press('ArrowDown');
    },
  },
  {
    name: 'viewer-help', role: 'radiologist', looks: BOTH, settle: 300,
    async go(page) {
      await go('/study/0')(page);
      await page.locator('.pane.shown').waitFor();
      await page.keyboard.press('?');
    },
  },
  {
    name: 'viewer-bone', role: 'radiologist', looks: ONE, settle: 500,
    async go(page) {
      await go('/study/0')(page);
      await page.locator('.pane.shown').waitFor();
      for (let step = 0; step < 20; step += 1) await page.keyboard.press('ArrowDown');
      await page.keyboard.press('2');
      await page.keyboard.press('i');
      await page.keyboard.press('m');
      const box = await page.locator('.pane').boundingBox();
      await page.mouse.move(box.x + box.width * 0.4, box.y + box.height * 0.4);
      await page.mouse.down();
      await page.mouse.move(box.x + box.width * 0.6, box.y + box.height * 0.55, { steps: 4 });
      await page.mouse.up();
    },
  },
  {
    name: 'viewer-cine', role: 'radiologist', looks: ONE, settle: 1200,
    async go(page) {
      await go('/study/3')(page);
      await page.locator('.pane.shown').waitFor();
      await page.keyboard.press(' ');
    },
  },
  {
    name: 'viewer-chest', role: 'radiologist', looks: ONE, settle: 500,
    async go(page) {
      await go('/study/2')(page);
      await page.locator('.pane.shown').waitFor();
    },
  },
  {
    name: 'viewer-ended', role: 'radiologist', looks: BOTH, expected: REFUSED, settle: 300,
    async go(page, mock) {
      await go('/study/0')(page);
      await page.locator('.pane.shown').waitFor();
      await mock.fault('signed-out');
      await page.keyboard.press('PageDown');
      await page.locator('dialog').waitFor();
    },
  },
];
