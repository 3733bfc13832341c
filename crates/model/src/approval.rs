//! Changes that one person must not make alone: what they are, and what the ledger records of them.
//!
//! To put a further act behind two persons and a delay: add a variant to [`Change`], give it a subject and a sentence in
//! `warden/approvals/words.rs`, and an arm in `warden/approvals/carry_out.rs`. Nothing else decides about it.

use serde::{Deserialize, Serialize};

use crate::{
    AuthenticatorRule, Ceilings, ColdHolder, ColdRule, EntryNumber, NetworkRule, NumberSet, OrderRule, OrganisationId,
    PatientNumber, PersonId, Relationship, Role, UnsealMethodAdded, UnsealMethodGone, Who, Whose, Window,
};

/// A change that waits for a second person and a delay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "kebab-case")]
pub enum Change {
    /// A person gets another role.
    Role {
        /// Who.
        person: PersonId,
        /// The role until now.
        from: Role,
        /// The role from then on.
        to: Role,
    },
    /// A person is added who decides about others, or who reads a whole site from the first day.
    AddPerson {
        /// E-mail address, the login name.
        email: String,
        /// Name.
        name: String,
        /// Role.
        role: Role,
        /// Organisation.
        organisation: OrganisationId,
        /// Whether a password and code may be used.
        password_and_code: bool,
    },
    /// A new enrolment link for somebody who is enrolled already: whoever holds it becomes that person.
    Enrol {
        /// For whom.
        person: PersonId,
    },
    /// The account of an officer or administrator is closed.
    ClosePerson {
        /// Whose.
        person: PersonId,
    },
    /// A relationship that reaches the whole site.
    Relate {
        /// The relationship; its entry number is 0 until it is made.
        relationship: Relationship,
    },
    /// The rule about these changes itself.
    ApprovalRule {
        /// The rule from then on.
        rule: ApprovalRule,
    },
    /// How long break-glass lasts at the most.
    BreakGlassRule {
        /// The rule from then on.
        rule: BreakGlassRule,
    },
    /// Who may share studies, and for how long.
    SharingRule {
        /// The rule from then on.
        rule: SharingRule,
    },
    /// Which networks are at which places.
    NetworkRule {
        /// The rule from then on.
        rule: NetworkRule,
    },
    /// The keys of studies are destroyed.
    Shred {
        /// The patient.
        patient: PatientNumber,
        /// The studies.
        studies: NumberSet,
        /// Whether what is known of the patient goes too.
        whole_patient: bool,
        /// Why.
        reason: String,
    },
    /// Every key is wrapped again under a new epoch key, and the old ones are destroyed.
    RotateKeys,
    /// Others hold the shares of what goes cold from then on.
    ColdHolders {
        /// How many of the sharing holders are needed.
        threshold: u8,
        /// The holders.
        holders: Vec<ColdHolder>,
        /// Their public keys in the same order, in hexadecimal.
        keys: Vec<String>,
    },
    /// Others hold the shares of everything that is cold: of what goes cold from then on at once, of what is cold already as soon as
    /// enough of those who hold it hand it over.
    ReplaceColdHolders {
        /// How many of the sharing holders are needed.
        threshold: u8,
        /// The holders.
        holders: Vec<ColdHolder>,
        /// Their public keys in the same order, in hexadecimal.
        keys: Vec<String>,
    },
    /// When studies go cold, and how much one holder warms alone.
    ColdRule {
        /// The rule from then on.
        rule: ColdRule,
    },
    /// What follows from orders, and how much one sender may tell.
    OrderRule {
        /// The rule from then on.
        rule: OrderRule,
    },
    /// The ledger's checkpoints are taken to one more witness.
    AddWitness {
        /// Its submission prefix.
        url: String,
        /// Its vkeys.
        vkeys: Vec<String>,
    },
    /// A witness is asked no more.
    RemoveWitness {
        /// Its submission prefix.
        url: String,
    },
    /// Every entry goes to a second folder too.
    AddSink {
        /// Its place.
        path: String,
    },
    /// Entries go to a second folder no more.
    RemoveSink {
        /// Its place.
        path: String,
    },
    /// The keys of a window's days may leave the warden, once: whoever holds them reads every entry of those days.
    ExportWindow {
        /// The window.
        window: Window,
    },
    /// Other methods unseal the root.
    Unseal {
        /// Methods that are new.
        added: Vec<UnsealMethodAdded>,
        /// Methods that go.
        removed: Vec<UnsealMethodGone>,
        /// SHA-256 of the new `root.json`, in hexadecimal digits. The file waits sealed under the root.
        envelope: String,
        /// SHA-256 of the `root.json` that it was made from: another change in between makes it void.
        based_on: String,
    },
    /// The owner may put another root in place of this one, once: the methods that are not named here unseal it.
    NewRoot {
        /// Methods that go.
        removed: Vec<UnsealMethodGone>,
        /// SHA-256 of the `root.json` that is there: another change in between makes it void.
        based_on: String,
    },
    /// Somebody may read more than now before anything happens, or nothing ever does.
    RaiseCeilings {
        /// Whose.
        about: Whose,
        /// What was set by hand until now.
        from: Ceilings,
        /// What is set from then on.
        to: Ceilings,
    },
    /// The owner of the machine lifts what stopped somebody. An officer does it at once, by an entry.
    LiftBudget {
        /// Whose.
        about: Whose,
        /// Why.
        note: String,
    },
    /// Somebody who is here already joins an organisation that reads the whole site.
    Join {
        /// Who.
        person: PersonId,
        /// Which.
        organisation: OrganisationId,
    },
    /// An organisation takes more authenticators than now, or for longer.
    Authenticators {
        /// Which.
        organisation: OrganisationId,
        /// The rule until now.
        from: AuthenticatorRule,
        /// The rule from then on.
        to: AuthenticatorRule,
    },
    /// The words of an entry are erased.
    EraseEntry {
        /// The entry.
        entry: EntryNumber,
        /// Why.
        reason: String,
    },
    /// A change that a later version knows; read as itself, never carried out.
    #[serde(other)]
    Unknown,
}

