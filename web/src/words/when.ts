/** Dates, times, ages and numbers as people write them, in the language given. Pure, so that tests can read them. */

import { NO_END, type Micros } from '../api/types.ts';

export type Tongue = 'en' | 'de';

const LOCALES: Record<Tongue, string> = { en: 'en-GB', de: 'de-DE' };
const formats = new Map<string, Intl.DateTimeFormat>();

function format(tongue: Tongue, name: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${tongue} ${name}`;
  let found = formats.get(key);
  if (!found) {
    found = new Intl.DateTimeFormat(LOCALES[tongue], options);
    formats.set(key, found);
  }
  return found;
}

/** `3 May 2026`, `3. Mai 2026`. */
export function longDate(at: Micros, tongue: Tongue): string {
  return format(tongue, 'long', { dateStyle: 'long' }).format(at / 1_000);
}

/** `03/05/2026, 14:05`. */
export function dateTime(at: Micros, tongue: Tongue): string {
  return format(tongue, 'date-time', {
    year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit',
  }).format(at / 1_000);
}

/** With seconds and the zone, where it matters. */
export function exactTime(at: Micros, tongue: Tongue): string {
  return format(tongue, 'exact', {
    year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit', timeZoneName: 'short',
  }).format(at / 1_000);
}

/** With the zone, for an end that people are told: `03/05/2026, 14:05 CEST`. */
export function zonedTime(at: Micros, tongue: Tongue): string {
  return format(tongue, 'zoned', {
    year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', timeZoneName: 'short',
  }).format(at / 1_000);
}

/** `14:05`. */
export function clock(at: Micros, tongue: Tongue): string {
  return format(tongue, 'clock', { hour: '2-digit', minute: '2-digit' }).format(at / 1_000);
}

/** `14:05:09`. */
export function clockSeconds(at: Micros, tongue: Tongue): string {
  return format(tongue, 'clock-seconds', { hour: '2-digit', minute: '2-digit', second: '2-digit' }).format(at / 1_000);
}

/** `3 May`, for the axis of a plot. */
export function shortDay(at: Micros, tongue: Tongue): string {
  return format(tongue, 'short-day', { day: 'numeric', month: 'short' }).format(at / 1_000);
}

/** Whether an instant reads as 'no end'. */
export function isEndless(at: Micros): boolean {
  return at >= NO_END;
}

interface Day {
  year: number;
  month: number;
  day: number;
}

/** Reads a DICOM date (`YYYYMMDD`, PS3.5 DA); `null` for what is empty or no date. */
export function dayOf(date: string): Day | null {
  const parts = /^(\d{4})(\d{2})(\d{2})$/.exec(date.trim()) ?? /^(\d{4})\.(\d{2})\.(\d{2})$/.exec(date.trim());
  if (!parts) return null;
  const [year, month, day] = [Number(parts[1]), Number(parts[2]), Number(parts[3])];
  const check = new Date(Date.UTC(year, month - 1, day));
  return check.getUTCMonth() === month - 1 && check.getUTCDate() === day ? { year, month, day } : null;
}

/** A DICOM date in words; what is no date stays as it is. A day has no zone, so none may move it. */
export function dicomDate(date: string, tongue: Tongue, style: 'long' | 'short' = 'short'): string {
  const day = dayOf(date);
  if (!day) return date;
  const at = Date.UTC(day.year, day.month - 1, day.day);
  const options: Intl.DateTimeFormatOptions =
    style === 'long' ? { dateStyle: 'long', timeZone: 'UTC' } : { year: 'numeric', month: '2-digit', day: '2-digit', timeZone: 'UTC' };
  return format(tongue, `dicom-${style}`, options).format(at);
}

/** `14:05` of a DICOM time (`HHMMSS.ffffff`, PS3.5 TM). */
export function dicomTime(time: string): string {
  const parts = /^(\d{2}):?(\d{2})/.exec(time);
  return parts ? `${parts[1]}:${parts[2]}` : '';
}

/** Age in whole years, or in months below two years, at `today`. `null` when the birth date is unknown or ahead. */
export function ageOf(birth: string, today: Date): { years: number } | { months: number } | null {
  const day = dayOf(birth);
  if (!day) return null;
  const months =
    (today.getFullYear() - day.year) * 12 + today.getMonth() + 1 - day.month - (today.getDate() < day.day ? 1 : 0);
  if (months < 0) return null;
  return months < 24 ? { months } : { years: Math.floor(months / 12) };
}

/** `1,234` or `1.234`. */
export function count(value: number, tongue: Tongue): string {
  return new Intl.NumberFormat(LOCALES[tongue]).format(value);
}
