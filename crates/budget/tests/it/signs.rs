//! Signs of sharing and takeover: each by itself, and what is none.

use budget::{Places, PlacesError, State, sentence};
use model::{
    Actor, Coordinates, Entry, EntryBody, EntryNumber, Evidence, Finding, Instant, Measure, Network, NetworkRule,
    OpenScope, Origin, PatientNumber, PersonId, Reaction, SessionId, SignInMethod, Span, StudyNumber, Volume, Whose,
};

use crate::site::START;

const PERSON: PersonId = PersonId(7);

struct Told {
    state: State,
    number: u64,
    now: Instant,
    entries: Vec<Entry>,
    findings: Vec<Finding>,
}

impl Told {
    fn new() -> Self {
        Self { state: State::since(START), number: 0, now: START, entries: Vec::new(), findings: Vec::new() }
    }

    fn record(&mut self, actor: Actor, body: EntryBody) {
        let entry = Entry { version: 1, recorded: self.now, actor, body };
        self.state.apply(EntryNumber(self.number), &entry);
        self.number += 1;
        self.entries.push(entry);
        for finding in self.state.take_signs(self.now) {
            self.findings.push(finding.clone());
            self.record(Actor::Warden, EntryBody::FindingRaised { finding });
        }
    }

    fn later(&mut self, minutes: i64) -> &mut Self {
        self.now = self.now.plus_seconds(60 * minutes);
        self
    }

    fn by(person: PersonId, session: u8, origin: &str) -> Actor {
        Actor::Person { person, session: SessionId([session; 16]), origin: Origin(origin.to_owned()) }
    }

    fn opens(&mut self, session: u8, origin: &str) {
        let (patient, study, scope) = (PatientNumber(1), StudyNumber(1), OpenScope::Images);
        let lease_until = self.now.plus_seconds(300);
        self.record(Self::by(PERSON, session, origin), EntryBody::Opened { patient, study, scope, lease_until });
    }

    fn signs_in(&mut self, person: PersonId, origin: &str) {
        let body = EntryBody::SignedIn { person, session: SessionId([9; 16]), method: SignInMethod::Passkey };
        self.record(Self::by(person, 9, origin), body);
    }

    fn fails(&mut self, person: Option<u32>, origin: &str) {
        let actor = Actor::Stranger { origin: Origin(origin.to_owned()) };
        self.record(actor, EntryBody::SignInRefused { person: person.map(PersonId), reason: "password".to_owned() });
    }

    fn binds(&mut self) {
        self.record(Actor::Warden, EntryBody::PasskeyBound { person: PERSON, label: "phone".to_owned() });
    }

    fn reads_too_much(&mut self) {
        let volume = Volume {
            measure: Measure::OpenedOther,
            span: Span::Day,
            patients: 40,
            weight: 40,
            normal: 8,
            limit: 30,
            unusual_hours: 0,
            in_sequence: 0,
            sessions: 1,
        };
        let finding =
            Finding { about: Whose::Person(PERSON), reaction: Reaction::Slowed, evidence: Evidence::Volume(volume) };
        self.record(Actor::Warden, EntryBody::FindingRaised { finding });
    }

    fn networks(&mut self) {
        let network = |name: &str, block: &str, at: Option<(i16, i16)>, utc_minutes| Network {
            name: name.to_owned(),
            blocks: vec![block.to_owned()],
            at: at.map(|(latitude, longitude)| Coordinates { latitude, longitude }),
            utc_minutes,
        };
        let networks = vec![
            network("Berlin", "10.1.0.0/16", Some((5252, 1340)), None),
            network("Potsdam", "10.1.7.0/24", Some((5240, 1306)), None),
            network("München", "2001:db8:2::/48", Some((4814, 1158)), None),
            network("VPN", "10.9.0.0/16", None, None),
            network("Sydney", "203.0.113.0/24", None, Some(600)),
            network("Wien", "198.51.100.0/24", None, Some(60)),
        ];
        self.record(Actor::Warden, EntryBody::NetworkRuleSet { rule: NetworkRule { networks } });
    }

    /// What was found, in words without the sentence's end.
    fn words(&self) -> Vec<String> {
        let words = self.findings.iter().map(|finding| {
            assert_eq!(finding.reaction, Reaction::Noticed);
            sentence(finding, "Dr. Beispiel").strip_suffix(": nothing was held back").unwrap().to_owned()
        });
        words.collect()
    }
}

#[test]
fn two_sessions_in_turns_from_two_networks_are_a_sign_and_from_one_only_when_it_goes_on() {
    let mut told = Told::new();
    for turn in 0..14 {
        told.later(2).opens(turn % 2, ["10.1.0.5", "203.0.113.9"][usize::from(turn % 2)]);
    }
    assert_eq!(
        told.words(),
        [
            "two sessions of Dr. Beispiel were used in turns, from 10.1.0.5 and from 203.0.113.9: 6 times within an hour one was gone \
          back to"
        ]
    );
    // one network: a phone beside a desk, until it is two people
    let mut told = Told::new();
    for turn in 0..17 {
        told.later(2).opens(turn % 2, ["10.1.0.5", "192.168.7.31"][usize::from(turn % 2)]);
    }
    assert_eq!(told.words(), [] as [&str; 0]);
    told.later(2).opens(1, "192.168.7.31");
    assert_eq!(told.words().len(), 1);
}

