//! Orders, appointments and merged patients, replayed from the ledger.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use model::{
    Actor, ConsentTold, DeviceId, Entry, EntryBody, EntryNumber, Evidence, Instant, KeptOrder, KeyedDigest, NumberSet,
    OrderCount, OrderEnd, OrderEnded, OrderRule, OrderSource, OrderTaken, PatientNumber, PatientsMerged, SECOND, Who,
    Whose,
};
use protocol::OrderProblem;

use super::appointments::Appointments;
use super::consent::Consents;

/// How long it is remembered which messages of a sender were taken: 14 days, in seconds.
const MESSAGES_SECONDS: i64 = 14 * DAY_SECONDS;
/// Messages of one sender that are remembered although nothing followed from them.
const PASSING_OF_SENDER_MAX: usize = 1_000;
/// Messages that are remembered before those that are too old are looked for.
const MESSAGES_KEPT: usize = 10_000;
/// Seconds of a day.
pub(super) const DAY_SECONDS: i64 = 86_400;
/// What is told of the future holds at most so many days ahead.
pub(super) const SCHEDULED_DAYS_MAX: i64 = 400;
/// Longer chains of merged patients are not followed.
const MERGES_DEEP_MAX: usize = 64;
/// No longer ones are made.
pub(super) const MERGES_DEEP_MADE_MAX: usize = 60;

/// An order that was taken in.
#[derive(Clone, Debug)]
pub(crate) struct Order {
    pub(crate) at: Instant,
    pub(crate) device: DeviceId,
    pub(crate) patient: PatientNumber,
    /// Whose identifier named it.
    named: PatientNumber,
    /// Every number that it is known by, also those of states of it before.
    pub(super) numbers: Vec<KeyedDigest>,
    pub(crate) relationships: Vec<EntryNumber>,
    /// The end of what it gave, as it was taken.
    pub(crate) until: Instant,
    pub(crate) matched: bool,
    /// The appointments that are known for it.
    pub(super) appointments: Vec<KeyedDigest>,
    pub(crate) ended: Option<OrderEnd>,
}

/// Why numbers name no order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clash {
    /// One of them is known for another patient.
    Patient,
    /// They are those of several orders.
    Several,
}

/// A message that was taken.
pub(crate) struct Seen {
    pub(crate) content: KeyedDigest,
    /// What was said to it; nothing but that it was taken is known after a restart.
    pub(crate) said: Vec<OrderProblem>,
    at: Instant,
    /// Nothing followed from it, so that the ledger does not know it.
    passing: bool,
}

/// What one sender told on one day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    pub(super) day: i64,
    pub(crate) orders: u32,
    pub(crate) unmatched: u32,
    pub(crate) merges: u32,
    pub(super) appointments: u32,
}

impl Told {
    pub(crate) fn count(&self, count: OrderCount) -> u32 {
        match count {
            OrderCount::Orders => self.orders,
            OrderCount::Unmatched => self.unmatched,
            OrderCount::Merges => self.merges,
            OrderCount::Appointments => self.appointments,
        }
    }
}

/// Two records that are one person's.
#[derive(Clone, Debug)]
pub(crate) struct Merge {
    pub(crate) at: Instant,
    pub(crate) from: PatientNumber,
    pub(crate) to: PatientNumber,
    /// Relationships as they were made anew.
    pub(crate) made: Vec<EntryNumber>,
    pub(crate) undone: bool,
}

/// Everything about orders.
#[derive(Default)]
pub(crate) struct Orders {
    pub(crate) rule: OrderRule,
    pub(super) orders: BTreeMap<EntryNumber, Order>,
    pub(super) by_number: HashMap<KeyedDigest, EntryNumber>,
    pub(super) of_patient: HashMap<PatientNumber, Vec<EntryNumber>>,
    pub(super) appointments: Appointments,
    messages: HashMap<(DeviceId, KeyedDigest), Seen>,
    /// Those that nothing followed from, the oldest first.
    passing: HashMap<DeviceId, VecDeque<KeyedDigest>>,
    pub(super) told: HashMap<DeviceId, Told>,
    found: HashMap<(DeviceId, OrderCount), i64>,
    merges: BTreeMap<EntryNumber, Merge>,
    pub(super) consents: Consents,
    /// Who went, and who stayed.
    merged: HashMap<PatientNumber, PatientNumber>,
    next_kept: u32,
    /// Relationships that were made in the entries just before, and their ends.
    just_made: Vec<(EntryNumber, Instant)>,
    /// The order whose place the next one takes.
    changed: Option<EntryNumber>,
}

