/** One frame out of a multipart answer (PS3.18 section 8.6.1.2, RFC 2046 section 5.1). Pure. */

export interface Part {
  bytes: Uint8Array<ArrayBuffer>;
  /** From the part's own Content-Type; `null` when it does not say. */
  transferSyntax: string | null;
}

/** The most that the header of one part may take, in bytes. */
export const PART_HEADER_BYTES_MAX = 4_096;

/** The first part of `body`; a body that is no multipart is a part itself. */
export function firstPart(body: Uint8Array<ArrayBuffer>, contentType: string | null): Part | null {
  const boundary = parameter(contentType, 'boundary');
  if (!/^\s*multipart\//i.test(contentType ?? '') || boundary === null) {
    return { bytes: body, transferSyntax: parameter(contentType, 'transfer-syntax') };
  }
  const delimiter = latin(`--${boundary}`);
  const start = find(body, delimiter, 0);
  if (start < 0) return null;
  const headerStart = start + delimiter.length;
  const headerEnd = find(body.subarray(0, headerStart + PART_HEADER_BYTES_MAX), latin('\r\n\r\n'), headerStart);
  if (headerEnd < 0) return null;
  const header = String.fromCharCode(...body.subarray(headerStart, headerEnd));
  const bytesStart = headerEnd + 4;
  const end = find(body, latin(`\r\n--${boundary}`), bytesStart);
  if (end < 0) return null;
  const type = /^content-type:\s*(.*)$/im.exec(header)?.[1] ?? null;
  return { bytes: body.slice(bytesStart, end), transferSyntax: parameter(type, 'transfer-syntax') };
}

/** A parameter of a media type, with or without quotes. */
export function parameter(mediaType: string | null, name: string): string | null {
  const found = new RegExp(`;\\s*${name}\\s*=\\s*(?:"([^"]*)"|([^;\\s]+))`, 'i').exec(mediaType ?? '');
  return found?.[1] ?? found?.[2] ?? null;
}

function find(body: Uint8Array, wanted: Uint8Array, from: number): number {
  // indexOf runs at memory speed, and the first byte (a hyphen or a carriage return) is seldom in a row
  for (let at = body.indexOf(wanted[0] ?? 0, from); at >= 0 && at <= body.length - wanted.length; at = body.indexOf(wanted[0] ?? 0, at + 1)) {
    if (matches(body, wanted, at)) return at;
  }
  return -1;
}

function matches(body: Uint8Array, wanted: Uint8Array, at: number): boolean {
  for (let index = 0; index < wanted.length; index += 1) {
    if (body[at + index] !== wanted[index]) return false;
  }
  return true;
}

function latin(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
