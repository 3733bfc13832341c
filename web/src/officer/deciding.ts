/** What entries about approvals, emergencies and endings say, as sentences. Pure. */

import type { Change, DecidingBody } from '../api/deciding.ts';
import { changeWords, duration, reasonWords, roleWords, ruleWords, standingWords } from '../approvals/inWords.ts';
import { dateTime, type Tongue } from '../words/when.ts';
import type { Names } from './sentence.ts';

/** The sentence; `null` for every other kind. */
export function deciding(entry: DecidingBody, names: Names, tongue: Tongue): string | null {
  const say = (en: string, de: string): string => (tongue === 'de' ? de : en);
  const person = (number: number): string => names.person(number) ?? say(`person ${number}`, `Person ${number}`);
  const device = (number: number): string => names.device(number) ?? say(`device ${number}`, `Gerät ${number}`);
  const organisation = (number: number): string => names.organisation(number) ?? say(`organisation ${number}`, `Organisation ${number}`);
  const at = (micros: number): string => dateTime(micros, tongue);
  switch (entry.kind) {
    case 'proposed':
      return say(`Proposed, not before ${at(entry.earliest)}: `, `Vorgeschlagen, nicht vor ${at(entry.earliest)}: `) + changeWords(entry.proposed, subject(entry.proposed, names, tongue), tongue);
    case 'approved':
      return say(`Proposal ${entry.proposal} was approved; it is carried out not before ${at(entry.earliest)}.`, `Vorschlag ${entry.proposal} wurde zugestimmt; ausgeführt wird er nicht vor ${at(entry.earliest)}.`);
    case 'proposal-ended': {
      const end = { refused: say('refused', 'abgelehnt'), withdrawn: say('taken back', 'zurückgezogen'), expired: say('over without approval', 'ohne Zustimmung abgelaufen'), overtaken: say('overtaken', 'überholt') }[entry.end];
      return say(`Proposal ${entry.proposal} is ${end}: ${entry.reason}.`, `Vorschlag ${entry.proposal} ist ${end}: ${entry.reason}.`);
    }
    case 'carried-out':
      return say(`Proposal ${entry.proposal} was carried out, ${standingWords(entry.standing, tongue)}.`, `Vorschlag ${entry.proposal} wurde ausgeführt, ${standingWords(entry.standing, tongue)}.`);
    case 'role-changed':
      return say(`${person(entry.person)} is “${roleWords(entry.to, tongue)}” now, no longer “${roleWords(entry.from, tongue)}”.`, `${person(entry.person)} ist jetzt „${roleWords(entry.to, tongue)}“, nicht mehr „${roleWords(entry.from, tongue)}“.`);
    case 'person-closed':
      return say(`The account of ${person(entry.person)} was closed.`, `Das Konto von ${person(entry.person)} wurde geschlossen.`);
    case 'authenticators-set':
      return say(`${organisation(entry.organisation)} takes ${ruleWords(entry.rule, tongue)} from now on.`, `${organisation(entry.organisation)} nimmt von jetzt an ${ruleWords(entry.rule, tongue)}.`);
    case 'password-until':
      return say(`${person(entry.person)} may use a password until ${at(entry.until)}.`, `${person(entry.person)} darf bis ${at(entry.until)} ein Passwort benutzen.`);
    case 'delegate-set':
      return entry.delegate
        ? say(`${person(entry.person)} may add colleagues to ${organisation(entry.organisation)}.`, `${person(entry.person)} darf bei ${organisation(entry.organisation)} Kollegen anlegen.`)
        : say(`${person(entry.person)} may no longer add colleagues to ${organisation(entry.organisation)}.`, `${person(entry.person)} darf bei ${organisation(entry.organisation)} keine Kollegen mehr anlegen.`);
    case 'account-ends':
      return entry.until === null
        ? say(`The account of ${person(entry.person)} does not end by itself.`, `Das Konto von ${person(entry.person)} endet nicht von selbst.`)
        : say(`The account of ${person(entry.person)} ends by itself at ${at(entry.until)}.`, `Das Konto von ${person(entry.person)} endet von selbst um ${at(entry.until)}.`);
    case 'account-lapsed':
      return say(`The account of ${person(entry.person)} ended by itself.`, `Das Konto von ${person(entry.person)} endete von selbst.`);
    case 'reset-vouched':
      return say(`Somebody confirmed that ${person(entry.person)} lost their phone or key.`, `Es wurde bestätigt, dass ${person(entry.person)} Telefon oder Schlüssel verloren hat.`);
    case 'professional-id-set': {
      const id = entry.professional_id ? `${entry.professional_id.issuer}/${entry.professional_id.id}` : say('nothing', 'nichts');
      return say(`The professional identifier of ${person(entry.person)} is ${id} now.`, `Die Berufskennung von ${person(entry.person)} ist jetzt ${id}.`);
    }
    case 'passkey-removed':
      return say(`The passkey “${entry.label}” of ${person(entry.person)} was removed.`, `Der Passkey „${entry.label}“ von ${person(entry.person)} wurde entfernt.`);
    case 'device-removed':
      return say(`${device(entry.device)} was removed.`, `${device(entry.device)} wurde entfernt.`);
    case 'device-token-removed':
      return say(`The token of ${device(entry.device)} was removed.`, `Das Token von ${device(entry.device)} wurde entfernt.`);
    case 'approval-rule-set':
      return say(`Changes wait ${duration(entry.rule.delay_seconds, tongue)} from now on.`, `Änderungen warten von nun an ${duration(entry.rule.delay_seconds, tongue)}.`);
    case 'break-glass-rule-set':
      return say(`Emergency access lasts ${duration(entry.rule.seconds_max, tongue)} at the most from now on.`, `Notfallzugriff dauert von nun an höchstens ${duration(entry.rule.seconds_max, tongue)}.`);
    case 'broke-glass':
      return say(
        `Emergency access to patient ${entry.patient} until ${at(entry.until)}, ${reasonWords(entry.reason, tongue)}: ${entry.text}.`,
        `Notfallzugriff auf Patient ${entry.patient} bis ${at(entry.until)}, ${reasonWords(entry.reason, tongue)}: ${entry.text}.`,
      );
    case 'break-glass-missed':
      return say(`Emergency access was tried for a patient who is not known by that (try ${entry.tries}).`, `Notfallzugriff wurde für einen Patienten versucht, der so nicht bekannt ist (Versuch ${entry.tries}).`);
    case 'break-glass-reviewed': {
      const found = entry.verdict === 'justified' ? say('justified', 'berechtigt') : say('not justified', 'nicht berechtigt');
      return say(`The emergency access of entry ${entry.used} was found ${found}: ${entry.note}.`, `Der Notfallzugriff aus Eintrag ${entry.used} war ${found}: ${entry.note}.`);
    }
    default:
      return null;
  }
}