impl Orders {
    /// Takes the next entry.
    pub(crate) fn apply(&mut self, number: EntryNumber, entry: &Entry) {
        let at = entry.recorded;
        match &entry.body {
            EntryBody::Related { relationship } => return self.just_made.push((number, relationship.window.to)),
            // they stand between relationships that an order or a merge changes
            EntryBody::RelationshipEnded { .. } | EntryBody::Moved { .. } => return,
            EntryBody::OrderRuleSet { rule } => self.rule = rule.clone(),
            EntryBody::OrderTaken(taken) => self.take(number, taken, at),
            EntryBody::OrderEnded(ended) => self.end(ended, at),
            EntryBody::AppointmentMade(made) => self.appoint(made, at),
            EntryBody::ConsentTold(told) => self.consent(told, at),
            EntryBody::PatientsMerged(merged) => self.merge(number, merged, &entry.actor, at),
            EntryBody::OrderKept { kept, state: KeptOrder::Kept, .. } => {
                self.next_kept = self.next_kept.max(kept.saturating_add(1));
            }
            EntryBody::FindingRaised { finding } => {
                if let (Whose::Device(device), Evidence::Orders { count, .. }) = (finding.about, &finding.evidence) {
                    self.found.insert((device, *count), day_of(at));
                }
            }
            _ => {}
        }
        self.just_made.clear();
        self.changed = match &entry.body {
            EntryBody::OrderEnded(OrderEnded { order, how: OrderEnd::Changed, .. }) => Some(*order),
            _ => None,
        };
    }

    fn take(&mut self, number: EntryNumber, taken: &OrderTaken, at: Instant) {
        let OrderTaken { patient, named, numbers, relationships, matched, source } = taken;
        let made = self.just_made.split_off(self.just_made.len().saturating_sub(*relationships as usize));
        let (mut numbers, mut appointments) = (numbers.clone(), Vec::new());
        // it goes on under every number that it had, and with the appointments that made it one with an appointment
        if let Some(former) = self.changed.take().and_then(|former| self.orders.get_mut(&former)) {
            numbers.append(&mut former.numbers);
            if former.matched && at < former.until {
                appointments.append(&mut former.appointments);
            }
        }
        numbers.sort_unstable();
        numbers.dedup();
        self.by_number.extend(numbers.iter().map(|one| (*one, number)));
        appointments.extend(self.appointments.of_order(*patient, &numbers, at));
        appointments.sort_unstable();
        appointments.dedup();
        let order = Order {
            at,
            device: source.device,
            patient: *patient,
            named: *named,
            numbers,
            // one whose holders a consent keeps away is open all the same
            until: made.iter().map(|(_, until)| *until).max().unwrap_or(at.plus_seconds(lasting_seconds(&self.rule))),
            relationships: made.into_iter().map(|(entry, _)| entry).collect(),
            matched: *matched,
            appointments: if *matched { appointments } else { Vec::new() },
            ended: None,
        };
        let told = self.today(source.device, at);
        told.orders += 1;
        told.unmatched += u32::from(!matched);
        self.orders.insert(number, order);
        self.of_patient.entry(*patient).or_default().push(number);
        self.saw(source, Vec::new(), at);
    }

    fn end(&mut self, ended: &OrderEnded, at: Instant) {
        if let Some(order) = self.orders.get_mut(&ended.order) {
            order.ended = Some(ended.how);
            let (device, day, matched) = (order.device, day_of(order.at), order.matched);
            // another state of it takes its place, and is counted instead
            if let Some(told) = self.told.get_mut(&device).filter(|told| told.day == day)
                && ended.how == OrderEnd::Changed
                && !matched
            {
                told.unmatched = told.unmatched.saturating_sub(1);
            }
        }
        self.saw(&ended.source, Vec::new(), at);
    }

    fn consent(&mut self, told: &ConsentTold, at: Instant) {
        self.today(told.source.device, at).appointments += 1;
        self.consents.tell(told, at);
        self.saw(&told.source, Vec::new(), at);
    }

