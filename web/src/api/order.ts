/** JSON with the names of objects in order (RFC 8785; numbers of the interface are whole). */
export function inOrder(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(inOrder).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const fields = Object.entries(value).filter(([, own]) => own !== undefined);
  fields.sort(([one], [other]) => (one < other ? -1 : 1));
  return `{${fields.map(([name, own]) => `${JSON.stringify(name)}:${inOrder(own)}`).join(',')}}`;
}
