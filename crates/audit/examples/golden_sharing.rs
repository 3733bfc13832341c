//! Writes the ledger of `testdata/ledger/v3-sharing`: the kinds of entry about share links, second opinions and downloads.
//!
//! `cargo run -p audit --example golden_sharing -- FOLDER`. What is in `testdata` stays as it is. Keys, times and entries are fixed;
//! nonces and salts are random in each run.

mod story;

use std::error::Error;

use model::{
    About, Actor, Change, EntryBody, EntryNumber, ExposureReported, Instant, LinkEnd, LinkFor, LinkId, LinkMade,
    LinkOpened, LinkRefused, LinkWrong, Need, OpenScope, OpinionAsked, Origin, PatientNumber, PersonId, Relationship,
    Role, SECOND, SessionId, SharingRule, SiteId, Standing, StudyNumber, Tier, What, Who, Window,
};

/// The site of the first version's golden ledgers, with another number.
const SITE: SiteId = SiteId(*b"\x90\xad\xe4\x03\0\0\0\0\0\0\0\0\0\0\0\xff");
/// 2026-11-24T16:00:00Z.
const START: Instant = Instant(1_795_536_000 * SECOND);
const PATIENT: PersonId = PersonId(0);
const REFERRER: PersonId = PersonId(1);
const COLLEAGUE: PersonId = PersonId(2);
const STUDY: StudyNumber = StudyNumber(0);
const PATIENT_NUMBER: PatientNumber = PatientNumber(0);

#[derive(Default)]
struct Story(Vec<(Actor, EntryBody)>);

impl Story {
    fn now(&self) -> Instant {
        START.plus_seconds(self.0.len() as i64 * 60)
    }

    fn add(&mut self, actor: &Actor, body: EntryBody) -> EntryNumber {
        self.0.push((actor.clone(), body));
        EntryNumber(self.0.len() as u64 - 1)
    }
}

fn by(person: PersonId) -> Actor {
    Actor::Person { person, session: SessionId([0x50 + person.0 as u8; 16]), origin: Origin("192.0.2.17".to_owned()) }
}

fn through(link: u32) -> Actor {
    let session = SessionId([0x70 + link as u8; 16]);
    Actor::Link { link: LinkId(link), session, origin: Origin("198.51.100.9".to_owned()) }
}

fn stranger() -> Actor {
    Actor::Stranger { origin: Origin("203.0.113.5".to_owned()) }
}

fn people(story: &mut Story) {
    for (person, role, name) in [
        (PATIENT, Role::Patient, "Pat Example"),
        (REFERRER, Role::Referrer, "Dr. Ref Example"),
        (COLLEAGUE, Role::Radiologist, "Dr. Col Example"),
    ] {
        let email = format!("person{person}@example.org");
        story.add(&Actor::Owner, EntryBody::PersonAdded { person, email, name: name.to_owned(), role });
    }
    story.add(&Actor::Warden, EntryBody::PatientAdded { patient: PATIENT_NUMBER });
    let taken_in = story.now();
    story.add(
        &Actor::Warden,
        EntryBody::Stored {
            patient: PATIENT_NUMBER,
            study: STUDY,
            instances: 4,
            duplicates: 0,
            conflicts: 0,
            taken_in,
            outbox_sequence: 1,
        },
    );
    for (who, basis) in [(PATIENT, "patient"), (REFERRER, "referral 7")] {
        related(story, &Actor::Owner, Who::Person(who), What::Patient(PATIENT_NUMBER), 365 * 86_400, basis);
    }
}

fn related(story: &mut Story, by: &Actor, who: Who, what: What, seconds: i64, basis: &str) -> EntryNumber {
    let window = Window { from: story.now(), to: story.now().plus_seconds(seconds) };
    let (tier, basis, entry) = (Tier::Open, basis.to_owned(), EntryNumber(0));
    story.add(by, EntryBody::Related { relationship: Relationship { who, what, tier, window, basis, entry } })
}

