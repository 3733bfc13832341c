/** What a census says of a line of the list, in the language of the page. Pure. */

export interface UnclearWords {
  role: (what: string) => string;
  date: (what: string) => string;
  stated: (what: string) => string;
  twice: string;
}

/** What the front's words begin with, and ours for the rest of them. */
const KINDS: readonly [string, (words: UnclearWords, rest: string) => string][] = [
  ['unknown role: ', (words, rest) => words.role(rest)],
  ['no date: ', (words, rest) => words.date(rest)],
  ['found by an identifier that a delegate stated: ', (words, rest) => words.stated(rest)],
  ['an earlier line is about the same account', (words) => words.twice],
];

/** Why a line is not clear; what is not known here stays as the front says it. */
export function unclearInWords(what: string, words: UnclearWords): string {
  for (const [begin, say] of KINDS) if (what.startsWith(begin)) return say(words, what.slice(begin.length));
  return what;
}
