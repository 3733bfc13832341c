//! Bearer tokens of devices: `lgd_` and 49 characters of base64url, wherever they stand in a line.

use std::collections::HashSet;

use memchr::memmem::Finder;
use zeroize::Zeroizing;

/// How a token begins.
const PREFIX: &str = "lgd_";
/// What follows: 256 random bits and a checksum.
const CHARACTERS: usize = 49;
/// The most that are kept of a dump.
const TOKENS_MAX: usize = 100_000;

/// The length of a token, in bytes.
pub(crate) const TOKEN_BYTES: usize = PREFIX.len() + CHARACTERS;

/// Tokens that were found, each once.
pub(crate) struct Tokens {
    prefix: Finder<'static>,
    found: HashSet<String>,
    /// Whether there were more than are kept.
    more: bool,
    /// What was found since somebody asked.
    fresh: Vec<Zeroizing<String>>,
}

impl Default for Tokens {
    fn default() -> Self {
        Self { prefix: Finder::new(PREFIX), found: HashSet::new(), more: false, fresh: Vec::new() }
    }
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tokens").field("found", &self.found.len()).finish_non_exhaustive()
    }
}

impl Tokens {
    pub(crate) fn line(&mut self, line: &str) {
        let Self { prefix, found, more, fresh } = self;
        for at in prefix.find_iter(line.as_bytes()) {
            let rest = &line.as_bytes()[at + PREFIX.len()..];
            let length = rest.iter().take(CHARACTERS + 1).take_while(|byte| is_of_token(**byte)).count();
            let token = &line[at..at + PREFIX.len() + length];
            if length != CHARACTERS || found.contains(token) {
                continue;
            }
            if found.len() < TOKENS_MAX {
                found.insert(token.to_owned());
            } else if std::mem::replace(more, true) {
                return;
            }
            fresh.push(Zeroizing::new(token.to_owned()));
        }
    }

    /// What was found since this was asked for; one more than are kept says that there were more.
    pub(crate) fn take_fresh(&mut self) -> Vec<Zeroizing<String>> {
        std::mem::take(&mut self.fresh)
    }

    /// In the order of their texts, and whether there were more.
    pub(crate) fn take_sorted(&mut self) -> (Vec<Zeroizing<String>>, bool) {
        let mut found: Vec<Zeroizing<String>> = self.found.drain().map(Zeroizing::new).collect();
        found.sort_by(|one, other| one.as_str().cmp(other.as_str()));
        (found, self.more)
    }
}

impl Drop for Tokens {
    fn drop(&mut self) {
        drop(self.take_sorted());
    }
}

fn is_of_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_found_wherever_they_stand_and_longer_or_shorter_words_are_none() {
        let (one, other) = (format!("lgd_{}", "a-_Z9".repeat(10).split_off(1)), format!("lgd_{}", "b".repeat(49)));
        let mut tokens = Tokens::default();
        for line in [
            &format!("curl -H 'Authorization: Bearer {one}' https://archive"),
            &format!("{{\"token\":\"{other}\",\"again\":\"{one}\"}}"),
            &format!("TOKEN={one}x"),
            &format!("TOKEN={}", &one[..one.len() - 1]),
            &format!("lgd_lgd_{}", "c".repeat(45)),
            &format!("ä{other}ä"),
            "lgd_",
        ] {
            tokens.line(line);
        }
        let third = format!("lgd_lgd_{}", "c".repeat(45));
        let (found, more) = tokens.take_sorted();
        let mut expected = [one, other, third];
        expected.sort();
        assert_eq!(found.iter().map(|token| token.as_str()).collect::<Vec<_>>(), expected);
        assert!(!more);
    }
}
