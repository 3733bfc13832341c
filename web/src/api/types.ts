/** The shapes that the front answers with: the serde names of the `protocol` and `model` crates. */

import type { OrderCount } from './ordering.ts';
import type { Sharing } from './sharing.ts';

/** Microseconds since 1970-01-01T00:00:00Z. */
export type Micros = number;

/** Anything from here on reads as 'no end': the largest integer that JSON keeps exact in a browser (year 2255). */
export const NO_END: Micros = Number.MAX_SAFE_INTEGER;

export type Role =
  | 'patient'
  | 'referrer'
  | 'radiologist'
  | 'technologist'
  | 'officer'
  | 'administrator'
  | 'officer-administrator';

export const ROLES: readonly Role[] = [
  'patient',
  'referrer',
  'radiologist',
  'technologist',
  'officer',
  'administrator',
  'officer-administrator',
];

export type Authorisation = 'passkey-only' | 'password-and-code';
export type Tier = 'list' | 'open';
export type DeviceMay = 'store' | 'list' | 'open' | 'today' | 'orders';
export type SignInMethod = 'passkey' | 'password-and-code' | 'password-and-recovery-code';
export type Order = 'newest-first' | 'oldest-first' | 'patient-name';

export interface Me {
  person: number;
  name: string;
  email: string;
  role: Role;
  organisations: string[];
  session: string;
  idle_until: Micros;
  absolute_until: Micros;
  recovery_codes_left: number;
  site: string;
  /** Organisations to which they may add colleagues. */
  delegate_of: string[];
  /** When the account ends by itself. */
  account_until: Micros | null;
  /** Until when their password signs in, for somebody who has one. */
  password_until: Micros | null;
}

export interface EnrolmentFor {
  name: string;
  email: string;
  role: Role;
  password_allowed: boolean;
  until: Micros;
  password_until: Micros | null;
  /** The passkey has to stay on one device. */
  device_bound: boolean;
  /** The authenticator has to show who made it. */
  attested: boolean;
  /** What the person had before is lost, and goes. */
  replaces: boolean;
  /** The link sets another password and nothing else; a code of the app that there is confirms it. */
  only_password: boolean;
}

export interface PasswordEstimate {
  accepted: boolean;
  score: number;
  reasons: string[];
}

export interface Ceremony {
  ceremony: string;
  options: { publicKey: Record<string, unknown> };
  /** The challenge is made of this and the thumbprint of the browser's key. */
  nonce: string;
}

/** How a person may show that they are there and mean one act. */
export interface FreshChallenge {
  ceremony: string;
  /** `null` for a person without a passkey. */
  options: { publicKey: Record<string, unknown> } | null;
  nonce: string;
  password: boolean;
}

/** That a person is there and means one act; goes into the request of that act as `fresh`. */
export interface Fresh {
  ceremony: string;
  shown: { passkey: { credential: string } } | { password_and_code: { password: string; code: string } };
}

export interface OneTimeCodeSecret {
  ceremony: string;
  uri: string;
  qr_svg: string;
  secret: string;
}

export interface Enrolled {
  recovery_codes: string[];
}

export interface SessionRow {
  session: string;
  person: number;
  since: Micros;
  last_used: Micros;
  origin: string;
  user_agent: string;
  method: SignInMethod;
  current: boolean;
}

export interface PatientRow {
  number: number;
  id: string;
  issuer: string;
  /** DICOM person name, `FAMILY^Given^Middle^Prefix^Suffix=...=...`. */
  name: string;
  /** `YYYYMMDD` or empty. */
  birth_date: string;
  sex: string;
  studies: number;
}

export interface StudyRow {
  number: number;
  patient: PatientRow;
  uid: string;
  /** `YYYYMMDD` or empty. */
  date: string;
  /** `HHMMSS` or empty. */
  time: string;
  accession_number: string;
  id: string;
  description: string;
  referring_physician: string;
  modalities: string[];
  sop_classes: string[];
  series: number;
  instances: number;
  conflict: boolean;
  /** Its keys lie with holders elsewhere; it opens once they have agreed. */
  cold: boolean;
}

export interface SeriesRow {
  uid: string;
  modality: string;
  series_number: string;
  description: string;
  body_part: string;
  date: string;
  time: string;
  instances: number;
}

export interface StudyPage {
  studies: StudyRow[];
  more: boolean;
}

