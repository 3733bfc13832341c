//! A line without columns: words between separators, of which one may be a login and another its password.
//!
//! Nobody can say what of `https://a:8443/x:y:z` is what, and nobody has to: only words that are logins here count, and what stands
//! beside one is tried in every reading. A wrong reading verifies nowhere.

use memchr::memchr_iter;

use crate::columns::{Holds, field, holds};
use crate::found::{Found, Match};
use crate::scan::Wanted;

/// The most words of a line that are looked up.
const WORDS_MAX: usize = 8;
/// What separates words.
const SEPARATES: [bool; 256] = {
    let mut separates = [false; 256];
    let (separators, mut place) = (b":;|\t, \"'", 0);
    while place < separators.len() {
        separates[separators[place] as usize] = true;
        place += 1;
    }
    separates
};

/// Looks every word up, and keeps what may be its password with whom it belongs to.
pub(crate) fn logins(line: &str, wanted: &Wanted, found: &mut Found) {
    let bytes = line.as_bytes();
    let (mut from, mut words) = (0, 0);
    while from < bytes.len() && words < WORDS_MAX {
        let end =
            bytes[from..].iter().position(|byte| SEPARATES[usize::from(*byte)]).map_or(bytes.len(), |end| from + end);
        let word = &line[from..end];
        if may_be_login(word, &line[end..], end == bytes.len()) {
            words += 1;
            let dashes = dashes(word).map(|dashes| from + dashes);
            let mut counted = false;
            for end in [dashes, Some(end)].into_iter().flatten() {
                if let Some((by, name)) = wanted.find(&line[from..end]) {
                    let lines = u64::from(!std::mem::replace(&mut counted, true));
                    found.named(by, &name, lines, |take| passwords(line, from, end, take));
                    if by == Match::Address {
                        break;
                    }
                }
            }
        }
        from = end + 1;
    }
}

/// Where two dashes stand in an address, which may separate it from its password.
fn dashes(word: &str) -> Option<usize> {
    let bytes = word.as_bytes();
    memchr_iter(b'-', bytes).find(|dash| bytes.get(dash + 1) == Some(&b'-')).filter(|_| word.contains('@'))
}

/// What cannot be a login need not be looked up: nothing, a scheme, a host with its path, a last word without an @ (the password).
fn may_be_login(word: &str, behind: &str, is_last: bool) -> bool {
    let bytes = word.as_bytes();
    if bytes.len() < 2 || bytes.contains(&b'/') || behind.starts_with("://") {
        return false;
    }
    !is_last || bytes.contains(&b'@')
}

/// What stands beside a login at `from..end`, in every reading.
fn passwords(line: &str, from: usize, end: usize, take: &mut dyn FnMut(&str)) {
    let quote = line[..from].chars().next_back().filter(|quote| matches!(quote, '"' | '\''));
    let mut behind = &line[end..];
    // where the quote before a login closes behind its password, as in a text of JSON
    let mut closes = None;
    if let Some(quote) = quote {
        match behind.strip_prefix(quote) {
            Some(rest) => behind = rest,
            None => closes = Some(quote),
        }
    }
    let spaced = behind.trim_start_matches(' ');
    let separator = spaced.chars().next().filter(|first| matches!(first, ':' | ';' | '|' | '\t' | ','));
    let rest = match separator {
        Some(separator) => &spaced[separator.len_utf8()..],
        None => spaced,
    };
    if rest.trim().is_empty() {
        take(before(line, from, quote));
        return;
    }
    take(rest);
    take(rest.trim());
    if let Some(end) = closes.and_then(|quote| rest.find(quote)) {
        take(rest[..end].trim());
    }
    // all of them are ASCII
    let separator = separator.map_or(b' ', |separator| separator as u8);
    take(&field(rest.trim_start(), separator).0);
    take(field(rest, separator).0.trim());
    // `login:password:https://...`, where the password may hold the separator
    if let Some(scheme) = rest.find("://")
        && let Some(cut) = rest[..scheme].rfind(|c: char| !c.is_ascii_alphanumeric())
    {
        take(rest[..cut].trim());
    }
    // dashes, arrows and doubled separators
    take(rest.trim_start_matches([':', ';', '|', ',', '=', '-', '>', '\t', ' ']));
}

/// The word before a login that ends its line.
fn before(line: &str, from: usize, quote: Option<char>) -> &str {
    let mut front = &line[..from];
    if let Some(quote) = quote {
        front = front.strip_suffix(quote).unwrap_or(front);
    }
    let front = front.trim_end_matches(' ');
    let separator = front.chars().next_back().filter(|last| matches!(last, ':' | ';' | '|' | '\t' | ','));
    let front = separator.map_or(front, |separator| front.strip_suffix(separator).unwrap_or(front));
    let separator = separator.unwrap_or(' ');
    let word = front.rsplit(separator).next().unwrap_or(front).trim();
    if holds(word) == Some(Holds::Login) {
        // `Username: name` of a block, whose password is on another line
        return "";
    }
    let quoted = |quote: char| word.strip_prefix(quote).and_then(|word| word.strip_suffix(quote));
    quoted('"').or_else(|| quoted('\'')).unwrap_or(word)
}
