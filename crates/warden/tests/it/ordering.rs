//! Orders as the warden decides on them: a slow model of who reaches whom says the same after every message, whatever came before.

use std::collections::{BTreeMap, BTreeSet};

use model::{DeviceId, DeviceMay, EntryBody, EntryNumber, Instant, OrderEnd, OrderRule, Origin, Role};
use protocol::{
    Authority, Credential, DeniedActors, Identifier, Level, OrderAsk, OrderCaller, OrderEvent, OrderMessage,
    OrderNumbers, OrderReply, OrderRuleAsked, OrdersReply, OrdersRequest, PageReply, PageRequest, PatientConsent,
    Place, PlacedOrder, Refusal, Scope,
};

use crate::site::{Folder, Site, soon};

const PATIENTS: usize = 4;
const HOLDERS: usize = 2;
const NUMBERS: usize = 6;
const CONSENTS: usize = 3;
const STEPS: usize = 220;

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % sides as u64) as usize
    }
}

/// A relationship that an order or a merge made.
#[derive(Clone)]
struct Reaching {
    holder: usize,
    record: usize,
    order: usize,
    open: bool,
}

/// An order in one of its states.
#[derive(Clone)]
struct Known {
    record: usize,
    /// The identifier that it was told under.
    named: usize,
    numbers: BTreeSet<Number>,
    open: bool,
}

/// By what an order is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Number {
    Placer(usize),
    Filler(usize),
}
pub use Number::{Filler, Placer};

struct Merged {
    from: usize,
    to: usize,
    made: Vec<usize>,
}

/// What follows from messages, told slowly.
#[derive(Default)]
struct Model {
    reaching: Vec<Reaching>,
    orders: Vec<Known>,
    points: BTreeMap<Number, usize>,
    merges: Vec<Merged>,
    /// The patient whom each names, and whom it denies.
    consents: BTreeMap<usize, (usize, BTreeSet<usize>)>,
}

impl Model {
    /// The record that an identifier belongs to.
    fn record(&self, id: usize) -> usize {
        self.merges.iter().find(|merge| merge.from == id).map_or(id, |merge| self.record(merge.to))
    }

    fn leads_to(&self, id: usize, target: usize) -> bool {
        id == target
            || self.merges.iter().find(|merge| merge.from == id).is_some_and(|merge| self.leads_to(merge.to, target))
    }

    fn close(&mut self, order: usize) {
        self.orders[order].open = false;
        self.reaching.iter_mut().filter(|one| one.order == order).for_each(|one| one.open = false);
    }

    fn holders(&self, order: usize) -> BTreeSet<usize> {
        self.reaching.iter().filter(|one| one.order == order && one.open).map(|one| one.holder).collect()
    }

    /// The order that is called so; nothing where that is not clear.
    fn known(&self, called: &[Number], record: usize) -> Option<Option<usize>> {
        let hit: BTreeSet<usize> = called.iter().filter_map(|number| self.points.get(number).copied()).collect();
        let open: Vec<usize> = hit.iter().copied().filter(|order| self.orders[*order].open).collect();
        if open.len() > 1 || hit.iter().any(|order| self.orders[*order].record != record) {
            return None;
        }
        Some(open.first().or(hit.last()).copied())
    }

    fn denies(&self, record: usize, holder: usize) -> bool {
        self.consents.values().any(|(id, denied)| self.record(*id) == record && denied.contains(&holder))
    }

    /// Ends what a record's orders gave those who are denied.
    fn deny(&mut self, record: usize, denied: &BTreeSet<usize>) {
        let ended = self.reaching.iter_mut().filter(|one| one.record == record && denied.contains(&one.holder));
        ended.for_each(|one| one.open = false);
    }

