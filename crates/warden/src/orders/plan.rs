//! What would follow from a message. Nothing is changed here, so a message that is refused leaves nothing behind.

use identity::People;
use model::{EntryNumber, Instant, KeyedDigest, OrderEnd, OrderRule, PatientNumber, What, Who};
use protocol::{
    ErrorCode, Identifier, ORDER_EVENTS_MAX, ORDER_NAMES_MAX, ORDER_TEXT_CHARACTERS_MAX, OrderEvent, OrderMessage,
    OrderNumbers, OrderProblem, PlacedOrder,
};
use registry::Registry;

use super::consent::DENIED;
use super::fold::{Clash, DAY_SECONDS, MERGES_DEEP_MADE_MAX, SCHEDULED_DAYS_MAX, lasting_seconds};
use super::names::{PatientName, patient_name, reading_group, referrers};
use super::{NotTaken, OrderSender, each_once};
use crate::pages::HELD;
use crate::state::Warden;

/// What is to be done.
pub(super) enum Step {
    Nothing,
    Take(Taking),
    End { order: EntryNumber, how: OrderEnd },
    Appoint { patient: PatientName, appointment: KeyedDigest, orders: Vec<KeyedDigest>, starts: Option<Instant> },
    CancelAppointment { patient: PatientName, appointment: KeyedDigest },
    Merge { from: PatientName, to: PatientName },
    Consent { patient: PatientName, consent: KeyedDigest, denied: Vec<Who>, until: Option<Instant> },
}

/// An order to take in.
pub(super) struct Taking {
    pub(super) patient: PatientName,
    pub(super) numbers: Vec<KeyedDigest>,
    pub(super) holders: Vec<Who>,
    pub(super) until: Instant,
    pub(super) matched: bool,
    pub(super) replaces: Option<EntryNumber>,
}

impl Warden {
    /// The steps of a message, and what is worth telling its sender.
    pub(super) fn plan(
        &self,
        sender: &OrderSender,
        message: &OrderMessage,
        people: &People,
        registry: &Registry,
        said: &mut Vec<OrderProblem>,
        now: Instant,
    ) -> Result<Vec<Step>, NotTaken> {
        let rule = self.orders.read().expect(HELD).rule.clone();
        let mut steps = Vec::with_capacity(message.events.len());
        let (mut numbers, mut merging) = (Vec::new(), Vec::new());
        for event in &message.events {
            steps.push(match event {
                OrderEvent::Seen { patient } => patient_name(&rule, patient, ("PID", 3)).map(|_| Step::Nothing)?,
                OrderEvent::Placed(order) => {
                    let own = self.order_numbers(sender, &order.numbers);
                    numbers.extend(own.iter().copied());
                    self.plan_order(&rule, order, own, people, registry, said, now)?
                }
                OrderEvent::Ended { numbers: called, patient, how, known } => {
                    let own = self.order_numbers(sender, called);
                    numbers.extend(own.iter().copied());
                    self.plan_end(&rule, &own, patient, *how, *known, registry)?
                }
                OrderEvent::Appointment { patient, appointment, order, starts } => Step::Appoint {
                    patient: patient_name(&rule, patient, ("PID", 3))?,
                    appointment: self.entity_digest(sender, b"appointment", appointment),
                    orders: self.order_numbers(sender, order),
                    starts: starts.map(|starts| starts.min(now.plus_seconds(SCHEDULED_DAYS_MAX * DAY_SECONDS))),
                },
                OrderEvent::AppointmentCancelled { patient, appointment } => {
                    let appointment = self.entity_digest(sender, b"appointment", appointment);
                    self.plan_cancelled_appointment(&rule, patient, appointment, registry, said)?
                }
                OrderEvent::Merged { patient, prior } => {
                    let to = patient_name(&rule, patient, ("PID", 3))?;
                    let from = patient_name(&rule, prior, ("MRG", 1))?;
                    merging.extend([to.clone(), from.clone()]);
                    self.plan_merge(from, to, registry)?
                }
                OrderEvent::Consent(told) => self.plan_consent(sender, &rule, told, people, registry, now)?,
            });
        }
        // a record that is part of another one already may be the same as one beside it
        let several = merging.len() > 2;
        let part = |name: &PatientName| {
            registry.patient_by_identity(&name.issuer, &name.id) != self.known_patient(registry, name)
        };
        let mixed = !merging.is_empty() && merging.len() != message.events.len() * 2;
        // what it denies must stand before an order that it is about
        let apart = steps.len() == 1 || !steps.iter().any(|step| matches!(step, Step::Consent { .. }));
        // by different numbers, too
        let touched = steps.iter().filter_map(|step| match step {
            Step::Take(taking) => taking.replaces,
            Step::End { order, .. } => Some(*order),
            _ => None,
        });
        let twice = !each_once(touched);
        if mixed || twice || !apart || several && merging.iter().any(part) || !each_once(numbers) || !each_once(merging)
        {
            let why = "an order or a patient is named twice in one message, or a merge or a consent among orders; send one message for each";
            return Err(OrderProblem::at(ErrorCode::SegmentSequence, "MSH", 0, why).into());
        }
        Ok(steps)
    }

