import assert from 'node:assert/strict';
import { test } from 'node:test';
import { numbersOf, released, type Entry, type EntryKind } from '../src/api/entries.ts';
import { homeOf, mayOpen, pages, studyOf } from '../src/app/pages.ts';
import { ROLES } from '../src/api/types.ts';
import { picturesOf } from '../src/my/pictures.ts';
import { labelled, partSpan, ticks } from '../src/parts/plot.ts';
import { GROUPS, sentence, type Names } from '../src/officer/sentence.ts';
import { addressBlocks, isAeTitle, isEmail, isRecord, isUid } from '../src/people/shapes.ts';
import { bytesOf, textOf } from '../src/api/base64url.ts';
import { rowWindow, scrollToRow } from '../src/worklist/window.ts';

test('number sets are read as the ledger writes them', () => {
  assert.deepEqual(numbersOf(''), []);
  assert.deepEqual(numbersOf('AA'), [0]);
  // 0, 1, 2, 300: differences 0, 0, 0, 297 = 0xa9 0x02
  assert.deepEqual(numbersOf(Buffer.from([0, 0, 0, 0xa9, 0x02]).toString('base64url')), [0, 1, 2, 300]);
  assert.deepEqual(numbersOf(Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f]).toString('base64url')), [4_294_967_295]);
});

