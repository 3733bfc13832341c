//! Cold studies: who holds their keys, when they go cold, and what warms them.

use serde::{Deserialize, Serialize};

use crate::{EntryNumber, Instant, KeyId, NumberSet, PatientNumber};

/// What a holder may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HolderKind {
    /// Has one share; as many as the threshold says are needed.
    Sharing,
    /// Alone is enough, for one patient at a time: somebody on call at night.
    Emergency,
    /// Alone is enough for the priors of an order: a program on another machine with a budget of its own.
    Service,
}

/// Somebody whose share is needed to open cold studies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColdHolder {
    /// The name of the holder's key.
    pub key: KeyId,
    /// Who it is, in words.
    pub name: String,
    /// What the holder may do.
    pub kind: HolderKind,
}

/// When studies go cold and which priors an order warms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColdRule {
    /// How long after the last relationship ended, and after the last image came, in seconds.
    pub after_seconds: i64,
    /// Which cold studies of a patient a new relationship asks for.
    pub priors: Priors,
    /// How many patients a day [`HolderKind::Service`] may warm.
    pub service_per_day: u32,
    /// How many patients a day [`HolderKind::Emergency`] may warm.
    pub emergency_per_day: u32,
}

impl Default for ColdRule {
    fn default() -> Self {
        Self { after_seconds: 30 * 86_400, priors: Priors::All, service_per_day: 200, emergency_per_day: 5 }
    }
}

/// Which cold studies of a patient a new relationship asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Priors {
    /// All.
    All,
    /// None.
    None,
    /// Those of the last years.
    Years(u16),
}

/// Why cold studies are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WarmingBasis {
    /// Somebody asked.
    Request,
    /// A relationship with the patient began.
    Order,
    /// Somebody asked at once, for an emergency.
    Emergency,
}

/// Studies of one patient that can be opened again until a deadline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Warmed {
    /// The request.
    pub request: EntryNumber,
    /// The patient.
    pub patient: PatientNumber,
    /// The studies.
    pub studies: NumberSet,
    /// When they go cold again.
    pub until: Instant,
    /// The keys of the holders who released shares.
    pub by: Vec<KeyId>,
    /// Whether one holder alone did it, as for an emergency.
    pub emergency: bool,
}
