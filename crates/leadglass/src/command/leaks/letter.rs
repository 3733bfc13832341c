//! A letter to somebody whose account was locked: on paper, because whoever holds the dump may read the mailbox.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use model::{Instant, PersonId};
use protocol::{LeakReply, LeakRequest, LeakedAccount, LockedRow, PageReply, PageRequest};
use serde_json::json;

use crate::cli::Format;
use crate::output::{say, write_new};
use crate::owner::Owner;
use crate::time;

/// Whom it goes to.
struct Letter<'a> {
    person: PersonId,
    name: &'a str,
    email: &'a str,
    incident: u32,
    /// Since when the password held, where that is known still.
    since: Option<Instant>,
}

/// The folder for letters, made where it is not there.
pub(super) fn folder(folder: &Path) -> Result<PathBuf> {
    std::fs::create_dir_all(folder)
        .with_context(|| format!("{} cannot be made; name a folder of your own for letters", folder.display()))?;
    Ok(folder.canonicalize()?)
}

/// Writes one letter into a folder. It names no patient and no password.
pub(super) fn write(folder: &Path, account: &LeakedAccount) -> Result<()> {
    let LeakedAccount { person, name, email, incident, since, .. } = account;
    Letter { person: *person, name, email, incident: *incident, since: Some(*since) }.write(folder)
}

/// `leadglass leaks letters`: one to each account that is locked still.
pub(super) fn letters(dir: &Path, format: Format, path: &Path) -> Result<()> {
    let reply = Owner::connect(dir)?.ask(PageRequest::Leaks(LeakRequest::State))?;
    let PageReply::Leaks(reply) = reply else { bail!(OTHER_VERSION) };
    let LeakReply::State(state) = *reply else { bail!(OTHER_VERSION) };
    let folder = folder(path)?;
    let (mut written, mut there) = (0, 0);
    for row in state.locked.iter().filter(|row| row.locked) {
        let LockedRow { person, name, email, incident, .. } = row;
        let letter = Letter { person: *person, name, email, incident: *incident, since: None };
        if letter.path(&folder).exists() {
            there += 1;
            continue;
        }
        letter.write(&folder)?;
        written += 1;
    }
    match format {
        Format::Json => say!("{}", json!({ "written": written, "there_already": there })),
        Format::Text => {
            say!(
                "{written} letters were written, {there} were there already. Nothing was sent: hand them over, or post them."
            );
        }
    }
    Ok(())
}

pub(super) const OTHER_VERSION: &str =
    "the warden answered something else; run commands and serve from the same version";

impl Letter<'_> {
    fn path(&self, folder: &Path) -> PathBuf {
        folder.join(format!("incident-{}-account-{}.txt", self.incident, self.person))
    }

    fn write(&self, folder: &Path) -> Result<()> {
        write_new(&self.path(folder), text(self).as_bytes())
    }
}

fn text(letter: &Letter<'_>) -> String {
    let Letter { name, email, incident, since, .. } = letter;
    let (held, galt) = match since.map(time::show) {
        Some(since) => (
            format!("Your\npassword was set on {since}; whoever had it may have tried it since then."),
            format!("Das Passwort galt seit {since}; wer es hatte, kann es seitdem versucht haben."),
        ),
        None => (
            "Whoever\nhad it may have tried it as long as it held.".to_owned(),
            "Wer das Passwort hatte, kann es versucht haben, solange es galt.".to_owned(),
        ),
    };
    format!(
        "{name}

Your account {email} is locked (incident {incident})

Your password was found in a dump of stolen logins. Nobody can sign in with your account any more, nor can you for the moment. {held}

1. Come in person for a new link. Nobody will send you one, and nobody will ask you for a password.
2. Do not use this password anywhere again. Change it wherever else you use it, your mailbox first.
3. The computer on which you typed it may hold the program that took it. Have it looked at before you sign in from it again.
4. Tell us when you notice something in the archive that you did not do.


Ihr Konto {email} ist gesperrt (Vorfall {incident})

Ihr Passwort stand in einer Sammlung gestohlener Zugangsdaten. Mit Ihrem Konto kann sich niemand mehr anmelden, im Augenblick auch Sie
nicht. {galt}

1. Holen Sie sich persönlich einen neuen Link ab. Niemand wird Ihnen einen schicken, und niemand wird Sie nach einem Passwort fragen.
2. Verwenden Sie dieses Passwort nirgends mehr. Ändern Sie es überall, wo Sie es benutzen, zuerst beim Postfach.
3. Der Rechner, auf dem Sie es eingegeben haben, kann das Programm enthalten, das es gestohlen hat. Lassen Sie ihn prüfen, bevor Sie sich
   wieder von ihm aus anmelden.
4. Sagen Sie uns, wenn Ihnen im Archiv etwas auffällt, das Sie nicht getan haben.
"
    )
}
