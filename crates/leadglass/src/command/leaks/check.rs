//! `leadglass leaks check`: a process of its own reads the dump, this one asks the warden to verify.
//!
//! A dump is hostile, so it is read where nothing is to be had: by `leadglass dump`, which has the opened dump, no other file, no
//! socket but the one to here, and not this process's connection to the warden, on which it would speak as the owner. What it tells is
//! heard record by record and believed in nothing. Inside walls of its own all the same: no file but the folder for letters, no new socket.
//! There is no list of the people in either process, only digests under a key that the warden made for this look. What is sent is what
//! stood beside logins that are here. Nothing of the dump is written anywhere.

mod ending;
mod reader;

use std::path::Path;

use anyhow::{Result, bail};
use dumps::{Found, Match, PASSWORDS_PER_LOGIN_MAX, Told, Wanted};
use leaks::LoginKey;
use protocol::{
    LEAK_CANDIDATES_MAX, LeakCandidate, LeakReply, LeakRequest, LeakedToken, LeaksChecked, PageReply, PageRequest,
    SecretText,
};
use serde_json::json;
use walls::{Standing, State, Wall};
use zeroize::Zeroizing;

use self::reader::Reader;
use super::letter::{self, OTHER_VERSION};
use crate::cli::Format;
use crate::control;
use crate::output::say;
use crate::owner::Owner;
use crate::time;

pub(super) fn check(dir: &Path, format: Format, dump: &Path, letters: Option<&Path>) -> Result<()> {
    control::keep_to_itself("leaks");
    let owner = Owner::connect(dir)?;
    let wanted = wanted(&owner)?;
    let reader = Reader::start(dump)?;
    let folders = letters.map(letter::folder).transpose()?;
    let folder = folders.clone().into_iter().collect();
    Wall { folders: folder, children_end_with_it: true, ..Wall::default() }.raise()?;
    let (told, standing) = reader.read(&wanted, format)?;
    let Told { found, tokens, more_tokens, counts, skipped, cut_short, .. } = told;
    let (candidates, untried) = candidates(found);
    let logins = candidates.len();
    let mut held = Held::default();
    held.tokens(&owner, &tokens);
    held.logins(&owner, candidates, folders.as_deref());
    let Held { checked, tokens, failed } = held;
    let whole = cut_short.is_none() && failed.is_none() && skipped == 0;
    match format {
        Format::Json => say!(
            "{}",
            json!({
                "lines": counts.lines, "bytes": counts.bytes, "too_long": counts.too_long, "skipped_members": skipped,
                "logins": logins, "logins_with_more_passwords": untried, "verified": checked.verified, "named": checked.named,
                "letters": letters.is_some(), "tokens": tokens, "more_tokens": more_tokens, "whole": whole, "walls": standing,
            })
        ),
        Format::Text => {
            print(&checked, &counts, skipped, untried, letters.is_some());
            print_tokens(&tokens, more_tokens);
            if checked.verified.is_empty() && checked.named.is_empty() && tokens.is_empty() && failed.is_none() {
                say!("Nobody of this site is in it, and no token of a device.");
            }
            print_walls(&standing);
            // the other failure is the last word
            if let (Some(cut_short), Some(_)) = (&cut_short, &failed) {
                say!("{cut_short}");
            }
        }
    }
    match failed.or(cut_short.map(Into::into)) {
        None => Ok(()),
        Some(error) => Err(error),
    }
}

/// What the warden did about what was found. What fails keeps nothing else from being done, and is said once all of it is printed.
#[derive(Default)]
struct Held {
    checked: LeaksChecked,
    tokens: Vec<LeakedToken>,
    /// The first failure.
    failed: Option<anyhow::Error>,
}

impl Held {
    fn failed(&mut self, error: anyhow::Error) {
        self.failed.get_or_insert(error);
    }

    /// The warden ends those that are tokens of its devices. They take no slow hash, so they come first.
    fn tokens(&mut self, owner: &Owner, tokens: &[Zeroizing<String>]) {
        for tokens in tokens.chunks(LEAK_CANDIDATES_MAX) {
            match ended_tokens(owner, tokens) {
                Ok(ended) => self.tokens.extend(ended),
                Err(error) => self.failed(error),
            }
        }
    }

    /// The warden tries passwords and locks whose they are; each of these gets a letter at once.
    fn logins(&mut self, owner: &Owner, candidates: Vec<LeakCandidate>, letters: Option<&Path>) {
        for message in messages(candidates) {
            match sent(owner, message) {
                Ok(LeaksChecked { verified, named }) => {
                    for account in &verified {
                        if let Some(Err(error)) = letters.map(|folder| letter::write(folder, account)) {
                            self.failed(error);
                        }
                    }
                    self.checked.verified.extend(verified);
                    self.checked.named.extend(named);
                }
                Err(error) => self.failed(error),
            }
        }
    }
}

fn wanted(owner: &Owner) -> Result<Wanted> {
    let PageReply::Leaks(reply) = owner.ask(PageRequest::Leaks(LeakRequest::Logins))? else { bail!(OTHER_VERSION) };
    let LeakReply::Logins(logins) = *reply else { bail!(OTHER_VERSION) };
    Ok(Wanted {
        key: LoginKey::new(logins.key),
        addresses: logins.addresses.into_iter().collect(),
        names: logins.names.into_iter().collect(),
    })
}

