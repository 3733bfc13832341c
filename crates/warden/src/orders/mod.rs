//! Orders: a message's facts → who is meant → relationships and what the order is known by, in one append → the patient's priors.
//!
//! A front read the facts out of a message; what follows from them is decided here, by the site's rule, and nothing that a message says
//! names a person or a place but by an identifier that the site gave a meaning to. A message is done whole or not at all. How much one
//! sender may tell on a day is bounded, and more tightly where no appointment is known; what is beyond is kept with what could not be read,
//! and the officer is told.
//!
//! Durable: patients that are new, moved studies and the announced entries in one transaction, then the entries, then the answer. A crash
//! before the answer: the sender sends again, and the entries tell that it came already.

mod appointments;
mod consent;
pub(crate) mod fold;
mod kept;
mod merge;
mod names;
mod plan;

use std::collections::HashSet;

use identity::People;
use model::{
    Actor, AppointmentMade, ConsentTold, DeviceId, EntryBody, EntryNumber, Evidence, Finding, Instant, OrderCount,
    OrderEnd, OrderEnded, OrderSource, OrderTaken, PatientNumber, Reaction, Relationship, Tier, What, Whose, Window,
};
use policy::{Service, Subject, Target};
use protocol::{
    Asking, ErrorCode, OrderAsk, OrderCaller, OrderMessage, OrderProblem, OrderReply, Refusal, TokenBinding,
};
use registry::Registry;

use self::consent::DENIED;
use self::names::PatientName;
use self::plan::{Step, Taking};
use crate::pages::HELD;
use crate::state::{Channel, Warden};
use crate::subject::recordable;

/// The most entries of one message: all of them are one append.
const ENTRIES_MAX: usize = 4_000;

/// All senders together tell at most so many times on a day what one of them may.
const SENDERS_IN_ALL: u32 = 4;

/// Who tells orders.
#[derive(Clone)]
pub(crate) struct OrderSender {
    /// Whose messages they are.
    pub(crate) device: DeviceId,
    /// Who does it: the device, or the owner for it.
    pub(crate) actor: Actor,
    /// Since when the message was kept, where a person has it done now: the ceilings of the rule hold for what comes by itself.
    pub(crate) kept: Option<Instant>,
}

impl Warden {
    /// Decides on what a device tells. Blocking: callers put it on a blocking thread.
    pub(crate) fn order(&self, sender: &OrderSender, ask: OrderAsk, now: Instant) -> Result<OrderReply, Refusal> {
        match ask {
            OrderAsk::Decide(message) => self.take_order(sender, &message, now),
            OrderAsk::Keep(untaken) => self.keep_order(sender, untaken, now),
        }
    }

    /// Who tells this, if they may.
    pub(crate) async fn sender_of_orders(
        &self,
        caller: &OrderCaller,
        ask: &OrderAsk,
        now: Instant,
    ) -> Result<OrderSender, Refusal> {
        let (device, origin) = match caller {
            OrderCaller::Named { device, origin } => (*device, recordable(origin)),
            OrderCaller::Token(credential) => {
                let caller = self.caller(credential, Channel::Front, Asking::Order(ask), now).await?;
                policy::decide(&caller.subject, Service::Orders, Target::Nothing, now)
                    .map_err(|_| Refusal::NotAllowed)?;
                let Actor::Device { device, .. } = caller.actor else { return Err(Refusal::NotAllowed) };
                return Ok(OrderSender { device, actor: caller.actor, kept: None });
            }
        };
        let address = origin.0.parse().map_err(|_| Refusal::NotAllowed)?;
        let people = self.people.lock().expect(HELD);
        let known = people.device(device).filter(|known| !known.is_removed()).ok_or(Refusal::NotAllowed)?;
        let subject = Subject::Device { device, may: known.may().to_vec() };
        // whoever has a token shows it, unless a certificate was looked at instead
        let shows_nothing = match known.bound() {
            Some(TokenBinding::Certificate(_)) => false,
            Some(TokenBinding::Dpop(_)) => true,
            None => known.has_token(),
        };
        if shows_nothing || !protocol::admits(known.from(), address) {
            return Err(Refusal::NotAllowed);
        }
        policy::decide(&subject, Service::Orders, Target::Nothing, now).map_err(|_| Refusal::NotAllowed)?;
        Ok(OrderSender { device, actor: Actor::Device { device, origin }, kept: None })
    }

