//! Signs that an account is shared, or in other hands: found from who signed in, opened images and failed, from where and when.
//!
//! A replay of the ledger like everything here. A sign tells the officer and holds nothing back. Each is told once per person and day;
//! the entry that tells it is what a restart knows of it. `docs/signs.md` describes them, what they miss and how often they are wrong.

mod hours;
mod parallel;
mod places;
mod tries;

use std::collections::HashMap;
use std::sync::Arc;

use model::{
    Actor, Entry, EntryBody, EntryNumber, Evidence, Finding, ImpossibleTravel, Instant, Origin, PersonId, Reaction,
    SECOND, SessionId, UsedFrom, Whose,
};

pub use self::places::{Places, PlacesError, is_block};

use self::hours::Hours;
use self::parallel::Parallel;
use self::places::{Networks, Where};
use self::tries::Tries;
use crate::State;
use crate::day::{Day, day_of};

/// Unusual reading so long after a further authenticator was bound is told with it.
const NEW_AUTHENTICATOR_SECONDS: i64 = 72 * 3_600;
/// A sign that nobody recorded within so long, as one that a newer version sees in an older ledger, is not told any more.
const TOLD_WITHIN_SECONDS: i64 = 24 * 3_600;
/// Nearer places say nothing.
const TRAVEL_KILOMETRES_MIN: f64 = 50.0;
/// Over land, from door to door.
const LAND_KILOMETRES_PER_HOUR: f64 = 200.0;
/// By air, beside the hours at both ends.
const AIR_KILOMETRES_PER_HOUR: f64 = 850.0;
const AIR_HOURS_AROUND: f64 = 2.0;

/// Which sign: told apart, once a day each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    Parallel,
    Travel,
    DayAndNight,
    NewAuthenticator,
    TriedOthers,
}

/// What is known of everybody.
#[derive(Clone, Default)]
pub(crate) struct Signs {
    networks: Networks,
    places: Option<Arc<Places>>,
    people: HashMap<PersonId, Traces>,
    tries: Tries,
    /// Signs that are not recorded yet.
    seen: Vec<(Instant, Finding)>,
}

/// What is known of one person.
#[derive(Clone, Default)]
struct Traces {
    parallel: Parallel,
    hours: Hours,
    /// The last use from somewhere that is known.
    last: Option<(Instant, Where, UsedFrom)>,
    has_authenticator: bool,
    /// When a further one was bound.
    further: Option<Instant>,
    told: [Option<Day>; 5],
}

impl Signs {
    /// Takes the next entry. `recent` says whether it is young enough to matter.
    pub(crate) fn apply(&mut self, number: EntryNumber, entry: &Entry, recent: bool) {
        let at = entry.recorded;
        match (&entry.body, &entry.actor) {
            (EntryBody::NetworkRuleSet { rule }, _) => self.networks = Networks::of(rule),
            (EntryBody::PasskeyBound { person, .. } | EntryBody::PasswordSet { person }, _) => {
                let traces = self.people.entry(*person).or_default();
                if traces.has_authenticator {
                    traces.further = Some(at);
                }
                traces.has_authenticator = true;
            }
            (EntryBody::PersonClosed { person } | EntryBody::AccountLapsed { person }, _) => {
                self.people.remove(person);
            }
            (EntryBody::FindingRaised { finding }, _) => self.found(number, finding, at),
            _ if !recent => {}
            (EntryBody::SignInRefused { person, .. }, Actor::Stranger { origin }) => {
                self.tries.failed(origin, *person, at);
            }
            (EntryBody::SignedIn { person, .. }, Actor::Person { session, origin, .. }) => {
                if let Some(tried) = self.tries.signed_in(*person, *session, origin, at) {
                    self.tell(*person, Sign::TriedOthers, at, Evidence::TriedOthers(Box::new(tried)));
                }
                self.used(*person, *session, origin, at);
            }
            (EntryBody::Opened { .. } | EntryBody::Confirmed { .. }, Actor::Person { person, session, origin }) => {
                self.used(*person, *session, origin, at);
            }
            _ => {}
        }
    }