function subject(change: Change, names: Names, tongue: Tongue): string {
  const number = (en: string, de: string, value: number): string => `${tongue === 'de' ? de : en} ${value}`;
  switch (change.change) {
    case 'role':
    case 'enrol':
    case 'close-person':
    case 'join':
      return names.person(change.person) ?? number('person', 'Person', change.person);
    case 'add-person':
    case 'authenticators':
      return names.organisation(change.organisation) ?? number('organisation', 'Organisation', change.organisation);
    case 'relate': {
      const { who } = change.relationship;
      if ('person' in who) return names.person(who.person) ?? number('person', 'Person', who.person);
      if ('organisation' in who) return names.organisation(who.organisation) ?? number('organisation', 'Organisation', who.organisation);
      if ('link' in who) return number('link', 'Link', who.link);
      return names.device(who.device) ?? number('device', 'Gerät', who.device);
    }
    case 'raise-ceilings':
    case 'lift-budget': {
      const { about } = change;
      if (about === 'site') return '';
      if ('person' in about) return names.person(about.person) ?? number('person', 'Person', about.person);
      if ('organisation' in about) return names.organisation(about.organisation) ?? number('organisation', 'Organisation', about.organisation);
      return names.device(about.device) ?? number('device', 'Gerät', about.device);
    }
    default:
      return '';
  }
}