    fn merge(&mut self, number: EntryNumber, merged: &PatientsMerged, actor: &Actor, at: Instant) {
        let PatientsMerged { from, to, relationships, undoes, source, .. } = merged;
        let made = self.just_made.split_off(self.just_made.len().saturating_sub(relationships.len()));
        let made: Vec<EntryNumber> = made.into_iter().map(|(entry, _)| entry).collect();
        let anew: HashMap<EntryNumber, EntryNumber> = relationships.iter().copied().zip(made.iter().copied()).collect();
        let chain = &self.merged;
        // back goes what was told under the identifiers of the record that is one of its own again
        let goes_along = |named: PatientNumber| undoes.is_none() || leads_to(chain, named, *to);
        let of_from = self.of_patient.remove(from).unwrap_or_default();
        let (mut stays, mut goes) = (Vec::new(), Vec::new());
        for one in of_from {
            let Some(order) = self.orders.get_mut(&one) else { continue };
            order.relationships.iter_mut().for_each(|held| *held = anew.get(held).copied().unwrap_or(*held));
            if goes_along(order.named) {
                order.patient = *to;
                goes.push(one);
            } else {
                stays.push(one);
            }
        }
        self.of_patient.entry(*from).or_default().extend(stays);
        self.of_patient.entry(*to).or_default().extend(goes);
        self.appointments.take_along(*from, *to, goes_along);
        // what an earlier merge made goes on under another entry
        for merge in self.merges.values_mut() {
            merge.made.iter_mut().for_each(|held| *held = anew.get(held).copied().unwrap_or(*held));
        }
        if let Some(undoes) = undoes {
            if let Some(merge) = self.merges.get_mut(undoes) {
                merge.undone = true;
                self.merged.remove(&merge.from);
            }
            return;
        }
        self.merged.insert(*from, *to);
        self.merges.insert(number, Merge { at, from: *from, to: *to, made, undone: false });
        if let (Actor::Device { device, .. }, Some(source)) = (actor, source) {
            self.today(*device, at).merges += 1;
            self.saw(source, Vec::new(), at);
        }
    }

    pub(super) fn today(&mut self, device: DeviceId, at: Instant) -> &mut Told {
        let told = self.told.entry(device).or_default();
        if told.day != day_of(at) {
            *told = Told { day: day_of(at), ..Told::default() };
        }
        told
    }

    /// Remembers that a message was taken, of which entries tell.
    pub(crate) fn saw(&mut self, source: &OrderSource, said: Vec<OrderProblem>, at: Instant) {
        let seen = Seen { content: source.content, said, at, passing: false };
        self.messages.insert((source.device, source.control), seen);
        if self.messages.len() > MESSAGES_KEPT && self.messages.len().is_power_of_two() {
            self.messages.retain(|_, seen| at < seen.at.plus_seconds(MESSAGES_SECONDS));
        }
    }

    /// Remembers that a message was taken from which nothing followed: the newest of each sender.
    pub(crate) fn saw_passing(&mut self, source: &OrderSource, said: Vec<OrderProblem>, at: Instant) {
        let seen = Seen { content: source.content, said, at, passing: true };
        let own = self.passing.entry(source.device).or_default();
        if self.messages.insert((source.device, source.control), seen).is_none_or(|former| !former.passing) {
            own.push_back(source.control);
        }
        while own.len() > PASSING_OF_SENDER_MAX {
            let oldest = own.pop_front().map(|control| (source.device, control));
            if let Some(oldest) = oldest.filter(|oldest| self.messages.get(oldest).is_some_and(|seen| seen.passing)) {
                self.messages.remove(&oldest);
            }
        }
    }

    /// The message of this name that was taken from a sender.
    pub(crate) fn seen(&self, device: DeviceId, control: KeyedDigest, now: Instant) -> Option<&Seen> {
        let seen = self.messages.get(&(device, control));
        seen.filter(|seen| now < seen.at.plus_seconds(MESSAGES_SECONDS))
    }

    /// The one order of a patient that is known by any of these numbers: the one that is open, else the newest.
    pub(crate) fn known_all(
        &self,
        numbers: &[KeyedDigest],
        patient: Option<PatientNumber>,
    ) -> Result<Option<(EntryNumber, &Order)>, Clash> {
        let mut hit: Vec<EntryNumber> =
            numbers.iter().filter_map(|number| self.by_number.get(number).copied()).collect();
        hit.sort_unstable();
        hit.dedup();
        let known: Vec<_> = hit.into_iter().filter_map(|number| Some((number, self.orders.get(&number)?))).collect();
        if known.iter().any(|(_, order)| Some(order.patient) != patient) {
            return Err(Clash::Patient);
        }
        let mut open = known.iter().filter(|(_, order)| order.ended.is_none());
        let first = open.next().copied();
        if open.next().is_some() {
            return Err(Clash::Several);
        }
        Ok(first.or(known.last().copied()))
    }

    /// Whether an order is known by all of these numbers.
    pub(crate) fn has_all(&self, order: EntryNumber, numbers: &[KeyedDigest]) -> bool {
        numbers.iter().all(|number| self.by_number.get(number) == Some(&order))
    }

    /// The relationships of a patient's orders that were told under identifiers of a record that was merged into theirs.
    pub(crate) fn told_of(&self, patient: PatientNumber, record: PatientNumber) -> HashSet<EntryNumber> {
        let orders = self.of_patient.get(&patient).into_iter().flatten().filter_map(|number| self.orders.get(number));
        let own = orders.filter(|order| self.leads_to(order.named, record));
        own.flat_map(|order| order.relationships.iter().copied()).collect()
    }

