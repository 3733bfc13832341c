//! What is kept of a dump while it is read: passwords that stand beside known logins.

use std::collections::HashMap;

use zeroize::Zeroizing;

/// The most passwords that are kept of one login; each costs a slow hash later.
pub const PASSWORDS_PER_LOGIN_MAX: usize = 32;
/// The longest password, in bytes: longer ones are accepted nowhere here.
pub(crate) const PASSWORD_BYTES_MAX: usize = 512;
/// The most logins that are kept.
const LOGINS_MAX: usize = 100_000;
/// The most text that is kept of all of them, in bytes: a dump that is made for it fills no memory.
const KEPT_BYTES_MAX: usize = 64 << 20;

/// Gives each password that stands beside a login; asked only for a login that is wanted.
pub(crate) type Passwords<'a> = dyn Fn(&mut dyn FnMut(&str)) + 'a;

/// How a login fits one of the site's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Match {
    /// The whole e-mail address.
    Address,
    /// The part before the @ only: the name is common, or the address was another.
    Name,
}

/// One login that was found.
#[derive(Clone, PartialEq, Eq)]
pub struct Login {
    /// How many lines named it.
    pub lines: u64,
    /// Passwords that stood beside it, each once, in the order in which they came.
    pub passwords: Vec<Zeroizing<String>>,
    /// Whether there were more than are kept.
    pub more: bool,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login")
            .field("lines", &self.lines)
            .field("passwords", &self.passwords.len())
            .finish_non_exhaustive()
    }
}

/// Something that was not known before: a login, or a password beside it. One password more than are kept says that there were more.
#[derive(PartialEq, Eq)]
pub(crate) struct Fresh {
    pub by: Match,
    pub login: String,
    /// Empty when only the login is new.
    pub password: Zeroizing<String>,
}

impl std::fmt::Debug for Fresh {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fresh").field("by", &self.by).finish_non_exhaustive()
    }
}

/// Every login that was found, by how it fits and its folded text.
#[derive(Debug, Default)]
pub struct Found {
    logins: HashMap<(Match, String), Login>,
    kept_bytes: usize,
    /// What was found since somebody asked.
    fresh: Vec<Fresh>,
}

impl Found {
    /// All of them, in the order of their texts.
    #[must_use]
    pub fn into_sorted(self) -> Vec<((Match, String), Login)> {
        let mut logins: Vec<_> = self.logins.into_iter().collect();
        logins.sort_by(|(one, _), (other, _)| one.cmp(other));
        logins
    }

    /// One of them.
    #[must_use]
    pub fn get(&self, by: Match, login: &str) -> Option<&Login> {
        self.logins.get(&(by, login.to_owned()))
    }

    /// What was found since this was asked for.
    pub(crate) fn take_fresh(&mut self) -> Vec<Fresh> {
        std::mem::take(&mut self.fresh)
    }

    /// Counts lines that name a login, and keeps what `passwords` gives as far as there is room.
    pub(crate) fn named(&mut self, by: Match, login: &str, lines: u64, passwords: impl FnOnce(&mut dyn FnMut(&str))) {
        let Self { logins, kept_bytes, fresh } = self;
        let mut tell = |password: &str| {
            fresh.push(Fresh { by, login: login.to_owned(), password: Zeroizing::new(password.to_owned()) });
        };
        let key = (by, login.to_owned());
        if !logins.contains_key(&key) {
            if logins.len() >= LOGINS_MAX || *kept_bytes + login.len() > KEPT_BYTES_MAX {
                return;
            }
            *kept_bytes += login.len();
            tell("");
        }
        let entry = logins.entry(key).or_insert(Login { lines: 0, passwords: Vec::new(), more: false });
        entry.lines += lines;
        passwords(&mut |password| {
            if entry.take(password, kept_bytes) {
                tell(password);
            }
        });
    }
}

impl Login {
    /// Takes what may be the password. Says whether that tells anything.
    fn take(&mut self, password: &str, kept_bytes: &mut usize) -> bool {
        if password.is_empty()
            || password.len() > PASSWORD_BYTES_MAX
            || self.passwords.iter().any(|known| known.as_str() == password)
        {
            return false;
        }
        if self.passwords.len() >= PASSWORDS_PER_LOGIN_MAX || *kept_bytes + password.len() > KEPT_BYTES_MAX {
            return !std::mem::replace(&mut self.more, true);
        }
        *kept_bytes += password.len();
        self.passwords.push(Zeroizing::new(password.to_owned()));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn however_much_stands_beside_a_login_no_more_is_kept_than_there_is_room_for() {
        let mut found = Found::default();
        let filler = "x".repeat(PASSWORD_BYTES_MAX - 8);
        for login in 0..5_000 {
            let all = (0..PASSWORDS_PER_LOGIN_MAX).map(|number| format!("{number:08}{filler}"));
            let all: Vec<String> = all.collect();
            found.named(Match::Name, &format!("anna@{login}.example"), 1, |take| {
                all.iter().for_each(|password| take(password));
            });
        }
        let kept = found.into_sorted();
        let bytes = |((_, login), what): &((Match, String), Login)| {
            login.len() + what.passwords.iter().map(|password| password.len()).sum::<usize>()
        };
        assert!(kept.iter().map(bytes).sum::<usize>() <= KEPT_BYTES_MAX);
        assert_eq!(kept.iter().find(|(key, _)| key.1 == "anna@0.example").expect("it was named").1.passwords.len(), 32);
        assert!(kept.iter().any(|(_, what)| what.more), "and it is said");
    }
}
