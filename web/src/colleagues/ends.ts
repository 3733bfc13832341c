/** When an account that is added now ends by itself. Pure. */

import type { Micros } from '../api/types.ts';

export const ENDS = ['never', '12h', '7d', '30d', '90d'] as const;
export type End = (typeof ENDS)[number];

const HOUR_MICROS = 3_600_000_000;
const HOURS: Record<Exclude<End, 'never'>, number> = { '12h': 12, '7d': 7 * 24, '30d': 30 * 24, '90d': 90 * 24 };

export function endOf(end: End, nowMs: number): Micros | null {
  return end === 'never' ? null : nowMs * 1_000 + HOURS[end] * HOUR_MICROS;
}

/** `ISSUER/ID`, read; `null` for nothing, `undefined` for what is neither. */
export function professionalIdOf(text: string): { issuer: string; id: string } | null | undefined {
  if (text.trim() === '') return null;
  const [issuer, id, ...more] = text.split('/').map((part) => part.trim());
  return issuer && id && more.length === 0 && issuer.length <= 64 && id.length <= 64 ? { issuer, id } : undefined;
}
