//! Where people of the model sit, with which devices, and how they sign in; and how often a normal month shows signs of sharing.

use std::collections::{BTreeMap, HashMap};

use model::{
    Actor, Coordinates, EntryBody, Evidence, Finding, Instant, Network, NetworkRule, Origin, PersonId, SECOND,
    SessionId, SignInMethod, Who,
};

use crate::dice::Dice;
use crate::month::{Habit, Month};
use crate::site::{START, Site};

/// Signs of a thousand person-days, each.
const FALSE_SIGNS_MAX: f64 = 1.0;
/// A session that is not used for so long ends, in seconds.
const IDLE_SECONDS: i64 = 3_600;

#[derive(Clone)]
pub struct Seats {
    dice: Dice,
    /// By reader and machine: the session and its last use.
    sessions: HashMap<(usize, String), (SessionId, Instant, String)>,
    /// Where a ward doctor or technologist stands.
    stands: HashMap<usize, u32>,
    next: u64,
}

impl Seats {
    /// The networks of the model: two hospitals of one town, one far away, and a VPN.
    pub fn new(seed: u64, site: &mut Site, people: u32) -> Self {
        let network = |name: &str, block: &str, at: Option<(i16, i16)>| Network {
            name: name.to_owned(),
            blocks: vec![block.to_owned()],
            at: at.map(|(latitude, longitude)| Coordinates { latitude, longitude }),
            utc_minutes: None,
        };
        let networks = vec![
            network("main", "10.1.0.0/16", Some((5252, 1340))),
            network("second", "10.2.0.0/16", Some((5240, 1306))),
            network("far", "10.3.0.0/16", Some((4814, 1158))),
            network("VPN", "10.9.0.0/16", None),
        ];
        site.record(Actor::Owner, EntryBody::NetworkRuleSet { rule: NetworkRule { networks } });
        for person in (0..people).map(PersonId) {
            site.record(Actor::Warden, EntryBody::PasskeyBound { person, label: "first".to_owned() });
        }
        Self { dice: Dice::new(seed ^ 0x5ea7), sessions: HashMap::new(), stands: HashMap::new(), next: 0 }
    }

    /// One person in four months binds a further authenticator.
    pub fn begin_day(&mut self, site: &mut Site, people: u32) {
        for person in (0..people).map(PersonId) {
            if self.dice.chance(1.0 / 120.0) {
                site.record(Actor::Warden, EntryBody::PasskeyBound { person, label: "further".to_owned() });
            }
        }
    }

    /// The person takes a seat for what comes next, and signs in where no session of theirs runs.
    pub fn take(&mut self, site: &mut Site, index: usize, habit: Habit, who: Who, day: i32, hour: f64) {
        let Who::Person(person) = who else { return };
        let (machine, address) = self.machine(index, habit, day, hour);
        let now = site.now;
        let known = self.sessions.get_mut(&(index, machine.clone()));
        if let Some((session, last, from)) = known
            && now.0 - last.0 < IDLE_SECONDS * SECOND
        {
            *last = now;
            site.seat = (*session, Origin(from.clone()));
            return;
        }
        // mistyped: the code, seldom the name
        let stranger = || Actor::Stranger { origin: Origin(address.clone()) };
        while self.dice.chance(0.05) {
            site.record(stranger(), EntryBody::SignInRefused { person: Some(person), reason: "code".to_owned() });
        }
        if self.dice.chance(0.01) {
            site.record(stranger(), EntryBody::SignInRefused { person: None, reason: "password".to_owned() });
        }
        self.next += 1;
        let mut session = SessionId([0; 16]);
        session.0[..8].copy_from_slice(&self.next.to_be_bytes());
        self.sessions.insert((index, machine), (session, now, address.clone()));
        site.seat = (session, Origin(address));
        let actor = Actor::Person { person, session, origin: site.seat.1.clone() };
        site.record(actor, EntryBody::SignedIn { person, session, method: SignInMethod::Passkey });
    }