    fn consent(&mut self, called: usize, id: usize, denied: BTreeSet<usize>) -> bool {
        let record = self.record(id);
        let former = self.consents.get(&called).filter(|(_, denied)| !denied.is_empty());
        if former.is_some_and(|(of, _)| self.record(*of) != record) {
            return false;
        }
        self.deny(record, &denied);
        self.consents.insert(called, (id, denied));
        true
    }

    fn place(&mut self, called: &[Number], id: usize, holders: &BTreeSet<usize>, new: bool) -> bool {
        let record = self.record(id);
        let Some(known) = self.known(called, record) else { return false };
        let holders: &BTreeSet<usize> =
            &holders.iter().copied().filter(|holder| !self.denies(record, *holder)).collect();
        let open = known.filter(|order| self.orders[*order].open);
        let mut numbers: BTreeSet<Number> = called.iter().copied().collect();
        if let Some(order) = open {
            if self.holders(order) == *holders && numbers.is_subset(&self.orders[order].numbers) {
                return true;
            }
            numbers.extend(self.orders[order].numbers.iter().copied());
            self.close(order);
        } else if !new {
            return true;
        }
        let order = self.orders.len();
        self.reaching.extend(holders.iter().map(|holder| Reaching { holder: *holder, record, order, open: true }));
        self.points.extend(numbers.iter().map(|number| (*number, order)));
        self.orders.push(Known { record, named: id, numbers, open: true });
        true
    }

    fn end(&mut self, called: &[Number], id: usize) -> bool {
        let Some(Some(order)) = self.known(called, self.record(id)) else { return false };
        self.close(order);
        true
    }

    fn take_along(&mut self, from: usize, to: usize, along: impl Fn(usize) -> bool) -> Vec<usize> {
        let mut made = Vec::new();
        for place in 0..self.reaching.len() {
            let one = self.reaching[place].clone();
            if one.open && one.record == from && along(place) {
                let anew = self.reaching.len();
                self.reaching[place].open = false;
                let earlier = self.merges.iter_mut().flat_map(|merge| merge.made.iter_mut());
                earlier.filter(|held| **held == place).for_each(|held| *held = anew);
                made.push(anew);
                self.reaching.push(Reaching { record: to, ..one });
            }
        }
        made
    }

    fn merge(&mut self, from: usize, into: usize) -> bool {
        let (record, to) = (self.record(from), self.record(into));
        if from == into || (record == to && record == from) {
            return false;
        }
        if record == to {
            return true;
        }
        if record != from {
            return false;
        }
        // what either denies holds for both
        let denied = |record| (0..HOLDERS).filter(|holder| self.denies(record, *holder)).collect::<BTreeSet<usize>>();
        let (by_from, by_to) = (denied(from), denied(to));
        self.deny(to, &by_from);
        self.deny(from, &by_to);
        let made = self.take_along(from, to, |_| true);
        self.orders.iter_mut().filter(|known| known.record == from).for_each(|known| known.record = to);
        self.merges.push(Merged { from, to, made });
        true
    }

    fn unmerge(&mut self, place: usize) -> bool {
        let (from, to) = (self.merges[place].from, self.merges[place].to);
        if self.record(to) != to {
            return false;
        }
        let made = self.merges[place].made.clone();
        let back: BTreeSet<usize> = (0..self.orders.len())
            .filter(|order| self.orders[*order].record == to && self.leads_to(self.orders[*order].named, from))
            .collect();
        self.merges.remove(place);
        let of = |reaching: &[Reaching], one: usize| back.contains(&reaching[one].order);
        let reaching = self.reaching.clone();
        self.take_along(to, from, |one| made.contains(&one) || of(&reaching, one));
        back.iter().for_each(|order| self.orders[*order].record = from);
        true
    }

    /// The patients whose study a holder reaches.
    fn reached(&self, holder: usize) -> BTreeSet<usize> {
        let records = self.reaching.iter().filter(|one| one.open && one.holder == holder).map(|one| one.record);
        let records: BTreeSet<usize> = records.collect();
        (0..PATIENTS).filter(|id| records.contains(&self.record(*id))).collect()
    }
}

