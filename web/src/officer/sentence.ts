/** What a ledger entry says, as a sentence. Pure: names and language come as arguments. */

import type { About } from '../api/cases.ts';
import type { DecidingBody } from '../api/deciding.ts';
import { numbersOf, type Entry, type EntryKind, type What } from '../api/entries.ts';
import type { Whose } from '../api/types.ts';
import { findingSentence } from '../findings/sentence.ts';
import { aboutCase, caseSentence, isCase } from './caseSentence.ts';
import { networkRule } from '../approvals/inWords.ts';
import { isSharing, sharingSentence } from './sharingSentence.ts';
import { dateTime, isEndless, type Tongue } from '../words/when.ts';
import { deciding } from './deciding.ts';
import { ordering } from './ordering.ts';

/** The names behind numbers, as far as the officer's lists know them. */
export interface Names {
  person: (number: number) => string | undefined;
  organisation: (number: number) => string | undefined;
  device: (number: number) => string | undefined;
}

type Say = (en: string, de: string) => string;

export function sentence(entry: Entry, names: Names, tongue: Tongue): string {
  const say: Say = (en, de) => (tongue === 'de' ? de : en);
  const person = (number: number): string => names.person(number) ?? say(`person ${number}`, `Person ${number}`);
  const organisation = (number: number): string => names.organisation(number) ?? say(`organisation ${number}`, `Organisation ${number}`);
  const until = (at: number): string => (isEndless(at) ? say('without end', 'ohne Ende') : say(`until ${dateTime(at, tongue)}`, `bis ${dateTime(at, tongue)}`));
  const count = (number: number, en: [string, string], de: [string, string]): string => say(`${number} ${en[number === 1 ? 0 : 1]}`, `${number} ${de[number === 1 ? 0 : 1]}`);
  const patients = (number: number): string => count(number, ['patient', 'patients'], ['Patient', 'Patienten']);
  const studies = (number: number): string => count(number, ['study', 'studies'], ['Untersuchung', 'Untersuchungen']);
  const days = (seconds: number): string => count(Math.round(seconds / 86_400), ['day', 'days'], ['Tag', 'Tage']);
  const images = (number: number): string => count(number, ['image', 'images'], ['Bild', 'Bilder']);

  if (isCase(entry)) return caseSentence(entry, tongue);
  if (isSharing(entry)) return sharingSentence(entry, person, tongue);
  switch (entry.kind) {
    case 'initialised':
      return say(`The site “${entry.name}” was made.`, `Das Haus „${entry.name}“ wurde eingerichtet.`);
    case 'warden-started': {
      const by = meansWords(entry.unsealed_by, say)[1];
      return say(`The warden ${entry.program} started, unsealed with ${by}.`, `Der Wächter ${entry.program} startete, entsiegelt mit ${by}.`);
    }
    case 'organisation-added':
      return say(`The organisation “${entry.name}” was added${entry.authorisation === 'passkey-only' ? ', passkeys only' : ', passwords with a code allowed'}.`, `Die Organisation „${entry.name}“ wurde angelegt${entry.authorisation === 'passkey-only' ? ', nur Passkeys' : ', Passwort mit Code erlaubt'}.`);
    case 'person-added':
      return say(`${entry.name} (${entry.email}) was added.`, `${entry.name} (${entry.email}) wurde angelegt.`);
    case 'front-introduced':
      return say(`The front “${entry.name}” on another machine may connect (key ${entry.pin.slice(0, 16)}…).`, `Die Annahmestelle „${entry.name}“ auf einer anderen Maschine darf sich verbinden (Schlüssel ${entry.pin.slice(0, 16)}…).`);
    case 'front-forgotten':
      return say(`The front with the key ${entry.pin.slice(0, 16)}… may connect no more.`, `Die Annahmestelle mit dem Schlüssel ${entry.pin.slice(0, 16)}… darf sich nicht mehr verbinden.`);
    case 'member-joined':
      return say(`${person(entry.person)} joined ${organisation(entry.organisation)}.`, `${person(entry.person)} gehört nun zu ${organisation(entry.organisation)}.`);
    case 'member-left':
      return say(`${person(entry.person)} left ${organisation(entry.organisation)}.`, `${person(entry.person)} gehört nicht mehr zu ${organisation(entry.organisation)}.`);
    case 'enrolment-issued':
      return say(`An enrolment link for ${person(entry.person)} was issued, ${until(entry.until)}.`, `Ein Einrichtungslink für ${person(entry.person)} wurde ausgestellt, ${until(entry.until)}.`);
    case 'passkey-bound':
      return say(`The passkey “${entry.label}” of ${person(entry.person)} was set up.`, `Der Passkey „${entry.label}“ von ${person(entry.person)} wurde eingerichtet.`);
    case 'password-set':
      return say(`${person(entry.person)} set a password and an authenticator app.`, `${person(entry.person)} richtete Passwort und Authentifizierungs-App ein.`);
    case 'signed-in': {
      const way = { passkey: say('with a passkey', 'mit Passkey'), 'password-and-code': say('with password and code', 'mit Passwort und Code'), 'password-and-recovery-code': say('with password and recovery code', 'mit Passwort und Wiederherstellungscode') }[entry.method];
      return say(`${person(entry.person)} signed in ${way}.`, `${person(entry.person)} meldete sich ${way} an.`);
    }
    case 'sign-in-refused': {
      const whom = entry.person === null ? say('an unknown name', 'einen unbekannten Namen') : person(entry.person);
      return say(`A sign-in for ${whom} was refused: ${reason(entry.reason, say)}.`, `Eine Anmeldung für ${whom} wurde abgelehnt: ${reason(entry.reason, say)}.`);
    }
    case 'session-ended':
      return say(`A session of ${person(entry.person)} was ended.`, `Eine Sitzung von ${person(entry.person)} wurde beendet.`);
    case 'device-added':
      return say(`The device “${entry.name}” was added; it may ${entry.may.map((may) => ({ store: 'store', list: 'list', open: 'open', today: 'see today’s patients only', orders: 'tell orders' })[may]).join(', ')}.`, `Das Gerät „${entry.name}“ wurde angelegt; es darf ${entry.may.map((may) => ({ store: 'speichern', list: 'auflisten', open: 'öffnen', today: 'nur Patienten von heute sehen', orders: 'Aufträge melden' })[may]).join(', ')}.`);
    case 'related': {
      const { who, what, tier, window, basis } = entry.relationship;
      const holder = whoWords(who, names, say);
      const target = whatWords(what, say);
      return say(`${holder} may ${tier === 'open' ? 'open' : 'list'} ${target}, ${until(window.to)}: ${basis}.`, `${holder} darf ${target} ${tier === 'open' ? 'öffnen' : 'auflisten'}, ${until(window.to)}: ${basis}.`);
    }
    case 'relationship-ended':
      return say(`The relationship of entry ${entry.entry} ends, ${until(entry.until)}.`, `Die Beziehung aus Eintrag ${entry.entry} endet, ${until(entry.until)}.`);
    case 'patient-added':
      return say(`Patient ${entry.patient} was seen for the first time.`, `Patient ${entry.patient} kam zum ersten Mal vor.`);
    case 'stored': {
      const rest = [
        entry.duplicates ? say(`${entry.duplicates} identical dropped`, `${entry.duplicates} gleiche verworfen`) : '',
        entry.conflicts ? say(`${entry.conflicts} kept as a conflict`, `${entry.conflicts} als Konflikt behalten`) : '',
      ].filter(Boolean);
      const more = rest.length ? ` (${rest.join(', ')})` : '';
      return say(`${images(entry.instances)} of study ${entry.study} of patient ${entry.patient} were stored${more}.`, `${images(entry.instances)} der Untersuchung ${entry.study} von Patient ${entry.patient} gespeichert${more}.`);
    }
    case 'moved':
      return say(`Study ${entry.study} was moved from patient ${entry.from} to patient ${entry.to}: ${entry.reason}.`, `Untersuchung ${entry.study} wurde von Patient ${entry.from} zu Patient ${entry.to} umgelegt: ${entry.reason}.`);
    case 'listed': {
      const [patientCount, studyCount] = [numbersOf(entry.patients).length, numbersOf(entry.studies).length];
      return say(`${patients(patientCount)} with ${studies(studyCount)} listed.`, `${patients(patientCount)} mit ${studies(studyCount)} aufgelistet.`);
    }
    case 'opened':
      if (entry.scope === 'download') return say(`Study ${entry.study} of patient ${entry.patient} was taken along as files.`, `Untersuchung ${entry.study} von Patient ${entry.patient} wurde als Dateien mitgenommen.`);
      return entry.scope === 'images'
        ? say(`Study ${entry.study} of patient ${entry.patient} was opened.`, `Untersuchung ${entry.study} von Patient ${entry.patient} wurde geöffnet.`)
        : say(`The image list of study ${entry.study} of patient ${entry.patient} was read; no image was opened.`, `Die Bilderliste der Untersuchung ${entry.study} von Patient ${entry.patient} wurde gelesen; kein Bild wurde geöffnet.`);
    case 'refused': {
      const what = entry.what === null ? '' : ` ${say('on', 'bei')} ${whatWords(entry.what, say)}`;
      return say(`“${entry.action}”${what} was refused: ${reason(entry.reason, say)}.`, `„${entry.action}“${what} wurde abgelehnt: ${reason(entry.reason, say)}.`);
    }
    case 'exposure-reported':
      return say(
        `Exposure of ${whoWords(entry.about, names, say)}: ${entry.reachable_patients} patients reachable, ${entry.listed_patients} listed, ${entry.opened_patients} opened.`,
        `Reichweite von ${whoWords(entry.about, names, say)}: ${entry.reachable_patients} Patienten erreichbar, ${entry.listed_patients} aufgelistet, ${entry.opened_patients} geöffnet.`,
      );
    case 'proof-refused': {
      const whose = entry.person !== null ? say(`the session of ${person(entry.person)}`, `die Sitzung von ${person(entry.person)}`)
        : entry.device !== null ? say(`the token of ${whoWords({ device: entry.device }, names, say)}`, `das Token von ${whoWords({ device: entry.device }, names, say)}`)
        : say('something that nobody holds', 'etwas, das niemandem gehört');
      const times = entry.count === 1 ? say('once', 'einmal') : say(`${entry.count} times`, `${entry.count} Mal`);
      return say(`A request for ${whose} was refused ${times}: ${proofReason(entry.reason, say)}.`, `Eine Anfrage für ${whose} wurde ${times} abgelehnt: ${proofReason(entry.reason, say)}.`);
    }
    case 'confirmed': {
      const way = entry.method === 'passkey' ? say('with a passkey', 'mit Passkey') : say('with password and code', 'mit Passwort und Code');
      return say(`${person(entry.person)} confirmed one act ${way}.`, `${person(entry.person)} bestätigte einen Schritt ${way}.`);
    }
    case 'erased':
      return say(`The words of entry ${entry.entry} were erased.`, `Der Wortlaut von Eintrag ${entry.entry} wurde gelöscht.`);
    case 'association-refused': {
      const whom = entry.calling_ae_title ? say(`“${entry.calling_ae_title}”`, `„${entry.calling_ae_title}“`) : say('several callers', 'mehreren Anrufern');
      const times = entry.count === 1 ? say('once', 'einmal') : say(`${entry.count} times`, `${entry.count} Mal`);
      return say(`A DICOM association of ${whom} was refused ${times}: ${associationReason(entry.reason, say)}.`, `Eine DICOM-Verbindung von ${whom} wurde ${times} abgelehnt: ${associationReason(entry.reason, say)}.`);
    }
    case 'accesses-read':
      return say(`Patient ${entry.patient} asked who had looked.`, `Patient ${entry.patient} fragte, wer hineingesehen hat.`);
    case 'cold-holders-set':
      return say(`${entry.holders.length} holders of cold studies were named, ${entry.threshold} shares are needed.`, `${entry.holders.length} Hüter kalter Untersuchungen wurden benannt, ${entry.threshold} Anteile sind nötig.`);
    case 'cold-rule-set':
      return say(`Studies go cold ${days(entry.rule.after_seconds)} after the last relationship.`, `Untersuchungen werden ${days(entry.rule.after_seconds)} nach der letzten Beziehung kalt.`);
    case 'went-cold':
      return say(`${studies(numbersOf(entry.studies).length)} went cold.`, `${studies(numbersOf(entry.studies).length)} wurden kalt gelegt.`);
    case 'warming-requested':
      return say(`${studies(numbersOf(entry.studies).length)} of patient ${entry.patient} were asked for, ${until(entry.until)}${entry.basis === 'emergency' ? ', as an emergency' : ''}: ${entry.reason}.`, `${studies(numbersOf(entry.studies).length)} von Patient ${entry.patient} wurden angefordert, ${until(entry.until)}${entry.basis === 'emergency' ? ', als Notfall' : ''}: ${entry.reason}.`);
    case 'warming-approved':
      return say(`A holder released shares for the request of entry ${entry.request}.`, `Ein Hüter gab Anteile für die Anforderung aus Eintrag ${entry.request} frei.`);
    case 'warming-endorsed':
      return say(`The request of entry ${entry.request} for a cold study was approved${entry.evidence === null ? '' : ', signed with a passkey'}; the holders are told.`, `Die Anforderung aus Eintrag ${entry.request} wurde befürwortet${entry.evidence === null ? '' : ', mit Passkey unterschrieben'}; die Hüter erfahren es.`);
    case 'warming-refused':
      return say(`The request of entry ${entry.request} for a cold study was refused: ${entry.reason}.`, `Die Anforderung aus Eintrag ${entry.request} wurde abgelehnt: ${entry.reason}.`);
    case 'cold-shares-released':
      return say(`A holder handed over the shares of ${entry.boxes} boxes, for the exchange of holders of entry ${entry.exchange}.`, `Ein Hüter übergab die Anteile von ${entry.boxes} Kästen, für den Wechsel der Hüter aus Eintrag ${entry.exchange}.`);
    case 'cold-reclosed':
      return say(`${entry.boxes} boxes of cold studies were closed to the present holders; nobody else was given a key.`, `${entry.boxes} Kästen kalter Untersuchungen wurden für die jetzigen Hüter neu verschlossen; sonst bekam niemand einen Schlüssel.`);
    case 'warming-withdrawn':
      return say(`The request of entry ${entry.request} was taken back.`, `Die Anforderung aus Eintrag ${entry.request} wurde zurückgenommen.`);
    case 'warmed':
      return say(`${studies(numbersOf(entry.studies).length)} of patient ${entry.patient} can be opened, ${until(entry.until)}${entry.emergency ? '; one holder alone agreed' : ''}.`, `${studies(numbersOf(entry.studies).length)} von Patient ${entry.patient} lassen sich öffnen, ${until(entry.until)}${entry.emergency ? '; ein Hüter allein stimmte zu' : ''}.`);
    case 'warming-ended':
      return say(`${studies(numbersOf(entry.studies).length)} are cold again.`, `${studies(numbersOf(entry.studies).length)} sind wieder kalt.`);
    case 'keys-rotated':
      return say(`${entry.keys} keys were wrapped again, ${entry.destroyed.length} older epoch keys were destroyed.`, `${entry.keys} Schlüssel wurden neu verpackt, ${entry.destroyed.length} ältere Epochenschlüssel vernichtet.`);
    case 'shredded':
      return say(`The keys of study ${entry.study} of patient ${entry.patient} were removed: ${entry.reason}.`, `Die Schlüssel der Untersuchung ${entry.study} von Patient ${entry.patient} wurden entfernt: ${entry.reason}.`);
    case 'snapshot-taken':
      return say('A copy for a vault was taken.', 'Eine Kopie für einen Tresor wurde gezogen.');
    case 'unseal-method-added': {
      const [what] = meansWords(entry.means, say);
      const called = entry.label === null ? '' : ` “${entry.label}”`;
      const calledDe = entry.label === null ? '' : ` „${entry.label}“`;
      const shares = entry.shares;
      if (shares !== null) {
        return say(`Shares were added as a way to unseal the archive${called}: ${shares.threshold} of ${shares.holders.length} open (${shares.holders.join(', ')}).`, `Anteile kamen als Weg zum Entsiegeln hinzu${calledDe}: ${shares.threshold} von ${shares.holders.length} öffnen (${shares.holders.join(', ')}).`);
      }
      return say(`A way to unseal the archive was added: ${what}${called}.`, `Ein Weg zum Entsiegeln kam hinzu: ${what}${calledDe}.`);
    }
    case 'unseal-method-removed':
      return say(`A way to unseal the archive was removed: ${meansWords(entry.means, say)[0]} (${entry.method}).`, `Ein Weg zum Entsiegeln wurde entfernt: ${meansWords(entry.means, say)[0]} (${entry.method}).`);
    case 'root-renewed': {
      const gone = entry.removed.length;
      return say(
        `Root ${entry.root} took the place of the one before: ${entry.stayed.length} ways to unseal stayed, ${gone} went.`,
        `Wurzel ${entry.root} trat an die Stelle der vorigen: ${entry.stayed.length} Wege zum Entsiegeln blieben, ${gone} entfielen.`,
      );
    }
    case 'escrow-drilled': {
      const which = entry.proven.join(', ');
      return say(`Escrow drill: shares ${which} of set ${entry.set} were proven, ${entry.threshold} open; nothing was opened.`, `Hinterlegungsprobe: die Anteile ${which} des Satzes ${entry.set} wurden nachgewiesen, ${entry.threshold} öffnen; geöffnet wurde nichts.`);
    }
    case 'witness-added':
      return say(`The witness ${entry.url} cosigns from now on.`, `Der Zeuge ${entry.url} zeichnet von nun an mit.`);
    case 'witness-removed':
      return say(`The witness ${entry.url} is asked no more.`, `Der Zeuge ${entry.url} wird nicht mehr gefragt.`);
    case 'sink-added':
      return say(`Every entry goes to ${entry.path} too.`, `Jeder Eintrag geht auch nach ${entry.path}.`);
    case 'sink-removed':
      return say(`Entries go to ${entry.path} no more.`, `Einträge gehen nicht mehr nach ${entry.path}.`);
    case 'loss-accepted':
      return say(
        `${entry.shown_by} had seen ${entry.shown_size} entries, ${entry.kept} were here; the owner went on: ${entry.reason}.`,
        `${entry.shown_by} kannte ${entry.shown_size} Einträge, hier waren ${entry.kept}; der Eigentümer machte weiter: ${entry.reason}.`,
      );
    case 'window-exported':
      return say(`The keys of ${dateTime(entry.window.from, tongue)} to ${dateTime(entry.window.to, tongue)} were given out for an auditor.`, `Die Schlüssel von ${dateTime(entry.window.from, tongue)} bis ${dateTime(entry.window.to, tongue)} wurden für eine Prüfung herausgegeben.`);
    case 'repeated':
      return say(`What entry ${entry.entry} says happened ${entry.times} times more.`, `Was Eintrag ${entry.entry} sagt, geschah noch ${entry.times}-mal.`);
    case 'finding-raised':
      return `${findingSentence(entry.finding, whoseWords(entry.finding.about, names, say), tongue)}.`;
    case 'finding-acknowledged':
      return say(`Finding ${entry.finding} was looked at: ${entry.note}.`, `Auffälligkeit ${entry.finding} wurde angesehen: ${entry.note}.`);
    case 'budget-lifted':
      return say(`What held back the reading of ${whoseWords(entry.about, names, say)} was lifted: ${entry.note}.`, `Was das Lesen von ${whoseWords(entry.about, names, say)} aufhielt, wurde aufgehoben: ${entry.note}.`);
    case 'budget-set':
      return say(`Ceilings for ${whoseWords(entry.about, names, say)} were set by hand.`, `Grenzen für ${whoseWords(entry.about, names, say)} wurden von Hand gesetzt.`);
    case 'honey-added':
      return say(`Patient ${entry.patient} is a honey patient: made up, and nobody has a reason to read it.`, `Patient ${entry.patient} ist ein Köder: erfunden, und niemand hat Grund, ihn zu lesen.`);
    case 'leak-lists-read': {
      const lists = entry.lists.map((list) => `${list.name} (${list.hashes})`).join(', ');
      return lists === ''
        ? say('Passwords are held against no list of leaked ones any more.', 'Passwörter werden mit keiner Liste gestohlener mehr verglichen.')
        : say(`Passwords are held against these lists of leaked ones: ${lists}.`, `Passwörter werden mit diesen Listen gestohlener verglichen: ${lists}.`);
    }
    case 'leaked-password-used':
      return say(`${person(entry.person)} signed in with a password that was leaked, and has to choose another.`, `${person(entry.person)} meldete sich mit einem gestohlenen Passwort an und muss ein anderes wählen.`);
    case 'account-locked':
      return say(`The account of ${person(entry.person)} was locked: its password stood in a dump (incident ${entry.incident}).`, `Das Konto von ${person(entry.person)} wurde gesperrt: sein Passwort stand in einer Sammlung (Vorfall ${entry.incident}).`);
    case 'network-rule-set':
      return networkRule(entry.rule, say);
    case 'device-token-issued': {
      const device = names.device(entry.device) ?? say(`device ${entry.device}`, `Gerät ${entry.device}`);
      const before = entry.before_until === null ? '' : say(`; the one before works until ${dateTime(entry.before_until, tongue)} at the longest`, `; das vorige gilt höchstens bis ${dateTime(entry.before_until, tongue)}`);
      return say(`${device} was given a token, ${until(entry.until)}${before}.`, `${device} erhielt ein Token, ${until(entry.until)}${before}.`);
    }
    default:
      return (entry.kind === 'unknown' ? null : (ordering(entry, person, tongue) ?? deciding(entry as DecidingBody, names, tongue))) ?? say('An entry of a kind that these pages do not know yet.', 'Ein Eintrag einer Art, die diese Seiten noch nicht kennen.');
  }
}