/// Passwords of one message: as many slow hashes.
const PASSWORDS_PER_MESSAGE: usize = 500;

/// What is sent, and of how many logins there were more passwords than are kept.
fn candidates(found: Found) -> (Vec<LeakCandidate>, usize) {
    let found = found.into_sorted();
    let untried = found.iter().filter(|(_, what)| what.more).count();
    let candidate = |((by, login), what): ((Match, String), dumps::Login)| LeakCandidate {
        login: SecretText::new(login),
        by_name: by == Match::Name,
        passwords: what.passwords.iter().map(|password| SecretText::new(password.to_string())).collect(),
    };
    (found.into_iter().map(candidate).collect(), untried)
}

/// Messages of some hundred passwords, which take a minute or two each. What has the same name before the @ stays together, so that each
/// person is in one message.
fn messages(mut candidates: Vec<LeakCandidate>) -> Vec<Vec<LeakCandidate>> {
    candidates.sort_by(|one, other| name_of(one).cmp(name_of(other)));
    let (mut messages, mut message, mut passwords) = (Vec::new(), Vec::new(), 0);
    for together in candidates.chunk_by(|one, other| name_of(one) == name_of(other)) {
        let more: usize = together.iter().map(|candidate| candidate.passwords.len()).sum();
        if !message.is_empty()
            && (passwords + more > PASSWORDS_PER_MESSAGE || message.len() + together.len() > LEAK_CANDIDATES_MAX)
        {
            messages.push(std::mem::take(&mut message));
            passwords = 0;
        }
        message.extend_from_slice(together);
        passwords += more;
    }
    if !message.is_empty() {
        messages.push(message);
    }
    messages
}

fn name_of(candidate: &LeakCandidate) -> &str {
    let login = candidate.login.expose();
    login.rsplit_once('@').map_or(login, |(name, _)| name)
}

fn sent(owner: &Owner, candidates: Vec<LeakCandidate>) -> Result<LeaksChecked> {
    let reply = owner.ask(PageRequest::Leaks(LeakRequest::Check { candidates }))?;
    let PageReply::Leaks(reply) = reply else { bail!(OTHER_VERSION) };
    match *reply {
        LeakReply::Checked(checked) => Ok(checked),
        LeakReply::Logins(_) | LeakReply::Tokens(_) | LeakReply::State(_) => bail!(OTHER_VERSION),
    }
}

fn ended_tokens(owner: &Owner, tokens: &[Zeroizing<String>]) -> Result<Vec<LeakedToken>> {
    let tokens = tokens.iter().map(|token| SecretText::new(token.to_string())).collect();
    let PageReply::Leaks(reply) = owner.ask(PageRequest::Leaks(LeakRequest::Tokens { tokens }))? else {
        bail!(OTHER_VERSION)
    };
    let LeakReply::Tokens(ended) = *reply else { bail!(OTHER_VERSION) };
    Ok(ended)
}

fn print_tokens(tokens: &[LeakedToken], more: bool) {
    for token in tokens {
        say!(
            "ENDED the token of the device {}: it was in the dump. Incident {}; it could reach {} patients, listed {}, opened {}. Find where it leaked, then give the device another: leadglass device rotate",
            token.name,
            token.incident,
            token.reachable.patients,
            token.listed.patients,
            token.opened.patients
        );
    }
    if more {
        say!("there were more texts like tokens than are kept; look through parts of the dump");
    }
}

/// What this kernel does not have is said by the one who reads it.
fn print_walls(standing: &Standing) {
    if standing.calls != State::Stands {
        say!(
            "this kernel has no wall around system calls: the dump was read by a process of its own, which was not held back"
        );
    }
}

fn print(checked: &LeaksChecked, counts: &dumps::Counts, skipped: u64, untried: usize, letters: bool) {
    say!("{} lines, {} bytes of text", counts.lines, counts.bytes);
    if counts.too_long > 0 {
        say!("{} lines were longer than 65536 bytes and were not looked at", counts.too_long);
    }
    if skipped > 0 {
        say!("{skipped} members of the archive are encrypted, damaged or packed in another way and were not looked at");
    }
    if untried > 0 {
        say!(
            "{untried} logins stood beside more than {PASSWORDS_PER_LOGIN_MAX} passwords; the first of them were tried"
        );
    }
    for account in &checked.verified {
        say!(
            "LOCKED {} ({}): its password was in the dump. Incident {}; since {} it could reach {} patients, listed {}, opened {}",
            account.name,
            account.email,
            account.incident,
            time::show(account.since),
            account.reachable.patients,
            account.listed.patients,
            account.opened.patients
        );
    }
    for account in &checked.named {
        let what = if account.by_name { "a login of the same name" } else { "its login" };
        say!(
            "finding about {} ({}): {what} was in the dump; of {} passwords none fits",
            account.name,
            account.email,
            account.tried
        );
    }
    if !checked.verified.is_empty() {
        if !letters {
            say!(
                "No letter was written, and nobody has been told yet. A letter for each: leadglass leaks letters FOLDER"
            );
        }
        say!(
            "Tell each of them in person, by telephone or by letter, never by e-mail; then hand over a new link: leadglass person enrol EMAIL"
        );
    }
}
