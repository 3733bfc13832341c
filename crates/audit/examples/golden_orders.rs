//! Writes the ledger of `testdata/ledger/v3-orders`: every kind and variant of entry that orders brought, closed cleanly.
//!
//! `cargo run -p audit --example golden_orders -- FOLDER`. What is in `testdata` stays as it is: a version that has a further kind
//! writes a folder beside it. Keys, times and entries are fixed; nonces and salts are random in each run.

mod story;

use std::collections::BTreeMap;
use std::error::Error;

use model::{
    Actor, AppointmentMade, Change, DeviceId, DeviceMay, EntryBody, EntryNumber, Evidence, Finding, Instant, KeptOrder,
    KeyedDigest, Need, NumberSet, OrderCount, OrderEnd, OrderEnded, OrderRule, OrderSource, OrderTaken, OrganisationId,
    Origin, PatientNumber, PatientsMerged, PersonId, Reaction, Relationship, Role, SECOND, SiteId, Standing,
    StudyNumber, Tier, What, Who, Whose, Window,
};

/// The site of the first version's golden ledgers, with another number.
const SITE: SiteId = SiteId(*b"\x90\xad\xe4\x03\0\0\0\0\0\0\0\0\0\0\0\xff");
/// 2026-11-27T09:00:00Z.
const START: Instant = Instant(1_795_770_000 * SECOND);
/// From one entry to the next, in seconds.
const STEP_SECONDS: i64 = 900;

const RIS: DeviceId = DeviceId(0);
const REFERRER: PersonId = PersonId(0);
const READERS: OrganisationId = OrganisationId(0);
const PATIENT: PatientNumber = PatientNumber(0);
const OTHER: PatientNumber = PatientNumber(1);

/// Entries so far.
#[derive(Default)]
struct Story(Vec<(Actor, EntryBody)>);

impl Story {
    fn now(&self) -> Instant {
        START.plus_seconds(self.0.len() as i64 * STEP_SECONDS)
    }

    fn add(&mut self, actor: Actor, body: EntryBody) -> EntryNumber {
        self.0.push((actor, body));
        EntryNumber(self.0.len() as u64 - 1)
    }

    fn by_ris(&mut self, body: EntryBody) -> EntryNumber {
        self.add(Actor::Device { device: RIS, origin: Origin("192.0.2.25".to_owned()) }, body)
    }

    fn related(&mut self, who: Who, patient: PatientNumber) -> EntryNumber {
        let window = Window { from: self.now(), to: self.now().plus_seconds(120 * 86_400) };
        let (what, tier, entry) = (What::Patient(patient), Tier::Open, EntryNumber(0));
        let relationship = Relationship { who, what, tier, window, basis: "order".to_owned(), entry };
        self.by_ris(EntryBody::Related { relationship })
    }

    /// An order with its relationships; its entry, and theirs.
    fn order(&mut self, number: u8, patient: PatientNumber, matched: bool) -> (EntryNumber, Vec<EntryNumber>) {
        let made =
            vec![self.related(Who::Person(REFERRER), patient), self.related(Who::Organisation(READERS), patient)];
        let numbers = vec![digest(number), digest(number + 1)];
        let (named, source) = (patient, source(number));
        let taken = OrderTaken { patient, named, numbers, relationships: 2, matched, source };
        (self.by_ris(EntryBody::OrderTaken(Box::new(taken))), made)
    }

    fn end(&mut self, order: EntryNumber, made: &[EntryNumber], how: OrderEnd) {
        let until = self.now().plus_seconds(if how == OrderEnd::Completed { 30 * 86_400 } else { 0 });
        for entry in made {
            self.by_ris(EntryBody::RelationshipEnded { entry: *entry, until });
        }
        self.by_ris(EntryBody::OrderEnded(OrderEnded { order, how, source: source(0x70) }));
    }
}

fn digest(byte: u8) -> KeyedDigest {
    KeyedDigest([byte; 16])
}

fn source(number: u8) -> OrderSource {
    OrderSource { device: RIS, control: digest(number + 0x40), content: digest(number + 0x80) }
}

fn rule() -> OrderRule {
    OrderRule {
        reading_group: Some(READERS),
        places: BTreeMap::from([("MRT".to_owned(), READERS)]),
        authorities: BTreeMap::from([("HOSPITAL".to_owned(), String::new())]),
        ..OrderRule::default()
    }
}

