//! Orders as the warden decides on them: a slow model of who reaches whom says the same after every message, whatever came before.

use std::collections::BTreeSet;

use model::{DeviceId, DeviceMay, EntryBody, EntryNumber, OrderEnd, OrderRule, Origin, Role};
use protocol::{
    Authority, Credential, Identifier, Level, OrderAsk, OrderEvent, OrderMessage, OrderNumbers, OrderReply,
    OrderRuleAsked, OrdersReply, OrdersRequest, PageReply, PageRequest, Place, PlacedOrder, Refusal, Scope,
};

use crate::site::{Folder, Site, soon};

const PATIENTS: usize = 4;
const HOLDERS: usize = 2;
const NUMBERS: usize = 6;
const STEPS: usize = 160;

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

#[derive(Clone)]
struct Known {
    record: usize,
    open: bool,
}

struct Merged {
    from: usize,
    to: usize,
    made: Vec<usize>,
}

/// What follows from messages, told slowly.
#[derive(Default)]
struct Model {
    reaching: Vec<Reaching>,
    orders: [Option<Known>; NUMBERS],
    merges: Vec<Merged>,
}

impl Model {
    /// The record that an identifier belongs to.
    fn record(&self, id: usize) -> usize {
        self.merges.iter().find(|merge| merge.from == id).map_or(id, |merge| self.record(merge.to))
    }

    fn close(&mut self, order: usize) {
        self.reaching.iter_mut().filter(|one| one.order == order).for_each(|one| one.open = false);
    }

    fn holders(&self, order: usize) -> BTreeSet<usize> {
        self.reaching.iter().filter(|one| one.order == order && one.open).map(|one| one.holder).collect()
    }

    fn place(&mut self, order: usize, id: usize, holders: &BTreeSet<usize>) -> bool {
        let record = self.record(id);
        match &self.orders[order] {
            Some(known) if known.record != record => return false,
            Some(known) if known.open && self.holders(order) == *holders => return true,
            _ => {}
        }
        self.close(order);
        self.reaching.extend(holders.iter().map(|holder| Reaching { holder: *holder, record, order, open: true }));
        self.orders[order] = Some(Known { record, open: true });
        true
    }

    fn end(&mut self, order: usize, id: usize) -> bool {
        let record = self.record(id);
        match &mut self.orders[order] {
            Some(known) if known.record == record => known.open = false,
            _ => return false,
        }
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
        let made = self.take_along(from, to, |_| true);
        self.orders.iter_mut().flatten().filter(|known| known.record == from).for_each(|known| known.record = to);
        self.merges.push(Merged { from, to, made });
        true
    }

    fn unmerge(&mut self, place: usize) -> bool {
        let (from, to) = (self.merges[place].from, self.merges[place].to);
        if self.record(to) != to {
            return false;
        }
        let made = self.merges.remove(place).made;
        let back = self.take_along(to, from, |one| made.contains(&one));
        let orders: BTreeSet<usize> = back.iter().map(|one| self.reaching[*one].order).collect();
        orders.iter().for_each(|order| self.orders[*order].as_mut().unwrap().record = from);
        true
    }

    /// The patients whose study a holder reaches.
    fn reached(&self, holder: usize) -> BTreeSet<usize> {
        let records = self.reaching.iter().filter(|one| one.open && one.holder == holder).map(|one| one.record);
        let records: BTreeSet<usize> = records.collect();
        (0..PATIENTS).filter(|id| records.contains(&self.record(*id))).collect()
    }
}

struct Scene {
    folder: Folder,
    site: Site,
    device: DeviceId,
    holders: Vec<Credential>,
    sent: u32,
}

fn identifier(authority: &str, id: String) -> Identifier {
    Identifier { authority: Authority { name: authority.to_owned(), universal: String::new() }, id }
}

fn patient(id: usize) -> Vec<Identifier> {
    vec![identifier("HOSPITAL", format!("P{id}"))]
}

fn numbers(order: usize) -> OrderNumbers {
    OrderNumbers { placer: Some(identifier("RIS", format!("O{order}"))), filler: None }
}

fn placed(order: usize, id: usize, holders: &BTreeSet<usize>) -> OrderEvent {
    OrderEvent::Placed(Box::new(PlacedOrder {
        numbers: numbers(order),
        patient: patient(id),
        ordered_by: holders.iter().map(|holder| identifier("LANR", format!("{holder}"))).collect(),
        ordered_by_at: Place { segment: "ORC".to_owned(), field: 12 },
        places: Vec::new(),
        scheduled: None,
    }))
}

fn ended(order: usize, id: usize) -> OrderEvent {
    OrderEvent::Ended { numbers: numbers(order), patient: patient(id), how: OrderEnd::Cancelled, known: true }
}

fn merged(from: usize, into: usize) -> OrderEvent {
    OrderEvent::Merged { patient: patient(into), prior: patient(from) }
}

