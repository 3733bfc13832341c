//! Accounts: rights, ends, colleagues, authenticators of organisations, and the comparison with a staff list.

use model::{AuthenticatorRule, Instant, ProfessionalId, Role};
use serde::{Deserialize, Serialize};

/// The longest staff list, in bytes of text.
pub const STAFF_LIST_BYTES_MAX: usize = 2 * 1024 * 1024;

/// What is asked about accounts.
#[derive(Clone, Serialize, Deserialize)]
pub enum AccountsRequest {
    /// Set which authenticators an organisation takes (administrator, owner).
    Authenticators {
        /// Its name.
        organisation: String,
        /// From now on.
        rule: AuthenticatorRule,
    },
    /// Give or take the right to add colleagues (administrator, owner).
    Delegate {
        /// Whose.
        email: String,
        /// Of which organisation.
        organisation: String,
        /// Whether from now on, or no more.
        delegate: bool,
    },
    /// Set when an account ends by itself (administrator, owner).
    Until {
        /// Whose.
        email: String,
        /// When; nothing for one that does not.
        until: Option<Instant>,
    },
    /// Make somebody who is here a member of an organisation (administrator, owner).
    Join {
        /// Whose.
        email: String,
        /// Of which organisation.
        organisation: String,
    },
    /// Issue a link that replaces the authenticators that were lost (administrator, owner).
    Reset {
        /// Whose.
        email: String,
    },
    /// Compare accounts with a staff list (administrator, officer, owner). The list is not kept.
    Census {
        /// The list, as text of comma-separated values.
        list: String,
        /// From how many days without a sign-in an account counts as unused.
        unused_days: u32,
    },
    /// Who else works in the caller's organisations (clinicians).
    Colleagues,
    /// Add a colleague (delegate).
    AddColleague {
        /// Organisation's name.
        organisation: String,
        /// E-mail address.
        email: String,
        /// Name.
        name: String,
        /// Role: referrer, radiologist or technologist.
        role: Role,
        /// What a chamber, an authority or a payer calls them.
        professional_id: Option<ProfessionalId>,
        /// When the account ends by itself.
        until: Option<Instant>,
    },
    /// Set when a colleague's account ends by itself (delegate).
    ColleagueUntil {
        /// Organisation's name.
        organisation: String,
        /// Whose.
        email: String,
        /// When; nothing for one that does not.
        until: Option<Instant>,
    },
    /// End a colleague's membership (delegate).
    ColleagueLeaves {
        /// Organisation's name.
        organisation: String,
        /// Whose.
        email: String,
    },
    /// Issue a link that replaces the authenticators that a colleague lost (delegate).
    ColleagueReset {
        /// Organisation's name.
        organisation: String,
        /// Whose.
        email: String,
    },
    /// Say that a colleague lost their authenticators; the second who says it gets the link (clinicians).
    Vouch {
        /// Whose.
        email: String,
    },
}

/// Somebody in the same organisation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColleagueRow {
    /// Organisation's name.
    pub organisation: String,
    /// Name.
    pub name: String,
    /// E-mail address.
    pub email: String,
    /// Role.
    pub role: Role,
    /// What a chamber, an authority or a payer calls them.
    pub professional_id: Option<ProfessionalId>,
    /// Whether they have an authenticator.
    pub enrolled: bool,
    /// When the account ends by itself.
    pub until: Option<Instant>,
    /// Whether they add colleagues here.
    pub delegate: bool,
    /// Whether the caller may change them here.
    pub mine: bool,
    /// Whether it is the caller.
    pub me: bool,
    /// Somebody else's word that they lost their authenticators, and until when it counts.
    pub vouched_until: Option<Instant>,
}

/// An account in a census.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CensusAccount {
    /// Name.
    pub name: String,
    /// E-mail address.
    pub email: String,
    /// Role.
    pub role: Role,
    /// Organisations by name.
    pub organisations: Vec<String>,
    /// Last sign-in.
    pub last_sign_in: Option<Instant>,
    /// When it ends by itself.
    pub until: Option<Instant>,
    /// The line of the list that is about them, or that has their name where nothing else fits.
    pub line: Option<u32>,
}

/// A line of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CensusLine {
    /// Its number; the header is line 1.
    pub line: u32,
    /// The name that it gives.
    pub name: String,
}

/// An account and its line, which say different things.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CensusDifference {
    /// The account.
    pub account: CensusAccount,
    /// What the list says.
    pub listed: String,
}

/// What a census found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CensusReport {
    /// Open accounts of staff.
    pub accounts: u32,
    /// People of the list.
    pub people: u32,
    /// Accounts that agree with their line and are used.
    pub fitting: u32,
    /// Accounts that no line is about, or whose line has ended.
    pub without_person: Vec<CensusAccount>,
    /// Lines without an account.
    pub without_account: Vec<CensusLine>,
    /// Accounts that nobody signed in with for so long.
    pub unused: Vec<CensusAccount>,
    /// Accounts whose role is not the one of the list.
    pub roles: Vec<CensusDifference>,
    /// Accounts whose organisations lack the one of the list, or are more.
    pub organisations: Vec<CensusDifference>,
    /// Accounts that end later than the list says, or never.
    pub ends: Vec<CensusDifference>,
    /// Lines that could not be understood in full, with what is wrong.
    pub unclear: Vec<(CensusLine, String)>,
}
