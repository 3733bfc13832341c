//! Looking for known logins in text, line by line.

use std::io::{self, Read};

use leaks::{LoginDigests, LoginKey};
use memchr::memchr2;
use zeroize::Zeroizing;

use crate::columns::{Columns, Holds, holds};
use crate::found::{Found, Fresh, Match, Passwords};
use crate::text::{Lines, Tally};
use crate::token::Tokens;
use crate::{folded, json, line, text};

/// The longest login that is looked up, in bytes.
const LOGIN_BYTES_MAX: usize = 254;
/// The longest label of a block, as in `Username: name`, in bytes.
const LABEL_BYTES_MAX: usize = 20;
/// For how many lines after a login of a block its password may come.
const BLOCK_LINES_MAX: u32 = 4;

/// Which logins are looked for: their digests under a key of this look.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The key.
    pub key: LoginKey,
    /// Whole addresses.
    pub addresses: LoginDigests,
    /// The parts before the @ of every one of them.
    pub names: LoginDigests,
}

/// What was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Text, unpacked, in bytes.
    pub bytes: u64,
    /// Lines.
    pub lines: u64,
    /// Lines that were too long to be looked at.
    pub too_long: u64,
}

/// Looks through one text after the other.
#[derive(Debug)]
pub struct Scanner {
    wanted: Wanted,
    found: Found,
    tokens: Tokens,
    counts: Counts,
    /// Whether the next line is the first of its text.
    first: bool,
    columns: Option<Columns>,
    /// The login of a block whose password has not come, and for how many lines it is waited for.
    block: Option<(Zeroizing<String>, u32)>,
}

impl Scanner {
    /// Nothing found yet.
    #[must_use]
    pub fn new(wanted: Wanted) -> Self {
        let (found, counts) = (Found::default(), Counts::default());
        Self { wanted, found, tokens: Tokens::default(), counts, first: true, columns: None, block: None }
    }

    /// Reads a text to its end. `tell` is told now and then, and ends the reading by an error.
    pub fn text(&mut self, input: impl Read, tell: impl FnMut(&mut Self) -> io::Result<()>) -> io::Result<()> {
        (self.first, self.columns, self.block) = (true, None, None);
        let before = self.counts;
        text::lines(input, &mut Look { scanner: self, before, tell })
    }

    /// What was read so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Logins with passwords, and tokens, that were found since this was asked for.
    pub(crate) fn take_fresh(&mut self) -> (Vec<Fresh>, Vec<Zeroizing<String>>) {
        (self.found.take_fresh(), self.tokens.take_fresh())
    }

    /// Tokens of devices that were found, and whether there were more than are kept.
    pub fn take_tokens(&mut self) -> (Vec<Zeroizing<String>>, bool) {
        self.tokens.take_sorted()
    }

    /// What was found.
    #[must_use]
    pub fn into_found(self) -> Found {
        self.found
    }

    /// Looks at one line.
    pub fn line(&mut self, line: &str) {
        self.tokens.line(line);
        if self.header(line) {
            return;
        }
        let line = self.objects(line);
        let Self { wanted, found, columns, .. } = self;
        let is_row = |columns: &Columns| columns.logins(line, |login, passwords| take(wanted, found, login, passwords));
        // a header says nothing about lines that are not of its table
        if line.is_empty() || columns.as_ref().is_some_and(is_row) {
            return;
        }
        self.block_line(line);
        let Self { wanted, found, .. } = self;
        line::logins(line, wanted, found);
    }

    /// Whether a line names columns, which then hold until another one does.
    fn header(&mut self, line: &str) -> bool {
        let first = std::mem::take(&mut self.first);
        // nearly every other line has one of them, and no name of a column has
        if !first && memchr2(b'@', b':', line.as_bytes()).is_some() {
            return false;
        }
        let header = Columns::of_header(line);
        let is_header = header.is_some();
        self.columns = header.or(self.columns.take());
        is_header
    }

