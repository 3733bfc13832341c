//! What is kept of a dump while it is read: passwords that stand beside known logins.

use std::collections::HashMap;

use zeroize::Zeroizing;

/// The most passwords that are kept of one login; each costs a slow hash later.
pub const PASSWORDS_PER_LOGIN_MAX: usize = 32;
/// The longest password, in bytes: longer ones are accepted nowhere here.
const PASSWORD_BYTES_MAX: usize = 512;
/// The most logins that are kept.
const LOGINS_MAX: usize = 100_000;

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

/// Every login that was found, by how it fits and its folded text.
#[derive(Debug, Default)]
pub struct Found {
    logins: HashMap<(Match, String), Login>,
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

    pub(crate) fn login(&mut self, by: Match, login: &str) -> Option<&mut Login> {
        let key = (by, login.to_owned());
        if self.logins.len() >= LOGINS_MAX && !self.logins.contains_key(&key) {
            return None;
        }
        Some(self.logins.entry(key).or_insert(Login { lines: 0, passwords: Vec::new(), more: false }))
    }
}

impl Login {
    /// Takes what may be the password.
    pub(crate) fn take(&mut self, password: &str) {
        if password.is_empty()
            || password.len() > PASSWORD_BYTES_MAX
            || self.passwords.iter().any(|known| known.as_str() == password)
        {
            return;
        }
        if self.passwords.len() >= PASSWORDS_PER_LOGIN_MAX {
            self.more = true;
            return;
        }
        self.passwords.push(Zeroizing::new(password.to_owned()));
    }
}
