/** Changes that wait for a second person, emergencies, and what ends: the serde names of `model::Change` and `protocol`. */

import type { ColdHolder } from './cold.ts';
import type { Relationship } from './entries.ts';
import type { OrderRule } from './ordering.ts';
import type { SharingRule } from './sharing.ts';
import type {AuthenticatorRule, Ceilings, Micros, PatientRow, ProfessionalId, Role, Whose } from './types.ts';

export interface ApprovalRule {
  delay_seconds: number;
  setup_seconds: number;
}

export interface BreakGlassRule {
  seconds_max: number;
  review_seconds: number;
}

/** The networks of the site and where they are, in hundredths of a degree. */
export interface NetworkRule {
  networks: { name: string; blocks: string[]; at: { latitude: number; longitude: number } | null; utc_minutes: number | null }[];
}

export type Change =
  | { change: 'role'; person: number; from: Role; to: Role }
  | { change: 'add-person'; email: string; name: string; role: Role; organisation: number; password_and_code: boolean }
  | { change: 'enrol'; person: number }
  | { change: 'close-person'; person: number }
  | { change: 'relate'; relationship: Relationship }
  | { change: 'approval-rule'; rule: ApprovalRule }
  | { change: 'break-glass-rule'; rule: BreakGlassRule }
  | { change: 'sharing-rule'; rule: SharingRule }
  | { change: 'network-rule'; rule: NetworkRule }
  | { change: 'shred'; patient: number; studies: string; whole_patient: boolean; reason: string }
  | { change: 'rotate-keys' }
  | { change: 'cold-holders' | 'replace-cold-holders'; threshold: number; holders: ColdHolder[] }
  | { change: 'cold-rule'; rule: ColdRule }
  | { change: 'order-rule'; rule: OrderRule }
  | { change: 'add-witness'; url: string; vkeys: string[] }
  | { change: 'remove-witness'; url: string }
  | { change: 'add-sink' | 'remove-sink'; path: string }
  | { change: 'export-window'; window: { from: Micros; to: Micros } }
  | { change: 'unseal'; added: UnsealMethod[]; removed: UnsealMethod[] }
  | { change: 'new-root'; removed: UnsealMethod[] }
  | { change: 'raise-ceilings'; about: Whose; from: Ceilings; to: Ceilings }
  | { change: 'lift-budget'; about: Whose; note: string }
  | { change: 'join'; person: number; organisation: number }
  | { change: 'authenticators'; organisation: number; from: AuthenticatorRule; to: AuthenticatorRule }
  | { change: 'erase-entry'; entry: number; reason: string }
  | { change: 'unknown' };

export interface ColdRule {
  after_seconds: number;
  priors: 'all' | 'none' | { years: number };
  service_per_day: number;
  emergency_per_day: number;
}

/** A way to unseal the root that comes or goes. */
export interface UnsealMethod {
  method: string;
  means: string;
  label: string | null;
  keeper?: string | null;
  shares?: { threshold: number; holders: string[] } | null;
}

export type Standing = 'setup' | 'one-person' | 'two-persons';
export type ProposalEnd = 'refused' | 'withdrawn' | 'expired' | 'overtaken';
export type EmergencyReason = 'life-threatening' | 'urgent-treatment' | 'critical-result' | 'system-down' | 'other';
export type Verdict = 'justified' | 'not-justified';

export interface Need {
  standing: Standing;
  approvals: number;
  officer: boolean;
  delay_seconds: number;
}

/** Entries of the ledger about all this. */
export type DecidingBody =
  | { kind: 'proposed'; proposed: Change; need: Need; earliest: Micros; expires: Micros }
  | { kind: 'approved'; proposal: number; digest: string; earliest: Micros }
  | { kind: 'proposal-ended'; proposal: number; end: ProposalEnd; reason: string }
  | { kind: 'carried-out'; proposal: number; standing: Standing }
  | { kind: 'role-changed'; person: number; from: Role; to: Role }
  | { kind: 'person-closed'; person: number }
  | { kind: 'authenticators-set'; organisation: number; rule: AuthenticatorRule }
  | { kind: 'password-until'; person: number; until: Micros }
  | { kind: 'delegate-set'; person: number; organisation: number; delegate: boolean }
  | { kind: 'account-ends'; person: number; until: Micros | null }
  | { kind: 'account-lapsed'; person: number }
  | { kind: 'reset-vouched'; person: number; until: Micros }
  | { kind: 'professional-id-set'; person: number; professional_id: ProfessionalId | null }
  | { kind: 'passkey-removed'; person: number; label: string; passkey: string }
  | { kind: 'device-removed'; device: number }
  | { kind: 'device-token-removed'; device: number }
  | { kind: 'approval-rule-set'; rule: ApprovalRule }
  | { kind: 'break-glass-rule-set'; rule: BreakGlassRule }
  | { kind: 'broke-glass'; patient: number; reason: EmergencyReason; text: string; until: Micros }
  | { kind: 'break-glass-missed'; tries: number }
  | { kind: 'break-glass-reviewed'; used: number; verdict: Verdict; note: string };

export type ProposalState =
  | 'open'
  | 'waiting'
  | { 'carried-out': { at: Micros; standing: Standing } }
  | { ended: { at: Micros; end: ProposalEnd; by: string; reason: string } };

export interface ProposalRow {
  proposal: number;
  change: Change;
  names: [string, string][];
  words: string;
  digest: string;
  proposed: Micros;
  by: string;
  need: Need;
  earliest: Micros;
  expires: Micros;
  approvals: { person: number; name: string; at: Micros; signed: boolean }[];
  state: ProposalState;
  may_approve: boolean;
  may_withdraw: boolean;
}

export interface Proposals {
  rows: ProposalRow[];
  rule: ApprovalRule;
  break_glass: BreakGlassRule;
  sharing: SharingRule;
  networks: NetworkRule;
  deciders: number;
  one_person: number;
  setting_up: boolean;
}

export interface BreakGlassTerms {
  seconds_max: number;
  tries_left: number;
  uses_today: number;
  officers: number;
}

export interface UseRow {
  used: number;
  person: number;
  name: string;
  role: Role | null;
  organisations: string[];
  at: Micros;
  until: Micros;
  running: boolean;
  reason: EmergencyReason;
  text: string;
  opened: number;
  review: { by: string; at: Micros; verdict: Verdict; note: string } | null;
  overdue: boolean;
}

export interface UsesOf {
  name: string;
  uses: number;
  not_justified: number;
}

export interface BreakGlassUses {
  rows: UseRow[];
  weeks: { from: Micros; uses: number; not_justified: number }[];
  persons: UsesOf[];
  organisations: UsesOf[];
  missed: number;
}

export interface UseDetail {
  row: UseRow;
  patient: PatientRow | null;
  opened: [Micros, string][];
}

export interface PasskeyRow {
  passkey: string;
  label: string;
  bound: Micros;
}

/** What a change answers: nothing when it was made, or the proposal that waits. */
export type Answered = { proposed: ProposalRow } | undefined;

/** The proposal in an answer that may be anything else as well. */
export function proposedIn(answer: unknown): ProposalRow | null {
  return typeof answer === 'object' && answer !== null && 'proposed' in answer ? (answer as { proposed: ProposalRow }).proposed : null;
}