    /// Objects of JSON, one after the other. Gives back what else the line has: of most lines all.
    fn objects<'a>(&mut self, line: &'a str) -> &'a str {
        let Self { wanted, found, columns, .. } = self;
        let mut rest = line;
        while let Some(record) = json::record(rest, |login, passwords| take(wanted, found, login, passwords)) {
            if !record.has_login {
                // a field of a table may be an object
                if columns.is_some() && rest.len() == line.len() {
                    return line;
                }
                // a login may stand in it under any other key
                line::logins(record.text, wanted, found);
            }
            rest = record.behind;
        }
        rest
    }

    /// Blocks of malware logs: a line for the login, one of the next for the password.
    fn block_line(&mut self, line: &str) {
        let beginning = &line.as_bytes()[..line.len().min(LABEL_BYTES_MAX)];
        let label = beginning.iter().position(|byte| matches!(byte, b':' | b'@' | b'.' | b'/'));
        let label = label.filter(|end| beginning[*end] == b':');
        let (label, value) = match label {
            Some(end) => (line[..end].trim(), line[end + 1..].trim()),
            None => ("", ""),
        };
        let holds = holds(label);
        if holds == Some(Holds::Login) && !value.is_empty() {
            self.block = Some((Zeroizing::new(value.to_owned()), BLOCK_LINES_MAX));
        } else if let Some((login, left)) = self.block.take() {
            if holds == Some(Holds::Password) {
                take(&self.wanted, &mut self.found, &login, &|take| take(value));
            } else if left > 0 {
                self.block = Some((login, left - 1));
            }
        }
    }
}

/// The look through one text.
struct Look<'a, T> {
    scanner: &'a mut Scanner,
    /// What was read of other texts before.
    before: Counts,
    tell: T,
}

impl<T: FnMut(&mut Scanner) -> io::Result<()>> Lines for Look<'_, T> {
    fn line(&mut self, line: &str) {
        self.scanner.line(line);
    }

    fn read(&mut self, read: &Tally) -> io::Result<()> {
        let before = &self.before;
        self.scanner.counts = Counts {
            bytes: before.bytes + read.bytes,
            lines: before.lines + read.lines,
            too_long: before.too_long + read.too_long,
        };
        (self.tell)(self.scanner)
    }
}

fn take(wanted: &Wanted, found: &mut Found, login: &str, passwords: &Passwords<'_>) {
    if let Some((by, name)) = wanted.find(login) {
        found.named(by, &name, 1, passwords);
    }
}

impl Wanted {
    /// Whether a folded login is one of the people's, in this way.
    pub(crate) fn has(&self, by: Match, login: &str) -> bool {
        let digests = match by {
            Match::Address => &self.addresses,
            Match::Name => &self.names,
        };
        digests.contains(&self.key.digest(login))
    }

    /// Whose login a text is, folded: of a whole address, or by the part before the @.
    pub(crate) fn find(&self, login: &str) -> Option<(Match, Zeroizing<String>)> {
        let login = login.trim();
        if login.is_empty() || login.len() > LOGIN_BYTES_MAX {
            return None;
        }
        if !login.is_ascii() {
            return self.find_folded(&Zeroizing::new(folded(login)));
        }
        // nothing is allocated for the many that are nobody's
        let mut lower_case = [0; LOGIN_BYTES_MAX];
        let lower_case = &mut lower_case[..login.len()];
        lower_case.copy_from_slice(login.as_bytes());
        lower_case.make_ascii_lowercase();
        self.find_folded(std::str::from_utf8(lower_case).expect("ASCII is UTF-8"))
    }

    fn find_folded(&self, whole: &str) -> Option<(Match, Zeroizing<String>)> {
        let (name, is_address) = whole.rsplit_once('@').map_or((whole, false), |(name, _)| (name, true));
        // of every address the name is among the names, so most words cost one digest
        if name.is_empty() || !self.names.contains(&self.key.digest(name)) {
            return None;
        }
        let found = |by, login: &str| Some((by, Zeroizing::new(login.to_owned())));
        if is_address && self.addresses.contains(&self.key.digest(whole)) {
            return found(Match::Address, whole);
        }
        found(Match::Name, name)
    }
}
