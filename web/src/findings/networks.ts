/** Places and times of networks as they are typed. Pure. */

export interface Place {
  latitude: number;
  longitude: number;
}

/** `52.52, 13.40`, in hundredths of a degree as the rule has it. */
export function placeText(place: Place | null): string {
  return place === null ? '' : `${(place.latitude / 100).toFixed(2)}, ${(place.longitude / 100).toFixed(2)}`;
}

/** `null` for nothing, `undefined` for what is no place on earth. */
export function placeIn(text: string): Place | null | undefined {
  if (text.trim() === '') return null;
  const [north, east, ...rest] = text.split(',').map((part) => (/^\s*[+-]?\d{1,3}(\.\d+)?\s*$/.test(part) ? Math.round(Number(part) * 100) : Number.NaN));
  if (north === undefined || east === undefined || rest.length > 0) return undefined;
  return Math.abs(north) <= 9_000 && Math.abs(east) <= 18_000 ? { latitude: north, longitude: east } : undefined;
}

/** `+10:00`, from minutes ahead of UTC. */
export function timeText(minutes: number | null): string {
  if (minutes === null) return '';
  const two = (number: number): string => String(number).padStart(2, '0');
  return `${minutes < 0 ? '-' : '+'}${two(Math.floor(Math.abs(minutes) / 60))}:${two(Math.abs(minutes) % 60)}`;
}

/** `null` for nothing, `undefined` for what is no difference to UTC. */
export function timeIn(text: string): number | null | undefined {
  if (text.trim() === '') return null;
  const parts = /^([+-]?)(\d{1,2})(?::([0-5]\d))?$/.exec(text.trim());
  if (!parts) return undefined;
  const minutes = (parts[1] === '-' ? -1 : 1) * (Number(parts[2]) * 60 + Number(parts[3] ?? 0));
  return minutes >= -12 * 60 && minutes <= 14 * 60 ? minutes : undefined;
}