    /// The relationships that follow from an order.
    pub(crate) fn relationships_of(&self, order: EntryNumber) -> &[EntryNumber] {
        self.orders.get(&order).map(|order| order.relationships.as_slice()).unwrap_or_default()
    }

    /// Whether a consent of a patient, or of a record that became theirs, keeps somebody from having reach by orders.
    pub(crate) fn denies(&self, patient: PatientNumber, who: Who, now: Instant) -> bool {
        self.consents.denying_to(who, now).any(|own| self.stays(own) == patient)
    }

    /// Relationships that orders gave with a patient.
    pub(crate) fn given_with(&self, patient: PatientNumber) -> impl Iterator<Item = EntryNumber> {
        let orders = self.of_patient.get(&patient).into_iter().flatten().filter_map(|order| self.orders.get(order));
        orders.flat_map(|order| order.relationships.iter().copied())
    }

    /// What a sender told today.
    pub(crate) fn told_today(&self, device: DeviceId, now: Instant) -> Told {
        let told = self.told.get(&device).copied().unwrap_or_default();
        if told.day == day_of(now) { told } else { Told { day: day_of(now), ..Told::default() } }
    }

    /// What all senders told today.
    pub(crate) fn all_told_today(&self, count: OrderCount, now: Instant) -> u32 {
        let today = self.told.values().filter(|told| told.day == day_of(now));
        today.fold(0, |sum, told| sum.saturating_add(told.count(count)))
    }

    /// Every sender that told something.
    pub(crate) fn senders(&self) -> Vec<DeviceId> {
        let mut senders: Vec<_> = self.told.keys().copied().collect();
        senders.sort_unstable();
        senders
    }

    /// Whether a finding of today says already that a sender told too much.
    pub(crate) fn is_found(&self, device: DeviceId, count: OrderCount, now: Instant) -> bool {
        self.found.get(&(device, count)) == Some(&day_of(now))
    }

    /// Who a patient is now: whoever stayed where records were merged.
    pub(crate) fn stays(&self, patient: PatientNumber) -> PatientNumber {
        let mut stays = patient;
        for _ in 0..MERGES_DEEP_MAX {
            match self.merged.get(&stays) {
                Some(next) => stays = *next,
                None => break,
            }
        }
        stays
    }

    /// Whether a patient's record became part of another one, also by way of others.
    pub(crate) fn leads_to(&self, patient: PatientNumber, target: PatientNumber) -> bool {
        leads_to(&self.merged, patient, target)
    }

    /// The longest chain of records that were merged into a patient's, one into the next.
    pub(crate) fn depth(&self, patient: PatientNumber) -> usize {
        let mut last = HashSet::from([patient]);
        for depth in 0..MERGES_DEEP_MAX {
            last = self.merged.iter().filter(|(_, to)| last.contains(to)).map(|(from, _)| *from).collect();
            if last.is_empty() {
                return depth;
            }
        }
        MERGES_DEEP_MAX
    }

    /// Orders, the newest first.
    pub(crate) fn newest(&self) -> impl Iterator<Item = (EntryNumber, &Order)> {
        self.orders.iter().rev().map(|(number, order)| (*number, order))
    }

    /// A merge that was not taken back.
    pub(crate) fn open_merge(&self, number: EntryNumber) -> Option<&Merge> {
        self.merges.get(&number).filter(|merge| !merge.undone)
    }

    /// Merges that were not taken back, the newest first.
    pub(crate) fn open_merges(&self) -> impl Iterator<Item = (EntryNumber, &Merge)> {
        self.merges.iter().rev().filter(|(_, merge)| !merge.undone).map(|(number, merge)| (*number, merge))
    }

    /// The number for the next message that is kept.
    pub(crate) fn next_kept(&self) -> u32 {
        self.next_kept
    }
}

/// How long an order lasts that names no day, in seconds.
pub(super) fn lasting_seconds(rule: &OrderRule) -> i64 {
    (i64::from(rule.open_days) + i64::from(rule.grace_days)) * DAY_SECONDS
}

fn leads_to(merged: &HashMap<PatientNumber, PatientNumber>, patient: PatientNumber, target: PatientNumber) -> bool {
    let mut at = patient;
    for _ in 0..MERGES_DEEP_MAX {
        if at == target {
            return true;
        }
        match merged.get(&at) {
            Some(next) => at = *next,
            None => return false,
        }
    }
    false
}

/// Studies as the entry of a merge names them.
pub(super) fn number_set(studies: &[model::StudyNumber]) -> NumberSet {
    studies.iter().map(|study| study.0).collect()
}

/// The day in UTC.
pub(super) fn day_of(at: Instant) -> i64 {
    at.0.div_euclid(DAY_SECONDS * SECOND)
}
