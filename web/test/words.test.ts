import assert from 'node:assert/strict';
import { test } from 'node:test';
import { browserName } from '../src/account/browser.ts';
import { german } from '../src/app/refusals.ts';
import { bodyPart, kindInWords } from '../src/my/inWords.ts';
import { nameLine, personName, spokenName } from '../src/words/name.ts';
import { ageOf, dayOf, dicomDate, dicomTime, isEndless, zonedTime } from '../src/words/when.ts';

test('names are taken apart as the standard has them', () => {
  assert.deepEqual(personName('Müller^Anna^Lea^Dr.^MD'), { family: 'MÜLLER', given: 'Dr. Anna Lea MD' });
  assert.equal(nameLine('Yamada^Tarou=山田^太郎=やまだ^たろう'), 'YAMADA, Tarou');
  assert.equal(nameLine('=山田^太郎'), '山田, 太郎');
  assert.equal(spokenName('Keller^Jonas^^Dr.'), 'Dr. Jonas Keller');
});

test('a name that is missing in part or whole stays readable', () => {
  assert.equal(nameLine('^Anna'), 'Anna');
  assert.equal(nameLine('Single'), 'SINGLE');
  for (const empty of ['', '^^^^', '==', ' ^ ']) assert.equal(nameLine(empty), '');
});

test('days are read, and what is no day is not', () => {
  assert.deepEqual(dayOf('20240229'), { year: 2024, month: 2, day: 29 });
  assert.deepEqual(dayOf('2024.02.29'), { year: 2024, month: 2, day: 29 });
  for (const wrong of ['', '20230229', '20241301', '2024', 'yesterday', '20240100']) assert.equal(dayOf(wrong), null, wrong);
});

test('a day reads the same in every zone', () => {
  const before = process.env['TZ'];
  for (const zone of ['Pacific/Kiritimati', 'Pacific/Pago_Pago', 'Europe/Berlin']) {
    process.env['TZ'] = zone;
    assert.equal(dicomDate('20260503', 'de', 'long'), '3. Mai 2026');
    assert.equal(dicomDate('20260503', 'en'), '03/05/2026');
  }
  if (before === undefined) delete process.env['TZ'];
  else process.env['TZ'] = before;
});

test('what is no date is shown as it came', () => {
  assert.equal(dicomDate('unknown', 'en'), 'unknown');
  assert.equal(dicomTime('0905'), '09:05');
  assert.equal(dicomTime(''), '');
});

test('ages turn on the birthday, and small children are counted in months', () => {
  const today = new Date(2026, 10, 24);
  assert.deepEqual(ageOf('20001124', today), { years: 26 });
  assert.deepEqual(ageOf('20001125', today), { years: 25 });
  assert.deepEqual(ageOf('20250525', today), { months: 17 });
  assert.equal(ageOf('20270101', today), null);
  assert.equal(ageOf('', today), null);
});

test('an end is told to the minute and with the zone', () => {
  const before = process.env['TZ'];
  const at = Date.UTC(2026, 6, 3, 12, 5, 59) * 1_000;
  process.env['TZ'] = 'Europe/Berlin';
  assert.equal(zonedTime(at, 'de'), '03.07.2026, 14:05 MESZ');
  assert.equal(zonedTime(at, 'en'), '03/07/2026, 14:05 CEST');
  if (before === undefined) delete process.env['TZ'];
  else process.env['TZ'] = before;
});

test('the end of time has no date', () => {
  assert.equal(isEndless(9_223_372_036_854_775_807), true);
  assert.equal(isEndless(Date.now() * 1_000), false);
});

const words = {
  kinds: { CT: 'CT scan', DX: 'X-ray', MG: 'Mammogram' },
  kindOther: 'Images',
  parts: { head: 'the head', chest: 'the chest', foot: 'the foot' },
  ofPart: (kind: string, part: string) => `${kind} of ${part}`,
};

test('a study is named in words that everybody knows', () => {
  assert.equal(kindInWords(['DX'], ['Thorax in zwei Ebenen'], words), 'X-ray of the chest');
  assert.equal(kindInWords(['CT', 'SR'], ['', 'HEAD'], words), 'CT scan of the head');
  assert.equal(kindInWords(['SR', 'CT'], [], words), 'CT scan');
  assert.equal(kindInWords(['MG'], ['Mamma beidseits'], words), 'Mammogram');
  assert.equal(kindInWords(['ZZ'], [], words), 'Images');
});

test('a part of the body is named only where the words name exactly one', () => {
  assert.equal(bodyPart('Fuß rechts'), 'foot');
  assert.equal(bodyPart('CT Thorax/Abdomen'), null);
  assert.equal(bodyPart('CT_HEAD_2'), 'head');
  for (const other of ['Handling', 'Armin', 'Headset', 'Legende']) assert.equal(bodyPart(other), null, other);
});

test('browsers are named for people', () => {
  assert.equal(browserName('Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36 Edg/140.0'), 'Edge · Windows');
  assert.equal(browserName('Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'), 'Firefox · Linux');
  assert.equal(browserName(''), '–');
});

test('the front’s sentences are spoken in German where they are known', () => {
  assert.equal(german('wait 30 seconds and try again'), 'Warten Sie 30 Sekunden und versuchen Sie es dann noch einmal');
  assert.equal(german('there is no study of that name'), 'Es gibt keine Untersuchung mit diesem Namen');
  assert.equal(german('something new'), null);
  assert.equal(german('constructor'), null);
});
