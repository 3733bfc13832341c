/** What entries about share links and second opinions say. Pure. */

import type { Entry } from '../api/entries.ts';
import type { LinkEnd, SharingBody } from '../api/sharing.ts';
import { dateTime, type Tongue } from '../words/when.ts';

const KINDS: readonly string[] = ['link-made', 'link-opened', 'link-refused', 'link-left', 'link-ended', 'sharing-rule-set', 'opinion-asked'] satisfies readonly SharingBody['kind'][];

export function isSharing(entry: Entry): entry is Entry & SharingBody {
  return KINDS.includes(entry.kind);
}

export function sharingSentence(entry: SharingBody, person: (number: number) => string, tongue: Tongue): string {
  const say = (en: string, de: string): string => (tongue === 'de' ? de : en);
  switch (entry.kind) {
    case 'link-made': {
      const note = entry.note ? ` (${entry.note})` : '';
      const until = dateTime(entry.until, tongue);
      return say(`Study ${entry.study} of patient ${entry.patient} was shared by link ${entry.link}${note}, until ${until}.`, `Untersuchung ${entry.study} von Patient ${entry.patient} wurde mit Link ${entry.link} geteilt${note}, bis ${until}.`);
    }
    case 'link-opened':
      return say(`Link ${entry.link} was opened with its secret and its code.`, `Link ${entry.link} wurde mit Geheimnis und Code geöffnet.`);
    case 'link-refused':
      return entry.wrong === 'code'
        ? say(`Link ${entry.link}: a wrong code, number ${entry.tries}.`, `Link ${entry.link}: ein falscher Code, der ${entry.tries}.`)
        : say(`Link ${entry.link} was refused in one more browser.`, `Link ${entry.link} wurde in einem weiteren Browser abgelehnt.`);
    case 'link-left':
      return say(`Whoever opened link ${entry.link} closed it in their browser.`, `Wer Link ${entry.link} geöffnet hatte, schloss ihn im Browser.`);
    case 'link-ended':
      return say(`Link ${entry.link} ended: ${ENDS[entry.end][0]}.`, `Link ${entry.link} endete: ${ENDS[entry.end][1]}.`);
    case 'sharing-rule-set':
      return sharingRule(entry.rule, tongue);
    case 'opinion-asked': {
      const until = dateTime(entry.until, tongue);
      return say(`${person(entry.colleague)} was asked for a second opinion on study ${entry.study} of patient ${entry.patient}, until ${until}: ${entry.reason}.`, `${person(entry.colleague)} wurde um eine Zweitmeinung zu Untersuchung ${entry.study} von Patient ${entry.patient} gebeten, bis ${until}: ${entry.reason}.`);
    }
  }
}

const ENDS: Record<LinkEnd, [string, string]> = {
  revoked: ['somebody ended it', 'jemand hat ihn beendet'],
  guessed: ['too many wrong codes', 'zu viele falsche Codes'],
  expired: ['its time is over', 'die Zeit ist abgelaufen'],
  maker: ['who made it does not reach the study any more', 'wer ihn erstellt hat, erreicht die Untersuchung nicht mehr'],
};

/** Who may share, and for how long. */
export function sharingRule(rule: { patients: boolean; clinicians: boolean; days_max: number }, tongue: Tongue): string {
  const say = (en: string, de: string): string => (tongue === 'de' ? de : en);
  const { patients, clinicians, days_max } = rule;
  const [en, de] = patients && clinicians ? ['Patients and clinicians', 'Patienten und Ärzte'] : patients ? ['Patients', 'Patienten'] : clinicians ? ['Clinicians', 'Ärzte'] : ['', ''];
  if (!en) return say('Nobody may share a study by a link.', 'Niemand darf eine Untersuchung mit einem Link teilen.');
  return say(`${en} may share a study by a link, for at most ${days_max} days.`, `${de} dürfen eine Untersuchung mit einem Link teilen, höchstens ${days_max} Tage.`);
}
