/** Signs that an account is shared or in other hands, in words. Pure. */

import type { Evidence, UsedFrom } from '../api/types.ts';

type Say = (en: string, de: string) => string;

/** Why it is a sign; `null` for evidence of another kind. */
export function signWords(evidence: Evidence, name: string, say: Say, number: (value: number) => string): string | null {
  if ('parallel-sessions' in evidence) {
    const { one, other, returns } = evidence['parallel-sessions'];
    return say(
      `two sessions of ${name} were used in turns, from ${place(other)} and from ${place(one)}: ${number(returns)} times within an hour one was gone back to`,
      `zwei Sitzungen von ${name} wurden abwechselnd benutzt, von ${place(other)} und von ${place(one)}: binnen einer Stunde ging es ${number(returns)}-mal zur anderen zurück`,
    );
  }
  if ('impossible-travel' in evidence) {
    const { from, to, kilometres, minutes } = evidence['impossible-travel'];
    return say(
      `${name} was at ${place(from)} and ${number(minutes)} minutes later at ${place(to)}, which are at least ${number(kilometres)} km apart`,
      `${name} war bei ${place(from)} und ${number(minutes)} Minuten später bei ${place(to)}; dazwischen liegen mindestens ${number(kilometres)} km`,
    );
  }
  if ('day-and-night' in evidence) {
    const { hours, of } = evidence['day-and-night'];
    return say(
      `${name} was active in ${hours} different hours of the last ${of}, more than one person works`,
      `${name} war in ${hours} verschiedenen der letzten ${of} Stunden tätig, mehr als ein Mensch arbeitet`,
    );
  }
  if ('new-authenticator' in evidence) {
    const { finding } = evidence['new-authenticator'];
    return say(
      `${name}, who had authenticators, was given a further one, and within three days followed what finding ${number(finding)} says`,
      `${name} bekam zu den Anmeldemitteln ein weiteres, und binnen drei Tagen folgte, was Auffälligkeit ${number(finding)} sagt`,
    );
  }
  if ('tried-others' in evidence) {
    const { origin, others, unknown } = evidence['tried-others'];
    return say(
      `${name} signed in from ${origin}, from where sign-ins failed within the hour before: of ${number(others)} other people, and ${number(unknown)} with names that nobody has`,
      `${name} meldete sich von ${origin} an; von dort scheiterten in der Stunde davor Anmeldungen: von ${number(others)} anderen Personen, und ${number(unknown)} mit Namen, die niemand hat`,
    );
  }
  return null;
}

const place = ({ place, origin }: UsedFrom): string => (place ? `${place} (${origin})` : origin);
