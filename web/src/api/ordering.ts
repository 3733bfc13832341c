/** Entries about orders, appointments and merged records. Numbers of orders are digests that nobody reads. */

import type { Micros } from './types.ts';

export interface OrderRule {
  grace_days: number;
  open_days: number;
  reading_group: number | null;
  places: Record<string, number>;
  authorities: Record<string, string>;
  orders_per_day: number;
  unmatched_per_day: number;
  merges_per_day: number;
}

export type OrderingBody =
  | { kind: 'professional-id-changed'; person: number; issuer: string; id: string; holds: boolean }
  | { kind: 'order-rule-set'; rule: OrderRule }
  | { kind: 'order-taken'; patient: number; relationships: number; matched: boolean }
  | { kind: 'order-ended'; order: number; how: 'cancelled' | 'completed' | 'changed' }
  | { kind: 'appointment-made'; patient: number; starts: Micros | null; cancelled?: true }
  | { kind: 'consent-told'; patient: number; denied: ({ person: number } | { organisation: number })[]; until: Micros | null }
  | { kind: 'patients-merged'; from: number; to: number; relationships: number[]; studies: string; undoes: number | null }
  | { kind: 'order-kept'; kept: number; state: 'kept' | 'read' | 'replayed' | 'dropped'; code: number };

export type OrderingKind = OrderingBody['kind'];

/** What is told of a sender that told too much. */
export type OrderCount = 'orders' | 'unmatched' | 'merges' | 'appointments';