    #[allow(clippy::too_many_arguments, reason = "what a decision looks at")]
    fn plan_order(
        &self,
        rule: &OrderRule,
        order: &PlacedOrder,
        numbers: Vec<KeyedDigest>,
        people: &People,
        registry: &Registry,
        said: &mut Vec<OrderProblem>,
        now: Instant,
    ) -> Result<Step, NotTaken> {
        let patient = patient_name(rule, &order.patient, ("PID", 3))?;
        let known = self.known_patient(registry, &patient);
        let orders = self.orders.read().expect(HELD);
        let former = orders.known_all(&numbers, known).map_err(|clash| unclear(clash, &order.numbers))?;
        let running = former.filter(|(_, former)| former.ended.is_none() && now < former.until);
        if running.is_none() && !order.new {
            said.push(nothing(
                "no open order of these numbers is known, and only NW, SN, NA or a request that is active opens one",
            ));
            return Ok(Step::Nothing);
        }
        let mut holders = holders_of(rule, order, people, said)?;
        let named = holders.len();
        holders.retain(|who| !known.is_some_and(|known| orders.denies(known, *who, now)));
        if holders.len() < named {
            let why = "the patient's consent keeps somebody whom this order names from the patient";
            said.push(OrderProblem::at(ErrorCode::TableValue, DENIED, 0, why));
        }
        let lasting = lasting_seconds(rule);
        let until = match (order.scheduled, running) {
            (Some(at), _) => at.min(now.plus_seconds(SCHEDULED_DAYS_MAX * DAY_SECONDS)).plus_seconds(lasting),
            // to tell of an order again makes it last no longer
            (None, Some((_, former))) => former.until,
            (None, None) => now.plus_seconds(lasting),
        };
        if until <= now {
            said.push(nothing("the order was to be performed so long ago that nothing follows from it any more"));
            return Ok(Step::Nothing);
        }
        if let Some((number, former)) = running
            && self.is_as_it_was(&former.relationships, &holders, until, now)
            && orders.has_all(number, &numbers)
        {
            return Ok(Step::Nothing);
        }
        // after its end the same number is an order of its own
        let replaces = former.filter(|(_, former)| former.ended.is_none());
        let matched = running.is_some_and(|(_, former)| former.matched)
            || known.is_some_and(|known| orders.has_appointment(known, &numbers, now));
        let replaces = replaces.map(|(number, _)| number);
        Ok(Step::Take(Taking { patient, numbers, holders, until, matched, replaces }))
    }

    /// Whether the same people reach the patient by an order as before, and about as long.
    fn is_as_it_was(&self, relationships: &[EntryNumber], holders: &[Who], until: Instant, now: Instant) -> bool {
        let index = self.index.read().expect(HELD);
        let made = relationships.iter().filter_map(|entry| index.reach().relationship(*entry));
        let running: Vec<_> = made.filter(|one| now < one.window.to).collect();
        let apart = |one: Instant, other: Instant| one.plus_seconds(DAY_SECONDS) < other;
        let long = running.iter().all(|one| !apart(one.window.to, until) && !apart(until, one.window.to));
        long && running.len() == holders.len() && running.iter().all(|one| holders.contains(&one.who))
    }