    /// Takes one message, or says why not.
    pub(crate) fn take_order(
        &self,
        sender: &OrderSender,
        message: &OrderMessage,
        now: Instant,
    ) -> Result<OrderReply, Refusal> {
        if !plan::fits(message) {
            return Err(Refusal::NotAllowed);
        }
        let _turn = self.ordering.lock().expect(HELD);
        let now = self.not_before_recorded(now);
        let source = self.source_of(sender.device, message);
        let is_past = self.tells_past_consent(sender, message, &source);
        if let Some(seen) = self.orders.read().expect(HELD).seen(sender.device, source.control, now) {
            let again = |at, field, why| OrderReply::Refused(OrderProblem::at(ErrorCode::DuplicateKey, at, field, why));
            return Ok(if seen.content != source.content {
                let why = "another message of this control id was taken; give each message one of its own";
                again("MSH", 10, why)
            } else if is_past {
                let why = "another state of this consent was told since; to tell this one again, give it a version of its own (meta.versionId)";
                again("Consent", 0, why)
            } else {
                OrderReply::Taken(seen.said.clone())
            });
        }
        match self.decide(sender, message, source, now) {
            Ok((said, recorded)) => {
                let mut orders = self.orders.write().expect(HELD);
                match (message.test, recorded) {
                    (true, _) => {}
                    (false, true) => orders.saw(&source, said.clone(), now),
                    (false, false) => orders.saw_passing(&source, said.clone(), now),
                }
                Ok(OrderReply::Taken(said))
            }
            Err(NotTaken::Problem(problem)) => Ok(OrderReply::Refused(problem)),
            Err(NotTaken::Refusal(refusal)) => Err(refusal),
        }
    }

    /// What is worth telling the sender, and whether entries tell of the message.
    fn decide(
        &self,
        sender: &OrderSender,
        message: &OrderMessage,
        source: OrderSource,
        now: Instant,
    ) -> Result<(Vec<OrderProblem>, bool), NotTaken> {
        // in the order of locks
        let people = self.people.lock().expect(HELD);
        let mut database = self.database.lock().expect(HELD);
        self.settle(&mut database)?;
        let mut registry = self.registry.write().expect(HELD);
        let mut said = Vec::new();
        let steps = self.plan(sender, message, &people, &registry, &mut said, now)?;
        if message.test {
            // nothing tells of a test: whom a consent denies is not to be asked by it
            said.retain(|problem| problem.place.segment != DENIED);
            let why = "this is a test: it would be taken, and nothing follows from it";
            said.push(OrderProblem::at(ErrorCode::UnsupportedProcessing, "MSH", 11, why));
            return Ok((said, false));
        }
        // before anything changes
        if self.entries_of(&steps, &registry, now) > ENTRIES_MAX {
            return Err(too_many().into());
        }
        if sender.kept.is_none() {
            self.within_order_budget(sender.device, &steps, now)?;
        }
        let follows = self.what_follows(sender, steps, &mut registry, &people, source, now);
        let Follows { entries, asked, ended } = match follows {
            Ok(follows) => follows,
            Err(not_taken) => {
                // memory is ahead of the disk
                self.rebuild(&database, &mut registry)?;
                return Err(not_taken);
            }
        };
        let recorded = !entries.is_empty();
        if recorded {
            self.write_with_entries(&mut database, &mut registry, entries)?;
        }
        // until here nobody's account closes or changes its role
        drop((registry, database, people));
        if ended {
            // what a lease still gives must not outlive the reach that it rests on
            self.leases.lock().expect(HELD).end_all();
        }
        for patient in asked {
            if let Err(refusal) = self.ask_for_priors(Some(patient), now) {
                tracing::error!(%refusal, "the priors of an order were not asked for; the next sweep does it");
            }
        }
        Ok((said, recorded))
    }

