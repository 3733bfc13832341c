/** The rule of orders with organisations by name, and numbers as they are typed. Pure. */

import type { OrderRule } from '../api/ordering.ts';
import type { OrderRuleAsked } from '../api/orders.ts';

/** The longest grace, and the longest that an order is taken to run. */
export const DAYS_MAX = 3_660;
/** The most that one sender may tell a day. */
export const PER_DAY_MAX = 1_000_000;

/** `organisations`: names of the reading group, where there is one, and of the places in their order. */
export function byName(rule: OrderRule, organisations: readonly string[]): OrderRuleAsked {
  const readers = rule.reading_group === null ? organisations : organisations.slice(1);
  return {
    grace_days: rule.grace_days,
    open_days: rule.open_days,
    reading_group: rule.reading_group === null ? null : (organisations[0] ?? null),
    places: Object.keys(rule.places).sort().map((place, index) => ({ place, organisation: readers[index] ?? '' })),
    authorities: Object.entries(rule.authorities).map(([authority, issuer]) => ({ authority, issuer })),
    orders_per_day: rule.orders_per_day,
    unmatched_per_day: rule.unmatched_per_day,
    merges_per_day: rule.merges_per_day,
  };
}

/** A whole number of at most `most`; `null` for anything else. */
export function whole(text: string, most: number): number | null {
  const typed = text.trim();
  return /^\d{1,7}$/.test(typed) && Number(typed) <= most ? Number(typed) : null;
}

/** Which of these names stand there before already. */
export function repeated(names: readonly string[]): boolean[] {
  return names.map((name, index) => names.indexOf(name) < index);
}
