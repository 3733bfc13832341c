//! Appointments, replayed from the ledger: which are known, and which orders have one.

use std::collections::HashMap;

use model::{AppointmentMade, EntryNumber, Instant, KeyedDigest, OrderEnd, PatientNumber};

use super::fold::{DAY_SECONDS, Order, Orders, SCHEDULED_DAYS_MAX, Told, day_of};

/// How long an appointment that names no time counts: 30 days, in seconds.
const APPOINTMENT_SECONDS: i64 = 30 * DAY_SECONDS;

/// An appointment that is known.
struct Appointment {
    name: KeyedDigest,
    /// Whose identifier named it.
    named: PatientNumber,
    /// Numbers of the order that it is for; none where it is for every order of the patient.
    orders: Vec<KeyedDigest>,
    /// Orders that come later have no appointment by it.
    until: Instant,
}

impl Appointment {
    fn is_for(&self, numbers: &[KeyedDigest]) -> bool {
        self.orders.is_empty() || self.orders.iter().any(|order| numbers.contains(order))
    }
}

/// Every appointment that is known.
#[derive(Default)]
pub(super) struct Appointments(HashMap<PatientNumber, Vec<Appointment>>);

impl Appointments {
    /// Those for an order of this patient by these numbers.
    pub(super) fn of_order(
        &self,
        patient: PatientNumber,
        numbers: &[KeyedDigest],
        now: Instant,
    ) -> impl Iterator<Item = KeyedDigest> {
        let own = self.0.get(&patient).into_iter().flatten();
        own.filter(move |one| now < one.until && one.is_for(numbers)).map(|one| one.name)
    }

    /// Those of a record that became part of another one, or is its own again, go along.
    pub(super) fn take_along(
        &mut self,
        from: PatientNumber,
        to: PatientNumber,
        goes_along: impl Fn(PatientNumber) -> bool,
    ) {
        let own = self.0.remove(&from).unwrap_or_default();
        let (go, stay): (Vec<_>, Vec<_>) = own.into_iter().partition(|one| goes_along(one.named));
        self.0.insert(from, stay);
        self.0.entry(to).or_default().extend(go);
    }

    fn add(&mut self, made: &AppointmentMade, at: Instant) {
        let from = made.starts.unwrap_or(at).max(at).min(at.plus_seconds(SCHEDULED_DAYS_MAX * DAY_SECONDS));
        let until = from.plus_seconds(if made.starts.is_some() { DAY_SECONDS } else { APPOINTMENT_SECONDS });
        let own = self.0.entry(made.patient).or_default();
        own.retain(|one| at < one.until);
        own.push(Appointment { name: made.appointment, named: made.named, orders: made.orders.clone(), until });
    }

    fn remove(&mut self, patient: PatientNumber, name: KeyedDigest) {
        if let Some(own) = self.0.get_mut(&patient) {
            own.retain(|one| one.name != name);
        }
    }
}

impl Orders {
    pub(super) fn appoint(&mut self, made: &AppointmentMade, at: Instant) {
        // told anew it counts as it says now
        self.take_back(made.patient, made.appointment);
        if !made.cancelled {
            self.today(made.source.device, at).appointments += 1;
            self.appointments.add(made, at);
            let of_patient = || self.of_patient.get(&made.patient).cloned().unwrap_or_default();
            let by_number = || made.orders.iter().filter_map(|order| self.by_number.get(order).copied()).collect();
            let orders: Vec<EntryNumber> = if made.orders.is_empty() { of_patient() } else { by_number() };
            for number in orders {
                let order = self.orders.get_mut(&number).filter(|order| order.patient == made.patient);
                let Some(order) = order.filter(|order| !order.appointments.contains(&made.appointment)) else {
                    continue;
                };
                order.appointments.push(made.appointment);
                if counts(order) && !std::mem::replace(&mut order.matched, true) {
                    let told = self.told.get_mut(&order.device).filter(|told| is_of_day(told, order));
                    told.into_iter().for_each(|told| told.unmatched = told.unmatched.saturating_sub(1));
                }
            }
        }
        self.saw(&made.source, Vec::new(), at);
    }

    /// An appointment counts no more, and orders without a further one have none.
    fn take_back(&mut self, patient: PatientNumber, appointment: KeyedDigest) {
        self.appointments.remove(patient, appointment);
        for number in self.of_patient.get(&patient).into_iter().flatten() {
            let Some(order) = self.orders.get_mut(number) else { continue };
            let Some(place) = order.appointments.iter().position(|one| *one == appointment) else { continue };
            order.appointments.remove(place);
            if order.appointments.is_empty() && counts(order) {
                order.matched = false;
                let told = self.told.get_mut(&order.device).filter(|told| is_of_day(told, order));
                told.into_iter().for_each(|told| told.unmatched += 1);
            }
        }
    }

    /// Whether an appointment is known for an order of this patient by these numbers.
    pub(super) fn has_appointment(&self, patient: PatientNumber, numbers: &[KeyedDigest], now: Instant) -> bool {
        self.appointments.of_order(patient, numbers, now).next().is_some()
    }

    /// Whether this patient has this appointment, or orders that have it.
    pub(super) fn knows_appointment(&self, patient: PatientNumber, appointment: KeyedDigest) -> bool {
        let mut orders =
            self.of_patient.get(&patient).into_iter().flatten().filter_map(|number| self.orders.get(number));
        self.appointments.0.get(&patient).is_some_and(|own| own.iter().any(|one| one.name == appointment))
            || orders.any(|order| order.appointments.contains(&appointment))
    }
}

/// Whether it matters that an order has an appointment: one that was cancelled gives nothing, and of one that was changed the state after it
/// is looked at.
fn counts(order: &Order) -> bool {
    !matches!(order.ended, Some(OrderEnd::Cancelled | OrderEnd::Changed))
}

fn is_of_day(told: &Told, order: &Order) -> bool {
    told.day == day_of(order.at)
}