const names: Names = { person: (number) => (number === 1 ? 'Dr. Weiß' : undefined), organisation: () => undefined, device: () => undefined };
const base = { version: 1, recorded: 1_700_000_000_000_000, actor: 'owner' as const };
const who = { person: 1 };
const window = { from: 0, to: 9_223_372_036_854_775_807 };
const entries: Record<EntryKind, Entry> = {
  initialised: { ...base, kind: 'initialised', name: 'Haus' },
  'warden-started': { ...base, kind: 'warden-started', program: '0.1', unsealed_by: 'passphrase' },
  'organisation-added': { ...base, kind: 'organisation-added', organisation: 1, name: 'P', authorisation: 'passkey-only' },
  'person-added': { ...base, kind: 'person-added', person: 1, email: 'a@b.c', name: 'A', role: 'patient' },
  'member-joined': { ...base, kind: 'member-joined', person: 1, organisation: 2 },
  'member-left': { ...base, kind: 'member-left', person: 1, organisation: 2 },
  'enrolment-issued': { ...base, kind: 'enrolment-issued', person: 1, until: 1 },
  'authenticators-set': { ...base, kind: 'authenticators-set', organisation: 1, rule: { password_until: 1_700_000_000_000_000, device_bound: true, assurance: 'aal3', makers: ['x'], models: [] } },
  'password-until': { ...base, kind: 'password-until', person: 1, until: 1_700_000_000_000_000 },
  'delegate-set': { ...base, kind: 'delegate-set', person: 1, organisation: 2, delegate: true },
  'account-ends': { ...base, kind: 'account-ends', person: 1, until: null },
  'account-lapsed': { ...base, kind: 'account-lapsed', person: 1 },
  'reset-vouched': { ...base, kind: 'reset-vouched', person: 1, until: 1_700_000_000_000_000 },
  'professional-id-set': { ...base, kind: 'professional-id-set', person: 1, professional_id: { issuer: 'KV', id: '1' } },
  'passkey-bound': { ...base, kind: 'passkey-bound', person: 1, label: 'x' },
  'password-set': { ...base, kind: 'password-set', person: 1 },
  'signed-in': { ...base, kind: 'signed-in', person: 1, method: 'passkey' },
  'sign-in-refused': { ...base, kind: 'sign-in-refused', person: null, reason: 'code-replayed' },
  'session-ended': { ...base, kind: 'session-ended', person: 9 },
  'device-added': { ...base, kind: 'device-added', device: 1, name: 'CT', organisation: 0, may: ['store'] },
  related: { ...base, kind: 'related', relationship: { who, what: 'site', tier: 'open', window, basis: 'Befundung', entry: 4 } },
  'relationship-ended': { ...base, kind: 'relationship-ended', entry: 4, until: 1 },
  'patient-added': { ...base, kind: 'patient-added', patient: 3 },
  stored: { ...base, kind: 'stored', patient: 3, study: 4, instances: 1, duplicates: 2, conflicts: 1, taken_in: 1 },
  moved: { ...base, kind: 'moved', study: 1, from: 2, to: 3, reason: 'r' },
  listed: { ...base, kind: 'listed', patients: 'AA', studies: 'AAAA', lease_until: 1 },
  opened: { ...base, kind: 'opened', patient: 3, study: 4, scope: 'images', lease_until: 1 },
  refused: { ...base, kind: 'refused', action: 'open', what: { study: 4 }, reason: 'r' },
  'exposure-reported': { ...base, kind: 'exposure-reported', about: who, window, reachable_patients: 3, listed_patients: 2, opened_patients: 1 },
  'witness-added': { ...base, kind: 'witness-added', url: 'https://w.example', vkeys: [] },
  'witness-removed': { ...base, kind: 'witness-removed', url: 'https://w.example' },
  'sink-added': { ...base, kind: 'sink-added', path: '/mnt/second' },
  'sink-removed': { ...base, kind: 'sink-removed', path: '/mnt/second' },
  'loss-accepted': { ...base, kind: 'loss-accepted', shown_by: 'https://w.example', shown_size: 20, shown_root: '00', kept: 10, origin: 'o/2', reason: 'disk' },
  'window-exported': { ...base, kind: 'window-exported', window: { from: 0, to: 1_700_000_000_000_000 } },
  repeated: { ...base, kind: 'repeated', entry: 3, times: 7, studies: '' },
  'proof-refused': { ...base, kind: 'proof-refused', person: 1, session: 'ab', device: null, reason: 'key', count: 3, since: 1 },
  confirmed: { ...base, kind: 'confirmed', person: 1, act: 'x', method: 'passkey' },
  'accesses-read': { ...base, kind: 'accesses-read', patient: 3 },
  'keys-filed': { ...base, kind: 'keys-filed', study: 4, keys: ['00'] },
  'disk-holds': { ...base, kind: 'disk-holds', disk: 'abcdef0123456789', filesystem: '', holds: ['images', 'copy'], instead_of: null },
  'incident-opened': { ...base, kind: 'incident-opened', incident: 1, title: 'Login in a dump.', about: [{ disk: 'ab' }], window, aware: 1 },
  'incident-noted': { ...base, kind: 'incident-noted', incident: 1, text: 'a\nb' },
  'incident-report': { ...base, kind: 'incident-report', incident: 1, report: 7 },
  'incident-clock': { ...base, kind: 'incident-clock', incident: 1, clock: 'gdpr-notification', done: 1 },
  'incident-closed': { ...base, kind: 'incident-closed', incident: 1, text: 'false alarm' },
  'question-asked': { ...base, kind: 'question-asked', question: 2, patient: 3, access: null, text: 'who?' },
  'question-answered': { ...base, kind: 'question-answered', question: 2, text: 'we' },
  proposed: { ...base, kind: 'proposed', proposed: { change: 'role', person: 1, from: 'referrer', to: 'radiologist' }, need: { standing: 'two-persons', approvals: 1, officer: true, delay_seconds: 86_400 }, earliest: 1, expires: 2 },
  approved: { ...base, kind: 'approved', proposal: 7, digest: 'ab', earliest: 1 },
  'proposal-ended': { ...base, kind: 'proposal-ended', proposal: 7, end: 'refused', reason: 'r' },
  'carried-out': { ...base, kind: 'carried-out', proposal: 7, standing: 'one-person' },
  'role-changed': { ...base, kind: 'role-changed', person: 1, from: 'referrer', to: 'officer' },
  'person-closed': { ...base, kind: 'person-closed', person: 1 },
  'passkey-removed': { ...base, kind: 'passkey-removed', person: 1, label: 'Phone', passkey: 'ab' },
  'device-removed': { ...base, kind: 'device-removed', device: 1 },
  'device-token-removed': { ...base, kind: 'device-token-removed', device: 1 },
  'approval-rule-set': { ...base, kind: 'approval-rule-set', rule: { delay_seconds: 86_400, setup_seconds: 3_600 } },
  'break-glass-rule-set': { ...base, kind: 'break-glass-rule-set', rule: { seconds_max: 7_200, review_seconds: 259_200 } },
  'broke-glass': { ...base, kind: 'broke-glass', patient: 3, reason: 'life-threatening', text: 'bleeding', until: 1 },
  'break-glass-missed': { ...base, kind: 'break-glass-missed', tries: 2 },
  'break-glass-reviewed': { ...base, kind: 'break-glass-reviewed', used: 9, verdict: 'not-justified', note: 'n' },
  'cold-holders-set': { ...base, kind: 'cold-holders-set', generation: 1, threshold: 2, holders: [{ key: [1], name: 'A', kind: 'sharing' }] },
  'cold-rule-set': { ...base, kind: 'cold-rule-set', rule: { after_seconds: 86400 } },
  'went-cold': { ...base, kind: 'went-cold', studies: 'AAAA', generation: 1 },
  'warming-requested': { ...base, kind: 'warming-requested', patient: 3, studies: 'AA', basis: 'emergency', reason: 'r', until: 1 },
  'warming-approved': { ...base, kind: 'warming-approved', request: 4, holder: [1] },
  'warming-endorsed': { ...base, kind: 'warming-endorsed', request: 5, digest: 'ab', evidence: '{}' },
  'warming-refused': { ...base, kind: 'warming-refused', request: 5, digest: 'ab', reason: 'r', evidence: null },
  'cold-shares-released': { ...base, kind: 'cold-shares-released', exchange: 5, holder: [1], boxes: 3 },
  'cold-reclosed': { ...base, kind: 'cold-reclosed', exchange: 5, studies: 'AA', generation: 2, boxes: 1, by: [[1], [2]] },
  'warming-withdrawn': { ...base, kind: 'warming-withdrawn', request: 4 },
  warmed: { ...base, kind: 'warmed', request: 4, patient: 3, studies: 'AA', until: 1, by: [[1]], emergency: true },
  'warming-ended': { ...base, kind: 'warming-ended', request: 4, studies: 'AA' },
  'keys-rotated': { ...base, kind: 'keys-rotated', epoch: 2, destroyed: [1], keys: 7 },
  shredded: { ...base, kind: 'shredded', patient: 3, study: 4, keys: 2, reason: 'r' },
  'snapshot-taken': { ...base, kind: 'snapshot-taken', epoch: 1 },
  'unseal-method-added': { ...base, kind: 'unseal-method-added', method: '3fa94c01', means: 'shares', label: null, keeper: null, shares: { set: 'ab', threshold: 2, holders: ['A', 'B'] } },
  'unseal-method-removed': { ...base, kind: 'unseal-method-removed', method: '3fa94c01', means: 'passphrase' },
  'root-renewed': { ...base, kind: 'root-renewed', proposal: 41, root: 2, stayed: [{ before: '3fa94c01', method: '77aa0e12' }], removed: [{ method: '9b1c0d55', means: 'recovery-kit' }] },
  'escrow-drilled': { ...base, kind: 'escrow-drilled', method: '3fa94c01', set: 'ab', threshold: 2, proven: [1, 2] },
  'front-introduced': { ...base, kind: 'front-introduced', pin: '0123456789abcdef0123', name: 'city' },
  'front-forgotten': { ...base, kind: 'front-forgotten', pin: '0123456789abcdef0123' },
  'finding-raised': { ...base, kind: 'finding-raised', finding: { about: who, reaction: 'touch', evidence: { volume: { measure: 'opened-other', span: 'day', patients: 57, weight: 89, normal: 8, limit: 60, unusual_hours: 12, in_sequence: 20, sessions: 3 } } } },
  'finding-acknowledged': { ...base, kind: 'finding-acknowledged', finding: 12, note: 'asked her' },
  'budget-lifted': { ...base, kind: 'budget-lifted', about: 'site', note: 'asked her' },
  'budget-set': { ...base, kind: 'budget-set', about: who, ceilings: { opened_due: null, opened_other: 10, listed_due: null, listed_other: null } },
  'honey-added': { ...base, kind: 'honey-added', patient: 3 },
  'leak-lists-read': { ...base, kind: 'leak-lists-read', lists: [{ name: 'sha1', hash: 'sha1', hashes: 2, digest: 'ab' }] },
  'leaked-password-used': { ...base, kind: 'leaked-password-used', person: 7 },
  'account-locked': { ...base, kind: 'account-locked', person: 7, incident: 3 },
  'professional-id-changed': { ...base, kind: 'professional-id-changed', person: 1, issuer: 'LANR', id: '7', holds: true },
  'order-rule-set': { ...base, kind: 'order-rule-set', rule: { grace_days: 30, open_days: 90, reading_group: null, places: {}, authorities: {}, orders_per_day: 2000, unmatched_per_day: 100, merges_per_day: 50 } },
  'order-taken': { ...base, kind: 'order-taken', patient: 3, relationships: 2, matched: false },
  'order-ended': { ...base, kind: 'order-ended', order: 7, how: 'cancelled' },
  'consent-told': { ...base, kind: 'consent-told', patient: 3, denied: [{ person: 1 }], until: 1 },
  'appointment-made': { ...base, kind: 'appointment-made', patient: 3, starts: 1 },
  'patients-merged': { ...base, kind: 'patients-merged', from: 3, to: 4, relationships: [7], studies: 'AA', undoes: null },
  'order-kept': { ...base, kind: 'order-kept', kept: 2, state: 'replayed', code: 204 },
  unknown: { ...base, kind: 'unknown' },
};

