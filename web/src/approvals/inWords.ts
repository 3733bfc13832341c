/** A change in one sentence of either language. Pure: names and language come as arguments. */

import type { ColdHolder } from '../api/cold.ts';
import { sharingRule } from '../officer/sharingSentence.ts';
import type { Change, EmergencyReason, NetworkRule, ProposalRow, Standing, UnsealMethod } from '../api/deciding.ts';
import { numbersOf } from '../api/entries.ts';
import type { AuthenticatorRule, Ceilings, Role } from '../api/types.ts';
import { placeText, timeText } from '../findings/networks.ts';
import { orderRuleNamed, orderRuleSentence } from '../officer/ordering.ts';
import { dateTime, isEndless, longDate, type Tongue } from '../words/when.ts';

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

/** Which authenticators a rule takes. */
export function ruleWords(rule: AuthenticatorRule, tongue: Tongue): string {
  const say: Say = (en, de) => (tongue === 'de' ? de : en);
  const bound = rule.device_bound || rule.assurance === 'aal3';
  const words = [bound ? say('passkeys that stay on one device', 'Passkeys, die auf einem Gerät bleiben') : say('passkeys', 'Passkeys')];
  if (rule.makers.length > 0) words.push(say('of certain makers', 'bestimmter Hersteller'));
  if (rule.password_until !== null) words.push(say(`and passwords with a code until ${longDate(rule.password_until, tongue)}`, `und Passwörter mit Code bis ${longDate(rule.password_until, tongue)}`));
  if (rule.assurance) words.push(`(${rule.assurance.toUpperCase()})`);
  return words.join(' ');
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
    case 'join':
      return say(`${name} joins an organisation that reads every patient here.`, `${name} tritt einer Organisation bei, die alle Patienten hier liest.`);
    case 'authenticators':
      return say(`${name} takes ${ruleWords(change.to, tongue)} instead of ${ruleWords(change.from, tongue)}.`, `${name} nimmt ${ruleWords(change.to, tongue)} statt ${ruleWords(change.from, tongue)}.`);
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
    case 'sharing-rule':
      return sharingRule(change.rule, tongue);
    case 'network-rule':
      return networkRule(change.rule, say);
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
      const holders = change.holders.map((holder) => holderInWords(holder, say)).join(', ');
      return say(`Cold studies are held by: ${holders}; ${change.threshold} of those with shares are needed.`, `Kalte Untersuchungen hüten: ${holders}; ${change.threshold} von denen mit Anteilen sind nötig.`);
    }
    case 'replace-cold-holders': {
      const holders = change.holders.map((holder) => holderInWords(holder, say)).join(', ');
      return say(
        `Everything that is cold is held by: ${holders}; ${change.threshold} of those with shares are needed. What is cold already stays with its holders until enough of them hand it over.`,
        `Alles Kalte hüten: ${holders}; ${change.threshold} von denen mit Anteilen sind nötig. Was schon kalt ist, bleibt bei seinen Hütern, bis genug von ihnen es übergeben.`,
      );
    }
    case 'cold-rule': {
      const { after_seconds, priors, service_per_day, emergency_per_day } = change.rule;
      const which = priors === 'all' ? say('all priors', 'alle Voraufnahmen') : priors === 'none' ? say('no priors', 'keine Voraufnahmen') : say(`priors of ${priors.years} years`, `Voraufnahmen aus ${priors.years} Jahren`);
      return say(
        `Studies go cold ${duration(after_seconds, tongue)} after their last reason; an order asks for ${which}; one holder alone warms ${service_per_day} patients a day for orders and ${emergency_per_day} in emergencies.`,
        `Untersuchungen werden ${duration(after_seconds, tongue)} nach ihrem letzten Grund kalt; ein Auftrag fordert ${which} an; ein Hüter allein öffnet am Tag ${service_per_day} Patienten für Aufträge und ${emergency_per_day} in Notfällen.`,
      );
    }
    case 'order-rule':
      return orderRuleSentence(change.rule, say);
    case 'add-witness':
      return say(`The witness ${change.url} cosigns the ledger, known by ${change.vkeys.join(' and ')}.`, `Der Zeuge ${change.url} zeichnet das Protokoll mit, bekannt unter ${change.vkeys.join(' und ')}.`);
    case 'remove-witness':
      return say(`The witness ${change.url} is asked no more. What it would have shown is not seen any more.`, `Der Zeuge ${change.url} wird nicht mehr gefragt. Was er gezeigt hätte, sieht dann niemand mehr.`);
    case 'add-sink':
      return say(`Every entry of the ledger goes to the folder ${change.path} too.`, `Jeder Eintrag des Protokolls geht auch in den Ordner ${change.path}.`);
    case 'remove-sink':
      return say(`Entries of the ledger go to the folder ${change.path} no more.`, `Einträge des Protokolls gehen nicht mehr in den Ordner ${change.path}.`);
    case 'export-window': {
      const [first, last] = [utcDay(change.window.from), utcDay(change.window.to - 1)];
      const days = first === last ? say(`the day ${first} (UTC)`, `des Tages ${first} (UTC)`) : say(`the days ${first} to ${last} (UTC)`, `der Tage ${first} bis ${last} (UTC)`);
      return say(
        `The keys of ${days} leave the warden, once. Whoever holds them reads every entry of those days.`,
        `Die Schlüssel ${days} verlassen einmal den Wächter. Wer sie hat, liest jeden Eintrag dieser Tage.`,
      );
    }
    case 'unseal': {
      const added = change.added.map((one) => say(`The archive is unsealed by one more method: ${methodWords(one, say)}.`, `Das Archiv lässt sich auf einem weiteren Weg entsiegeln: ${methodWords(one, say)}.`));
      const removed = change.removed.map((one) => say(`The method ${methodWords(one, say)} unseals no more.`, `Der Weg ${methodWords(one, say)} entsiegelt nicht mehr.`));
      return [...added, ...removed].join(' ');
    }
    case 'new-root': {
      const removed = change.removed.map((one) => say(`The method ${methodWords(one, say)} unseals no more.`, `Der Weg ${methodWords(one, say)} entsiegelt nicht mehr.`));
      const once = say(
        'The root of the archive is replaced by a new one, once, within seven days. Older copies of its file then open nothing of now.',
        'Die Wurzel des Archivs wird einmal, binnen sieben Tagen, durch eine neue ersetzt. Ältere Kopien ihrer Datei öffnen dann nichts Heutiges.',
      );
      return [once, ...removed].join(' ');
    }
    case 'raise-ceilings': {
      const limit = (value: number | null): string => (value === null ? say('as learned', 'wie gelernt') : value === NO_LIMIT ? say('without limit', 'ohne Grenze') : say(`${value} a day`, `${value} am Tag`));
      const measures: [keyof Ceilings, string][] = [
        ['opened_due', say('opened, something new', 'geöffnet, Neues')],
        ['opened_other', say('opened, nothing new', 'geöffnet, nichts Neues')],
        ['listed_due', say('names, something new', 'Namen, Neues')],
        ['listed_other', say('names, nothing new', 'Namen, nichts Neues')],
      ];
      const { from, to } = change;
      const lines = measures.filter(([measure]) => from[measure] !== to[measure]).map(([measure, what]) => say(`${what}: ${limit(to[measure])} instead of ${limit(from[measure])}`, `${what}: ${limit(to[measure])} statt ${limit(from[measure])}`));
      const who = name || say('Everybody together', 'Alle zusammen');
      return say(`${who} may read more patients – ${lines.join('; ')}.`, `${who} ${name ? 'darf' : 'dürfen'} mehr Patienten lesen – ${lines.join('; ')}.`);
    }
    case 'lift-budget':
      return say(
        `What stops ${name || 'everybody together'} is lifted, and what was read so far counts as in order: ${change.note}.`,
        `Was ${name || 'alle zusammen'} anhält, wird aufgehoben, und das bisher Gelesene gilt als in Ordnung: ${change.note}.`,
      );
    case 'erase-entry':
      return say(
        `The words of entry ${change.entry} of the ledger are erased for good: ${change.reason}.`,
        `Der Wortlaut von Eintrag ${change.entry} des Protokolls wird endgültig gelöscht: ${change.reason}.`,
      );
    default:
      return say('A change that these pages do not know yet. Do not approve it here.', 'Eine Änderung, die diese Seiten noch nicht kennen. Stimmen Sie ihr hier nicht zu.');
  }
}

