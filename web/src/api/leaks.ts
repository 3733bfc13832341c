/** Lists of leaked passwords and what dumps had of ours: the serde names of `protocol::leaks`. */

import type { Micros } from './types.ts';

export interface LeakListRow {
  name: string;
  hash: 'sha1' | 'ntlm' | '';
  hashes: number;
  since: Micros | null;
  readable: boolean;
}

export interface LockedRow {
  at: Micros;
  person: number;
  name: string;
  email: string;
  incident: number;
  /** No new enrolment link was used since. */
  locked: boolean;
}

export interface NamedRow {
  finding: number;
  at: Micros;
  person: number;
  name: string;
  email: string;
  /** Only the part before the @ is the same. */
  by_name: boolean;
  tried: number;
  acknowledged: boolean;
}

export interface LeaksState {
  lists: LeakListRow[];
  locked: LockedRow[];
  named: NamedRow[];
  /** Where ranges are asked for elsewhere, how many could not be; null elsewhere. */
  ranges_failed: number | null;
}