test('every kind of entry is a sentence in both languages, without a hole', () => {
  for (const [kind, entry] of Object.entries(entries)) {
    for (const tongue of ['en', 'de'] as const) {
      const text = sentence(entry, names, tongue);
      assert.match(text, /^.{10,}\.$/u, kind);
      assert.doesNotMatch(text, /undefined|null|NaN|\[object/, kind);
    }
    assert.notEqual(sentence(entry, names, 'en'), sentence(entry, names, 'de'), kind);
  }
});

test('entries name people where they are known and numbers where not', () => {
  assert.equal(sentence(entries.opened, names, 'en'), 'Study 4 of patient 3 was opened.');
  assert.equal(sentence({ ...base, kind: 'appointment-made', patient: 3, starts: null, cancelled: true }, names, 'en'), 'An appointment of patient 3 was cancelled.');
  assert.equal(sentence(entries.listed, names, 'en'), '1 patient with 3 studies listed.');
  assert.equal(sentence(entries.related, names, 'en'), 'Dr. Weiß may open everything here, without end: Befundung.');
  assert.equal(sentence(entries['session-ended'], names, 'de'), 'Eine Sitzung von Person 9 wurde beendet.');
});

test('every kind stands in a group of the filter', () => {
  const grouped = new Set(Object.values(GROUPS).flat());
  for (const kind of Object.keys(entries)) assert.ok(grouped.has(kind as EntryKind), kind);
});

test('everybody may open their own first page and not the others’', () => {
  for (const role of ROLES) {
    const home = pages.find((page) => page.path === homeOf(role));
    assert.ok(home && mayOpen(home, role), role);
  }
  const may = (path: string, role: (typeof ROLES)[number]): boolean => mayOpen(pages.find((page) => page.path === path)!, role);
  assert.equal(may('/worklist', 'administrator'), false);
  assert.equal(may('/worklist', 'officer'), false);
  assert.equal(may('/officer', 'radiologist'), false);
  assert.equal(may('/people', 'officer'), false);
  assert.equal(may('/my', 'referrer'), false);
});

test('study pages are numbers, nothing else', () => {
  assert.equal(studyOf('/study/17', '/study/'), 17);
  for (const path of ['/study/', '/study/1.2.3', '/study/x', '/study/-1', '/study/99999999999', '/my/study/1']) assert.equal(studyOf(path, '/study/'), null, path);
});

test('pictures of a series: each frame, in the order of the machine', () => {
  const instance = (uid: string, number: number, frames?: number): unknown => ({ '00080018': { Value: [uid] }, '00200013': { Value: [number] }, ...(frames ? { '00280008': { Value: [frames] } } : {}) });
  const paths = picturesOf('1', '2', [instance('1.5', 2, 2), instance('1.4', 1), instance('evil/..', 0), {}]).map(({ path }) => path.replace('/dicom-web/studies/1/series/2/instances/', ''));
  assert.deepEqual(paths, ['1.4/rendered', '1.5/frames/1/rendered', '1.5/frames/2/rendered']);
});

test('axes count patients in whole round numbers up to the most', () => {
  assert.deepEqual(ticks(31), [0, 10, 20, 30, 40]);
  assert.deepEqual(ticks(1), [0, 1]);
  assert.deepEqual(ticks(0), [0, 1]);
  assert.ok((ticks(1_234).at(-1) ?? 0) >= 1_234);
});

test('labels of a time axis do not repeat or touch', () => {
  assert.deepEqual([...labelled(['1', '1', '1', '2', '2', '3'], 10, 10)], [0, 3, 5]);
  assert.deepEqual([...labelled(['1', '2', '3', '4'], 10, 25)], [0, 3]);
});

test('an opening of the listing alone counts as listed', () => {
  assert.equal(released({ kind: 'opened', patient: 1, study: 1, scope: 'listing', lease_until: 1 }), 'listed');
  assert.equal(released(entries.opened), 'opened');
  assert.equal(released(entries.stored), null);
});

test('a part of the timeline is named in the largest unit', () => {
  assert.deepEqual(partSpan(3_600_000_000), { unit: 'hours', number: 1 });
  assert.deepEqual(partSpan(15 * 60_000_000), { unit: 'minutes', number: 15 });
  assert.deepEqual(partSpan(7 * 86_400_000_000), { unit: 'days', number: 7 });
});

test('forms take what the front takes', () => {
  assert.ok(isEmail('a@b.example') && isRecord('MP/100/2') && isUid('1.2.840') && isAeTitle('CT 1'));
  for (const wrong of ['', 'a', 'a@b', 'a b@c.d', '@b.c']) assert.equal(isEmail(wrong), false, wrong);
  for (const wrong of ['', 'MP', '/1', 'MP/']) assert.equal(isRecord(wrong), false, wrong);
  for (const wrong of ['', '1.2a', 'x'.repeat(3), '1'.repeat(65)]) assert.equal(isUid(wrong), false, wrong);
  for (const wrong of ['', ' ', 'A\\B', 'seventeen letters', 'Ä']) assert.equal(isAeTitle(wrong), false, wrong);
});

test('addresses and blocks are told from slips', () => {
  assert.deepEqual(addressBlocks('192.0.2.1, 192.0.2.0/24 2001:db8::/32'), { blocks: ['192.0.2.1', '192.0.2.0/24', '2001:db8::/32'] });
  assert.deepEqual(addressBlocks(''), { blocks: [] });
  for (const wrong of ['192.0.2', '192.0.2.256', '192.0.2.0/33', 'host', '::/129', '192.0.2.0/']) assert.ok('wrong' in addressBlocks(wrong), wrong);
});

test('bytes survive the way to base64url and back', () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
  assert.deepEqual(bytesOf(textOf(bytes.buffer)), bytes);
  assert.doesNotMatch(textOf(bytes.buffer), /[+/=]/);
});

test('only rows near the screen are drawn, at both ends too', () => {
  assert.deepEqual(rowWindow(0, 400, 40, 10_000), { first: 0, last: 22 });
  assert.deepEqual(rowWindow(399_600, 400, 40, 10_000), { first: 9_978, last: 10_000 });
  assert.deepEqual(rowWindow(99_999, 400, 40, 3), { first: 3, last: 3 });
  assert.deepEqual(rowWindow(0, 400, 40, 0), { first: 0, last: 0 });
});

test('a row that is chosen comes into sight, and one that is in sight stays where it is', () => {
  assert.equal(scrollToRow(5, 0, 400, 40), null);
  assert.equal(scrollToRow(10, 0, 400, 40), 40);
  assert.equal(scrollToRow(0, 80, 400, 40), 0);
});