    fn plan_end(
        &self,
        rule: &OrderRule,
        numbers: &[KeyedDigest],
        patient: &[Identifier],
        how: OrderEnd,
        must_be_known: bool,
        registry: &Registry,
    ) -> Result<Step, NotTaken> {
        let patient = patient_name(rule, patient, ("PID", 3))?;
        let known = self.known_patient(registry, &patient);
        let orders = self.orders.read().expect(HELD);
        let found = orders.known_all(numbers, known).map_err(|clash| unclear(clash, &OrderNumbers::default()))?;
        match found {
            None if must_be_known => {
                let why = "no order of this number is known from this authority";
                Err(OrderProblem::at(ErrorCode::UnknownKey, "ORC", 2, why).into())
            }
            None => Ok(Step::Nothing),
            // what is over is over; only days of grace may still be taken away
            Some((order, former)) => Ok(match (former.ended, how) {
                (None, how) => Step::End { order, how },
                (Some(OrderEnd::Completed), OrderEnd::Cancelled) => Step::End { order, how },
                (Some(_), _) => Step::Nothing,
            }),
        }
    }

    fn plan_cancelled_appointment(
        &self,
        rule: &OrderRule,
        patient: &[Identifier],
        appointment: KeyedDigest,
        registry: &Registry,
        said: &mut Vec<OrderProblem>,
    ) -> Result<Step, NotTaken> {
        let patient = patient_name(rule, patient, ("PID", 3))?;
        let orders = self.orders.read().expect(HELD);
        if self.known_patient(registry, &patient).is_some_and(|known| orders.knows_appointment(known, appointment)) {
            return Ok(Step::CancelAppointment { patient, appointment });
        }
        let why = "no appointment of this number is known for this patient, so nothing follows from its end";
        said.push(OrderProblem::at(ErrorCode::UnknownKey, "SCH", 1, why));
        Ok(Step::Nothing)
    }

    fn plan_merge(&self, from: PatientName, to: PatientName, registry: &Registry) -> Result<Step, NotTaken> {
        let (known_from, known_to) = (self.known_patient(registry, &from), self.known_patient(registry, &to));
        if from == to {
            let why = "a record cannot be merged with itself";
            return Err(OrderProblem::at(ErrorCode::DataType, "MRG", 1, why).into());
        }
        // the same as was done before
        if known_from.is_some() && known_from == known_to {
            let first = registry.patient_by_identity(&from.issuer, &from.id);
            if first == known_from {
                let why = "these records were merged the other way round; take that merge back first";
                return Err(OrderProblem::at(ErrorCode::UnknownKey, "MRG", 1, why).into());
            }
            return Ok(Step::Nothing);
        }
        let first = registry.patient_by_identity(&from.issuer, &from.id);
        if first.is_some() && first != known_from {
            let why = "the record that goes was merged with another one before; take that merge back first";
            return Err(OrderProblem::at(ErrorCode::UnknownKey, "MRG", 1, why).into());
        }
        let (known_from, known_to) = (known_from.into_iter(), known_to.into_iter());
        let is_honey = {
            let budgets = self.budgets.lock().expect(HELD);
            known_from.clone().chain(known_to).any(|patient| budgets.is_honey(patient))
        };
        let deep = |patient: PatientNumber| self.orders.read().expect(HELD).depth(patient) >= MERGES_DEEP_MADE_MAX;
        if is_honey || known_from.clone().any(deep) {
            let why = "these records are not merged by a message";
            return Err(OrderProblem::at(ErrorCode::UnknownKey, "MRG", 1, why).into());
        }
        Ok(Step::Merge { from, to })
    }

