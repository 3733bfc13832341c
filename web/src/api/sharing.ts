/** Share links and second opinions: what the front answers with, and their entries. */

import type { Micros } from './types.ts';

export type LinkFor = 'outside' | 'room';
export type LinkEnd = 'revoked' | 'guessed' | 'expired' | 'maker';

/** Secret and code are shown once. */
export interface MadeLink {
  link: number;
  secret: string;
  code: string;
  qr_svg: string;
  until: Micros;
}

export interface LinkRow {
  link: number;
  study: number;
  patient: number;
  maker: string;
  email: string;
  /** The session that it was made in. */
  session: string;
  purpose: LinkFor;
  note: string;
  made: Micros;
  until: Micros;
  browsers: number;
  browsers_max: number;
  openings: number;
  opened: { entry: number; at: Micros; origin: string }[];
  downloads: number;
  tries: number;
  tries_max: number;
  ended: Micros | null;
  end: LinkEnd | null;
}

/** Which were ended. */
export interface EndedLinks {
  ended: number[];
}

export interface Links {
  rows: LinkRow[];
  may_share: boolean;
  days_max: number;
}

/** What an open link shows. */
export interface SharedStudy {
  link: number;
  session: string;
  study: number;
  maker: string;
  by_patient: boolean;
  organisations: string[];
  until: Micros;
  session_until: Micros;
  site: string;
}

export interface OpinionRow {
  opinion: number;
  study: number;
  asker: string;
  colleague: string;
  own: boolean;
  reason: string;
  asked: Micros;
  until: Micros;
}

export interface AskableRow {
  name: string;
  email: string;
  organisations: string[];
}

/** What a line of 'who looked' says of sharing. */
export type Sharing =
  | { kind: 'by-link'; link: number; maker: string; note: string; download: boolean }
  | { kind: 'link-made'; link: number; until: Micros; note: string }
  | { kind: 'opinion-asked'; colleague: string; until: Micros }
  | { kind: 'download' };

export interface SharingRule {
  patients: boolean;
  clinicians: boolean;
  days_max: number;
}

/** Entries. */
export type SharingBody =
  | { kind: 'link-made'; link: number; patient: number; study: number; purpose: LinkFor; until: Micros; browsers: number; note: string }
  | { kind: 'link-opened'; link: number; browser: string }
  | { kind: 'link-refused'; link: number; wrong: 'code' | 'browsers'; tries: number }
  | { kind: 'link-left'; link: number }
  | { kind: 'link-ended'; link: number; end: LinkEnd }
  | { kind: 'sharing-rule-set'; rule: SharingRule }
  | { kind: 'opinion-asked'; colleague: number; patient: number; study: number; until: Micros; reason: string };