    /// Does the steps in the registry, and gives the entries about them.
    fn what_follows(
        &self,
        sender: &OrderSender,
        steps: Vec<Step>,
        registry: &mut Registry,
        people: &People,
        source: OrderSource,
        now: Instant,
    ) -> Result<Follows, NotTaken> {
        let mut follows = Follows::default();
        for step in steps {
            let bodies = match step {
                Step::Nothing => continue,
                Step::Take(taking) => {
                    let (patient, named) = self.follow_patient(registry, &taking.patient, &mut follows);
                    // nobody came to reach the patient by it
                    if !taking.holders.is_empty() {
                        follows.asked.push(patient);
                    }
                    follows.ended |= taking.replaces.is_some();
                    self.taken(taking, patient, named, source, now)
                }
                Step::End { order, how } => {
                    follows.ended = true;
                    self.ended(order, how, source, now)
                }
                Step::Appoint { patient, appointment, orders, starts } => {
                    let (patient, named) = self.follow_patient(registry, &patient, &mut follows);
                    let made =
                        AppointmentMade { patient, named, appointment, orders, starts, cancelled: false, source };
                    vec![EntryBody::AppointmentMade(Box::new(made))]
                }
                Step::CancelAppointment { patient, appointment } => {
                    let (patient, named) = self.follow_patient(registry, &patient, &mut follows);
                    let (orders, starts, cancelled) = (Vec::new(), None, true);
                    let made = AppointmentMade { patient, named, appointment, orders, starts, cancelled, source };
                    vec![EntryBody::AppointmentMade(Box::new(made))]
                }
                Step::Consent { patient, consent, denied, until } => {
                    let (patient, named) = self.follow_patient(registry, &patient, &mut follows);
                    let mut bodies = self.ended_by_denial(patient, &denied, now);
                    follows.ended |= !bodies.is_empty();
                    // where a merge is taken back, it goes back with the record that it named
                    let told = ConsentTold { patient: named, consent, denied, until, source };
                    bodies.push(EntryBody::ConsentTold(Box::new(told)));
                    bodies
                }
                Step::Merge { from, to } => {
                    let (from, _) = self.follow_patient(registry, &from, &mut follows);
                    let (to, _) = self.follow_patient(registry, &to, &mut follows);
                    follows.ended = true;
                    self.merged(registry, people, from, to, Some(source), now)?
                }
            };
            follows.entries.extend(bodies.into_iter().map(|body| (sender.actor.clone(), body)));
        }
        if follows.entries.len() > ENTRIES_MAX {
            return Err(too_many().into());
        }
        Ok(follows)
    }

    /// The patient of this name, and whose identifier it is; a new one comes with its entry.
    fn follow_patient(
        &self,
        registry: &mut Registry,
        name: &PatientName,
        follows: &mut Follows,
    ) -> (PatientNumber, PatientNumber) {
        let (patient, new) = self.patient_for_order(registry, name);
        follows.entries.extend(new);
        (patient, registry.patient_by_identity(&name.issuer, &name.id).unwrap_or(patient))
    }

    /// The entries of an order that is taken in, and of the state of it that it takes the place of.
    fn taken(
        &self,
        taking: Taking,
        patient: PatientNumber,
        named: PatientNumber,
        source: OrderSource,
        now: Instant,
    ) -> Vec<EntryBody> {
        let mut bodies = Vec::new();
        if let Some(order) = taking.replaces {
            bodies.extend(self.ended(order, OrderEnd::Changed, source, now));
        }
        let relationships = taking.holders.len() as u32;
        bodies.extend(taking.holders.into_iter().map(|who| EntryBody::Related {
            relationship: Relationship {
                who,
                what: What::Patient(patient),
                tier: Tier::Open,
                window: Window { from: now, to: taking.until },
                basis: "order".to_owned(),
                entry: EntryNumber(0),
            },
        }));
        let (numbers, matched) = (taking.numbers, taking.matched);
        let taken = OrderTaken { patient, named, numbers, relationships, matched, source };
        bodies.push(EntryBody::OrderTaken(Box::new(taken)));
        bodies
    }

    /// The entries of an order's end.
    fn ended(&self, order: EntryNumber, how: OrderEnd, source: OrderSource, now: Instant) -> Vec<EntryBody> {
        let (held, grace) = {
            let orders = self.orders.read().expect(HELD);
            (orders.relationships_of(order).to_vec(), orders.rule.grace_days)
        };
        let until = match how {
            OrderEnd::Cancelled | OrderEnd::Changed => now,
            OrderEnd::Completed => now.plus_seconds(i64::from(grace) * fold::DAY_SECONDS),
        };
        let relations = self.relations.read().expect(HELD);
        let later = held.into_iter().filter(|entry| relations.until(*entry).is_some_and(|ends| until < ends));
        let mut bodies: Vec<_> = later.map(|entry| EntryBody::RelationshipEnded { entry, until }).collect();
        bodies.push(EntryBody::OrderEnded(OrderEnded { order, how, source }));
        bodies
    }