    /// About how many entries follow at most.
    pub(super) fn entries_of(&self, steps: &[Step], registry: &Registry, now: Instant) -> usize {
        let held = |order: EntryNumber| self.orders.read().expect(HELD).relationships_of(order).len() + 1;
        let entries = steps.iter().map(|step| match step {
            Step::Nothing => 0,
            Step::Take(taking) => 2 + taking.holders.len() + taking.replaces.map_or(0, held),
            Step::End { order, .. } => held(*order),
            Step::Appoint { .. } | Step::CancelAppointment { .. } => 2,
            Step::Consent { patient, denied, .. } => {
                let ends = |patient| self.ended_by_denial(patient, denied, now).len();
                2 + self.known_patient(registry, patient).map_or(0, ends)
            }
            Step::Merge { from, .. } => self.known_patient(registry, from).map_or(3, |from| {
                let running = self.index.read().expect(HELD).reach().running_with(What::Patient(from), now);
                3 + 2 * running.len() + registry.studies_of(from).len()
            }),
        });
        entries.sum()
    }
}

/// Who reaches the patient by an order. Where nobody would it is kept until somebody is named.
fn holders_of(
    rule: &OrderRule,
    order: &PlacedOrder,
    people: &People,
    said: &mut Vec<OrderProblem>,
) -> Result<Vec<Who>, NotTaken> {
    let mut holders: Vec<Who> = referrers(people, &order.ordered_by).into_iter().map(Who::Person).collect();
    let group = reading_group(rule, order);
    if holders.is_empty() {
        let why = "nobody here who reads patients has this professional identifier with its authority, so no referrer sees the patient by this order";
        let at = &order.ordered_by_at;
        let unknown = OrderProblem::at(ErrorCode::UnknownKey, &at.segment, at.field, why);
        if group.is_none() {
            return Err(unknown.into());
        }
        said.push(unknown);
    }
    holders.extend(group.map(Who::Organisation));
    Ok(holders)
}

/// Worth knowing about a message from which nothing follows.
fn nothing(why: &str) -> OrderProblem {
    OrderProblem::at(ErrorCode::UnknownKey, "ORC", 1, why)
}

fn unclear(clash: Clash, numbers: &OrderNumbers) -> OrderProblem {
    let field = if numbers.placer.is_none() && numbers.filler.is_some() { 3 } else { 2 };
    let why = match clash {
        Clash::Patient => "the order of this number is known for another patient",
        Clash::Several => "these numbers are those of several open orders; send one message for each",
    };
    OrderProblem::at(ErrorCode::UnknownKey, "ORC", field, why)
}

/// Whether a message keeps to the limits. A front that read it does; one that was taken over need not.
pub(super) fn fits(message: &OrderMessage) -> bool {
    let short = |text: &str| text.chars().count() <= ORDER_TEXT_CHARACTERS_MAX && !text.chars().any(char::is_control);
    let identifier = |one: &Identifier| short(&one.id) && short(&one.authority.name) && short(&one.authority.universal);
    let identifiers = |all: &[Identifier]| all.len() <= ORDER_NAMES_MAX && all.iter().all(identifier);
    let numbers = |numbers: &OrderNumbers| [&numbers.placer, &numbers.filler].into_iter().flatten().all(identifier);
    let event = |event: &OrderEvent| match event {
        OrderEvent::Seen { patient } => identifiers(patient),
        OrderEvent::Placed(order) => {
            identifiers(&order.patient)
                && identifiers(&order.ordered_by)
                && numbers(&order.numbers)
                && order.numbers != OrderNumbers::default()
                && short(&order.ordered_by_at.segment)
                && order.places.len() <= ORDER_NAMES_MAX
                && order.places.iter().all(|place| short(place))
        }
        OrderEvent::Ended { numbers: called, patient, .. } => {
            identifiers(patient) && numbers(called) && *called != OrderNumbers::default()
        }
        OrderEvent::Appointment { patient, appointment, order, .. } => {
            identifiers(patient) && identifier(appointment) && numbers(order)
        }
        OrderEvent::AppointmentCancelled { patient, appointment } => identifiers(patient) && identifier(appointment),
        OrderEvent::Merged { patient, prior } => identifiers(patient) && identifiers(prior),
        OrderEvent::Consent(told) => {
            identifiers(&told.patient)
                && identifier(&told.consent)
                && identifiers(&told.denied.people)
                && told.denied.organisations.len() <= ORDER_NAMES_MAX
                && told.denied.organisations.iter().all(|name| short(name))
        }
    };
    !message.control_id.is_empty()
        && short(&message.control_id)
        && message.events.len() <= ORDER_EVENTS_MAX
        && message.events.iter().all(event)
}