impl Scene {
    async fn new() -> Self {
        let folder = Folder::new();
        let site = folder.start().await;
        let mut sender = folder.sender();
        let images: Vec<_> = (0..PATIENTS).map(|id| sender.image(&format!("P{id}"), &format!("1.2.{id}"), 1)).collect();
        site.hand_over(&images).await.unwrap();
        let mut holders = Vec::new();
        for holder in 0..HOLDERS {
            let email = format!("holder{holder}@example.org");
            holders.push(site.person(&email, Role::Referrer, None).await);
            let professional_id = format!("LANR/{holder}");
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
        let asked = OrderRuleAsked { rule, reading_group: None, places: Vec::new() };
        site.ask(PageRequest::Orders(OrdersRequest::SetRule(asked))).await;
        Self { folder, site, device, holders, sent: 0 }
    }

    /// Sends a message; whether it was taken.
    async fn tell(&mut self, event: OrderEvent) -> bool {
        self.sent += 1;
        let (control_id, content) = (format!("M{}", self.sent), [0; 32]);
        let message = OrderMessage { control_id, content, test: false, events: vec![event] };
        let origin = Origin("10.0.0.9".to_owned());
        let reply = self.site.front.order(soon(), self.device, origin, OrderAsk::Decide(message)).await;
        matches!(reply.unwrap().unwrap(), OrderReply::Taken(_))
    }

    async fn reached(&self, holder: usize) -> BTreeSet<usize> {
        let rows = self.site.list(&self.holders[holder], Level::Study).await.unwrap().studies;
        rows.iter().map(|row| row.uid.as_str().rsplit('.').next().unwrap().parse().unwrap()).collect()
    }

    async fn merges(&self) -> Vec<EntryNumber> {
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
        let (order, id, other) = (dice.roll(NUMBERS), dice.roll(PATIENTS), dice.roll(PATIENTS));
        let told = match dice.roll(10) {
            0..5 => {
                let first = dice.roll(HOLDERS);
                let holders: BTreeSet<usize> = if dice.roll(3) == 0 { (0..HOLDERS).collect() } else { [first].into() };
                let taken = scene.tell(placed(order, id, &holders)).await;
                (taken, model.place(order, id, &holders), "place")
            }
            5..7 => (scene.tell(ended(order, id)).await, model.end(order, id), "end"),
            7..9 => (scene.tell(merged(id, other)).await, model.merge(id, other), "merge"),
            _ if model.merges.is_empty() => continue,
            _ => {
                let place = dice.roll(model.merges.len());
                let merge = scene.merges().await[place];
                let asked = PageRequest::Orders(OrdersRequest::Unmerge { merge });
                (scene.site.ask_owner(asked).await.is_ok(), model.unmerge(place), "unmerge")
            }
        };
        let (taken, expected, what) = told;
        assert_eq!(taken, expected, "seed {seed:#x}, step {step}: {what} order {order}, patient {id} and {other}");
        for holder in 0..HOLDERS {
            let reached = scene.reached(holder).await;
            assert_eq!(reached, model.reached(holder), "seed {seed:#x}, step {step}: after {what}, holder {holder}");
        }
    }
    let Scene { folder, site, device, holders, sent } = scene;
    site.stop().await;
    let mut scene = Scene { site: folder.start().await, folder, device, holders, sent };
    for holder in 0..HOLDERS {
        assert_eq!(scene.reached(holder).await, model.reached(holder), "seed {seed:#x}: after a restart");
    }
    // and it goes on where it was
    for order in 0..NUMBERS {
        let (id, holders) = (dice.roll(PATIENTS), BTreeSet::from([0]));
        assert_eq!(scene.tell(placed(order, id, &holders)).await, model.place(order, id, &holders), "seed {seed:#x}");
    }
    assert_eq!(scene.reached(0).await, model.reached(0), "seed {seed:#x}");
    drop(scene.folder);
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_about_orders_hold_no_number_of_an_order_and_no_identifier_of_a_patient() {
    let mut scene = Scene::new().await;
    assert!(scene.tell(placed(3, 2, &BTreeSet::from([0]))).await);
    assert!(scene.tell(merged(1, 2)).await);
    assert!(scene.tell(ended(3, 2)).await);
    let about = |body: &EntryBody| {
        matches!(body, EntryBody::OrderTaken(_) | EntryBody::OrderEnded(_) | EntryBody::PatientsMerged(_))
    };
    let entries = scene.site.entries().await;
    let texts: Vec<String> =
        entries.iter().filter(|entry| about(&entry.body)).map(|entry| serde_json::to_string(entry).unwrap()).collect();
    assert_eq!(texts.len(), 3);
    for text in &texts {
        for word in ["O3", "P2", "P1", "LANR", "HOSPITAL", "RIS", "M1"] {
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
