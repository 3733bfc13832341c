//! A letter to somebody whose account was locked: on paper, because whoever holds the dump may read the mailbox.

use std::path::Path;

use anyhow::Result;
use protocol::LeakedAccount;

use crate::output::write_new;
use crate::time;

/// Writes one letter into a folder. It names no patient and no password.
pub(super) fn write(folder: &Path, account: &LeakedAccount) -> Result<()> {
    let path = folder.join(format!("incident-{}-account-{}.txt", account.incident, account.person));
    write_new(&path, text(account).as_bytes())
}

fn text(account: &LeakedAccount) -> String {
    let (name, email, incident, since) = (&account.name, &account.email, account.incident, time::show(account.since));
    format!(
        "{name}

Your account {email} is locked (incident {incident})

Your password was found in a dump of stolen logins. Nobody can sign in with your account any more, nor can you for the moment. Your
password was set on {since}; whoever had it may have tried it since then.

1. Come in person for a new link. Nobody will send you one, and nobody will ask you for a password.
2. Do not use this password anywhere again. Change it wherever else you use it, your mailbox first.
3. The computer on which you typed it may hold the program that took it. Have it looked at before you sign in from it again.
4. Tell us when you notice something in the archive that you did not do.


Ihr Konto {email} ist gesperrt (Vorfall {incident})

Ihr Passwort stand in einer Sammlung gestohlener Zugangsdaten. Mit Ihrem Konto kann sich niemand mehr anmelden, im Augenblick auch Sie
nicht. Das Passwort galt seit {since}; wer es hatte, kann es seitdem versucht haben.

1. Holen Sie sich persönlich einen neuen Link ab. Niemand wird Ihnen einen schicken, und niemand wird Sie nach einem Passwort fragen.
2. Verwenden Sie dieses Passwort nirgends mehr. Ändern Sie es überall, wo Sie es benutzen, zuerst beim Postfach.
3. Der Rechner, auf dem Sie es eingegeben haben, kann das Programm enthalten, das es gestohlen hat. Lassen Sie ihn prüfen, bevor Sie sich
   wieder von ihm aus anmelden.
4. Sagen Sie uns, wenn Ihnen im Archiv etwas auffällt, das Sie nicht getan haben.
"
    )
}