    /// Which machine, and its address.
    fn machine(&mut self, index: usize, habit: Habit, day: i32, hour: f64) -> (String, String) {
        let near = index as u32 % 250;
        // a day of its own choice for a person: the same all day
        let day_of = |salt: u64| Dice::new(salt ^ ((index as u64) << 32) ^ day as u64).share();
        let phone = match habit {
            Habit::WardDoctor => 0.3,
            Habit::Referrer { .. } => 0.1,
            _ => 0.03,
        };
        if self.dice.chance(phone) {
            return self.phone(index, habit);
        }
        match habit {
            Habit::WardDoctor | Habit::Technologist => {
                let (machines, moves, block) = if habit == Habit::WardDoctor { (15, 0.3, 40) } else { (10, 0.2, 50) };
                if !self.stands.contains_key(&index) || self.dice.chance(moves) {
                    let at = self.dice.below(machines);
                    self.stands.insert(index, at);
                }
                let address = format!("10.1.{block}.{}", self.stands[&index]);
                (address.clone(), address)
            }
            Habit::Referrer { practice } => ("desk".to_owned(), format!("198.18.{practice}.1")),
            Habit::Gateway => ("gateway".to_owned(), String::new()),
            Habit::Radiologist | Habit::Locum => {
                // on call every other one reads at home
                if !(7.0..19.0).contains(&hour) && index.is_multiple_of(2) {
                    return ("home".to_owned(), format!("10.9.0.{near}"));
                }
                // to the far hospital, by train
                let on_call = [day, day + 1].iter().any(|day| index as i32 == day % 50);
                if day_of(1) < 1.0 / 100.0 && !on_call && hour >= 11.0 {
                    return if hour < 16.0 {
                        self.phone(index, habit)
                    } else {
                        ("far".to_owned(), format!("10.3.0.{near}"))
                    };
                }
                // over to the other hospital of the town at noon
                if day_of(2) < 0.1 && hour >= 12.5 {
                    return ("second".to_owned(), format!("10.2.0.{near}"));
                }
                // back and forth to the room of a modality
                if day_of(3) < 0.2 && self.dice.chance(0.15) {
                    return ("room".to_owned(), format!("10.1.60.{}", near % 20));
                }
                ("desk".to_owned(), format!("10.1.1.{near}"))
            }
        }
    }

    /// In the house over its radio network, else over a mobile one.
    fn phone(&mut self, index: usize, habit: Habit) -> (String, String) {
        let house = match habit {
            Habit::Referrer { practice } => format!("198.18.{practice}.1"),
            _ => format!("10.1.200.{}", index % 250),
        };
        if self.dice.chance(0.7) {
            return ("phone".to_owned(), house);
        }
        // the session on the phone stays, and with it the address that it signed in from, until it ends
        ("phone".to_owned(), format!("80.187.{}.{}", self.dice.below(250), self.dice.below(250)))
    }
}

fn word(evidence: &Evidence) -> Option<&'static str> {
    Some(match evidence {
        Evidence::ParallelSessions(_) => "parallel sessions",
        Evidence::ImpossibleTravel(_) => "impossible travel",
        Evidence::DayAndNight { .. } => "day and night",
        Evidence::NewAuthenticator { .. } => "new authenticator",
        Evidence::TriedOthers(_) => "tried others",
        _ => return None,
    })
}

#[test]
fn a_normal_month_shows_fewer_than_one_false_sign_of_each_kind_in_a_thousand_person_days() {
    let mut days = 0;
    let mut signs: BTreeMap<&str, u32> = BTreeMap::new();
    for seed in [1, 2, 3] {
        let mut month = Month::with_seats(seed);
        month.run_to(28);
        days += month.take_tally().0;
        for word in month.site.findings.iter().filter_map(|(_, finding)| word(&finding.evidence)) {
            *signs.entry(word).or_default() += 1;
        }
    }
    assert!(days > 12_000, "{days}");
    for sign in ["parallel sessions", "impossible travel", "day and night", "new authenticator", "tried others"] {
        let count = signs.get(sign).copied().unwrap_or(0);
        let rate = f64::from(count) * 1_000.0 / f64::from(days);
        println!("{sign}: {count} in {days} person-days, {rate:.2} in 1,000");
        assert!(rate < FALSE_SIGNS_MAX, "{sign}: {count}");
    }
}

#[test]
fn a_login_that_a_second_person_works_with_all_day_is_found_within_three_days() {
    for seed in [1, 2, 3] {
        let mut month = Month::with_seats(seed);
        let index = month.reader(|habit| habit == Habit::Radiologist);
        // a colleague with the same login in another house, nearly as busy as the owner
        month.lent = Some((index, 40, Origin("203.0.113.66".to_owned())));
        month.run_to(3);
        let found = |(_, finding): &&(Instant, Finding)| matches!(finding.evidence, Evidence::ParallelSessions(_));
        let (at, _) = month.site.findings.iter().find(found).unwrap_or_else(|| panic!("seed {seed}"));
        let hours = (at.0 - START.0) as f64 / (3_600 * SECOND) as f64;
        println!("seed {seed}: found {hours:.1} hours after the first midnight");
        assert!(hours < 72.0);
    }
}
