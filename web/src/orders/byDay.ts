import type { OrderRow } from '../api/orders.ts';

export interface DayOfOrders {
  /** `2026-11-27`, UTC. */
  day: string;
  orders: number;
  unmatched: number;
}

/** Orders counted by day (UTC), the newest day first, at most so many days. */
export function byDay(rows: readonly OrderRow[], most: number): DayOfOrders[] {
  const days = new Map<string, DayOfOrders>();
  for (const row of rows) {
    const day = new Date(row.at / 1_000).toISOString().slice(0, 10);
    const counted = days.get(day) ?? { day, orders: 0, unmatched: 0 };
    counted.orders += 1;
    if (!row.matched) counted.unmatched += 1;
    days.set(day, counted);
  }
  return [...days.values()].sort((one, other) => other.day.localeCompare(one.day)).slice(0, most);
}