impl Change {
    /// Whom the change is about: that person never counts among those who approve it.
    #[must_use]
    pub fn subject(&self) -> Option<PersonId> {
        match self {
            Self::Role { person, .. }
            | Self::Enrol { person }
            | Self::ClosePerson { person }
            | Self::Join { person, .. } => Some(*person),
            Self::Relate { relationship } => match relationship.who {
                Who::Person(person) => Some(person),
                Who::Organisation(_) | Who::Device(_) | Who::Link(_) => None,
            },
            Self::RaiseCeilings { about, .. } | Self::LiftBudget { about, .. } => match about {
                Whose::Person(person) => Some(*person),
                Whose::Organisation(_) | Whose::Device(_) | Whose::Site => None,
            },
            Self::AddPerson { .. }
            | Self::ApprovalRule { .. }
            | Self::BreakGlassRule { .. }
            | Self::SharingRule { .. }
            | Self::NetworkRule { .. }
            | Self::Shred { .. }
            | Self::RotateKeys
            | Self::ColdHolders { .. }
            | Self::ReplaceColdHolders { .. }
            | Self::ColdRule { .. }
            | Self::OrderRule { .. }
            | Self::AddWitness { .. }
            | Self::RemoveWitness { .. }
            | Self::AddSink { .. }
            | Self::RemoveSink { .. }
            | Self::ExportWindow { .. }
            | Self::Unseal { .. }
            | Self::NewRoot { .. }
            | Self::Authenticators { .. }
            | Self::EraseEntry { .. }
            | Self::Unknown => None,
        }
    }