/** What unseals: by itself, and behind „unsealed with“. */
function meansWords(means: string, say: Say): [string, string] {
  switch (means) {
    case 'recovery-kit':
      return [say('a recovery kit', 'ein Wiederherstellungsbogen'), say('the recovery kit', 'dem Wiederherstellungsbogen')];
    case 'shares':
      return [say('shares', 'Anteile'), say('shares of several holders', 'Anteilen mehrerer Personen')];
    case 'age':
      return [say('an age identity', 'ein age-Schlüssel'), say('an age identity', 'einem age-Schlüssel')];
    case 'command':
      return [say('a program', 'ein Programm'), say('a program', 'einem Programm')];
    default:
      return [say('a passphrase', 'eine Passphrase'), say('the passphrase', 'der Passphrase')];
  }
}

function whoWords(who: About, names: Names, say: Say): string {
  if ('person' in who) return names.person(who.person) ?? say(`person ${who.person}`, `Person ${who.person}`);
  if ('organisation' in who) return names.organisation(who.organisation) ?? say(`organisation ${who.organisation}`, `Organisation ${who.organisation}`);
  if ('link' in who) return say(`whoever has link ${who.link}`, `wer Link ${who.link} hat`);
  if (!('device' in who)) return aboutCase(who, say);
  return names.device(who.device) ?? say(`device ${who.device}`, `Gerät ${who.device}`);
}

