//! What unusual reading is called: measures, spans, reactions and the evidence of a finding.

use serde::{Deserialize, Serialize};

use crate::{
    DeviceId, EntryNumber, ImpossibleTravel, Instant, KeyId, OrderCount, OrganisationId, ParallelSessions,
    PatientNumber, PersonId, TriedOthers, Who,
};

/// Whose volume is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Whose {
    /// A person's own, over all of their sessions.
    Person(PersonId),
    /// All members of an organisation together.
    Organisation(OrganisationId),
    /// A device.
    Device(DeviceId),
    /// Everybody together.
    Site,
}

impl From<Who> for Whose {
    fn from(who: Who) -> Self {
        match who {
            Who::Person(person) => Self::Person(person),
            Who::Organisation(organisation) => Self::Organisation(organisation),
            Who::Device(device) => Self::Device(device),
            // one study of one patient, which its maker read within a budget of their own
            Who::Link(_) => Self::Site,
        }
    }
}

/// What is counted: distinct patients, not requests. A patient is *due* to a reader while something about the patient is new: a study
/// that a device sent in the last 14 days, or a relationship that names the patient and is not older than 30 days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// Images opened of patients who are due.
    OpenedDue,
    /// Images opened of patients about whom nothing is new.
    OpenedOther,
    /// Names listed of patients who are due, outside of relationships that name them.
    ListedDue,
    /// Names listed of patients about whom nothing is new, outside of relationships that name them.
    ListedOther,
}

impl Measure {
    /// Every measure, in the order of their indexes.
    pub const ALL: [Self; 4] = [Self::OpenedDue, Self::OpenedOther, Self::ListedDue, Self::ListedOther];

    /// Whether it counts openings; the others count names.
    #[must_use]
    pub fn is_opened(self) -> bool {
        matches!(self, Self::OpenedDue | Self::OpenedOther)
    }

    /// Whether it counts patients who are due.
    #[must_use]
    pub fn is_due(self) -> bool {
        matches!(self, Self::OpenedDue | Self::ListedDue)
    }
}

/// Over which time volume is summed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Span {
    /// The running hour of the clock.
    Hour,
    /// The running day in UTC.
    Day,
    /// Seven days.
    Week,
    /// 28 days.
    Month,
}

impl Span {
    /// Every span, in the order of their indexes.
    pub const ALL: [Self; 4] = [Self::Hour, Self::Day, Self::Week, Self::Month];
}

/// What leadglass did about it, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Reaction {
    /// Told the officer.
    Noticed,
    /// Made each further patient wait for some seconds.
    Slowed,
    /// Asked for a fresh touch of the authenticator.
    Touch,
    /// Stopped reading of this kind until an officer lifts it.
    Stopped,
}

/// Unusual reading, with the numbers that show it. Its number is that of its entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Whose reading.
    pub about: Whose,
    /// What was done.
    pub reaction: Reaction,
    /// Why.
    pub evidence: Evidence,
}

/// Why something is a finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Evidence {
    /// More patients than usual.
    Volume(Volume),
    /// A honey patient was touched: nobody has a reason to.
    Honey {
        /// Which.
        patient: PatientNumber,
        /// Whether it was opened, or only listed.
        opened: bool,
    },
    /// What somebody learned to read is far beyond everybody else in the same role.
    BeyondPeers {
        /// What is counted.
        measure: Measure,
        /// Patients in 28 days, as learned.
        normal: u32,
        /// The median of the role.
        peers: u32,
    },
    /// Devices sent studies of far more patients on one day than on any of the month before. Each of them is due to whoever reaches them.
    Intake {
        /// Patients of the day.
        patients: u32,
        /// Those of the busiest day of the 28 before.
        high: u32,
    },
    /// Somebody named very many patients in relationships on one day. Each of them is due to whom the relationship is with.
    Related {
        /// Patients of the day.
        patients: u32,
        /// More than so many are told.
        limit: u32,
    },
    /// One holder alone warmed cold studies of a patient, as for an emergency. The finding is about whoever asked; the site, where
    /// that was the owner of the machine.
    EmergencyWarming {
        /// The patient.
        patient: PatientNumber,
        /// How many studies.
        studies: u32,
        /// The request, with its reason.
        request: EntryNumber,
        /// The holder's key.
        holder: KeyId,
    },
    /// A login like this person's stands in a dump of stolen logins, and no password beside it is this account's.
    LeakedLogin {
        /// Whether only the part before the @ is the same.
        by_name: bool,
        /// How many passwords stood beside it and were tried.
        tried: u32,
    },
    /// A device told more orders or merges on one day than it may; those beyond are kept, and nothing follows from them.
    Orders {
        /// What was counted.
        count: OrderCount,
        /// More than so many are not taken.
        limit: u32,
    },
    /// An officer refused a request for cold studies that was an emergency. The finding is about who refused it.
    EmergencyRefused {
        /// The patient.
        patient: PatientNumber,
        /// How many studies.
        studies: u32,
        /// The request, with its reason.
        request: EntryNumber,
    },
    /// Two sessions of a person were used in turns, from different devices or networks.
    ParallelSessions(Box<ParallelSessions>),
    /// A person was at two places, and nobody travels as fast.
    ImpossibleTravel(Box<ImpossibleTravel>),
    /// A person was active in more hours than one person works.
    DayAndNight {
        /// Distinct hours of the clock.
        hours: u32,
        /// Of so many.
        of: u32,
    },
    /// Somebody who had authenticators was given a further one, and unusual reading followed.
    NewAuthenticator {
        /// When it was bound.
        bound: Instant,
        /// The finding about what was read.
        finding: EntryNumber,
    },
    /// A sign-in came from an address that others failed to sign in from shortly before.
    TriedOthers(Box<TriedOthers>),
}

/// More patients than usual.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// What is counted.
    pub measure: Measure,
    /// Over which time.
    pub span: Span,
    /// Distinct patients that were new to the reader.
    pub patients: u32,
    /// What is compared with the limit: patients, where each at an unusual hour and each in a walk along the numbers counts once more.
    pub weight: u32,
    /// What is normal.
    pub normal: u32,
    /// The limit that was passed.
    pub limit: u32,
    /// How many of the day were read at an hour at which this reader hardly ever reads.
    pub unusual_hours: u32,
    /// How many of the day followed each other in the order of their numbers.
    pub in_sequence: u32,
    /// How many sessions took part that day.
    pub sessions: u32,
}

/// Patients a day at which reading stops, set by hand. `None` goes by what was learned; [`Ceilings::NO_LIMIT`] never stops.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ceilings {
    /// For [`Measure::OpenedDue`].
    pub opened_due: Option<u32>,
    /// For [`Measure::OpenedOther`].
    pub opened_other: Option<u32>,
    /// For [`Measure::ListedDue`].
    pub listed_due: Option<u32>,
    /// For [`Measure::ListedOther`].
    pub listed_other: Option<u32>,
}

impl Ceilings {
    /// Nothing is slowed and nothing stops.
    pub const NO_LIMIT: u32 = u32::MAX;

    /// The ceiling of a measure.
    #[must_use]
    pub fn of(&self, measure: Measure) -> Option<u32> {
        match measure {
            Measure::OpenedDue => self.opened_due,
            Measure::OpenedOther => self.opened_other,
            Measure::ListedDue => self.listed_due,
            Measure::ListedOther => self.listed_other,
        }
    }
}