pub struct Scene {
    pub folder: Folder,
    pub site: Site,
    pub device: DeviceId,
    pub holders: Vec<Credential>,
    pub sent: u32,
}

pub fn identifier(authority: &str, id: String) -> Identifier {
    Identifier { authority: Authority { name: authority.to_owned(), universal: String::new() }, id }
}

pub fn patient(id: usize) -> Vec<Identifier> {
    vec![identifier("HOSPITAL", format!("P{id}"))]
}

pub fn numbers(called: &[Number]) -> OrderNumbers {
    let mut numbers = OrderNumbers::default();
    for number in called {
        match number {
            Placer(number) => numbers.placer = Some(identifier("KIS", format!("O{number}"))),
            Filler(number) => numbers.filler = Some(identifier("RIS", format!("F{number}"))),
        }
    }
    numbers
}

pub fn order(called: &[Number], id: usize, holders: &[usize]) -> PlacedOrder {
    PlacedOrder {
        new: true,
        numbers: numbers(called),
        patient: patient(id),
        ordered_by: holders.iter().map(|holder| identifier("LANR", format!("{holder}"))).collect(),
        ordered_by_at: Place { segment: "ORC".to_owned(), field: 12 },
        places: Vec::new(),
        scheduled: None,
    }
}

pub fn placed(order: PlacedOrder) -> OrderEvent {
    OrderEvent::Placed(Box::new(order))
}

pub fn ended(called: &[Number], id: usize) -> OrderEvent {
    OrderEvent::Ended { numbers: numbers(called), patient: patient(id), how: OrderEnd::Cancelled, known: true }
}

pub fn merged(from: usize, into: usize) -> OrderEvent {
    OrderEvent::Merged { patient: patient(into), prior: patient(from) }
}

pub fn consent(id: usize, called: &str, denied: &[usize], until: Option<Instant>) -> OrderEvent {
    let people = denied.iter().map(|holder| identifier("LANR", holder.to_string())).collect();
    let denied = DeniedActors { people, organisations: Vec::new() };
    let (patient, consent) = (patient(id), identifier("KIS", called.to_owned()));
    OrderEvent::Consent(Box::new(PatientConsent { patient, consent, denied, until }))
}

pub fn message(control_id: String, event: OrderEvent) -> OrderMessage {
    OrderMessage { control_id, content: [0; 32], test: false, events: vec![event] }
}

impl Scene {
    pub async fn new() -> Self {
        let folder = Folder::new();
        let site = folder.start().await;
        let mut sender = folder.sender();
        let images: Vec<_> = (0..PATIENTS).map(|id| sender.image(&format!("P{id}"), &format!("1.2.{id}"), 1)).collect();
        site.hand_over(&images).await.unwrap();
        let mut holders = Vec::new();
        for holder in 0..HOLDERS {
            let email = format!("holder{holder}@example.org");
            holders.push(site.person(&email, Role::Referrer, None).await);
            let professional_id = model::ProfessionalId { issuer: "LANR".to_owned(), id: holder.to_string() };
            site.ask(PageRequest::Orders(OrdersRequest::ProfessionalId { email, professional_id, holds: true })).await;
        }
        let organisation = "organisation of holder0@example.org".to_owned();
        let from = vec!["10.0.0.9".to_owned()];
        let (may, name) = (vec![DeviceMay::Orders], "RIS".to_owned());
        let add = PageRequest::AddDevice {
            name,
            organisation,
            may,
            ae_title: None,
            from,
            token: false,
            bound: None,
            token_until: None,
        };
        let PageReply::DeviceAdded { device, .. } = site.ask(add).await else { panic!("no device") };
        let rule = OrderRule {
            orders_per_day: 10_000,
            unmatched_per_day: 10_000,
            merges_per_day: 10_000,
            ..OrderRule::default()
        };
        let asked = OrderRuleAsked::naming(&rule, &[]);
        site.ask(PageRequest::Orders(OrdersRequest::SetRule(asked))).await;
        Self { folder, site, device, holders, sent: 0 }
    }

