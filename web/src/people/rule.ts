/** Days and certificates of a rule about authenticators. Pure. */

import type { Micros } from '../api/types.ts';

/** The day before the moment at which something ends, where this browser is: `2026-11-27`. */
export function dayOf(until: Micros): string {
  const date = new Date(until / 1_000 - 1);
  const two = (number: number): string => String(number).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** The end of a day, where this browser is. */
export function endOfDay(day: string): Micros {
  const [year = 0, month = 1, date = 1] = day.split('-').map(Number);
  return new Date(year, month - 1, date + 1).getTime() * 1_000;
}

/** Each certificate of a text in PEM form. What is none is given on as it is, so that the front says so. */
export function certificatesIn(text: string): string[] {
  const found = text.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g);
  if (found) return found.map((one) => `${one}\n`);
  return text.trim() === '' ? [] : [text];
}
