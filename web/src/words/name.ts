/** Person names (PS3.5 section 6.2.1) for people to read. */

/** A name taken apart: of the alphabetic group, or of the ideographic one where that is all there is. */
export interface PersonName {
  family: string;
  given: string;
}

export function personName(value: string): PersonName {
  const groups = value.split('=');
  const group = groups.find((text) => text.replaceAll('^', '').trim() !== '') ?? '';
  const [family = '', given = '', middle = '', prefix = '', suffix = ''] = group.split('^').map((part) => part.trim());
  return { family: family.toLocaleUpperCase(), given: [prefix, given, middle, suffix].filter(Boolean).join(' ') };
}

/** `FAMILY, Given`; one of the two when the other is missing. */
export function nameLine(value: string): string {
  const { family, given } = personName(value);
  return [family, given].filter(Boolean).join(', ');
}

/** `Dr. Given Family` for people who are not patients: referring doctors come as DICOM names too. */
export function spokenName(value: string): string {
  const group = value.split('=').find((text) => text.replaceAll('^', '').trim() !== '') ?? '';
  const [family = '', given = '', middle = '', prefix = '', suffix = ''] = group.split('^').map((part) => part.trim());
  return [prefix, given, middle, family, suffix].filter(Boolean).join(' ');
}