/// A link that is made; the entry of its relationship.
fn made(story: &mut Story, maker: PersonId, link: u32, purpose: LinkFor, seconds: i64) -> EntryNumber {
    let link = LinkId(link);
    let relationship = related(story, &by(maker), Who::Link(link), What::Study(STUDY), seconds, "share link");
    let until = story.now().plus_seconds(seconds);
    let note = "Dr. Away, Sydney".to_owned();
    let body = LinkMade { link, patient: PATIENT_NUMBER, study: STUDY, purpose, until, browsers: 3, note };
    story.add(&by(maker), EntryBody::LinkMade(body));
    relationship
}

fn links(story: &mut Story) {
    let first = made(story, PATIENT, 0, LinkFor::Outside, 7 * 86_400);
    for (wrong, tries) in [(LinkWrong::Code, 1), (LinkWrong::Browsers, 1)] {
        story.add(&stranger(), EntryBody::LinkRefused(LinkRefused { link: LinkId(0), wrong, tries }));
    }
    let session = SessionId([0x70; 16]);
    let browser = "q3vTLbCmW0JYEYy8z6xk0cGg2Z0bUS0nFN1aU1KJH6s".to_owned();
    story.add(&through(0), EntryBody::LinkOpened(LinkOpened { link: LinkId(0), session, browser }));
    let lease_until = story.now().plus_seconds(300);
    let (patients, studies) = ([0].into_iter().collect(), [0].into_iter().collect());
    story.add(&through(0), EntryBody::Listed { patients, studies, lease_until });
    for scope in [OpenScope::Images, OpenScope::Download] {
        let lease_until = story.now().plus_seconds(300);
        story.add(&through(0), EntryBody::Opened { patient: PATIENT_NUMBER, study: STUDY, scope, lease_until });
    }
    story.add(&through(0), EntryBody::LinkLeft { link: LinkId(0), session });
    let until = story.now();
    story.add(&by(PATIENT), EntryBody::RelationshipEnded { entry: first, until });
    story.add(&by(PATIENT), EntryBody::LinkEnded { link: LinkId(0), end: LinkEnd::Revoked });
    for (link, end) in [(1, LinkEnd::Guessed), (2, LinkEnd::Expired), (3, LinkEnd::Maker)] {
        made(story, REFERRER, link, LinkFor::Room, 1800);
        story.add(&Actor::Warden, EntryBody::LinkEnded { link: LinkId(link), end });
    }
    let reported = ExposureReported {
        about: About::Link(LinkId(0)),
        window: Window { from: START, to: story.now() },
        reachable_patients: 1,
        listed_patients: 1,
        opened_patients: 1,
        sha256: None,
    };
    story.add(&Actor::Owner, EntryBody::ExposureReported(reported));
}

fn inside(story: &mut Story) {
    let reason = "is this a fracture".to_owned();
    let who = Who::Person(COLLEAGUE);
    related(story, &by(REFERRER), who, What::Study(STUDY), 86_400, "second opinion: is this a fracture");
    let until = story.now().plus_seconds(86_400);
    let asked = OpinionAsked { colleague: COLLEAGUE, patient: PATIENT_NUMBER, study: STUDY, until, reason };
    story.add(&by(REFERRER), EntryBody::OpinionAsked(asked));
    let rule = SharingRule { patients: true, clinicians: false, days_max: 14 };
    let need = Need { standing: Standing::TwoPersons, approvals: 1, officer: true, delay_seconds: 86_400 };
    let (earliest, expires) = (story.now().plus_seconds(86_400), story.now().plus_seconds(7 * 86_400));
    let proposed = Box::new(Change::SharingRule { rule });
    let proposal = story.add(&Actor::Owner, EntryBody::Proposed { proposed, need, earliest, expires });
    story.add(&Actor::Warden, EntryBody::SharingRuleSet { rule });
    story.add(&Actor::Warden, EntryBody::CarriedOut { proposal, standing: Standing::TwoPersons });
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut story = Story::default();
    story.add(&Actor::Owner, EntryBody::Initialised { site: SITE, name: "Golden Sharing".to_owned() });
    people(&mut story);
    links(&mut story);
    inside(&mut story);
    story::write(SITE, START, 60, story.0)
}