    /// Whether the delay runs although two persons agree. Somebody who lost a passkey, an account that must go, and somebody who was
    /// stopped at work cannot wait a day; none of it gives anybody more than they had.
    #[must_use]
    pub fn is_delayed(&self) -> bool {
        !matches!(self, Self::Enrol { .. } | Self::ClosePerson { .. } | Self::LiftBudget { .. })
    }
}

/// How long changes wait at this site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalRule {
    /// The delay, in seconds.
    pub delay_seconds: i64,
    /// How long after the site was made its owner sets it up without waiting, in seconds.
    pub setup_seconds: i64,
}

impl ApprovalRule {
    /// The longest delay, in seconds.
    pub const DELAY_SECONDS_MAX: i64 = 30 * 24 * 3600;
    /// The longest time of setting up, in seconds.
    pub const SETUP_SECONDS_MAX: i64 = 7 * 24 * 3600;
    /// A delay below this, in seconds, is one that `doctor` warns of.
    pub const DELAY_SECONDS_ADVISED: i64 = 3600;
}

impl Default for ApprovalRule {
    fn default() -> Self {
        Self { delay_seconds: 24 * 3600, setup_seconds: 3600 }
    }
}

/// How long break-glass lasts at this site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakGlassRule {
    /// The longest that one use lasts, in seconds.
    pub seconds_max: i64,
    /// A use that no officer has reviewed after this long counts as overdue, in seconds.
    pub review_seconds: i64,
}

impl BreakGlassRule {
    /// Nobody may set more: four hours.
    pub const SECONDS_MAX: i64 = 4 * 3600;
    /// Reviews take at most this long, in seconds: thirty days.
    pub const REVIEW_SECONDS_MAX: i64 = 30 * 24 * 3600;
}

impl Default for BreakGlassRule {
    fn default() -> Self {
        Self { seconds_max: Self::SECONDS_MAX, review_seconds: 3 * 24 * 3600 }
    }
}

/// Who may share studies at this site, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SharingRule {
    /// Whether patients may share their own studies by a link.
    pub patients: bool,
    /// Whether clinicians may share studies in their reach by a link.
    pub clinicians: bool,
    /// The longest that a link lasts, in days.
    pub days_max: u16,
}

impl SharingRule {
    /// Nobody may set more, in days.
    pub const DAYS_MAX: u16 = 30;
}

impl Default for SharingRule {
    fn default() -> Self {
        Self { patients: true, clinicians: true, days_max: Self::DAYS_MAX }
    }
}

/// On whose word a change is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// The site is being set up: nobody who could approve is enrolled, or its first hour runs.
    Setup,
    /// One person alone, after the whole delay: there is nobody else who could approve.
    OnePerson,
    /// Two persons or more.
    TwoPersons,
}

/// How a proposal ended without being carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProposalEnd {
    /// Somebody who may approve it said no.
    Refused,
    /// Whoever proposed it took it back.
    Withdrawn,
    /// Nobody approved it in time.
    Expired,
    /// What it would change is not there any more.
    Overtaken,
}

/// What a proposal needs before it is carried out, as it was when it was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Need {
    /// On whose word.
    pub standing: Standing,
    /// How many other persons must approve.
    pub approvals: u8,
    /// Whether somebody with the officer's role must be among those who propose and approve.
    pub officer: bool,
    /// The delay from the proposal on, in seconds, before further persons cut it.
    pub delay_seconds: i64,
}

/// A code for why the glass was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EmergencyReason {
    /// Danger to life or limb.
    LifeThreatening,
    /// Treatment now, and the patient cannot be asked or the order is not there yet.
    UrgentTreatment,
    /// A critical result has to be passed on.
    CriticalResult,
    /// The system that makes relationships is down.
    SystemDown,
    /// Something else, said in the text.
    Other,
}

/// What an officer found when looking at a use of break-glass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It was needed.
    Justified,
    /// It was not.
    NotJustified,
}