fn tell(story: &mut Story) {
    story.add(Actor::Owner, EntryBody::Initialised { site: SITE, name: "Golden orders".to_owned() });
    let authorisation = model::Authorisation::PasskeyOnly;
    let (organisation, name) = (READERS, "Readers".to_owned());
    story.add(Actor::Owner, EntryBody::OrganisationAdded { organisation, name, authorisation });
    let (email, name) = ("ruth@practice.example".to_owned(), "Ruth Referrer".to_owned());
    story.add(Actor::Owner, EntryBody::PersonAdded { person: REFERRER, email, name, role: Role::Referrer });
    for holds in [true, false, true] {
        let (issuer, id) = ("LANR".to_owned(), "123456601".to_owned());
        story.add(Actor::Owner, EntryBody::ProfessionalIdChanged { person: REFERRER, issuer, id, holds });
    }
    let (name, may) = ("RIS".to_owned(), vec![DeviceMay::Orders]);
    story.add(Actor::Owner, EntryBody::DeviceAdded { device: RIS, name, organisation, may });
    let need = Need { standing: Standing::Setup, approvals: 0, officer: false, delay_seconds: 0 };
    let proposed = Box::new(Change::OrderRule { rule: rule() });
    let (earliest, expires) = (story.now(), story.now().plus_seconds(14 * 86_400));
    let proposal = story.add(Actor::Owner, EntryBody::Proposed { proposed, need, earliest, expires });
    story.add(Actor::Owner, EntryBody::OrderRuleSet { rule: rule() });
    story.add(Actor::Owner, EntryBody::CarriedOut { proposal, standing: Standing::Setup });
    orders(story);
    kept(story);
}

fn orders(story: &mut Story) {
    for patient in [PATIENT, OTHER] {
        story.add(Actor::Warden, EntryBody::PatientAdded { patient });
    }
    let (study, taken_in) = (StudyNumber(0), story.now());
    let (instances, duplicates, conflicts, outbox_sequence) = (1, 0, 0, 1);
    let patient = OTHER;
    let stored = EntryBody::Stored { patient, study, instances, duplicates, conflicts, taken_in, outbox_sequence };
    story.add(Actor::Owner, stored);
    for orders in [vec![], vec![digest(9)]] {
        let (appointment, starts) = (digest(8), (!orders.is_empty()).then(|| story.now().plus_seconds(86_400)));
        let (patient, named) = (PATIENT, PATIENT);
        let made = AppointmentMade { patient, named, appointment, orders, starts, cancelled: false, source: source(7) };
        story.by_ris(EntryBody::AppointmentMade(Box::new(made)));
    }
    for (number, how) in [(1, OrderEnd::Cancelled), (3, OrderEnd::Completed), (5, OrderEnd::Changed)] {
        let (order, made) = story.order(number, PATIENT, number == 1);
        story.end(order, &made, how);
    }
    // an order of the record that goes: merged, and taken back
    let (_, made) = story.order(9, OTHER, true);
    let moves = |story: &mut Story, made: &[EntryNumber], from, to, undoes, source| {
        let mut anew = Vec::new();
        for (entry, who) in made.iter().zip([Who::Person(REFERRER), Who::Organisation(READERS)]) {
            let until = story.now();
            story.by_ris(EntryBody::RelationshipEnded { entry: *entry, until });
            anew.push(story.related(who, to));
        }
        let reason = "two records of one person were merged".to_owned();
        story.by_ris(EntryBody::Moved { study: StudyNumber(0), from, to, reason });
        let (relationships, studies) = (made.to_vec(), [0].into_iter().collect::<NumberSet>());
        let merged = PatientsMerged { from, to, relationships, studies, undoes, source };
        (story.by_ris(EntryBody::PatientsMerged(Box::new(merged))), anew)
    };
    let (merge, anew) = moves(story, &made, OTHER, PATIENT, None, Some(source(0x20)));
    moves(story, &anew, PATIENT, OTHER, Some(merge), None);
    for count in [OrderCount::Orders, OrderCount::Unmatched, OrderCount::Merges, OrderCount::Appointments] {
        let evidence = Evidence::Orders { count, limit: 100 };
        let finding = Finding { about: Whose::Device(RIS), reaction: Reaction::Noticed, evidence };
        story.add(Actor::Warden, EntryBody::FindingRaised { finding });
    }
}

fn kept(story: &mut Story) {
    for (kept, state) in [
        (0, KeptOrder::Kept),
        (0, KeptOrder::Read),
        (0, KeptOrder::Replayed),
        (1, KeptOrder::Kept),
        (1, KeptOrder::Dropped),
    ] {
        story.by_ris(EntryBody::OrderKept { kept, state, code: 204 });
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut story = Story::default();
    tell(&mut story);
    story::write(SITE, START, STEP_SECONDS, story.0)
}
