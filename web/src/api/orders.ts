/** What senders of orders told: the serde names of `protocol::orders`. Patients are numbers here. */

import type { OrderRule } from './ordering.ts';
import type { Micros } from './types.ts';

export interface OrderRow {
  order: number;
  at: Micros;
  sender: string;
  patient: number;
  matched: boolean;
  ended: 'cancelled' | 'completed' | 'changed' | null;
  holders: string[];
}

export interface SenderDay {
  sender: string;
  orders: number;
  unmatched: number;
  merges: number;
}

export interface MergeRow {
  merge: number;
  at: Micros;
  from: number;
  to: number;
}

export interface OrdersState {
  rule: OrderRule;
  /** Names of the rule's organisations: the reading group where there is one, then the places in their order. */
  organisations: string[];
  orders: OrderRow[];
  senders: SenderDay[];
  merges: MergeRow[];
}

/** The rule with organisations by name, as it is asked for. */
export interface OrderRuleAsked {
  grace_days: number;
  open_days: number;
  reading_group: string | null;
  places: { place: string; organisation: string }[];
  authorities: { authority: string; issuer: string }[];
  orders_per_day: number;
  unmatched_per_day: number;
  merges_per_day: number;
}

/** HL7 table 0357. */
export type ErrorCode =
  | 'SegmentSequence' | 'RequiredField' | 'DataType' | 'TableValue' | 'UnsupportedMessage' | 'UnsupportedEvent'
  | 'UnsupportedProcessing' | 'UnsupportedVersion' | 'UnknownKey' | 'DuplicateKey' | 'Internal';

export interface KeptRow {
  kept: number;
  at: Micros;
  device: number;
  sender: string;
  control_id: string;
  kind: string;
  problem: { code: ErrorCode; place: { segment: string; field: number }; text: string };
  bytes: number;
}