    /// Sends a message; whether it was taken.
    pub async fn tell(&mut self, event: OrderEvent) -> bool {
        matches!(self.said(event).await, OrderReply::Taken(_))
    }

    pub async fn said(&mut self, event: OrderEvent) -> OrderReply {
        self.sent += 1;
        let control_id = format!("M{}", self.sent);
        self.ask(OrderAsk::Decide(message(control_id, event))).await.unwrap()
    }

    pub async fn ask(&self, ask: OrderAsk) -> Result<OrderReply, Refusal> {
        let caller = OrderCaller::Named { device: self.device, origin: Origin("10.0.0.9".to_owned()) };
        self.site.front.order(soon(), caller, ask).await.unwrap()
    }

    /// Entries that match, as they stand in the ledger.
    pub async fn entries(&self, wanted: impl Fn(&EntryBody) -> bool) -> Vec<EntryBody> {
        self.site.entries().await.into_iter().map(|entry| entry.body).filter(wanted).collect()
    }

    pub async fn restart(self) -> Self {
        let Self { folder, site, device, holders, sent } = self;
        site.stop().await;
        Self { site: folder.start().await, folder, device, holders, sent }
    }

    pub async fn reached(&self, holder: usize) -> BTreeSet<usize> {
        let rows = self.site.list(&self.holders[holder], Level::Study).await.unwrap().studies;
        rows.iter().map(|row| row.uid.as_str().rsplit('.').next().unwrap().parse().unwrap()).collect()
    }

