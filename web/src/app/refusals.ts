/** The front's fixed sentences in German. What is not here is shown as it came, behind a general German sentence. */

const FIXED = new Map(Object.entries({
  'you may not do this': 'Das dürfen Sie nicht',
  'a relationship or another role is needed': 'Dafür braucht es eine Beziehung oder eine andere Rolle',
  'this needs a fresh touch of your passkey, or your password with a new code': 'Das braucht eine neue Bestätigung mit Ihrem Passkey, oder Ihr Passwort mit einem neuen Code',
  'confirm it and try again': 'Bestätigen Sie es und versuchen Sie es noch einmal',
  'this request does not come from the browser or program that signed in': 'Diese Anfrage kommt nicht aus dem Browser oder Programm, das sich angemeldet hat',
  'sign in again here': 'Melden Sie sich hier noch einmal an',
  'there is nothing here that you may see': 'Hier ist nichts, was Sie sehen dürfen',
  'ask the administrator if this is unexpected': 'Fragen Sie die Verwaltung, wenn das nicht sein kann',
  'this study is cold, and its keys lie with holders elsewhere': 'Diese Untersuchung ist kalt, ihre Schlüssel liegen bei Hütern außer Haus',
  'ask for it with a reason, and open it once they have agreed': 'Fordern Sie sie mit einem Grund an und öffnen Sie sie, sobald sie zugestimmt haben',
  'too many attempts': 'Zu viele Versuche',
  'unusually many patients were read here': 'Hier wurden ungewöhnlich viele Patienten gelesen',
  'confirm that it is you, then go on': 'Bestätigen Sie, dass Sie es sind; dann geht es weiter',
  'reading further patients is stopped because unusually many were read': 'Das Lesen weiterer Patienten ist angehalten, weil ungewöhnlich viele gelesen wurden',
  'the data protection officer can lift it, and break-glass opens one patient in an emergency': 'Der Datenschutz kann das aufheben, und im Notfall öffnet der Notzugriff einen Patienten',
  'this exists already': 'Das gibt es schon',
  'choose another name or use the existing one': 'Wählen Sie einen anderen Namen oder nehmen Sie das Vorhandene',
  'somebody else has this professional identifier': 'Jemand anderes hat diese Kennung',
  'take it away from them first: the list of people shows who has it': 'Nehmen Sie sie dort zuerst weg: Die Liste der Personen zeigt, wer sie hat',
  'the code does not fit': 'Der Code passt nicht',
  "check that the phone's clock is right and use the code of this moment": 'Prüfen Sie, ob die Uhr des Telefons stimmt, und nehmen Sie den Code dieses Moments',
  'this link has been used or has expired': 'Dieser Link wurde schon benutzt oder ist abgelaufen',
  'ask for a new one where you got it': 'Bitten Sie dort um einen neuen, wo Sie ihn bekommen haben',
  'the passkey did not verify': 'Der Passkey ließ sich nicht prüfen',
  'try again, or use another passkey': 'Versuchen Sie es noch einmal oder nehmen Sie einen anderen Passkey',
  'the ledger cannot record now, so nothing is released': 'Das Protokoll kann gerade nichts festhalten, deshalb wird nichts freigegeben',
  'the administrator sees why in the log': 'Die Verwaltung sieht im Protokoll des Programms, warum',
  'what is stored here does not verify, so it is not shown': 'Was hier gespeichert ist, lässt sich nicht prüfen, deshalb wird es nicht gezeigt',
  'the administrator restores it from the vault': 'Die Verwaltung stellt es aus dem Tresor wieder her',
  'something failed inside': 'Im Inneren ist etwas misslungen',
  'try again; the administrator sees why in the log': 'Versuchen Sie es noch einmal; die Verwaltung sieht im Protokoll des Programms, warum',
  'this password cannot be used': 'Dieses Passwort kann nicht verwendet werden',
}));

const SHAPED: readonly [RegExp, (found: string[]) => string][] = [
  [/^wait (\d+) seconds and try again$/, ([seconds]) => `Warten Sie ${seconds} Sekunden und versuchen Sie es dann noch einmal`],
  [/^there is no (\w+) of that name$/, ([noun]) => `Es gibt ${NOUNS.get(noun ?? '') ?? 'nichts'} mit diesem Namen`],
];

const NOUNS = new Map(Object.entries({
  organisation: 'keine Organisation',
  person: 'keine Person',
  device: 'kein Gerät',
  patient: 'keinen Patienten',
  study: 'keine Untersuchung',
}));

/** The German sentence, or `null`. */
export function german(english: string): string | null {
  const fixed = FIXED.get(english.replace(/\.$/, ''));
  if (fixed) return fixed;
  for (const [pattern, say] of SHAPED) {
    const found = pattern.exec(english);
    if (found) return say(found.slice(1));
  }
  return null;
}
