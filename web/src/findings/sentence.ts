/** A finding in one sentence, without its full stop. Pure: name and language come as arguments. */

import type { OrderCount } from '../api/ordering.ts';
import type { BudgetSpan, Finding, Measure, Reaction, Volume } from '../api/types.ts';
import { count, type Tongue } from '../words/when.ts';
import { signWords } from './signs.ts';

type Say = (en: string, de: string) => string;

export function findingSentence(finding: Finding, name: string, tongue: Tongue): string {
  const say: Say = (en, de) => (tongue === 'de' ? de : en);
  const who = finding.about === 'site' && 'emergency-warming' in finding.evidence ? say('the owner of the machine', 'der Eigentümer der Maschine') : name;
  if ('orders' in finding.evidence) return ofOrders(finding.evidence.orders, name, say, (value) => count(value, tongue));
  return `${why(finding, who, say, (value) => count(value, tongue))}: ${done(finding.reaction, say)}`;
}

function ofOrders({ count: counted, limit }: { count: OrderCount; limit: number }, name: string, say: Say, number: (value: number) => string): string {
  const what = {
    orders: say('orders', 'Aufträge'),
    unmatched: say('orders for which no appointment is known', 'Aufträge, zu denen kein Termin bekannt ist'),
    merges: say('merges of two records', 'Zusammenführungen zweier Akten'),
    appointments: say('appointments and consents', 'Termine und Einwilligungen'),
  }[counted];
  return say(
    `${name} told more than ${number(limit)} ${what} within a day: those beyond are kept, and nothing follows from them`,
    `${name} meldete an einem Tag mehr als ${number(limit)} ${what}: die weiteren werden aufbewahrt, und nichts folgt daraus`,
  );
}

function why({ evidence }: Finding, name: string, say: Say, number: (value: number) => string): string {
  // has a sentence of its own
  if ('orders' in evidence) return '';
  if ('volume' in evidence) return ofVolume(evidence.volume, name, say, number);
  if ('honey' in evidence) {
    return evidence.honey.opened
      ? say(`${name} opened a honey patient, whom nobody has a reason to open`, `${name} öffnete einen Köder, den zu öffnen niemand Grund hat`)
      : say(`${name} listed a honey patient outside of an exact search, whom nobody has a reason to see`, `${name} bekam außerhalb einer genauen Suche einen Köder aufgelistet, den zu sehen niemand Grund hat`);
  }
  if ('intake' in evidence) {
    const { patients, high } = evidence.intake;
    return say(
      `devices sent studies of ${number(patients)} patients within a day; the busiest of the 28 days before had ${number(high)}, and each of them is due to whoever reaches them`,
      `Geräte schickten an einem Tag Untersuchungen von ${number(patients)} Patienten; der vollste der 28 Tage davor hatte ${number(high)}, und jeder gilt nun als fällig für alle, die ihn erreichen`,
    );
  }
  if ('related' in evidence) {
    const { patients, limit } = evidence.related;
    return say(
      `${name} made relationships with ${number(patients)} patients within a day; more than ${number(limit)} are told, and each of them is due to whom the relationship is with`,
      `${name} legte an einem Tag Beziehungen zu ${number(patients)} Patienten an; ab ${number(limit)} wird es gemeldet, und jeder gilt nun dem Empfänger der Beziehung als fällig`,
    );
  }
  if ('emergency-warming' in evidence) {
    const { patient, studies, request } = evidence['emergency-warming'];
    return say(
      `one holder alone warmed ${number(studies)} cold ${studies === 1 ? 'study' : 'studies'} of patient ${patient} as for an emergency; ${name} asked for it in entry ${number(request)}`,
      `ein Hüter allein öffnete ${number(studies)} kalte ${studies === 1 ? 'Untersuchung' : 'Untersuchungen'} von Patient ${patient} wie in einem Notfall; angefordert in Eintrag ${number(request)}: ${name}`,
    );
  }
  if ('leaked-login' in evidence) {
    const { by_name, tried } = evidence['leaked-login'];
    return say(
      `${by_name ? 'a login with the same name before the @ as' : 'the login of'} ${name} stands in a dump of stolen logins; ${number(tried)} passwords beside it were tried, and none is this account’s`,
      `${by_name ? 'ein Zugang mit demselben Namen vor dem @ wie der' : 'der Zugang'} von ${name} steht in einer Sammlung gestohlener Zugangsdaten; von ${number(tried)} Passwörtern daneben gehört keines zu diesem Konto`,
    );
  }
  if ('emergency-refused' in evidence) {
    const { patient, studies, request } = evidence['emergency-refused'];
    return say(
      `${name} refused ${number(studies)} cold ${studies === 1 ? 'study' : 'studies'} of patient ${patient} that somebody asked for in an emergency in entry ${number(request)}`,
      `${name} lehnte ${number(studies)} kalte ${studies === 1 ? 'Untersuchung' : 'Untersuchungen'} von Patient ${patient} ab, die jemand in Eintrag ${number(request)} für einen Notfall anforderte`,
    );
  }
  const sign = signWords(evidence, name, say, number);
  if (sign !== null || !('beyond-peers' in evidence)) return sign ?? '';
  const { measure, normal, peers } = evidence['beyond-peers'];
  const [act, getan] = measure.startsWith('opened') ? ['open', 'zu öffnen'] : ['list', 'aufzulisten'];
  return say(
    `${name} has come to ${act} ${number(normal)} patients in 28 days ${of(measure, say)}; the role’s median is ${number(peers)}`,
    `${name} ist dahin gekommen, in 28 Tagen ${number(normal)} Patienten ${getan}, ${of(measure, say)}; der Median der Rolle ist ${number(peers)}`,
  );
}

