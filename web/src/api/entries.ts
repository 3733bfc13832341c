/** Ledger entries as JSON (`model::Entry`); only the officer's page reads them. */

import type { About, CaseBody } from './cases.ts';
import type { DecidingBody, NetworkRule } from './deciding.ts';
import type { OrderingBody } from './ordering.ts';
import type { SharingBody } from './sharing.ts';
import type { Authorisation, Ceilings, DeviceMay, Finding, Micros, Role, SignInMethod, Span, Tier, Whose } from './types.ts';

export type Actor =
  | 'owner'
  | 'warden'
  | { person: { person: number; origin: string } }
  | { device: { device: number; origin: string } }
  | { link: { link: number; origin: string } }
  | { stranger: { origin: string } };

export type Who = { person: number } | { organisation: number } | { device: number } | { link: number };
export type What = { patient: number } | { study: number } | 'site';

export interface Relationship {
  who: Who;
  what: What;
  tier: Tier;
  window: Span;
  basis: string;
  entry: number;
}

export type EntryBody =
  | CaseBody
  | { kind: 'initialised'; name: string }
  | { kind: 'warden-started'; program: string; unsealed_by: string }
  | { kind: 'organisation-added'; organisation: number; name: string; authorisation: Authorisation }
  | { kind: 'person-added'; person: number; email: string; name: string; role: Role }
  | { kind: 'front-introduced'; pin: string; name: string }
  | { kind: 'front-forgotten'; pin: string }
  | { kind: 'member-joined'; person: number; organisation: number }
  | { kind: 'member-left'; person: number; organisation: number }
  | { kind: 'enrolment-issued'; person: number; until: Micros }
  | { kind: 'passkey-bound'; person: number; label: string }
  | { kind: 'password-set'; person: number }
  | { kind: 'signed-in'; person: number; method: SignInMethod }
  | { kind: 'sign-in-refused'; person: number | null; reason: string }
  | { kind: 'session-ended'; person: number }
  | { kind: 'device-added'; device: number; name: string; organisation: number; may: DeviceMay[] }
  | { kind: 'related'; relationship: Relationship }
  | { kind: 'relationship-ended'; entry: number; until: Micros }
  | { kind: 'patient-added'; patient: number }
  | {
      kind: 'stored';
      patient: number;
      study: number;
      instances: number;
      duplicates: number;
      conflicts: number;
      taken_in: Micros;
    }
  | { kind: 'moved'; study: number; from: number; to: number; reason: string }
  | { kind: 'listed'; patients: string; studies: string; lease_until: Micros }
  | { kind: 'opened'; patient: number; study: number; scope: 'images' | 'listing' | 'download'; lease_until: Micros }
  | { kind: 'refused'; action: string; what: What | null; reason: string }
  | {
      kind: 'exposure-reported';
      about: About;
      window: Span;
      reachable_patients: number;
      listed_patients: number;
      opened_patients: number;
      sha256?: string;
    }
  | { kind: 'proof-refused'; person: number | null; session: string | null; device: number | null; reason: string; count: number; since: Micros }
  | { kind: 'confirmed'; person: number; act: string; method: SignInMethod }
  | { kind: 'accesses-read'; patient: number }
  | DecidingBody
  | OrderingBody
  | SharingBody
  | { kind: 'cold-holders-set'; generation: number; threshold: number; holders: { key: number[]; name: string; kind: 'sharing' | 'emergency' | 'service' }[] }
  | { kind: 'cold-rule-set'; rule: { after_seconds: number } }
  | { kind: 'went-cold'; studies: string; generation: number }
  | { kind: 'warming-requested'; patient: number; studies: string; basis: 'request' | 'order' | 'emergency'; reason: string; until: Micros }
  | { kind: 'warming-approved'; request: number; holder: number[] }
  | { kind: 'warming-endorsed'; request: number; digest: string; evidence: string | null }
  | { kind: 'warming-refused'; request: number; digest: string; reason: string; evidence: string | null }
  | { kind: 'warming-withdrawn'; request: number }
  | { kind: 'cold-shares-released'; exchange: number; holder: number[]; boxes: number }
  | { kind: 'cold-reclosed'; exchange: number; studies: string; generation: number; boxes: number; by: number[][] }
  | { kind: 'warmed'; request: number; patient: number; studies: string; until: Micros; by: number[][]; emergency: boolean }
  | { kind: 'warming-ended'; request: number; studies: string }
  | { kind: 'keys-rotated'; epoch: number; destroyed: number[]; keys: number }
  | { kind: 'shredded'; patient: number; study: number; keys: number; reason: string }
  | { kind: 'snapshot-taken'; epoch: number }
  | {
      kind: 'unseal-method-added';
      method: string;
      means: string;
      label: string | null;
      keeper: string | null;
      shares: { set: string; threshold: number; holders: string[] } | null;
    }
  | { kind: 'unseal-method-removed'; method: string; means: string }
  | { kind: 'root-renewed'; proposal: number; root: number; stayed: { before: string; method: string }[]; removed: { method: string; means: string }[] }
  | { kind: 'escrow-drilled'; method: string; set: string; threshold: number; proven: number[] }
  | { kind: 'witness-added'; url: string; vkeys: string[] }
  | { kind: 'witness-removed'; url: string }
  | { kind: 'sink-added'; path: string }
  | { kind: 'sink-removed'; path: string }
  | { kind: 'loss-accepted'; shown_by: string; shown_size: number; shown_root: string; kept: number; origin: string; reason: string }
  | { kind: 'window-exported'; window: Span }
  | { kind: 'erased'; entry: number }
  | { kind: 'association-refused'; calling_ae_title: string; reason: string; count: number; since: Micros }
  | { kind: 'repeated'; entry: number; times: number; studies: string }
  | { kind: 'finding-raised'; finding: Finding }
  | { kind: 'finding-acknowledged'; finding: number; note: string }
  | { kind: 'budget-lifted'; about: Whose; note: string }
  | { kind: 'budget-set'; about: Whose; ceilings: Ceilings }
  | { kind: 'honey-added'; patient: number }
  | { kind: 'leak-lists-read'; lists: { name: string; hash: string; hashes: number; digest: string }[] }
  | { kind: 'leaked-password-used'; person: number }
  | { kind: 'account-locked'; person: number; incident: number }
  | { kind: 'network-rule-set'; rule: NetworkRule }
  | { kind: 'device-token-issued'; device: number; until: Micros; before_until: Micros | null }
  | { kind: 'unknown' };