function whoseWords(whose: Whose, names: Names, say: Say): string {
  return whose === 'site' ? say('the whole site', 'das ganze Haus') : whoWords(whose, names, say);
}

function whatWords(what: What, say: Say): string {
  if (what === 'site') return say('everything here', 'alles hier');
  if ('patient' in what) return say(`patient ${what.patient}`, `Patient ${what.patient}`);
  return say(`study ${what.study}`, `Untersuchung ${what.study}`);
}

function reason(word: string, say: Say): string {
  const known: Record<string, string> = {
    password: say('wrong password', 'falsches Passwort'),
    code: say('wrong code', 'falscher Code'),
    'code-replayed': say('a code used before', 'ein schon benutzter Code'),
    throttled: say('too many attempts', 'zu viele Versuche'),
    passkey: say('the passkey did not verify', 'der Passkey ließ sich nicht prüfen'),
    cold: say('the study is cold', 'die Untersuchung ist kalt'),
    touch: say('a fresh touch is needed first', 'erst braucht es eine neue Bestätigung'),
    budget: say('the budget is used up', 'das Kontingent ist aufgebraucht'),
    'not-allowed': say('this way is not allowed', 'dieser Weg ist nicht erlaubt'),
    locked: say('the account is locked', 'das Konto ist gesperrt'),
    leaked: say('the password was leaked', 'das Passwort wurde gestohlen'),
  };
  return known[word] ?? word;
}

