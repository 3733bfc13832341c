//! Orders, appointments and merged patients, as the ledger records them. Numbers of orders stand in it as keyed digests only.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{DeviceId, EntryNumber, Instant, KeyedDigest, NumberSet, OrganisationId, PatientNumber, Who};

/// What follows from an order here, and how much one sender may tell in a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRule {
    /// How long a relationship lasts after the order came to its end, in days.
    pub grace_days: u16,
    /// How long an order that nobody ends is taken to run from the day that it is scheduled for, in days.
    pub open_days: u16,
    /// Who reads what no place of the order decides.
    pub reading_group: Option<OrganisationId>,
    /// Who reads what is placed or performed there.
    pub places: BTreeMap<String, OrganisationId>,
    /// By which issuer an authority's patients are known here. One that is not named is known by its own name.
    pub authorities: BTreeMap<String, String>,
    /// The most orders a day of one sender, and the most appointments.
    pub orders_per_day: u32,
    /// The most of them for which no appointment is known.
    pub unmatched_per_day: u32,
    /// The most merges a day of one sender.
    pub merges_per_day: u32,
}

impl Default for OrderRule {
    fn default() -> Self {
        Self {
            grace_days: 30,
            open_days: 90,
            reading_group: None,
            places: BTreeMap::new(),
            authorities: BTreeMap::new(),
            orders_per_day: 2_000,
            unmatched_per_day: 100,
            merges_per_day: 50,
        }
    }
}

/// How an order ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OrderEnd {
    /// It was cancelled or discontinued: its relationships end at once.
    Cancelled,
    /// It was done: its relationships last for the rule's days of grace.
    Completed,
    /// Another state of it took its place.
    Changed,
}

/// Which message of a sender an entry comes from; the same message never counts twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderSource {
    /// The sender.
    pub device: DeviceId,
    /// Keyed digest of what it calls the message.
    pub control: KeyedDigest,
    /// Keyed digest of the message.
    pub content: KeyedDigest,
}

/// An order was taken in. The relationships that follow from it stand in the entries just before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderTaken {
    /// The patient.
    pub patient: PatientNumber,
    /// Whose identifier the message named: another record than `patient` where that one was merged.
    pub named: PatientNumber,
    /// Keyed digests of the numbers by which it is known, beside those of the order whose place it takes.
    pub numbers: Vec<KeyedDigest>,
    /// How many relationships.
    pub relationships: u32,
    /// Whether an appointment was known for it.
    pub matched: bool,
    /// The message.
    pub source: OrderSource,
}

/// An order ended; so do its relationships, in the entries just before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderEnded {
    /// The entry in which it was taken in.
    pub order: EntryNumber,
    /// How.
    pub how: OrderEnd,
    /// The message.
    pub source: OrderSource,
}

/// An appointment became known, or was cancelled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppointmentMade {
    /// The patient.
    pub patient: PatientNumber,
    /// As of an order.
    pub named: PatientNumber,
    /// Keyed digest of what it is called.
    pub appointment: KeyedDigest,
    /// Keyed digests of the numbers of the order that it is for; none where it does not say.
    pub orders: Vec<KeyedDigest>,
    /// When.
    pub starts: Option<Instant>,
    /// Whether it takes place no more: orders that no other appointment is known for have none again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cancelled: bool,
    /// The message.
    pub source: OrderSource,
}

/// Two records are one person's, or no more. What it took along stands in the entries just before: of each of `relationships` its end and
/// then its new beginning, in this order, and of each of `studies` its move.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatientsMerged {
    /// Who goes.
    pub from: PatientNumber,
    /// Who stays.
    pub to: PatientNumber,
    /// Relationships that were made anew.
    pub relationships: Vec<EntryNumber>,
    /// Studies that were moved.
    pub studies: NumberSet,
    /// The merge that this takes back.
    pub undoes: Option<EntryNumber>,
    /// The message; none where the owner of the machine did it.
    pub source: Option<OrderSource>,
}

/// A patient's consent, as a system told it: whom orders give no reach to this patient while it holds. What orders gave them ended in the
/// entries just before. One that denies nobody takes the place of what the same consent denied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsentTold {
    /// The record whose identifier the message named: the consent goes with it where a merge is taken back.
    pub patient: PatientNumber,
    /// Keyed digest of what it is called.
    pub consent: KeyedDigest,
    /// Whom it denies.
    pub denied: Vec<Who>,
    /// Until when; until it is changed where it does not say.
    pub until: Option<Instant>,
    /// The message.
    pub source: OrderSource,
}

/// What of a sender's day is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OrderCount {
    /// Orders.
    Orders,
    /// Orders for which no appointment is known.
    Unmatched,
    /// Merged patients.
    Merges,
    /// Appointments.
    Appointments,
}

/// What became of a message that was kept for repair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeptOrder {
    /// It was not taken, and is kept.
    Kept,
    /// The owner of the machine read it.
    Read,
    /// It was decided on again, and taken.
    Replayed,
    /// It was thrown away.
    Dropped,
}
