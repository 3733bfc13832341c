/** Geometry of a plot of bars. Pure. */

/** Round marks from 0 to at least `most`: whole numbers, since they count patients. */
export function ticks(most: number, wanted = 4): number[] {
  const top = Math.max(1, most);
  const raw = top / wanted;
  const power = 10 ** Math.floor(Math.log10(Math.max(raw, 1)));
  const step = Math.max(1, [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= raw) ?? 10 * power);
  const marks: number[] = [];
  for (let mark = 0; mark < top + step; mark += step) marks.push(mark);
  return marks;
}

/** Which of a row of labels stand: each text once, and none nearer to the one before than `room` pixels. */
export function labelled(texts: readonly string[], slot: number, room: number): Set<number> {
  const stand = new Set<number>();
  let last = -Infinity;
  texts.forEach((text, index) => {
    if (text === texts[index - 1] || (index - last) * slot < room) return;
    stand.add(index);
    last = index;
  });
  return stand;
}

/** How long one part lasts, as a whole number of the largest unit that fits. */
export function partSpan(microseconds: number): { unit: 'minutes' | 'hours' | 'days'; number: number } {
  const minutes = microseconds / 60_000_000;
  if (minutes >= 36 * 60) return { unit: 'days', number: Math.max(1, Math.round(minutes / 1_440)) };
  if (minutes >= 90) return { unit: 'hours', number: Math.max(1, Math.round(minutes / 60)) };
  if (minutes >= 55) return { unit: 'hours', number: 1 };
  return { unit: 'minutes', number: Math.max(1, Math.round(minutes)) };
}