#[test]
fn what_one_person_does_with_several_devices_is_no_sign() {
    let mut told = Told::new();
    // on to a further workstation each time, on the hour a look at the phone over a mobile network, two windows of one machine
    for minute in 0..600i64 {
        told.later(1);
        match minute % 60 {
            0..=2 => told.opens(200, "80.187.10.4"),
            10 | 30 | 50 => told.opens((minute / 10) as u8, &format!("10.1.{}.5", minute / 10)),
            odd if odd % 2 == 1 => told.opens(150, "10.1.100.5"),
            _ => told.opens(151, "10.1.100.5"),
        }
    }
    assert_eq!(told.words(), [] as [&str; 0]);
}

#[test]
fn nobody_is_at_two_places_faster_than_people_travel() {
    let mut told = Told::new();
    told.networks();
    told.signs_in(PERSON, "10.1.0.5");
    // the next town, half an hour later; a VPN and an address that nobody knows are at no place
    told.later(30).signs_in(PERSON, "10.1.7.5");
    told.later(1).signs_in(PERSON, "10.9.3.3");
    told.later(1).signs_in(PERSON, "80.187.10.4");
    // by train
    told.later(150).signs_in(PERSON, "2001:db8:2::5");
    assert_eq!(told.words(), [] as [&str; 0]);
    told.later(140).signs_in(PERSON, "10.1.0.5");
    assert_eq!(
        told.words(),
        [
            "Dr. Beispiel was at München (2001:db8:2::5) and 140 minutes later at Berlin (10.1.0.5), which are at least 503 km apart"
        ]
    );
    // once a day
    told.later(10).signs_in(PERSON, "2001:db8:2::5");
    assert_eq!(told.findings.len(), 1);
    told.later(24 * 60).signs_in(PERSON, "10.1.0.5");
    told.later(10).signs_in(PERSON, "2001:db8:2::5");
    assert_eq!(told.findings.len(), 2);
}

#[test]
fn places_of_which_only_the_time_is_known_are_as_far_apart_as_their_times() {
    let mut told = Told::new();
    told.networks();
    told.signs_in(PERSON, "198.51.100.7");
    told.later(8 * 60).signs_in(PERSON, "203.0.113.7");
    assert_eq!(
        told.words(),
        [
            "Dr. Beispiel was at Wien (198.51.100.7) and 480 minutes later at Sydney (203.0.113.7), which are at least 6750 km apart"
        ]
    );
    // a place with coordinates says nothing of one with a time
    let mut told = Told::new();
    told.networks();
    told.signs_in(PERSON, "10.1.0.5");
    told.later(1).signs_in(PERSON, "203.0.113.7");
    assert_eq!(told.words(), [] as [&str; 0]);
}

#[test]
fn a_file_of_places_says_where_addresses_are_that_no_network_holds() {
    let read = |text: &str| Places::read(text.as_bytes());
    let plain = "198.51.100.0/25,52.52,13.40\n198.51.100.128/25,52.52,13.40\n192.0.2.0/24,-33.87,151.21,100\n2001:db8::/32,50.11,8.68\n";
    let places = read(plain).unwrap();
    assert_eq!(places.rows(), 3, "neighbours at one place are one");
    let maxmind = "network,geoname_id,registered_country_geoname_id,latitude,longitude,accuracy_radius\n\
                   198.51.100.0/24,2950159,2921044,52.52,13.40,5\n198.51.101.0/24,,2921044,,,\n";
    assert_eq!(read(maxmind).unwrap().rows(), 1);
    for (text, line) in [
        ("x", 1),
        ("10.0.0.0/8,91,0", 1),
        ("10.0.0.0/8,1,1\n10.0.0.0/33,1,1", 2),
        ("10.0.0.0/8,1,1,far", 1),
        ("network,city\n", 1),
    ] {
        assert!(matches!(read(text), Err(PlacesError::Line { line: found }) if found == line), "{text}");
    }
    assert!(matches!(read(""), Err(PlacesError::Empty)));
    assert!(matches!(read("10.0.0.0/8,1,1\n10.1.0.0/16,2,2"), Err(PlacesError::Overlap(_))));

    let mut told = Told::new();
    told.state.know_places(Some(std::sync::Arc::new(places)));
    told.networks();
    // a network of the site comes first: 203.0.113.0/24 has a time only
    told.signs_in(PERSON, "2001:db8::1");
    // 424 km by the file: mobile networks leave the country elsewhere
    told.later(5).signs_in(PERSON, "10.1.0.5");
    assert_eq!(told.words(), [] as [&str; 0]);
    told.later(300).signs_in(PERSON, "192.0.2.9");
    assert_eq!(
        told.words(),
        [
            "Dr. Beispiel was at Berlin (10.1.0.5) and 300 minutes later at -33.87, 151.21 (192.0.2.9), which are at least 15994 km apart"
        ]
    );
}