/** Why a proof of possession did not hold (`dpop::ProofError::word` and what the warden adds). */
function proofReason(word: string, say: Say): string {
  const known: Record<string, string> = {
    missing: say('it carried no proof of the browser that signed in', 'sie trug keinen Nachweis des Browsers, der sich angemeldet hat'),
    shape: say('its proof is out of shape', 'ihr Nachweis hat nicht die rechte Form'),
    signature: say('its proof is not signed as it should be', 'ihr Nachweis ist nicht richtig unterschrieben'),
    address: say('its proof is for another address', 'ihr Nachweis gilt für eine andere Adresse'),
    request: say('its proof is for another request', 'ihr Nachweis gilt für eine andere Anfrage'),
    nonce: say('its proof is too old', 'ihr Nachweis ist zu alt'),
    key: say('it comes from another browser', 'sie kommt aus einem anderen Browser'),
    holder: say('its proof is for another session', 'ihr Nachweis gilt für eine andere Sitzung'),
    replayed: say('its proof was used before', 'ihr Nachweis wurde schon benutzt'),
    touch: say('the confirmation did not hold', 'die Bestätigung hielt nicht'),
    session: say('there is no such session', 'es gibt keine solche Sitzung'),
    token: say('there is no such token', 'es gibt kein solches Token'),
    'owner-on-front': say('only the owner of the machine may do this', 'nur wem die Maschine gehört, darf das'),
  };
  return known[word] ?? word;
}