export interface StudyDetail {
  study: StudyRow;
  series: SeriesRow[];
  priors: StudyRow[];
}

export interface AccessRow {
  entry: number;
  at: Micros;
  who: string;
  role: Role | null;
  organisations: string[];
  basis: string;
  opened: boolean;
  moved: boolean;
  device: boolean;
  times: number;
  studies: string[];
  /** Studies that were cold were brought back. */
  warmed: boolean;
  /** The holder who alone did that, as for an emergency. */
  warmed_by: string | null;
  /** What the line says of sharing. */
  sharing?: Sharing | null;
}

export interface Accesses {
  rows: AccessRow[];
  truncated: boolean;
}

export interface PersonRow {
  person: number;
  name: string;
  email: string;
  role: Role;
  organisations: string[];
  passkeys: number;
  password: boolean;
  last_sign_in: Micros | null;
  /** When the account was closed. */
  closed: Micros | null;
  /** What a delegate stated for the census; orders do not go by it. */
  professional_id: ProfessionalId | null;
  /** What orders name them by. */
  professional_ids: ProfessionalId[];
  /** When the account ends, or ended, by itself. */
  until: Micros | null;
  /** Organisations to which they may add colleagues. */
  delegate_of: string[];
}

export interface ProfessionalId {
  issuer: string;
  id: string;
}

/** Which authenticators an organisation takes. */
export interface AuthenticatorRule {
  password_until: Micros | null;
  device_bound: boolean;
  assurance: 'aal2' | 'aal3' | null;
  /** Certificates in PEM. */
  makers: string[];
  /** AAGUIDs. */
  models: string[];
}

export interface ColleagueRow {
  organisation: string;
  name: string;
  email: string;
  role: Role;
  professional_id: ProfessionalId | null;
  enrolled: boolean;
  until: Micros | null;
  delegate: boolean;
  /** Whether the caller may change them here. */
  mine: boolean;
  me: boolean;
  vouched_until: Micros | null;
}

export interface CensusAccount {
  name: string;
  email: string;
  role: Role;
  organisations: string[];
  last_sign_in: Micros | null;
  until: Micros | null;
  line: number | null;
}

export interface CensusLine {
  line: number;
  name: string;
}

export interface CensusDifference {
  account: CensusAccount;
  listed: string;
}

/** What a comparison of accounts with a staff list found. */
export interface CensusReport {
  accounts: number;
  people: number;
  fitting: number;
  without_person: CensusAccount[];
  without_account: CensusLine[];
  unused: CensusAccount[];
  roles: CensusDifference[];
  organisations: CensusDifference[];
  ends: CensusDifference[];
  unclear: [CensusLine, string][];
}

export interface OrganisationRow {
  organisation: number;
  name: string;
  authorisation: Authorisation;
  members: number;
  rule: AuthenticatorRule;
  /** Members whose authenticators all fail the rule. */
  shut_out: number;
}

export interface DeviceRow {
  device: number;
  name: string;
  organisation: string;
  ae_title: string | null;
  from: string[];
  may: DeviceMay[];
  token: boolean;
  /** What the token is bound to. */
  bound: { dpop: string } | { certificate: string } | null;
  /** When the token ends; `null` for one from before tokens ended. */
  token_until: Micros | null;
  /** Until when the token before works as well. */
  former_until: Micros | null;
  /** Its last use for reading, by the hour. */
  token_used: Micros | null;
}

/** Everybody's sessions and every device's token. */
export interface SignedIn {
  people: { session: SessionRow; name: string; email: string }[];
  devices: DeviceRow[];
}

export interface EnrolmentLink {
  person: number;
  token: string;
  /** The whole link as an SVG QR code; empty when it is too long for one. */
  qr_svg: string;
  until: Micros;
}

export interface Count {
  patients: number;
  studies: number;
}

export interface ExposedPatient {
  patient: PatientRow;
  reachable: number;
  listed: number;
  opened: number;
  first: Micros | null;
  last: Micros | null;
  origins: string[];
  lease_until: Micros | null;
  details: ExposedStudy[];
}

export interface TouchRow {
  first: Micros;
  last: Micros;
  lease_until: Micros;
  entries: number;
  origins: string[];
}

export interface ExposedStudy {
  uid: string | null;
  date: string;
  description: string;
  modalities: string[];
  reachable: Tier | null;
  listed: TouchRow | null;
  opened: TouchRow | null;
}

