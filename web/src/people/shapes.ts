/** What the forms accept; the front decides again. Pure. */

import type { PersonRow, ProfessionalId } from '../api/types.ts';

export function isEmail(text: string): boolean {
  return /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(text) && text.length <= 254;
}

/** `ISSUER/ID`; an ID may hold a slash itself, an issuer may not. */
export function isRecord(text: string): boolean {
  return /^[^/]{1,64}\/.{1,64}$/.test(text);
}

export function idText({ issuer, id }: ProfessionalId): string {
  return `${issuer}/${id}`;
}

/** `ISSUER/ID` as orders name it: an issuer may be an address with slashes, an ID has none. */
export function orderIdOf(text: string): ProfessionalId | null {
  const slash = text.lastIndexOf('/');
  const [issuer, id] = [text.slice(0, Math.max(slash, 0)).trim(), text.slice(slash + 1).trim()];
  return slash > 0 && issuer && id && issuer.length <= 128 && id.length <= 128 ? { issuer, id } : null;
}

/** What a delegate stated and no order goes by. */
export function onlyStated({ professional_id, professional_ids }: Pick<PersonRow, 'professional_id' | 'professional_ids'>): ProfessionalId | null {
  return professional_id && professional_ids.every((own) => idText(own) !== idText(professional_id)) ? professional_id : null;
}

export function isUid(text: string): boolean {
  return /^[\d.]{1,64}$/.test(text);
}

/** An application entity title (PS3.5 section 6.2, VR AE). */
export function isAeTitle(text: string): boolean {
  return /^[\x20-\x5b\x5d-\x7e]{1,16}$/.test(text) && text.trim() !== '';
}

/** Splits addresses, and names the first that is none. */
export function addressBlocks(text: string): { blocks: string[] } | { wrong: string } {
  const blocks = text.split(/[\s,;]+/).filter(Boolean);
  const wrong = blocks.find((block) => !isBlock(block));
  return wrong === undefined ? { blocks } : { wrong };
}

function isBlock(block: string): boolean {
  const [address = '', bits, ...rest] = block.split('/');
  if (rest.length > 0 || (bits !== undefined && !/^\d{1,3}$/.test(bits))) return false;
  const four = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(address);
  if (four) return four.slice(1).every((part) => Number(part) <= 255) && Number(bits ?? 32) <= 32;
  return /^[\da-f:]+$/i.test(address) && address.includes(':') && Number(bits ?? 128) <= 128;
}
