/** Entries about orders as sentences. */

import type { OrderingBody, OrderingKind, OrderRule } from '../api/ordering.ts';
import { count, dateTime, type Tongue } from '../words/when.ts';

type Say = (en: string, de: string) => string;

/** What the kinds are called, for the filter and the list. */
export const ORDERING_KINDS: { en: Record<OrderingKind, string>; de: Record<OrderingKind, string> } = {
  en: {
    'professional-id-changed': 'Professional identifier',
    'order-rule-set': 'Rule of orders',
    'order-taken': 'Order',
    'order-ended': 'Order ended',
    'appointment-made': 'Appointment',
    'consent-told': 'Consent',
    'patients-merged': 'Records merged',
    'order-kept': 'Message kept',
  },
  de: {
    'professional-id-changed': 'Berufliche Kennung',
    'order-rule-set': 'Regel der Aufträge',
    'order-taken': 'Auftrag',
    'order-ended': 'Auftrag beendet',
    'appointment-made': 'Termin',
    'consent-told': 'Einwilligung',
    'patients-merged': 'Akten vereint',
    'order-kept': 'Nachricht aufbewahrt',
  },
};

/** What follows from orders, in a sentence. */
export function orderRuleSentence(rule: OrderRule, say: Say): string {
  const places = Object.keys(rule.places).length;
  const authorities = Object.keys(rule.authorities).length;
  return say(
    `An order gives a relationship of ${rule.open_days} days and ${rule.grace_days} more after it was done; ${rule.reading_group === null ? 'no reading group' : 'one reading group'}, ${places === 1 ? 'one place' : `${places} places`} and ${authorities === 1 ? 'one authority' : `${authorities} authorities`} are named; one sender may tell ${count(rule.orders_per_day, 'en')} orders a day, ${count(rule.unmatched_per_day, 'en')} without an appointment, and ${count(rule.merges_per_day, 'en')} merges.`,
    `Ein Auftrag gibt eine Beziehung von ${rule.open_days} Tagen und ${rule.grace_days} weiteren, nachdem er erledigt ist; benannt sind ${rule.reading_group === null ? 'keine Befundgruppe' : 'eine Befundgruppe'}, ${places === 1 ? 'ein Ort' : `${places} Orte`} und ${authorities === 1 ? 'eine Vergabestelle' : `${authorities} Vergabestellen`}; ein Absender darf am Tag ${count(rule.orders_per_day, 'de')} Aufträge melden, ${count(rule.unmatched_per_day, 'de')} ohne Termin, und ${count(rule.merges_per_day, 'de')} Zusammenführungen.`,
  );
}

/** The same for whoever decides, with every place and authority; `names` by `organisation:7`. */
export function orderRuleNamed(rule: OrderRule, names: ReadonlyMap<string, string>, say: Say): string {
  const name = (organisation: number): string => names.get(`organisation:${organisation}`) ?? String(organisation);
  const group = rule.reading_group === null ? null : name(rule.reading_group);
  const places = Object.entries(rule.places).sort().map(([place, reader]) => say(`${name(reader)} reads what is at “${place}”.`, `${name(reader)} befundet, was bei „${place}“ ist.`));
  const authorities = Object.entries(rule.authorities).map(([authority, issuer]) => {
    const whose = authority === '' ? say('Patients of orders without an authority', 'Patienten aus Aufträgen ohne Vergabestelle') : say(`Patients of the authority “${authority}”`, `Patienten der Vergabestelle „${authority}“`);
    return issuer === '' ? say(`${whose} are those of images without an issuer.`, `${whose} sind die aus Bildern ohne Aussteller.`) : say(`${whose} are those of the issuer “${issuer}”.`, `${whose} sind die des Ausstellers „${issuer}“.`);
  });
  const first = say(
    `An order gives its referrer and, where no place says otherwise, ${group ?? 'nobody else'} a relationship of ${rule.open_days} days and ${rule.grace_days} more after it was done.`,
    `Ein Auftrag gibt der zuweisenden Praxis und, wo kein Ort es anders sagt, ${group ?? 'niemandem sonst'} eine Beziehung von ${rule.open_days} Tagen und ${rule.grace_days} weiteren, nachdem er erledigt ist.`,
  );
  const last = say(
    `One sender may tell ${count(rule.orders_per_day, 'en')} orders a day, ${count(rule.unmatched_per_day, 'en')} without an appointment, and ${count(rule.merges_per_day, 'en')} merges.`,
    `Ein Absender darf am Tag ${count(rule.orders_per_day, 'de')} Aufträge melden, ${count(rule.unmatched_per_day, 'de')} ohne Termin, und ${count(rule.merges_per_day, 'de')} Zusammenführungen.`,
  );
  return [first, ...places, ...authorities, last].join(' ');
}