export type EntryKind = EntryBody['kind'];

export type Entry = { version: number; recorded: Micros; actor: Actor } & EntryBody;

export interface NumberedEntry {
  number: number;
  entry: Entry;
  actor_name: string;
}

export interface EntryPage {
  entries: NumberedEntry[];
  size: number;
}

/** Reads a `NumberSet`: LEB128 differences (each less one, after the first) in base64url without padding. */
export function numbersOf(text: string): number[] {
  const bytes = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  const numbers: number[] = [];
  let value = 0;
  let weight = 1;
  for (let index = 0; index < bytes.length; index += 1) {
    const byte = bytes.charCodeAt(index);
    value += (byte & 0x7f) * weight;
    weight *= 0x80;
    if (byte & 0x80) continue;
    const previous = numbers.at(-1);
    numbers.push(previous === undefined ? value : previous + 1 + value);
    value = 0;
    weight = 1;
  }
  return numbers;
}

/** Whether keys to images were released; an opening of the listing alone counts as listed, as in exposure reports. */
export function released(body: EntryBody): 'opened' | 'listed' | null {
  if (body.kind === 'listed') return 'listed';
  if (body.kind === 'opened') return body.scope === 'images' ? 'opened' : 'listed';
  return null;
}

/** The patients that an entry is about, for filtering and details. */
export function patientsOf(body: EntryBody): number[] {
  switch (body.kind) {
    case 'listed':
      return numbersOf(body.patients);
    case 'opened':
    case 'stored':
    case 'patient-added':
    case 'accesses-read':
    case 'question-asked':
    case 'broke-glass':
    case 'warming-requested':
    case 'warmed':
    case 'shredded':
    case 'honey-added':
    case 'order-taken':
    case 'appointment-made':
    case 'consent-told':
      return [body.patient];
    case 'moved':
    case 'patients-merged':
      return [body.from, body.to];
    default:
      return [];
  }
}
