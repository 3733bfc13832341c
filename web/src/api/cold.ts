/** Cold studies: the serde names of `protocol::cold`. */

import type { Micros, PatientRow } from './types.ts';

export type WarmingBasis = 'request' | 'order' | 'emergency';

export interface ColdHolder {
  key: number[];
  name: string;
  kind: 'sharing' | 'emergency' | 'service';
}

export interface ColdState {
  generation: number;
  threshold: number;
  holders: ColdHolder[];
  /** Present holders who have not shown yet that they have their key. */
  unproven: string[];
  /** Whether studies go cold: not before all holders have shown their key. */
  takes: boolean;
  cold: number;
  warm: number;
  requests: number;
  /** Cold studies that are still with holders of an earlier set. */
  behind: number;
  exchange: { exchange: number; until: Micros; waiting: string[]; set: string } | null;
  rotation_owed: boolean;
}

export interface ColdRequestRow {
  request: number;
  actor: string;
  patient: number;
  studies: number;
  basis: WarmingBasis;
  reason: string;
  asked: Micros;
  until: Micros;
  approved: number;
  threshold: number;
  answered: string[];
  /** Network address; empty where no device asked. */
  from: string;
  digest: string;
  endorsed: { person: number; name: string; at: Micros; signed: boolean }[];
  may_decide: boolean;
}

export interface WarmedRow {
  request: number;
  actor: string;
  patient: number;
  studies: number;
  basis: WarmingBasis;
  reason: string;
  at: Micros;
  until: Micros;
  open: boolean;
  alone: string | null;
}

export interface ColdOverview {
  state: ColdState;
  years: { year: number | null; studies: number }[];
  requests: ColdRequestRow[];
  warmed: WarmedRow[];
}

export interface NamedColdRequest {
  request: number;
  patient: PatientRow | null;
  studies: string[];
}

export type AskedState = 'waiting' | 'over' | { refused: { at: Micros; reason: string } } | { warmed: { until: Micros } };

export interface AskedForCold {
  request: number;
  at: Micros;
  until: Micros;
  reason: string;
  approved: number;
  threshold: number;
  endorsed: number;
  state: AskedState;
}

export interface ColdOfStudy {
  cold: boolean;
  warm_until: Micros | null;
  asked: AskedForCold | null;
  others: number;
}