function ofVolume(volume: Volume, name: string, say: Say, number: (value: number) => string): string {
  const opened = volume.measure.startsWith('opened');
  const more = [
    volume.unusual_hours ? say(`${number(volume.unusual_hours)} of the day at unusual hours`, `${number(volume.unusual_hours)} des Tages zu ungewöhnlicher Stunde`) : '',
    volume.in_sequence ? say(`${number(volume.in_sequence)} of the day in the order of their numbers`, `${number(volume.in_sequence)} des Tages in der Reihenfolge ihrer Nummern`) : '',
    volume.sessions > 1 ? say(`${number(volume.sessions)} sessions took part`, `${number(volume.sessions)} Sitzungen waren beteiligt`) : '',
  ].filter(Boolean);
  const brackets = more.length ? ` (${more.join(', ')})` : '';
  const weight = volume.weight === volume.patients ? '' : say(`, which count as ${number(volume.weight)}`, `, die als ${number(volume.weight)} zählen`);
  const within = spanWords(volume.span, say);
  return say(
    `${name} ${opened ? 'opened' : 'listed'} ${number(volume.patients)} patients ${of(volume.measure, say)} within ${within}${brackets}${weight}; normal are ${number(volume.normal)}, the limit is ${number(volume.limit)}`,
    `${name} ${opened ? 'öffnete' : 'bekam aufgelistet:'} ${number(volume.patients)} Patienten, ${of(volume.measure, say)}, in ${within}${brackets}${weight}; normal sind ${number(volume.normal)}, die Grenze ist ${number(volume.limit)}`,
  );
}

const of = (measure: Measure, say: Say): string => (measure.endsWith('due') ? say('who are due', 'bei denen etwas Neues ist') : say('about whom nothing is new', 'bei denen nichts Neues ist'));

function spanWords(span: BudgetSpan, say: Say): string {
  return { hour: say('an hour', 'einer Stunde'), day: say('a day', 'einem Tag'), week: say('7 days', '7 Tagen'), month: say('28 days', '28 Tagen') }[span];
}

function done(reaction: Reaction, say: Say): string {
  return {
    noticed: say('nothing was held back', 'nichts wurde aufgehalten'),
    slowed: say('each further patient waits', 'jeder weitere Patient wartet'),
    touch: say('a fresh touch was asked for', 'eine neue Bestätigung wurde verlangt'),
    stopped: say('such reading is stopped until an officer lifts it', 'solches Lesen ist angehalten, bis der Datenschutz es aufhebt'),
  }[reaction];
}