#[test]
fn activity_in_more_hours_than_one_person_works_is_a_sign() {
    let mut told = Told::new();
    // 24 hours on call with six quiet ones, then home
    for hour in 0..24 {
        if !(1..7).contains(&hour) {
            told.opens(1, "10.1.0.5");
        }
        told.later(60);
    }
    told.later(12 * 60).opens(1, "10.1.0.5");
    assert_eq!(told.words(), [] as [&str; 0]);
    let mut told = Told::new();
    for _ in 0..24 {
        told.later(60).opens(1, "10.1.0.5");
    }
    assert_eq!(
        told.words()[0],
        "Dr. Beispiel was active in 21 different hours of the last 24, more than one person works"
    );
    // eighteen hours a day
    let mut told = Told::new();
    for hour in 0..96 {
        if hour % 24 >= 6 {
            told.opens(1, "10.1.0.5");
        }
        told.later(60);
    }
    assert_eq!(
        told.words()[0],
        "Dr. Beispiel was active in 35 different hours of the last 48, more than one person works"
    );
}

#[test]
fn a_further_authenticator_before_unusual_reading_is_told_with_it() {
    let mut told = Told::new();
    told.binds();
    told.later(60).reads_too_much();
    assert_eq!(told.words(), [] as [&str; 0], "the first is how everybody begins");
    told.later(4 * 24 * 60).binds();
    let bound = told.now;
    told.later(71 * 60).reads_too_much();
    let [Finding { evidence: Evidence::NewAuthenticator { bound: found, finding }, .. }] = &told.findings[..] else {
        panic!("{:?}", told.findings)
    };
    assert_eq!((*found, *finding), (bound, EntryNumber(3)));
    let mut told = Told::new();
    told.binds();
    told.binds();
    told.later(73 * 60).reads_too_much();
    assert_eq!(told.words(), [] as [&str; 0], "three days later it is the reading alone");
}

#[test]
fn a_sign_in_from_an_address_that_tried_others_is_a_sign() {
    let mut told = Told::new();
    // a practice behind one address: everybody mistypes, and everybody gets in
    for person in 20..26 {
        told.fails(Some(person), "192.0.2.66");
        told.later(1).signs_in(PersonId(person), "192.0.2.66");
    }
    told.fails(Some(7), "192.0.2.66");
    told.signs_in(PERSON, "192.0.2.66");
    assert_eq!(told.words(), [] as [&str; 0]);
    for person in 30..33 {
        told.fails(Some(person), "192.0.2.66");
    }
    told.later(59).signs_in(PERSON, "192.0.2.66");
    assert_eq!(
        told.words(),
        [
            "Dr. Beispiel signed in from 192.0.2.66, from where sign-ins failed within the hour before: of 3 other people, and 0 with names \
          that nobody has"
        ]
    );
    // an hour later it is forgotten; an IPv6 network is one address; names that nobody has count too
    let mut told = Told::new();
    (30..33).for_each(|person| told.fails(Some(person), "192.0.2.66"));
    told.later(60).signs_in(PERSON, "192.0.2.66");
    (0..9).for_each(|_| told.fails(None, "2001:db8:1:2::1"));
    told.signs_in(PERSON, "2001:db8:1:2:ffff::9");
    assert_eq!(told.words(), [] as [&str; 0]);
    told.fails(None, "2001:db8:1:2::7");
    told.signs_in(PERSON, "2001:db8:1:3::9");
    assert_eq!(told.words(), [] as [&str; 0]);
    told.signs_in(PERSON, "2001:db8:1:2:ffff::9");
    assert_eq!(told.words().len(), 1);
}

#[test]
fn a_restart_tells_what_was_not_recorded_and_nothing_twice() {
    let mut told = Told::new();
    told.networks();
    told.signs_in(PERSON, "10.1.0.5");
    told.later(10).signs_in(PERSON, "2001:db8:2::5");
    assert_eq!(told.findings.len(), 1);
    let replay = |entries: &[Entry]| {
        let mut state = State::since(START);
        (0..).map(EntryNumber).zip(entries).for_each(|(number, entry)| state.apply(number, entry));
        state
    };
    assert_eq!(replay(&told.entries).take_signs(told.now), []);
    let cut = &told.entries[..told.entries.len() - 1];
    assert_eq!(replay(cut).take_signs(told.now), told.findings, "a crash before the finding was recorded");
    assert_eq!(replay(cut).take_signs(told.now.plus_seconds(86_400)), [], "and what an older version left unseen");
}
