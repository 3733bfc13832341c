import { both } from '../words/both.ts';

/** What identifies a patient, and what a study is called, in words that every page shares. */
export const t = both(
  {
    born: 'Born',
    sex: { M: 'male', F: 'female', O: 'other' } as Record<string, string>,
    sexUnknown: 'sex unknown',
    sexLetters: { M: 'M', F: 'F', O: 'O' } as Record<string, string>,
    years: (years: number) => (years === 1 ? '1 year' : `${years} years`),
    months: (months: number) => (months === 1 ? '1 month' : `${months} months`),
    shortYears: (years: number) => `${years} y`,
    shortMonths: (months: number) => `${months} mo`,
    id: 'ID',
    issuer: (issuer: string) => `issued by ${issuer}`,
    noName: 'NO NAME',
    birthUnknown: 'birth date unknown',
    identity: 'Patient',
  },
  {
    born: 'Geboren',
    sex: { M: 'männlich', F: 'weiblich', O: 'divers' },
    sexUnknown: 'Geschlecht unbekannt',
    sexLetters: { M: 'M', F: 'W', O: 'D' },
    years: (years) => (years === 1 ? '1 Jahr' : `${years} Jahre`),
    months: (months) => (months === 1 ? '1 Monat' : `${months} Monate`),
    shortYears: (years) => `${years} J.`,
    shortMonths: (months) => `${months} Mon.`,
    id: 'Nr.',
    issuer: (issuer) => `vergeben von ${issuer}`,
    noName: 'OHNE NAMEN',
    birthUnknown: 'Geburtsdatum unbekannt',
    identity: 'Patient',
  },
);
