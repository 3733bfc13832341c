/** What a study is, in words for the person it is about: no term of the trade. Pure. */

/** The words of the page that this rests on. */
export interface KindWords {
  kinds: Record<string, string>;
  kindOther: string;
  parts: Record<string, string>;
  ofPart: (kind: string, part: string) => string;
}

/** Whole words, whatever alphabet their letters are from; a digit or underscore beside one ends it too. */
function named(words: string): RegExp {
  return new RegExp(`(?<!\\p{L})(?:${words})(?!\\p{L})`, 'iu');
}

/** Words that stand for a part of the body, in descriptions (German, English) and in BodyPartExamined (PS3.16 Annex L). */
const PARTS: readonly [RegExp, string][] = [
  [named('sch(?:ä|ae?)del|kopf|hirn|head|brain|skull|neurocranium'), 'head'],
  [named('thorax|chest|lungs?|lunge|brustkorb'), 'chest'],
  [named('abdomen|bauch|leber|liver|kidneys?|nieren?'), 'abdomen'],
  [named('pelvis|becken'), 'pelvis'],
  [named('knees?|knie'), 'knee'],
  [named('[bhl]ws|[clt]?spine|wirbels(?:ä|ae)ule|lendenwirbels(?:ä|ae)ule'), 'spine'],
  [named('shoulder|schulter'), 'shoulder'],
  [named('heart|herz|cardiac|echokardiogra(?:f|ph)ie'), 'heart'],
  [named('wrist|handgelenk'), 'wrist'],
  [named('hand|finger'), 'hand'],
  [named('ankle|sprunggelenk|osg'), 'ankle'],
  [named('foot|fu(?:ß|ss)|toe'), 'foot'],
  [named('hip|h(?:ü|ue)fte'), 'hip'],
  [named('elbow|ellenbogen'), 'elbow'],
  [named('breast|mamma'), 'breast'],
  [named('neck|hals'), 'neck'],
  [named('leg|bein|femur|tibia|unterschenkel|oberschenkel'), 'leg'],
  [named('arm|humerus|unterarm|oberarm'), 'arm'],
];

/** The part of the body that a text names, when it names exactly one. */
export function bodyPart(...texts: string[]): string | null {
  for (const text of texts) {
    const found = new Set(PARTS.filter(([pattern]) => pattern.test(text)).map(([, part]) => part));
    if (found.size === 1) return [...found][0] ?? null;
  }
  return null;
}

/** `X-ray of the chest`. */
export function kindInWords(modalities: readonly string[], texts: readonly string[], words: KindWords): string {
  const pictures = modalities.filter((modality) => !['SR', 'PR', 'KO', 'DOC', 'SEG', 'REG'].includes(modality));
  const modality = pictures[0] ?? modalities[0] ?? '';
  const kind = words.kinds[modality] ?? words.kindOther;
  const part = bodyPart(...texts);
  // a mammogram is of the breast already
  const said = part && modality !== 'MG' ? words.parts[part] : undefined;
  return said ? words.ofPart(kind, said) : kind;
}
