/** Incidents, questions, disks: entries and what the front answers with. */

import type { Who } from './entries.ts';
import type { Count, Micros, PatientRow, Span } from './types.ts';

export type About = Who | { session: string } | { key: string } | { disk: string };
export type DiskPart = 'images' | 'keyring' | 'ledger' | 'copy';
export type Clock = 'nis2-early-warning' | 'nis2-notification' | 'gdpr-notification' | 'ndb-assessment';

export type CaseBody =
  | { kind: 'keys-filed'; study: number; keys: string[] }
  | { kind: 'disk-holds'; disk: string; filesystem: string; holds: DiskPart[]; instead_of: string | null }
  | { kind: 'incident-opened'; incident: number; title: string; about: About[]; window: Span; aware: Micros }
  | { kind: 'incident-noted'; incident: number; text: string }
  | { kind: 'incident-report'; incident: number; report: number }
  | { kind: 'incident-clock'; incident: number; clock: Clock; done: Micros }
  | { kind: 'incident-closed'; incident: number; text: string }
  | { kind: 'question-asked'; question: number; patient: number; access: number | null; text: string }
  | { kind: 'question-answered'; question: number; text: string };

export interface ClockRow {
  clock: Clock;
  due: Micros;
  state: 'running' | 'done' | 'done-late' | 'overdue';
  done: Micros | null;
}

export interface IncidentRow {
  incident: number;
  title: string;
  about: string[];
  window: Span;
  aware: Micros;
  opened: Micros;
  closed: Micros | null;
  clocks: ClockRow[];
}

export interface IncidentStep {
  entry: number;
  at: Micros;
  by: string;
  what: 'opened' | 'noted' | 'report' | 'clock' | 'closed';
  text: string;
}

export interface IncidentDetail {
  row: IncidentRow;
  steps: IncidentStep[];
  reachable: Count;
  listed: Count;
  opened: Count;
  site: string;
  officers: string[];
  now: Micros;
}

export interface AnswerRow {
  at: Micros;
  by: string;
  text: string;
}

export interface QuestionRow {
  question: number;
  patient: PatientRow | null;
  access: number | null;
  asked: Micros;
  text: string;
  answers: AnswerRow[];
}
