//! Accounts: what somebody is called elsewhere, and which authenticators an organisation takes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Instant;

/// Whom a chamber, an authority or a payer means: the number of a physician, with who gave it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ProfessionalId {
    /// Who gave the number.
    pub issuer: String,
    /// The number.
    pub id: String,
}

impl ProfessionalId {
    /// The longest issuer or number, in characters.
    pub const CHARACTERS_MAX: usize = 64;
}

/// The text is not `ISSUER/ID`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidProfessionalId;

impl fmt::Display for InvalidProfessionalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a professional identifier: ISSUER/ID is expected, each 1 to 64 characters on one line")
    }
}

impl std::error::Error for InvalidProfessionalId {}

impl FromStr for ProfessionalId {
    type Err = InvalidProfessionalId;

    fn from_str(text: &str) -> Result<Self, InvalidProfessionalId> {
        let (issuer, id) = text.split_once('/').ok_or(InvalidProfessionalId)?;
        let part = |text: &str| {
            let text = text.trim();
            let shaped = !text.is_empty()
                && text.chars().count() <= Self::CHARACTERS_MAX
                && !text.contains(|c: char| c.is_control() || c == '/');
            shaped.then(|| text.to_owned()).ok_or(InvalidProfessionalId)
        };
        Ok(Self { issuer: part(issuer)?, id: part(id)? })
    }
}

impl fmt::Display for ProfessionalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.issuer, self.id)
    }
}

/// An authenticator assurance level (NIST SP 800-63B-4 section 2) with its times of reauthentication.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Assurance {
    /// Section 2.2: 24 hours at the most, 1 hour without use (section 2.2.3).
    Aal2,
    /// Section 2.3: 12 hours at the most, 15 minutes without use (section 2.3.3), and keys that leave no device.
    Aal3,
}

/// Which authenticators an organisation takes from its people. The default is passkeys alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthenticatorRule {
    /// Until when a password with a code signs in; never where it is absent.
    #[serde(default)]
    pub password_until: Option<Instant>,
    /// Whether passkeys that can be copied to other devices are refused (WebAuthn section 6.1.3, flag BE).
    #[serde(default)]
    pub device_bound: bool,
    /// The level; where it is absent the site's own times hold.
    #[serde(default)]
    pub assurance: Option<Assurance>,
    /// Certificates of makers in PEM: an authenticator has to show that it is one of theirs. Empty asks for nothing.
    #[serde(default)]
    pub makers: Vec<String>,
    /// Models (AAGUIDs) of those makers; empty takes all of them.
    #[serde(default)]
    pub models: Vec<String>,
}

impl AuthenticatorRule {
    /// The most makers.
    pub const MAKERS_MAX: usize = 8;
    /// The most models.
    pub const MODELS_MAX: usize = 64;
    /// The longest that passwords may be taken ahead, in seconds: a year.
    pub const PASSWORD_SECONDS_MAX: i64 = 366 * 24 * 3600;

    /// Whether a key has to stay on its device.
    #[must_use]
    pub fn wants_device_bound(&self) -> bool {
        self.device_bound || self.assurance == Some(Assurance::Aal3)
    }

    /// Whether this rule takes nothing that `other` refuses, and no later: tightening needs no second person.
    #[must_use]
    pub fn is_at_least_as_strict_as(&self, other: &Self) -> bool {
        let makers = other.makers.is_empty()
            || (!self.makers.is_empty() && self.makers.iter().all(|maker| other.makers.contains(maker)));
        let models = other.makers.is_empty()
            || other.models.is_empty()
            || (!self.models.is_empty() && self.models.iter().all(|model| other.models.contains(model)));
        // the site's own times are shorter than those of AAL2 and longer than those of AAL3 in idleness
        let rank = |assurance| match assurance {
            Some(Assurance::Aal2) => 0,
            None => 1,
            Some(Assurance::Aal3) => 2,
        };
        self.password_until.unwrap_or(Instant(i64::MIN)) <= other.password_until.unwrap_or(Instant(i64::MIN))
            && self.wants_device_bound() >= other.wants_device_bound()
            && rank(self.assurance) >= rank(other.assurance)
            && makers
            && models
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_professional_identifier_is_issuer_and_number() {
        let read = |text: &str| text.parse::<ProfessionalId>().map(|id| id.to_string());
        assert_eq!(read(" KV / 123456701 "), Ok("KV/123456701".to_owned()));
        for wrong in ["", "KV", "/1", "KV/", "a/b/c", "K\nV/1", &format!("K/{}", "1".repeat(65))] {
            assert_eq!(read(wrong), Err(InvalidProfessionalId), "{wrong:?}");
        }
    }

    #[test]
    fn every_way_of_taking_more_is_looser() {
        let strict = AuthenticatorRule {
            password_until: None,
            device_bound: true,
            assurance: Some(Assurance::Aal3),
            makers: vec!["one".to_owned()],
            models: vec!["m".to_owned()],
        };
        let loosened: [fn(&mut AuthenticatorRule); 4] = [
            |rule| rule.password_until = Some(Instant(5)),
            |rule| rule.assurance = None,
            |rule| rule.makers.push("two".to_owned()),
            |rule| rule.models.clear(),
        ];
        for loosen in loosened {
            let mut looser = strict.clone();
            loosen(&mut looser);
            assert!(!looser.is_at_least_as_strict_as(&strict), "{looser:?}");
            assert!(strict.is_at_least_as_strict_as(&looser), "{looser:?}");
        }
        let later = AuthenticatorRule { password_until: Some(Instant(9)), ..Default::default() };
        let sooner = AuthenticatorRule { password_until: Some(Instant(8)), ..Default::default() };
        assert!(!later.is_at_least_as_strict_as(&sooner) && sooner.is_at_least_as_strict_as(&later));
        assert!(strict.is_at_least_as_strict_as(&strict));
    }
}