    /// Whether a sender may tell so much today. Beyond it nothing is taken, and the officer is told once a day.
    fn within_order_budget(&self, device: DeviceId, steps: &[Step], now: Instant) -> Result<(), NotTaken> {
        let new = |count: OrderCount| {
            let counted = steps.iter().filter(|step| match (count, step) {
                (OrderCount::Orders, Step::Take(_))
                | (OrderCount::Merges, Step::Merge { .. })
                | (OrderCount::Appointments, Step::Appoint { .. } | Step::Consent { .. }) => true,
                (OrderCount::Unmatched, Step::Take(taking)) => !taking.matched,
                _ => false,
            });
            counted.count() as u32
        };
        for count in [OrderCount::Orders, OrderCount::Unmatched, OrderCount::Merges, OrderCount::Appointments] {
            let (told, all_told, limit, found) = {
                let orders = self.orders.read().expect(HELD);
                let (rule, told) = (&orders.rule, orders.told_today(device, now).count(count));
                let limit = match count {
                    OrderCount::Orders | OrderCount::Appointments => rule.orders_per_day,
                    OrderCount::Unmatched => rule.unmatched_per_day,
                    OrderCount::Merges => rule.merges_per_day,
                };
                (told, orders.all_told_today(count, now), limit, orders.is_found(device, count, now))
            };
            let wanted = new(count);
            let in_all = limit.saturating_mul(SENDERS_IN_ALL);
            if wanted == 0 || told.saturating_add(wanted) <= limit && all_told.saturating_add(wanted) <= in_all {
                continue;
            }
            let (who, limit) = if told.saturating_add(wanted) <= limit {
                ("all senders together have", in_all)
            } else {
                ("this sender has", limit)
            };
            if !found {
                let evidence = Evidence::Orders { count, limit };
                let finding = Finding { about: Whose::Device(device), reaction: Reaction::Noticed, evidence };
                let entries = vec![(Actor::Warden, EntryBody::FindingRaised { finding })];
                self.ledger.append(entries, now).map_err(|error| self.cannot_record(&error))?;
            }
            let what = match count {
                OrderCount::Orders => "orders",
                OrderCount::Unmatched => "orders without an appointment",
                OrderCount::Merges => "merged patients",
                OrderCount::Appointments => "appointments and consents",
            };
            let why = format!("{who} told {limit} {what} today, and no more are taken; the message is kept");
            return Err(OrderProblem::at(ErrorCode::Internal, "MSH", 0, &why).into());
        }
        Ok(())
    }

    /// By what a message is known again.
    fn source_of(&self, device: DeviceId, message: &OrderMessage) -> OrderSource {
        OrderSource {
            device,
            control: self.secrets.digest_of(&[b"order control", message.control_id.as_bytes()]),
            content: self.secrets.digest_of(&[b"order content", &message.content]),
        }
    }
}

/// What follows from a message.
#[derive(Default)]
struct Follows {
    entries: Vec<(Actor, EntryBody)>,
    /// Patients whose priors are asked for.
    asked: Vec<PatientNumber>,
    /// Whether somebody's reach ended or changed.
    ended: bool,
}

/// Why a message was not taken.
pub(crate) enum NotTaken {
    /// Something is wrong with it.
    Problem(OrderProblem),
    /// Nothing is taken now.
    Refusal(Refusal),
}

impl From<OrderProblem> for NotTaken {
    fn from(problem: OrderProblem) -> Self {
        Self::Problem(problem)
    }
}

impl From<Refusal> for NotTaken {
    fn from(refusal: Refusal) -> Self {
        Self::Refusal(refusal)
    }
}

fn too_many() -> OrderProblem {
    let why = "more would follow from this message than one message may change; send it in parts";
    OrderProblem::at(ErrorCode::Internal, "MSH", 0, why)
}

/// Whether each is there once.
fn each_once<T: std::hash::Hash + Eq>(all: impl IntoIterator<Item = T>) -> bool {
    let mut seen = HashSet::new();
    all.into_iter().all(|one| seen.insert(one))
}
