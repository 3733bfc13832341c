/** Which rows of a long list stand on the screen. */

export interface RowWindow {
  first: number;
  last: number;
}

/** Rows drawn beyond each edge, so that scrolling finds them ready. */
export const SPARE_ROWS = 12;

/** The half-open range of rows to draw. */
export function rowWindow(scrollTop: number, height: number, rowHeight: number, rows: number): RowWindow {
  const first = Math.max(0, Math.floor(scrollTop / rowHeight) - SPARE_ROWS);
  const last = Math.min(rows, Math.ceil((scrollTop + height) / rowHeight) + SPARE_ROWS);
  return { first: Math.min(first, last), last };
}

/** Where to scroll so that `row` is in sight, or `null` when it is. */
export function scrollToRow(row: number, scrollTop: number, height: number, rowHeight: number): number | null {
  const top = row * rowHeight;
  if (top < scrollTop) return top;
  if (top + rowHeight > scrollTop + height) return top + rowHeight - height;
  return null;
}