function associationReason(word: string, say: Say): string {
  const known: Record<string, string> = {
    unknown: say('no device has this AE title', 'kein Gerät hat diesen AE-Titel'),
    address: say('the device may not call from this address', 'von dieser Adresse darf das Gerät nicht anrufen'),
    service: say('the device may not do this', 'das Gerät darf das nicht'),
    'called-ae-title': say('another archive was called', 'gerufen war ein anderes Archiv'),
    protocol: say('it speaks another protocol', 'es spricht ein anderes Protokoll'),
    room: say('there were too many at once', 'es waren zu viele zugleich'),
    certificate: say('it did not call with the certificate of that device', 'der Anruf kam nicht mit dem Zertifikat dieses Geräts'),
    handshake: say('its TLS handshake failed', 'der TLS-Handshake schlug fehl'),
  };
  return known[word] ?? word;
}

/** The kinds in groups, for the filter. */
export const GROUPS: Readonly<Record<string, readonly EntryKind[]>> = {
  reading: ['listed', 'opened', 'accesses-read', 'exposure-reported'],
  findings: ['finding-raised', 'finding-acknowledged', 'budget-lifted', 'budget-set', 'honey-added'],
  refusals: ['refused', 'sign-in-refused', 'proof-refused', 'association-refused', 'repeated'],
  signIn: ['signed-in', 'confirmed', 'sign-in-refused', 'session-ended', 'passkey-bound', 'password-set', 'enrolment-issued', 'leaked-password-used', 'account-locked', 'leak-lists-read'],
  approvals: ['proposed', 'approved', 'proposal-ended', 'carried-out', 'approval-rule-set', 'break-glass-rule-set', 'sharing-rule-set', 'network-rule-set'],
  sharing: ['link-made', 'link-opened', 'link-refused', 'link-left', 'link-ended', 'opinion-asked'],
  emergencies: ['broke-glass', 'break-glass-missed', 'break-glass-reviewed'],
  images: ['stored', 'moved', 'patient-added'],
  people: ['person-added', 'organisation-added', 'device-added', 'member-joined', 'member-left', 'related', 'relationship-ended', 'role-changed', 'person-closed', 'authenticators-set', 'password-until', 'delegate-set', 'account-ends', 'account-lapsed', 'reset-vouched', 'professional-id-set', 'passkey-removed', 'device-removed', 'device-token-issued', 'device-token-removed'],
  cold: ['went-cold', 'warming-requested', 'warming-approved', 'warming-endorsed', 'warming-refused', 'warming-withdrawn', 'cold-shares-released', 'cold-reclosed', 'warmed', 'warming-ended', 'cold-holders-set', 'cold-rule-set'],
  orders: ['order-taken', 'order-ended', 'appointment-made', 'consent-told', 'patients-merged', 'order-kept', 'order-rule-set', 'professional-id-changed'],
  keys: ['keys-rotated', 'shredded', 'snapshot-taken'],
  cases: ['incident-opened', 'incident-noted', 'incident-report', 'incident-clock', 'incident-closed', 'question-asked', 'question-answered'],
  site: ['initialised', 'warden-started', 'unseal-method-added', 'unseal-method-removed', 'root-renewed', 'escrow-drilled', 'keys-filed', 'disk-holds', 'front-introduced', 'front-forgotten', 'witness-added', 'witness-removed', 'sink-added', 'sink-removed', 'loss-accepted', 'window-exported', 'erased', 'unknown'],
};

/** How loud a kind is shown: what released something, what was refused, and the rest. */
export function toneOf(kind: EntryKind): 'accent' | 'danger' | 'warn' | '' {
  if (kind === 'opened' || kind === 'listed' || kind === 'link-opened') return 'accent';
  if (kind === 'refused' || kind === 'sign-in-refused' || kind === 'proof-refused' || kind === 'association-refused' || kind === 'broke-glass' || kind === 'account-locked' || kind === 'shredded' || kind === 'break-glass-missed' || kind === 'finding-raised' || kind === 'repeated' || kind === 'loss-accepted' || kind === 'link-refused') return 'danger';
  if (kind === 'moved' || kind === 'patients-merged' || kind === 'link-made' || kind === 'order-kept' || kind === 'opinion-asked' || kind === 'proposed' || kind === 'warmed' || kind === 'budget-lifted' || kind === 'budget-set' || kind === 'window-exported' || kind === 'erased' || kind === 'witness-removed' || kind === 'sink-removed') return 'warn';
  return '';
}