/** What a report is about: one of these, by its name. */
export interface AboutFacts {
  person?: { person: number; name: string; role: Role | null; organisations: string[] };
  organisation?: { name: string };
  device?: { device: number; name: string };
  session?: { session: string; name: string; span: Span; links?: { link: number; study: number; note: string; span: Span; openings: number; ended: string | null }[] };
  key?: { key: string; filed: Micros | null; released_before: number; released: number; releases: { entry: number; who: string; lease: Span; origin: string; images: boolean }[] };
  link?: { link: number; maker: string; note: string; span: Span; ended: string | null; openings: number; browsers: number; downloads: number; tries: number };
  disk?: { disk: string; filesystem: string; holds: { part: string; from: Micros; until: Micros | null }[]; keys: number; studies_opened_before: number };
}

export interface TimelinePart {
  from: Micros;
  listed: number;
  opened: number;
}

export interface ExposureReport {
  who: string;
  window: Span;
  reachable: Count;
  listed: Count;
  opened: Count;
  unexpired: Count;
  about: AboutFacts;
  patients: ExposedPatient[];
  truncated: boolean;
  timeline: TimelinePart[];
  erased: number;
  ledger_size: number;
  checkpoint: string;
}

export interface Span {
  from: Micros;
  to: Micros;
}

/** Whose reading is measured. */
export type Whose = { person: number } | { organisation: number } | { device: number } | 'site';
export type Measure = 'opened-due' | 'opened-other' | 'listed-due' | 'listed-other';
export type BudgetSpan = 'hour' | 'day' | 'week' | 'month';
export type Reaction = 'noticed' | 'slowed' | 'touch' | 'stopped';

export interface Volume {
  measure: Measure;
  span: BudgetSpan;
  patients: number;
  weight: number;
  normal: number;
  limit: number;
  unusual_hours: number;
  in_sequence: number;
  sessions: number;
}

export type Evidence =
  | { volume: Volume }
  | { honey: { patient: number; opened: boolean } }
  | { 'beyond-peers': { measure: Measure; normal: number; peers: number } }
  | { intake: { patients: number; high: number } }
  | { related: { patients: number; limit: number } }
  | { 'emergency-warming': { patient: number; studies: number; request: number; holder: number[] } }
  | { 'leaked-login': { by_name: boolean; tried: number } }
  | { orders: { count: OrderCount; limit: number } }
  | { 'emergency-refused': { patient: number; studies: number; request: number } }
  | { 'parallel-sessions': { one: UsedFrom; other: UsedFrom; returns: number; since: Micros } }
  | { 'impossible-travel': { from: UsedFrom; to: UsedFrom; kilometres: number; minutes: number } }
  | { 'day-and-night': { hours: number; of: number } }
  | { 'new-authenticator': { bound: Micros; finding: number } }
  | { 'tried-others': { session: string; origin: string; others: number; unknown: number; since: Micros } };

/** Where a session was used from. */
export interface UsedFrom {
  session: string;
  origin: string;
  place: string;
}

export interface Finding {
  about: Whose;
  reaction: Reaction;
  evidence: Evidence;
}

export interface FindingRow {
  entry: number;
  at: Micros;
  /** As a request names them: `person:EMAIL`, `org:NAME`, `device:NAME`, `site`. */
  whose: string;
  name: string;
  finding: Finding;
  sentence: string;
  acknowledged: Micros | null;
  note: string;
}

/** Patients a day; `null` goes by what was learned, 4294967295 never stops. */
export interface Ceilings {
  opened_due: number | null;
  opened_other: number | null;
  listed_due: number | null;
  listed_other: number | null;
}

export interface BudgetRow {
  measure: Measure;
  span: BudgetSpan;
  patients: number;
  normal: number;
  slow: number | null;
  touch: number | null;
  stop: number | null;
  basis: 'own' | 'peers' | 'role' | 'set' | 'nothing';
}

export interface BudgetDay {
  from: Micros;
  opened_due: number;
  opened_other: number;
  listed_due: number;
  listed_other: number;
}

export interface BudgetReport {
  whose: string;
  name: string;
  rows: BudgetRow[];
  days: BudgetDay[];
  stopped: Measure[];
  asked: Micros | null;
  ceilings: Ceilings;
}