/** Nothing slows and nothing stops. */
export const NO_LIMIT = 4_294_967_295;

/** `2026-11-26`: keys are those of whole days in UTC, whatever the clock on the wall says. */
/** A holder with the key and what it may do: whoever approves sees who opens alone. */
function holderInWords({ name, kind, key }: ColdHolder, say: Say): string {
  const may = {
    sharing: say('one share', 'ein Anteil'),
    emergency: say('enough ALONE for one patient at a time', 'genügt ALLEIN, für einen Patienten zur Zeit'),
    service: say('enough ALONE for the priors of orders', 'genügt ALLEIN für Voraufnahmen zu Aufträgen'),
  }[kind];
  const id = key.map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return `${name} (${may}; ${say('key', 'Schlüssel')} ${id})`;
}

function utcDay(at: number): string {
  return new Date(at / 1_000).toISOString().slice(0, 10);
}

function methodWords({ method, means, label, keeper, shares }: UnsealMethod, say: Say): string {
  const kind = { passphrase: say('passphrase', 'Passphrase'), 'recovery-kit': say('recovery kit', 'Wiederherstellungsblatt'), shares: say('shares', 'Anteile'), age: 'age', command: say('command', 'Befehl') }[means] ?? means;
  const of = shares ? say(`, ${shares.threshold} of ${shares.holders.join(', ')}`, `, ${shares.threshold} von ${shares.holders.join(', ')}`) : '';
  const by = keeper ? say(`, kept by ${keeper}`, `, verwahrt von ${keeper}`) : '';
  return `${kind}${label ? ` “${label}”` : ''} (${method})${of}${by}`;
}

/** The same for a row, which brings its names. */
export function rowWords(row: ProposalRow, tongue: Tongue): string {
  if (row.change.change === 'order-rule') return orderRuleNamed(row.change.rule, new Map(row.names), (en, de) => (tongue === 'de' ? de : en));
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

/** Which networks are where. */
export function networkRule(rule: NetworkRule, say: (en: string, de: string) => string): string {
  const networks = rule.networks.map(({ name, blocks, at, utc_minutes }) => `${name} (${blocks.join(', ')})${at ? ` ${say('at', 'bei')} ${placeText(at)}` : ''}${utc_minutes === null ? '' : ` ${say('with the time', 'mit der Zeit')} UTC${timeText(utc_minutes)}`}`);
  return networks.length === 0
    ? say('No network of the site is known any more.', 'Kein Netz des Hauses ist mehr bekannt.')
    : say(`Signs of sharing go by these networks: ${networks.join('; ')}.`, `Zeichen des Teilens richten sich nach diesen Netzen: ${networks.join('; ')}.`);
}