    pub async fn merges(&self) -> Vec<EntryNumber> {
        match self.site.ask(PageRequest::Orders(OrdersRequest::State { unmatched: false })).await {
            PageReply::Orders(OrdersReply::State(state)) => state.merges.iter().rev().map(|row| row.merge).collect(),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reach_by_orders_is_what_a_slow_model_says_after_every_message_and_after_a_restart() {
    let seed = 0x0bde_5eed;
    let (mut dice, mut model, mut scene) = (Dice(seed), Model::default(), Scene::new().await);
    for step in 0..STEPS {
        let (id, other) = (dice.roll(PATIENTS), dice.roll(PATIENTS));
        let (number, second) = (dice.roll(NUMBERS), dice.roll(NUMBERS));
        let called = match dice.roll(6) {
            0..3 => vec![Placer(number)],
            3 => vec![Placer(number), Filler(number)],
            4 => vec![Filler(number)],
            _ => vec![Placer(number), Filler(second)],
        };
        let told = match dice.roll(12) {
            0..5 => {
                let first = dice.roll(HOLDERS);
                let holders: BTreeSet<usize> = if dice.roll(3) == 0 { (0..HOLDERS).collect() } else { [first].into() };
                let new = dice.roll(4) > 0;
                let all: Vec<usize> = holders.iter().copied().collect();
                let taken = scene.tell(placed(PlacedOrder { new, ..order(&called, id, &all) })).await;
                (taken, model.place(&called, id, &holders, new), "place")
            }
            5..7 => (scene.tell(ended(&called, id)).await, model.end(&called, id), "end"),
            7..9 => (scene.tell(merged(id, other)).await, model.merge(id, other), "merge"),
            9..11 => {
                let called = dice.roll(CONSENTS);
                let denied: BTreeSet<usize> = (0..HOLDERS).filter(|_| dice.roll(2) == 0).collect();
                let all: Vec<usize> = denied.iter().copied().collect();
                let taken = scene.tell(consent(id, &format!("C{called}"), &all, None)).await;
                (taken, model.consent(called, id, denied), "consent")
            }
            _ if model.merges.is_empty() => continue,
            _ => {
                let place = dice.roll(model.merges.len());
                let merge = scene.merges().await[place];
                let asked = PageRequest::Orders(OrdersRequest::Unmerge { merge });
                (scene.site.ask_owner(asked).await.is_ok(), model.unmerge(place), "unmerge")
            }
        };
        let (taken, expected, what) = told;
        assert_eq!(taken, expected, "seed {seed:#x}, step {step}: {what} {called:?}, patient {id} and {other}");
        for holder in 0..HOLDERS {
            let reached = scene.reached(holder).await;
            assert_eq!(reached, model.reached(holder), "seed {seed:#x}, step {step}: after {what}, holder {holder}");
        }
    }
    let mut scene = scene.restart().await;
    for holder in 0..HOLDERS {
        assert_eq!(scene.reached(holder).await, model.reached(holder), "seed {seed:#x}: after a restart");
    }
    // and it goes on where it was
    for number in 0..NUMBERS {
        let (id, called) = (dice.roll(PATIENTS), [Filler(number)]);
        let taken = scene.tell(placed(order(&called, id, &[0]))).await;
        assert_eq!(taken, model.place(&called, id, &BTreeSet::from([0]), true), "seed {seed:#x}");
    }
    assert_eq!(scene.reached(0).await, model.reached(0), "seed {seed:#x}");
    drop(scene.folder);
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_about_orders_hold_no_number_of_an_order_and_no_identifier_of_a_patient() {
    let mut scene = Scene::new().await;
    assert!(scene.tell(consent(2, "C5", &[1], None)).await);
    assert!(scene.tell(placed(order(&[Placer(3), Filler(4)], 2, &[0]))).await);
    assert!(scene.tell(merged(1, 2)).await);
    assert!(scene.tell(ended(&[Filler(4)], 2)).await);
    let about = |body: &EntryBody| {
        use EntryBody::{ConsentTold, OrderEnded, OrderTaken, PatientsMerged};
        matches!(body, OrderTaken(_) | OrderEnded(_) | ConsentTold(_) | PatientsMerged(_))
    };
    let entries = scene.site.entries().await;
    let texts: Vec<String> =
        entries.iter().filter(|entry| about(&entry.body)).map(|entry| serde_json::to_string(entry).unwrap()).collect();
    assert_eq!(texts.len(), 4);
    for text in &texts {
        for word in ["O3", "F4", "C5", "KIS", "P2", "P1", "LANR", "HOSPITAL", "RIS", "M1"] {
            assert!(!text.contains(word), "{word}: {text}");
        }
    }
    drop(scene.folder);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_shows_nothing_more_once_its_patients_record_was_merged_into_another() {
    let mut scene = Scene::new().await;
    for patient in ["patient:HOSPITAL/P0", "patient:HOSPITAL/P1"] {
        scene.site.relate("person:holder0@example.org", patient, 86_400).await;
    }
    let link = crate::sharing::make(&scene.site, &scene.holders[0], "1.2.0").await.unwrap();
    let other = crate::sharing::make(&scene.site, &scene.holders[0], "1.2.1").await.unwrap();
    let (guest, _) = crate::sharing::open(&scene.site, &link).await.unwrap();
    let (elsewhere, _) = crate::sharing::open(&scene.site, &other).await.unwrap();
    assert!(scene.site.open(&guest, "1.2.0", Scope::Images).await.is_ok());
    assert!(scene.tell(merged(0, 1)).await);
    assert!(scene.site.open(&scene.holders[0], "1.2.0", Scope::Images).await.is_ok());
    assert_eq!(scene.site.open(&guest, "1.2.0", Scope::Images).await.err(), Some(Refusal::NotFound));
    scene.site.keep_house();
    assert_eq!(scene.site.open(&guest, "1.2.0", Scope::Images).await.err(), Some(Refusal::SignedOut));
    assert!(scene.site.open(&elsewhere, "1.2.1", Scope::Images).await.is_ok(), "that record is what it was");
}