/** An entry's sentence; null for any other kind. */
export function ordering(entry: OrderingBody | { kind: string }, person: (number: number) => string, tongue: Tongue): string | null {
  const say: Say = (en, de) => (tongue === 'de' ? de : en);
  const body = entry as OrderingBody;
  switch (body.kind) {
    case 'professional-id-changed':
      return body.holds
        ? say(`Orders name ${person(body.person)} by ${body.issuer}/${body.id} from now on.`, `Aufträge nennen ${person(body.person)} von nun an mit ${body.issuer}/${body.id}.`)
        : say(`Orders name ${person(body.person)} by ${body.issuer}/${body.id} no more.`, `Aufträge nennen ${person(body.person)} nicht mehr mit ${body.issuer}/${body.id}.`);
    case 'order-rule-set':
      return orderRuleSentence(body.rule, say);
    case 'order-taken': {
      const matched = body.matched ? '' : say('; no appointment is known for it', '; kein Termin ist dazu bekannt');
      return say(
        `An order for patient ${body.patient} was taken in; ${body.relationships} relationships follow from it${matched}.`,
        `Ein Auftrag für Patient ${body.patient} kam an; ${body.relationships} Beziehungen folgen daraus${matched}.`,
      );
    }
    case 'order-ended': {
      const how = {
        cancelled: say('was cancelled', 'wurde storniert'),
        completed: say('was done', 'wurde erledigt'),
        changed: say('was changed', 'wurde geändert'),
      }[body.how];
      return say(`The order of entry ${body.order} ${how}.`, `Der Auftrag aus Eintrag ${body.order} ${how}.`);
    }
    case 'appointment-made': {
      if (body.cancelled) return say(`An appointment of patient ${body.patient} was cancelled.`, `Ein Termin von Patient ${body.patient} wurde abgesagt.`);
      const at = body.starts === null ? '' : say(` for ${dateTime(body.starts, tongue)}`, ` für ${dateTime(body.starts, tongue)}`);
      return say(`An appointment of patient ${body.patient}${at} is known.`, `Ein Termin von Patient ${body.patient}${at} ist bekannt.`);
    }
    case 'consent-told': {
      const n = body.denied.length;
      if (n === 0) return say(`A consent of patient ${body.patient} keeps nobody away any more.`, `Eine Einwilligung von Patient ${body.patient} hält niemanden mehr fern.`);
      const until = body.until === null ? '' : say(` until ${dateTime(body.until, tongue)}`, ` bis ${dateTime(body.until, tongue)}`);
      return say(
        `A consent of patient ${body.patient} keeps ${n === 1 ? 'one holder' : `${n} holders`} away${until}: orders give them nothing.`,
        `Eine Einwilligung von Patient ${body.patient} hält ${n === 1 ? 'einen Beteiligten' : `${n} Beteiligte`} fern${until}: Aufträge geben ihnen nichts.`,
      );
    }
    case 'patients-merged':
      return body.undoes === null
        ? say(`The record of patient ${body.from} is one with that of patient ${body.to} from now on.`, `Die Akte von Patient ${body.from} ist von nun an eine mit der von Patient ${body.to}.`)
        : say(`The merge of entry ${body.undoes} was taken back.`, `Die Zusammenführung aus Eintrag ${body.undoes} wurde zurückgenommen.`);
    case 'order-kept': {
      const state = {
        kept: say('was not taken and is kept for repair', 'wurde nicht angenommen und wird zur Reparatur aufbewahrt'),
        read: say('was read', 'wurde gelesen'),
        replayed: say('was taken after all', 'wurde doch angenommen'),
        dropped: say('was thrown away', 'wurde weggeworfen'),
      }[body.state];
      return say(`Message ${body.kept} about an order ${state} (code ${body.code}).`, `Nachricht ${body.kept} zu einem Auftrag ${state} (Code ${body.code}).`);
    }
    default:
      return null;
  }
}
