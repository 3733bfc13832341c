/** Reads what people type of a date on a form. Pure. */

/** `YYYYMMDD` of `31.12.1970`, `31/12/1970` (day first), `1970-12-31` or `19701231`; `null` for what is no date, `''` for nothing. */
export function typedDate(text: string): string | null {
  const typed = text.trim();
  if (!typed) return '';
  const found = /^(\d{1,2})[./](\d{1,2})[./](\d{4})$/.exec(typed);
  const iso = /^(\d{4})-?(\d{2})-?(\d{2})$/.exec(typed);
  const [year, month, day] = found ? [found[3], found[2], found[1]] : iso ? [iso[1], iso[2], iso[3]] : [];
  if (!year || !month || !day) return null;
  const check = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  if (check.getUTCMonth() !== Number(month) - 1 || check.getUTCDate() !== Number(day)) return null;
  return `${year}${month.padStart(2, '0')}${day.padStart(2, '0')}`;
}
