//! What the ledger records of accounts beside their coming and going.

use serde::{Deserialize, Serialize};

use crate::{AuthenticatorRule, Instant, OrganisationId, PersonId, ProfessionalId};

/// An organisation takes these authenticators from now on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthenticatorsSet {
    /// Which.
    pub organisation: OrganisationId,
    /// The rule.
    pub rule: AuthenticatorRule,
}

/// Somebody may use a password with a code although an organisation takes passkeys only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordUntil {
    /// Who.
    pub person: PersonId,
    /// Until then.
    pub until: Instant,
}

/// Somebody may add colleagues to an organisation, or may no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DelegateSet {
    /// Who.
    pub person: PersonId,
    /// Of which organisation.
    pub organisation: OrganisationId,
    /// Whether from now on, or no more.
    pub delegate: bool,
}

/// When an account ends by itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountEnds {
    /// Whose.
    pub person: PersonId,
    /// When; absent for one that does not.
    pub until: Option<Instant>,
}

/// Somebody said, being present, that a person lost their authenticators.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResetVouched {
    /// Who lost them.
    pub person: PersonId,
    /// Until when this word counts.
    pub until: Instant,
}

/// What a person is called by a chamber, an authority or a payer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfessionalIdSet {
    /// Who.
    pub person: PersonId,
    /// The identifier; absent takes it away.
    pub professional_id: Option<ProfessionalId>,
}
