/** Synthetic people, patients and studies. Nobody here exists. */

export const SITE = 'Radiologie am Musterplatz';
export const SECOND = 1_000_000;
export const now = () => Date.now() * 1_000;

const person = (number, name, email, role, organisations, more = {}) => ({
  person: number, name, email, role, organisations, passkeys: 1, password: false, last_sign_in: now() - number * 5_000 * SECOND, closed: null, until: null, professional_id: null, professional_ids: [], delegate_of: [], ...more,
});

export const people = [
  person(0, 'Dr. Ines Berger', 'both@example.org', 'officer-administrator', [SITE]),
  person(1, 'Dr. Anna Weiß', 'radiologist@example.org', 'radiologist', [SITE], { passkeys: 2, password: true }),
  person(2, 'Dr. Jonas Keller', 'referrer@example.org', 'referrer', ['Praxis Keller'], { delegate_of: ['Praxis Keller'], professional_ids: [{ issuer: 'LANR', id: '123456601' }] }),
  person(3, 'Mara Lindqvist', 'technologist@example.org', 'technologist', [SITE]),
  person(4, 'Emil Sandberg', 'patient@example.org', 'patient', [], { password: true }),
  person(5, 'Ruth Amsel', 'officer@example.org', 'officer', [SITE]),
  person(6, 'Tim Vogel', 'administrator@example.org', 'administrator', [SITE]),
  person(7, 'Dr. Leyla Öztürk', 'oeztuerk@example.org', 'referrer', ['Klinikum Nord', 'Praxis Keller'], { passkeys: 0, last_sign_in: null, until: now() + 30 * 86_400 * SECOND, professional_id: { issuer: 'KV', id: '123456701' } }),
];

export const organisations = [
  { organisation: 0, name: SITE, authorisation: 'password-and-code', members: 5, shut_out: 0, rule: { password_until: now() + 90 * 86_400 * SECOND, device_bound: false, assurance: null, makers: [], models: [] } },
  { organisation: 1, name: 'Praxis Keller', authorisation: 'passkey-only', members: 2, shut_out: 0, rule: { password_until: null, device_bound: false, assurance: null, makers: [], models: [] } },
  { organisation: 2, name: 'Klinikum Nord', authorisation: 'passkey-only', members: 1, shut_out: 1, rule: { password_until: null, device_bound: true, assurance: 'aal3', makers: [], models: [] } },
];

export const devices = [
  { device: 0, name: 'CT 1', organisation: SITE, ae_title: 'CT1', from: ['192.0.2.11'], may: ['store'], token: false, bound: null, token_until: null, former_until: null, token_used: null },
  { device: 1, name: 'Befundarbeitsplatz', organisation: SITE, ae_title: null, from: ['192.0.2.0/24'], may: ['list', 'open'], token: true, bound: null, token_until: now() + 12 * 86_400 * SECOND, former_until: null, token_used: now() - 2 * 3_600 * SECOND },
];

const FAMILY = ['Sandberg', 'Müller', 'Østergård', 'Yılmaz', 'Nowak', 'Rossi', 'García López', 'Schröder', 'Dubois', 'Kowalski', 'Lindholm', 'Horváth', 'Meyer-Lüdenscheid', 'Okafor', 'Tanaka', 'Nguyen', 'Petrov', 'Haddad', 'Becker', 'Vandenberghe'];
const GIVEN = ['Emil', 'Anna', 'Søren', 'Ayşe', 'Piotr', 'Giulia', 'María', 'Karl', 'Chloé', 'Zofia', 'Nils', 'Eszter', 'Friederike', 'Chidi', 'Hana', 'Linh', 'Irina', 'Samir', 'Greta', 'Lotte'];
const EXAMS = [
  ['CT', 'CT Kopf nativ', 140, 2], ['DX', 'Thorax in zwei Ebenen', 2, 1], ['MR', 'MRT Knie rechts', 180, 6], ['US', 'Sonographie Abdomen', 24, 1],
  ['CT', 'CT Thorax mit Kontrastmittel', 420, 4], ['MG', 'Mammographie beidseits', 4, 1], ['XA', 'Angiographie', 96, 3], ['MR', 'MRT Schädel', 308, 8],
];

export const uid = (...parts) => ['2.25.7001', ...parts].join('.');
const day = (back) => new Date(Date.now() - back * 86_400_000).toISOString().slice(0, 10).replaceAll('-', '');

