/** A change in one sentence of either language. Pure: names and language come as arguments. */

import type { Change, EmergencyReason, ProposalRow, Standing } from '../api/deciding.ts';
import { numbersOf } from '../api/entries.ts';
import type { Role } from '../api/types.ts';
import { dateTime, isEndless, type Tongue } from '../words/when.ts';

type Say = (en: string, de: string) => string;

const ROLES: Record<Role, [string, string]> = {
  patient: ['patient', 'Patient'],
  referrer: ['referring doctor', 'zuweisende Praxis'],
  radiologist: ['radiologist', 'Radiologie'],
  technologist: ['technologist', 'Röntgenassistenz'],
  officer: ['data protection officer', 'Datenschutz'],
  administrator: ['administrator', 'Verwaltung'],
  'officer-administrator': ['officer and administrator', 'Datenschutz und Verwaltung'],
};

/** `24 hours`, `2 Tage`. */
export function duration(seconds: number, tongue: Tongue): string {
  const say: Say = (en, de) => (tongue === 'de' ? de : en);
  const units: [number, [string, string], [string, string]][] = [
    [86_400, ['day', 'days'], ['Tag', 'Tage']],
    [3_600, ['hour', 'hours'], ['Stunde', 'Stunden']],
    [60, ['minute', 'minutes'], ['Minute', 'Minuten']],
    [1, ['second', 'seconds'], ['Sekunde', 'Sekunden']],
  ];
  const [size, en, de] = units.find(([unit]) => seconds >= unit && seconds % unit === 0) ?? [1, ['second', 'seconds'], ['Sekunde', 'Sekunden']];
  const number = seconds / size;
  const one = number === 1 ? 0 : 1;
  return `${number} ${say(en[one] ?? '', de[one] ?? '')}`;
}

export function roleWords(role: Role, tongue: Tongue): string {
  return ROLES[role][tongue === 'de' ? 1 : 0];
}

/** What would change. */
export function changeWords(change: Change, name: string, tongue: Tongue): string {
  const say: Say = (en, de) => (tongue === 'de' ? de : en);
  const role = (which: Role): string => roleWords(which, tongue);
  switch (change.change) {
    case 'role':
      return say(`${name}: the role becomes “${role(change.to)}” instead of “${role(change.from)}”.`, `${name}: Die Rolle wird „${role(change.to)}“ statt „${role(change.from)}“.`);
    case 'add-person':
      return say(`${change.name} (${change.email}) is added to ${name} as “${role(change.role)}”.`, `${change.name} (${change.email}) wird bei ${name} als „${role(change.role)}“ angelegt.`);
    case 'enrol':
      return say(`${name} gets a new enrolment link. Whoever holds it signs in as this person.`, `${name} bekommt einen neuen Einrichtungslink. Wer ihn hat, meldet sich als diese Person an.`);
    case 'close-person':
      return say(`The account of ${name} is closed.`, `Das Konto von ${name} wird geschlossen.`);
    case 'relate': {
      const { tier, window, basis } = change.relationship;
      const until = isEndless(window.to) ? say('without end', 'ohne Ende') : say(`until ${dateTime(window.to, tongue)}`, `bis ${dateTime(window.to, tongue)}`);
      return tier === 'open'
        ? say(`${name} may open the images of every patient here, ${until}: ${basis}.`, `${name} darf die Bilder aller Patienten hier öffnen, ${until}: ${basis}.`)
        : say(`${name} may see the names of every patient here, ${until}: ${basis}.`, `${name} darf die Namen aller Patienten hier sehen, ${until}: ${basis}.`);
    }
    case 'approval-rule':
      return say(
        `Changes wait ${duration(change.rule.delay_seconds, tongue)} from then on; a new site is set up for ${duration(change.rule.setup_seconds, tongue)}.`,
        `Änderungen warten von da an ${duration(change.rule.delay_seconds, tongue)}; ein neues Haus wird ${duration(change.rule.setup_seconds, tongue)} lang eingerichtet.`,
      );
    case 'break-glass-rule':
      return say(
        `Emergency access lasts ${duration(change.rule.seconds_max, tongue)} at the most and is reviewed within ${duration(change.rule.review_seconds, tongue)}.`,
        `Notfallzugriff dauert höchstens ${duration(change.rule.seconds_max, tongue)} und wird binnen ${duration(change.rule.review_seconds, tongue)} geprüft.`,
      );
    case 'shred': {
      const studies = numbersOf(change.studies).length;
      return say(
        `The keys of ${studies} ${studies === 1 ? 'study' : 'studies'} of patient ${change.patient} are destroyed for good: ${change.reason}.`,
        `Die Schlüssel von ${studies} ${studies === 1 ? 'Untersuchung' : 'Untersuchungen'} von Patient ${change.patient} werden endgültig vernichtet: ${change.reason}.`,
      );
    }
    case 'rotate-keys':
      return say('Every key is wrapped again, and the old epoch keys are destroyed.', 'Jeder Schlüssel wird neu verpackt, und die alten Epochenschlüssel werden vernichtet.');
    case 'cold-holders': {
      const holders = change.holders.map((holder) => holder.name).join(', ');
      return say(`Cold studies are held by: ${holders}; ${change.threshold} of those with shares are needed.`, `Kalte Untersuchungen hüten: ${holders}; ${change.threshold} von denen mit Anteilen sind nötig.`);
    }
    default:
      return say('A change that these pages do not know yet. Do not approve it here.', 'Eine Änderung, die diese Seiten noch nicht kennen. Stimmen Sie ihr hier nicht zu.');
  }
}

/** The same for a row, which brings its names. */
export function rowWords(row: ProposalRow, tongue: Tongue): string {
  return changeWords(row.change, row.names[0]?.[1] ?? '', tongue);
}

/** On whose word. */
export function standingWords(standing: Standing, tongue: Tongue): string {
  const say: Say = (en, de) => (tongue === 'de' ? de : en);
  return {
    setup: say('while the site was set up', 'während der Einrichtung'),
    'one-person': say('on the word of one person', 'auf das Wort einer Person'),
    'two-persons': say('on the word of two persons or more', 'auf das Wort von mindestens zwei Personen'),
  }[standing];
}

/** Why the glass was broken. */
export function reasonWords(reason: EmergencyReason, tongue: Tongue): string {
  const say: Say = (en, de) => (tongue === 'de' ? de : en);
  return {
    'life-threatening': say('danger to life', 'Lebensgefahr'),
    'urgent-treatment': say('treatment now, no order yet', 'Behandlung jetzt, noch kein Auftrag'),
    'critical-result': say('critical result to pass on', 'dringender Befund weiterzugeben'),
    'system-down': say('the ordering system is down', 'das Auftragssystem steht still'),
    other: say('something else', 'etwas anderes'),
  }[reason];
}

/** The basis of a relationship of break-glass taken apart; `null` for every other basis. */
export function emergencyBasis(basis: string): { reason: EmergencyReason; text: string } | null {
  const parts = /^break-glass, (life-threatening|urgent-treatment|critical-result|system-down|other): ([^]*)$/.exec(basis);
  return parts ? { reason: parts[1] as EmergencyReason, text: parts[2] ?? '' } : null;
}
