//! Who may reach what: roles, relationships and what a device may do.

use serde::{Deserialize, Serialize};

use crate::{DeviceId, EntryNumber, LinkId, OrganisationId, PatientNumber, PersonId, StudyNumber, Window};

/// What a person is here. One person has one role at a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Sees own images and who looked at them.
    Patient,
    /// Sees patients referred to them or to their organisation.
    Referrer,
    /// Reads what relationships grant, usually a whole site.
    Radiologist,
    /// Checks that images arrived; sees what relationships grant.
    Technologist,
    /// Data protection officer: sees the ledger and exposure, never images.
    Officer,
    /// Manages people, organisations and devices; sees no patient.
    Administrator,
    /// A site with one doctor may hold the officer's and the administrator's role in one account.
    /// It is what `init` makes; the ledger says so.
    #[serde(rename = "officer-administrator")]
    OfficerAdministrator,
}

impl Role {
    /// Whether it decides about others: an officer or an administrator.
    #[must_use]
    pub fn decides(self) -> bool {
        matches!(self, Self::Officer | Self::Administrator | Self::OfficerAdministrator)
    }
}

/// How far a relationship reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// Names, dates and descriptions.
    List,
    /// Images too.
    Open,
}

/// Who holds a relationship.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Who {
    /// A person.
    Person(PersonId),
    /// Every member of an organisation, while a member.
    Organisation(OrganisationId),
    /// A device.
    Device(DeviceId),
    /// Whoever opened a share link, with its secret and its code.
    Link(LinkId),
}

/// What a relationship reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum What {
    /// A patient, with all studies filed under that patient at the time.
    Patient(PatientNumber),
    /// One study.
    Study(StudyNumber),
    /// Everything at the site.
    Site,
}

/// A materialised relationship: the only thing that grants reach.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relationship {
    /// The holder.
    pub who: Who,
    /// What is reached.
    pub what: What,
    /// How far.
    pub tier: Tier,
    /// From when until when.
    pub window: Window,
    /// Why, in a few words: an order, a referral, a treatment team, being the patient, a share link.
    pub basis: String,
    /// The entry that made it.
    pub entry: EntryNumber,
}

/// One thing that a device may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DeviceMay {
    /// Send images in.
    Store,
    /// List what its relationships grant.
    List,
    /// Open what its relationships grant.
    Open,
    /// Narrows the two above to today's list: patients for whom a device sent something, or whom a relationship of its own named, today
    /// or yesterday (UTC), with their priors.
    Today,
    /// Tell orders, appointments and merged patients: what follows from them is decided by the rule of the site.
    Orders,
}

/// Which authenticators an organisation accepts from its people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Authorisation {
    /// Passkeys only.
    PasskeyOnly,
    /// Passkeys, or a password with a one-time code.
    PasswordAndCode,
}
