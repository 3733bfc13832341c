//! What officers work with: what a report is about, disks, the clocks of an incident.

use serde::{Deserialize, Serialize};

use crate::{DeviceId, DiskId, Instant, KeyId, LinkId, OrganisationId, PersonId, SessionId, Who, Window};

/// What an exposure report is about. As JSON the first three and the last read as a [`Who`] does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum About {
    /// A person, with what their organisations reach.
    Person(PersonId),
    /// An organisation.
    Organisation(OrganisationId),
    /// A device.
    Device(DeviceId),
    /// One session of a person.
    Session(SessionId),
    /// One pair of batch keys.
    Key(KeyId),
    /// What lies on one disk.
    Disk(DiskId),
    /// One share link, over all who opened it.
    Link(LinkId),
}

impl From<Who> for About {
    fn from(who: Who) -> Self {
        match who {
            Who::Person(person) => Self::Person(person),
            Who::Organisation(organisation) => Self::Organisation(organisation),
            Who::Device(device) => Self::Device(device),
            Who::Link(link) => Self::Link(link),
        }
    }
}

/// An exposure report that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExposureReported {
    /// About whom or what.
    pub about: About,
    /// Over which window.
    pub window: Window,
    /// How many patients were reachable.
    pub reachable_patients: u64,
    /// How many were listed.
    pub listed_patients: u64,
    /// How many were opened.
    pub opened_patients: u64,
    /// SHA-256 of the report that was handed out, in hexadecimal digits; absent for one that was only shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}

/// A part of an installation that lies on a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DiskPart {
    /// The front's folder: sealed images, names sealed to the site's public key.
    Images,
    /// The warden's folder: wrapped keys, sealed registry, the sealed root.
    Keyring,
    /// The ledger.
    Ledger,
    /// A vault: a copy of all three.
    Copy,
}

/// A clock that runs from the moment somebody becomes aware of an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Clock {
    /// Early warning (NIS2, Directive (EU) 2022/2555 Art. 23(4)(a)): 24 hours.
    Nis2EarlyWarning,
    /// Incident notification (NIS2 Art. 23(4)(b)): 72 hours.
    Nis2Notification,
    /// Notification of the supervisory authority (GDPR Art. 33(1)): 72 hours.
    GdprNotification,
    /// Assessment of a suspected eligible data breach (Australian Privacy Act 1988 s 26WH): 30 days.
    NdbAssessment,
}

impl Clock {
    /// All of them, the shortest first.
    pub const ALL: [Self; 4] =
        [Self::Nis2EarlyWarning, Self::Nis2Notification, Self::GdprNotification, Self::NdbAssessment];

    /// How long it runs, in seconds.
    #[must_use]
    pub fn seconds(self) -> i64 {
        match self {
            Self::Nis2EarlyWarning => 24 * 3600,
            Self::Nis2Notification | Self::GdprNotification => 72 * 3600,
            Self::NdbAssessment => 30 * 24 * 3600,
        }
    }

    /// When it ends, for who became aware at `aware`.
    #[must_use]
    pub fn due(self, aware: Instant) -> Instant {
        aware.plus_seconds(self.seconds())
    }

    /// The word in the ledger and on the command line.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Nis2EarlyWarning => "nis2-early-warning",
            Self::Nis2Notification => "nis2-notification",
            Self::GdprNotification => "gdpr-notification",
            Self::NdbAssessment => "ndb-assessment",
        }
    }

    /// Reads the word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|clock| clock.word() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_has_one_word() {
        for clock in Clock::ALL {
            assert_eq!(serde_json::to_string(&clock).unwrap(), format!("\"{}\"", clock.word()));
            assert_eq!(Clock::from_word(clock.word()), Some(clock));
        }
        assert_eq!(Clock::from_word("gdpr"), None);
        assert_eq!(Clock::GdprNotification.due(Instant(0)), Instant(72 * 3_600_000_000));
    }

    #[test]
    fn what_a_report_is_about_reads_as_who_did() {
        let who = Who::Person(PersonId(7));
        let text = serde_json::to_string(&who).unwrap();
        assert_eq!(serde_json::to_string(&About::from(who)).unwrap(), text);
        assert_eq!(serde_json::from_str::<About>(&text).unwrap(), About::Person(PersonId(7)));
    }
}
