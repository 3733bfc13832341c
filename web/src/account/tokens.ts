/** How long a device's token lives on. Pure. */

const DAY = 86_400_000_000;
/** A token that ends within so many days is warned of, as `leadglass doctor` does. */
export const WARNED_DAYS = 30;

export function tokenState(until: number | null, now: number): 'endless' | 'ended' | 'soon' | 'fine' {
  if (until === null) return 'endless';
  if (until <= now) return 'ended';
  return until < now + WARNED_DAYS * DAY ? 'soon' : 'fine';
}