export function patientOf(number) {
  const family = FAMILY[number % FAMILY.length];
  const given = GIVEN[Math.floor(number / FAMILY.length + number * 7) % GIVEN.length];
  return {
    number, id: String(100_234 + number * 7), issuer: 'MUSTERPLATZ', name: number === 0 ? 'Sandberg^Emil' : `${family}^${given}`,
    birth_date: number === 9 ? '' : `${1931 + ((number * 13) % 92)}${String(1 + (number % 12)).padStart(2, '0')}${String(1 + ((number * 5) % 28)).padStart(2, '0')}`,
    sex: number === 0 ? 'M' : ['F', 'M', 'O', ''][number % 11 === 0 ? 2 : number % 2], studies: 1 + (number % 4),
  };
}

function studyOf(number, patient, back, exam, more = {}) {
  const [modality, description, instances, series] = exam;
  return {
    number, patient, uid: uid(number), date: day(back), time: `${String(7 + (number % 11)).padStart(2, '0')}${String((number * 17) % 60).padStart(2, '0')}12`,
    accession_number: `A${260_000 + number}`, id: String(number), description, referring_physician: number % 5 ? 'Keller^Jonas^^Dr.' : 'Öztürk^Leyla^^Dr.',
    modalities: [modality], sop_classes: [], series, instances, conflict: number === 6, ...more,
  };
}

const emil = patientOf(0);
export const studies = [
  studyOf(0, emil, 0, ['CT', 'CT Kopf nativ', 60, 2]),
  studyOf(1, emil, 410, ['CT', 'CT Kopf nativ', 60, 1]),
  studyOf(2, emil, 2_950, ['DX', 'Thorax p.a.', 1, 1]),
  studyOf(3, emil, 30, ['US', 'Sonographie Herz', 1, 1]),
];
for (let number = 4; number < 10_000; number += 1) studies.push(studyOf(number, patientOf(1 + ((number * 3) % 2_200)), Math.floor(number / 14), EXAMS[number % EXAMS.length]));

export function accesses() {
  const at = (hours) => now() - hours * 3_600 * SECOND;
  return [
    { entry: 951, at: at(2), who: 'Dr. Anna Weiß', role: 'radiologist', organisations: [SITE], basis: 'Auftrag A260000', opened: true, studies: [studies[0].uid, studies[1].uid] },
    { entry: 944, at: at(3), who: 'Mara Lindqvist', role: 'technologist', organisations: [SITE], basis: 'Aufnahme am Gerät', opened: false, studies: [studies[0].uid] },
    { entry: 949, at: at(2), who: 'a person with the link that Emil Sandberg made', role: null, organisations: [], basis: 'share link', opened: true, studies: [studies[0].uid], sharing: { kind: 'by-link', link: 4, maker: 'Emil Sandberg', note: 'Praxis Dr. Weber, Zürich', download: false } },
    { entry: 943, at: at(3), who: 'Dr. Jonas Keller', role: 'referrer', organisations: ['Praxis Keller'], basis: 'Ist das eine Fraktur?', opened: false, studies: [studies[0].uid], sharing: { kind: 'opinion-asked', colleague: 'Dr. Maren Vogt', until: at(-300) } },
    { entry: 940, at: at(5), who: 'Dr. Jonas Keller', role: 'referrer', organisations: ['Praxis Keller'], basis: 'break-glass, life-threatening: Bewusstlos in der Notaufnahme', opened: false, studies: [] },
    { entry: 921, at: at(20), who: 'Dr. Jonas Keller', role: 'referrer', organisations: ['Praxis Keller'], basis: 'Schlaganfall, Vergleich mit früher', opened: false, studies: [studies[2].uid], warmed_by: 'Dr. Clara Nowak' },
    { entry: 702, at: at(29 * 24), who: 'Dr. Jonas Keller', role: 'referrer', organisations: ['Praxis Keller'], basis: 'Überweisung', opened: true, studies: [studies[3].uid] },
    { entry: 690, at: at(30 * 24), who: 'Befundarbeitsplatz', role: null, organisations: [SITE], basis: 'Befundung', opened: true, studies: [studies[3].uid] },
  ].map((row) => ({ moved: false, device: row.role === null, times: 1, warmed: Boolean(row.warmed_by), warmed_by: null, ...row }));
}