    /// Somebody did something: images opened, a sign-in, a touch. Lists do not count, for pages ask for them by themselves.
    fn used(&mut self, person: PersonId, session: SessionId, origin: &Origin, at: Instant) {
        let found = self.networks.find(origin, self.places.as_deref());
        let used = UsedFrom { session, origin: origin.clone(), place: found.name() };
        let traces = self.people.entry(person).or_default();
        let active = traces.hours.active(at);
        let parallel = traces.parallel.used(&used, found.network(origin), at);
        let travelled = found.place().and_then(|place| {
            let before = traces.last.replace((at, place, used.clone()))?;
            impossible(before, (at, place, used))
        });
        if let Some((hours, of)) = active {
            self.tell(person, Sign::DayAndNight, at, Evidence::DayAndNight { hours, of });
        }
        if let Some(parallel) = parallel {
            self.tell(person, Sign::Parallel, at, Evidence::ParallelSessions(Box::new(parallel)));
        }
        if let Some(travelled) = travelled {
            self.tell(person, Sign::Travel, at, Evidence::ImpossibleTravel(Box::new(travelled)));
        }
    }

    /// A finding: a sign that was told, or unusual reading that a new authenticator may explain.
    fn found(&mut self, number: EntryNumber, finding: &Finding, at: Instant) {
        let Whose::Person(person) = finding.about else { return };
        if let Some(sign) = sign_of(&finding.evidence) {
            self.people.entry(person).or_default().told[sign as usize] = Some(day_of(at));
            self.seen.retain(|(_, seen)| seen.about != finding.about || sign_of(&seen.evidence) != Some(sign));
            return;
        }
        let unusual = matches!(finding.evidence, Evidence::Volume(_) | Evidence::Honey { .. });
        let further = self.people.get(&person).and_then(|traces| traces.further);
        if let Some(bound) = further
            && unusual
            && at < bound.plus_seconds(NEW_AUTHENTICATOR_SECONDS)
        {
            self.tell(person, Sign::NewAuthenticator, at, Evidence::NewAuthenticator { bound, finding: number });
        }
    }

    fn tell(&mut self, person: PersonId, sign: Sign, at: Instant, evidence: Evidence) {
        let told = &mut self.people.entry(person).or_default().told[sign as usize];
        if told.replace(day_of(at)) != Some(day_of(at)) {
            let finding = Finding { about: Whose::Person(person), reaction: Reaction::Noticed, evidence };
            self.seen.push((at, finding));
        }
    }
}

impl State {
    /// Signs that are not recorded yet, to be recorded at once.
    pub fn take_signs(&mut self, now: Instant) -> Vec<Finding> {
        let fresh = |at: &Instant| now < at.plus_seconds(TOLD_WITHIN_SECONDS);
        std::mem::take(&mut self.signs.seen)
            .into_iter()
            .filter(|(at, _)| fresh(at))
            .map(|(_, finding)| finding)
            .collect()
    }

    /// Where addresses are that no network of the site holds.
    pub fn know_places(&mut self, places: Option<Arc<Places>>) {
        self.signs.places = places;
    }
}

fn sign_of(evidence: &Evidence) -> Option<Sign> {
    Some(match evidence {
        Evidence::ParallelSessions(_) => Sign::Parallel,
        Evidence::ImpossibleTravel(_) => Sign::Travel,
        Evidence::DayAndNight { .. } => Sign::DayAndNight,
        Evidence::NewAuthenticator { .. } => Sign::NewAuthenticator,
        Evidence::TriedOthers(_) => Sign::TriedOthers,
        _ => return None,
    })
}

/// Whether nobody gets from one place to the other in the time.
fn impossible(from: (Instant, Where, UsedFrom), to: (Instant, Where, UsedFrom)) -> Option<ImpossibleTravel> {
    let kilometres = from.1.kilometres_to(to.1);
    if kilometres < TRAVEL_KILOMETRES_MIN {
        return None;
    }
    let seconds = (to.0.0 - from.0.0).max(0) / SECOND;
    let by_land = kilometres / LAND_KILOMETRES_PER_HOUR;
    let by_air = AIR_HOURS_AROUND + kilometres / AIR_KILOMETRES_PER_HOUR;
    (seconds as f64 / 3_600.0 < by_land.min(by_air)).then_some(ImpossibleTravel {
        from: from.2,
        to: to.2,
        kilometres: kilometres as u32,
        minutes: (seconds / 60) as u32,
    })
}
