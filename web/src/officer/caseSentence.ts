/** What entries about incidents, questions, keys and disks say. Pure, as `sentence.ts`. */

import type { CaseBody, Clock, DiskPart } from '../api/cases.ts';
import { dateTime, type Tongue } from '../words/when.ts';

type Say = (en: string, de: string) => string;

const KINDS = ['keys-filed', 'disk-holds', 'incident-opened', 'incident-noted', 'incident-report', 'incident-clock', 'incident-closed', 'question-asked', 'question-answered'] as const satisfies readonly CaseBody['kind'][];

export function isCase(body: { kind: string }): body is CaseBody {
  return (KINDS as readonly string[]).includes(body.kind);
}

export function caseSentence(body: CaseBody, tongue: Tongue): string {
  const say: Say = (en, de) => (tongue === 'de' ? de : en);
  switch (body.kind) {
    case 'keys-filed': {
      const count = body.keys.length;
      return say(`${count} ${count === 1 ? 'key opens' : 'keys open'} images of study ${body.study} from now on.`, `${count} Schlüssel ${count === 1 ? 'öffnet' : 'öffnen'} von nun an Bilder der Untersuchung ${body.study}.`);
    }
    case 'disk-holds': {
      const parts = body.holds.map((part) => partWord(part, say)).join(', ');
      return say(`Disk ${short(body.disk)} holds: ${parts}.`, `Auf dem Datenträger ${short(body.disk)} liegt: ${parts}.`);
    }
    case 'incident-opened':
      return say(`Incident ${body.incident} was opened: ${oneLine(body.title)}.`, `Vorfall ${body.incident} wurde eröffnet: ${oneLine(body.title)}.`);
    case 'incident-noted':
      return say(`Noted in incident ${body.incident}: ${oneLine(body.text)}.`, `Zum Vorfall ${body.incident} notiert: ${oneLine(body.text)}.`);
    case 'incident-report':
      return say(`The report of entry ${body.report} belongs to incident ${body.incident}.`, `Der Bericht aus Eintrag ${body.report} gehört zum Vorfall ${body.incident}.`);
    case 'incident-clock':
      return say(`For incident ${body.incident} done on ${dateTime(body.done, tongue)}: ${clockName(body.clock, tongue)}.`, `Zum Vorfall ${body.incident} erledigt am ${dateTime(body.done, tongue)}: ${clockName(body.clock, tongue)}.`);
    case 'incident-closed':
      return say(`Incident ${body.incident} was closed: ${oneLine(body.text)}.`, `Vorfall ${body.incident} wurde geschlossen: ${oneLine(body.text)}.`);
    case 'question-asked':
      return say(`Patient ${body.patient} asked question ${body.question}.`, `Patient ${body.patient} stellte die Frage ${body.question}.`);
    case 'question-answered':
      return say(`Question ${body.question} was answered.`, `Die Frage ${body.question} wurde beantwortet.`);
  }
}

export function aboutCase(about: { session: string } | { key: string } | { disk: string }, say: Say): string {
  if ('session' in about) return say(`session ${short(about.session)}`, `Sitzung ${short(about.session)}`);
  if ('key' in about) return say(`key ${short(about.key)}`, `Schlüssel ${short(about.key)}`);
  return say(`disk ${short(about.disk)}`, `Datenträger ${short(about.disk)}`);
}

/** The name of a clock, with the rule that it comes from. */
export function clockName(clock: Clock, tongue: Tongue): string {
  const [en, de] = {
    'nis2-early-warning': ['NIS2 early warning, 24 hours', 'NIS2-Frühwarnung, 24 Stunden'],
    'nis2-notification': ['NIS2 notification, 72 hours', 'NIS2-Meldung, 72 Stunden'],
    'gdpr-notification': ['GDPR Art. 33 notification, 72 hours', 'Meldung nach DSGVO Art. 33, 72 Stunden'],
    'ndb-assessment': ['Australian NDB assessment, 30 days', 'Australische NDB-Bewertung, 30 Tage'],
  }[clock] as [string, string];
  return tongue === 'de' ? de : en;
}

function partWord(part: DiskPart, say: Say): string {
  return { images: say('sealed images', 'versiegelte Bilder'), keyring: say('wrapped keys', 'umhüllte Schlüssel'), ledger: say('the ledger', 'das Protokoll'), copy: say('a copy of everything', 'eine Kopie von allem') }[part];
}

const short = (id: string): string => `${id.slice(0, 8)}…`;
const oneLine = (text: string): string => text.replaceAll(/\s+/g, ' ').replace(/[.\s]+$/u, '');
