//! Orders: crashes, numbers, merges, times, and what is told by whom, each by itself.

use std::collections::BTreeSet;

use model::{DeviceMay, EntryBody, Instant, KeptOrder, OrderCount, Origin, Tier};
use protocol::{
    ErrorCode, Level, OrderAsk, OrderCaller, OrderEvent, OrderProblem, OrderReply, OrderRuleAsked, OrdersReply,
    OrdersRequest, PageReply, PageRequest, PlacedOrder, Refusal, UntakenMessage,
};
use warden::KeyStep;

use crate::ordering::{
    Filler, Placer, Scene, consent, ended, identifier, merged, message, numbers, order, patient, placed,
};
use crate::site::{now, soon};

const DAY_SECONDS: i64 = 86_400;

fn none() -> BTreeSet<usize> {
    BTreeSet::new()
}

async fn unmerge_newest(scene: &Scene) {
    let merge = *scene.merges().await.last().unwrap();
    scene.site.ask(PageRequest::Orders(OrdersRequest::Unmerge { merge })).await;
}

/// Identifier, name and birth date of the patients whose studies the first holder sees.
async fn names(scene: &Scene) -> Vec<[String; 3]> {
    let rows = scene.site.list(&scene.holders[0], Level::Study).await.unwrap().studies;
    rows.into_iter().map(|row| [row.patient.id, row.patient.name, row.patient.birth_date]).collect()
}

/// The ends of relationships by orders, in days from now.
async fn days(scene: &Scene) -> Vec<i64> {
    let related = scene.entries(|body| matches!(body, EntryBody::Related { .. })).await;
    let until = |body: &EntryBody| match body {
        EntryBody::Related { relationship } => relationship.window.to.0,
        _ => unreachable!(),
    };
    related.iter().map(|body| (until(body) - now().0 + 3_600_000_000) / (DAY_SECONDS * 1_000_000)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_behind_the_entries_makes_an_order_and_a_merge_once() {
    let mut scene = Scene::new().await;
    scene.site.stop_before(KeyStep::ForgetAnnounced);
    assert!(scene.tell(placed(order(&[Placer(1)], 1, &[0, 1]))).await);
    let mut scene = scene.restart().await;
    let taken = scene.entries(|body| matches!(body, EntryBody::OrderTaken(_) | EntryBody::Related { .. })).await;
    assert_eq!(taken.len(), 3, "{taken:?}");
    assert!(scene.tell(ended(&[Placer(1)], 1)).await);
    assert_eq!((scene.reached(0).await, scene.reached(1).await), (none(), none()));

    assert!(scene.tell(placed(order(&[Placer(2)], 2, &[0]))).await);
    scene.site.stop_before(KeyStep::ForgetAnnounced);
    assert!(scene.tell(merged(2, 3)).await);
    let mut scene = scene.restart().await;
    assert_eq!(scene.merges().await.len(), 1);
    assert!(scene.tell(ended(&[Placer(2)], 3)).await);
    assert_eq!(scene.reached(0).await, none());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_ends_by_any_number_that_it_ever_had_and_numbers_of_two_orders_or_patients_are_refused() {
    let mut scene = Scene::new().await;
    assert!(scene.tell(placed(order(&[Placer(1)], 1, &[0]))).await);
    // the same, with the number of who fills it: nothing but that is new
    assert!(scene.tell(placed(order(&[Placer(1), Filler(1)], 1, &[0]))).await);
    assert!(scene.tell(ended(&[Filler(1)], 1)).await);
    assert_eq!(scene.reached(0).await, none());
    // changed under one of its numbers, ended by the other
    assert!(scene.tell(placed(order(&[Placer(2), Filler(2)], 1, &[0]))).await);
    assert!(scene.tell(placed(order(&[Filler(2)], 1, &[1]))).await);
    let mut scene = scene.restart().await;
    assert!(scene.tell(ended(&[Placer(2)], 1)).await);
    assert_eq!((scene.reached(0).await, scene.reached(1).await), (none(), none()));

    assert!(scene.tell(placed(order(&[Placer(3)], 1, &[0]))).await);
    assert!(scene.tell(placed(order(&[Filler(3)], 1, &[0]))).await);
    assert!(scene.tell(placed(order(&[Filler(4)], 2, &[0]))).await);
    for called in [[Placer(3), Filler(3)], [Placer(3), Filler(4)]] {
        for event in [ended(&called, 1), placed(order(&called, 1, &[1]))] {
            let OrderReply::Refused(problem) = scene.said(event).await else { panic!("{called:?} was taken") };
            assert_eq!(problem.code, ErrorCode::UnknownKey);
        }
    }
    assert_eq!(scene.reached(1).await, none());
    // one order by two numbers in one message
    assert!(scene.tell(placed(order(&[Placer(5), Filler(5)], 1, &[0]))).await);
    let mut both = message("both".to_owned(), placed(order(&[Placer(5)], 1, &[1])));
    both.events.push(placed(order(&[Filler(5)], 1, &[1])));
    assert!(matches!(scene.ask(OrderAsk::Decide(both)).await.unwrap(), OrderReply::Refused(_)));
    assert_eq!(scene.reached(1).await, none());
}

#[tokio::test(flavor = "multi_thread")]
async fn taking_a_merge_back_returns_orders_that_named_the_old_identifier_since() {
    let mut scene = Scene::new().await;
    assert!(scene.tell(merged(1, 2)).await);
    assert!(scene.tell(placed(order(&[Placer(1)], 1, &[0]))).await);
    assert!(scene.tell(placed(order(&[Placer(2)], 2, &[1]))).await);
    assert!(scene.tell(appointment("A", 1, &[], Some(Instant::MAX))).await);
    unmerge_newest(&scene).await;
    assert_eq!((scene.reached(0).await, scene.reached(1).await), (BTreeSet::from([1]), BTreeSet::from([2])));
    // the appointment went back as well, and is not believed further ahead than an order
    assert!(scene.tell(placed(order(&[Placer(3)], 1, &[0]))).await);
    assert!(scene.tell(placed(order(&[Placer(4)], 2, &[1]))).await);
    let taken = scene.entries(|body| matches!(body, EntryBody::OrderTaken(_) | EntryBody::AppointmentMade(_))).await;
    let matched: Vec<bool> = taken
        .iter()
        .filter_map(|body| if let EntryBody::OrderTaken(taken) = body { Some(taken.matched) } else { None })
        .collect();
    assert_eq!(matched[2..], [true, false]);
    for body in &taken {
        if let EntryBody::AppointmentMade(made) = body {
            assert!(made.starts.unwrap() <= now().plus_seconds(400 * DAY_SECONDS));
        }
    }
    let mut scene = scene.restart().await;
    assert!(scene.tell(ended(&[Placer(1)], 1)).await);
    assert!(scene.tell(ended(&[Placer(3)], 1)).await);
    assert_eq!(scene.reached(0).await, none());
}

/// Of each order that was told, the oldest first, whether an appointment is known for it; and how many of today have none.
async fn matched(scene: &Scene) -> (Vec<bool>, u32) {
    match scene.site.ask(PageRequest::Orders(OrdersRequest::State { unmatched: false })).await {
        PageReply::Orders(OrdersReply::State(state)) => {
            (state.orders.iter().rev().map(|row| row.matched).collect(), state.senders[0].unmatched)
        }
        other => panic!("{other:?}"),
    }
}

fn appointment(called: &str, id: usize, order: &[crate::ordering::Number], starts: Option<Instant>) -> OrderEvent {
    let appointment = identifier("RIS", called.to_owned());
    OrderEvent::Appointment { patient: patient(id), appointment, order: numbers(order), starts }
}

fn cancelled(called: &str, id: usize) -> OrderEvent {
    OrderEvent::AppointmentCancelled { patient: patient(id), appointment: identifier("RIS", called.to_owned()) }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_whose_appointment_is_cancelled_has_none_unless_another_is_known_and_counts_again() {
    let mut scene = Scene::new().await;
    let tomorrow = Some(now().plus_seconds(DAY_SECONDS));
    for (number, id) in [(1, 1), (2, 1), (3, 2)] {
        assert!(scene.tell(placed(order(&[Placer(number)], id, &[0]))).await);
    }
    assert_eq!(matched(&scene).await, (vec![false, false, false], 3));
    assert!(scene.tell(appointment("A", 1, &[Placer(1)], tomorrow)).await);
    assert!(scene.tell(appointment("B", 1, &[], None)).await);
    assert_eq!(matched(&scene).await, (vec![true, true, false], 1));
    // of another patient, or of another name, it is no appointment that is known: a word about it, and no entry
    for unknown in [cancelled("A", 2), cancelled("C", 1), cancelled("A", 77)] {
        let OrderReply::Taken(said) = scene.said(unknown).await else { panic!() };
        assert_eq!(said.len(), 1);
    }
    assert_eq!(matched(&scene).await, (vec![true, true, false], 1));
    assert!(scene.tell(cancelled("B", 1)).await);
    assert_eq!(matched(&scene).await, (vec![true, false, false], 2), "A is still known for the first");
    let mut scene = scene.restart().await;
    assert_eq!(matched(&scene).await, (vec![true, false, false], 2));
    assert!(scene.tell(cancelled("A", 1)).await);
    let OrderReply::Taken(said) = scene.said(cancelled("A", 1)).await else { panic!() };
    assert_eq!((said.len(), matched(&scene).await), (1, (vec![false, false, false], 3)), "again it changes nothing");
    let told = scene.entries(|body| matches!(body, EntryBody::AppointmentMade(made) if made.cancelled)).await;
    assert_eq!(told.len(), 2);
    // an order that comes later has none either, and reach is as it was
    assert!(scene.tell(placed(order(&[Placer(4)], 1, &[0]))).await);
    assert_eq!(matched(&scene).await, (vec![false; 4], 4));
    assert_eq!(scene.reached(0).await, BTreeSet::from([1, 2]));
    // told anew for another order it is no more that of the first
    assert!(scene.tell(appointment("A", 1, &[Placer(1)], tomorrow)).await);
    assert!(scene.tell(appointment("A", 1, &[Placer(2)], tomorrow)).await);
    assert_eq!(matched(&scene).await, (vec![false, true, false, false], 3));
    drop(scene.folder);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_appointment_goes_with_a_changed_order_and_a_merged_record_and_is_known_until_its_day() {
    let mut scene = Scene::new().await;
    assert!(scene.tell(placed(order(&[Placer(1)], 1, &[0]))).await);
    assert!(scene.tell(appointment("A", 1, &[Placer(1)], None)).await);
    assert!(scene.tell(placed(order(&[Placer(1), Filler(1)], 1, &[0, 1]))).await);
    assert_eq!(matched(&scene).await, (vec![true, true], 0));
    assert!(scene.tell(merged(1, 2)).await);
    assert!(scene.tell(cancelled("A", 2)).await);
    assert_eq!(matched(&scene).await.1, 1, "the state that holds now, once");
    // what was cancelled gives nothing and does not count
    assert!(scene.tell(appointment("B", 2, &[Filler(1)], None)).await);
    assert!(scene.tell(ended(&[Placer(1)], 2)).await);
    assert!(scene.tell(cancelled("B", 2)).await);
    assert_eq!(matched(&scene).await.1, 0);
    // told before its order, and over before that came
    for (called, number, starts) in [("C", 5, -2 * DAY_SECONDS), ("D", 6, -2 * DAY_SECONDS), ("E", 7, DAY_SECONDS)] {
        assert!(scene.tell(appointment(called, 3, &[Placer(number)], Some(now().plus_seconds(starts)))).await);
    }
    assert!(scene.tell(placed(order(&[Placer(5)], 3, &[0]))).await);
    assert_eq!(matched(&scene).await.0.last(), Some(&true), "from now on a day");
    let Scene { folder, site, device, holders, sent } = scene;
    site.stop().await;
    let later = || now().plus_seconds(3 * DAY_SECONDS);
    let site = folder.start_with(later, audit::LedgerOptions::default()).await;
    let mut scene = Scene { folder, site, device, holders, sent };
    for number in [6, 7] {
        assert!(scene.tell(placed(order(&[Placer(number)], 3, &[0]))).await);
        assert_eq!(matched(&scene).await.0.last(), Some(&false), "{number}: its day is over");
    }
    // one of a day that is over is cancelled all the same
    assert!(scene.tell(cancelled("C", 3)).await);
    let rows = matched(&scene).await.0;
    assert_eq!(rows[rows.len() - 3..], [false, false, false]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_only_narrows_ends_with_its_day_and_goes_back_with_the_record_that_it_named() {
    let mut scene = Scene::new().await;
    let one = BTreeSet::from([1]);
    assert!(scene.tell(placed(order(&[Placer(1)], 1, &[0, 1]))).await);
    // it denies nobody, or is over, or is about somebody else
    assert!(scene.tell(consent(1, "C", &[], None)).await);
    assert!(scene.tell(consent(1, "C", &[0], Some(now()))).await);
    assert!(scene.tell(consent(2, "E", &[0], None)).await);
    let mut other = consent(1, "C", &[0], None);
    if let OrderEvent::Consent(told) = &mut other {
        told.denied.people[0].authority.name = "ELSEWHERE".to_owned();
    }
    let OrderReply::Refused(problem) = scene.said(other).await else { panic!("a denial of nobody was taken") };
    assert_eq!(problem.code, ErrorCode::UnknownKey);
    assert_eq!((scene.reached(0).await, scene.reached(1).await), (one.clone(), one.clone()));
    assert!(scene.tell(consent(2, "E", &[], None)).await);

    assert!(scene.tell(consent(1, "C", &[0], None)).await);
    assert!(!scene.tell(consent(2, "C", &[], None)).await, "the consent of another patient is not changed");
    // beside an order it would be about what is not there yet
    let mut two = message("two".to_owned(), consent(1, "E", &[1], None));
    two.events.push(placed(order(&[Placer(9)], 1, &[1])));
    let reply = scene.ask(OrderAsk::Decide(two)).await.unwrap();
    assert!(matches!(reply, OrderReply::Refused(problem) if problem.code == ErrorCode::SegmentSequence));
    let mut scene = scene.restart().await;
    assert_eq!((scene.reached(0).await, scene.reached(1).await), (none(), one.clone()));

    // told under the old identifier while the records are one
    assert!(scene.tell(placed(order(&[Placer(2)], 2, &[0]))).await);
    assert_eq!(scene.reached(0).await, BTreeSet::from([2]));
    assert!(scene.tell(merged(1, 2)).await);
    assert_eq!(scene.reached(0).await, none(), "it holds for the whole record");
    assert!(scene.tell(consent(1, "D", &[1], None)).await);
    assert_eq!(scene.reached(1).await, none());
    unmerge_newest(&scene).await;
    let mut scene = scene.restart().await;
    for (number, id) in [(3, 1), (4, 2)] {
        assert!(scene.tell(placed(order(&[Placer(number)], id, &[0, 1]))).await);
    }
    assert_eq!((scene.reached(0).await, scene.reached(1).await), (BTreeSet::from([2]), BTreeSet::from([2])));
    // once it holds no more an order gives as before, and not until then
    assert!(scene.tell(consent(1, "D", &[], None)).await);
    assert_eq!(scene.reached(1).await, BTreeSet::from([2]));
    assert!(scene.tell(placed(order(&[Placer(5)], 1, &[0, 1]))).await);
    assert_eq!((scene.reached(0).await, scene.reached(1).await), (BTreeSet::from([2]), BTreeSet::from([1, 2])));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_into_a_record_without_images_keeps_the_name_and_what_begins_later() {
    let mut scene = Scene::new().await;
    assert!(scene.tell(placed(order(&[Placer(1)], 1, &[0]))).await);
    let before = names(&scene).await;
    assert!(!before[0][1].is_empty() && before[0][0] == "P1", "{before:?}");
    let begins = now().plus_seconds(30 * DAY_SECONDS);
    let relate = PageRequest::Relate {
        who: "person:holder1@example.org".to_owned(),
        whom: "patient:HOSPITAL/P1".to_owned(),
        tier: Tier::Open,
        from: begins,
        until: begins.plus_seconds(DAY_SECONDS),
        basis: "order".to_owned(),
    };
    scene.site.ask(relate).await;
    assert!(scene.tell(merged(1, 99)).await);
    let after = names(&scene).await;
    assert_eq!(after, [["P99".to_owned(), before[0][1].clone(), before[0][2].clone()]]);
    assert_eq!(scene.reached(1).await, none(), "what begins later does so still");
    let scene = scene.restart().await;
    assert_eq!(names(&scene).await, after);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_but_a_new_order_opens_one_and_what_is_past_stays_past() {
    let mut scene = Scene::new().await;
    let not_new = |order: PlacedOrder| placed(PlacedOrder { new: false, ..order });
    // unknown, and ended: a word about it, and nothing follows
    for _ in 0..2 {
        let OrderReply::Taken(said) = scene.said(not_new(order(&[Placer(1)], 1, &[0]))).await else { panic!() };
        assert_eq!((said.len(), scene.reached(0).await), (1, none()));
        assert!(scene.tell(placed(order(&[Placer(1)], 1, &[0]))).await);
        assert!(scene.tell(ended(&[Placer(1)], 1)).await);
    }
    // to be performed long ago, or at any time ever
    for scheduled in [Instant(0), Instant(i64::MIN), now().plus_seconds(-121 * DAY_SECONDS)] {
        let past = PlacedOrder { scheduled: Some(scheduled), ..order(&[Placer(2)], 1, &[0]) };
        let OrderReply::Taken(said) = scene.said(placed(past)).await else { panic!() };
        assert_eq!((said.len(), scene.reached(0).await), (1, none()));
    }
    let scheduled = Some(now().plus_seconds(-100 * DAY_SECONDS));
    assert!(scene.tell(placed(PlacedOrder { scheduled, ..order(&[Placer(3)], 1, &[0]) })).await);
    assert_eq!(days(&scene).await.last(), Some(&20));
    // told again without a day it lasts no longer, and with an earlier one less long
    assert!(scene.tell(placed(order(&[Placer(3)], 1, &[0, 1]))).await);
    assert_eq!(days(&scene).await.last(), Some(&20));
    let scheduled = Some(now().plus_seconds(-110 * DAY_SECONDS));
    assert!(scene.tell(not_new(PlacedOrder { scheduled, ..order(&[Placer(3)], 1, &[0, 1]) })).await);
    assert_eq!(days(&scene).await.last(), Some(&10));
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_from_which_nothing_follows_are_remembered_up_to_a_number() {
    let scene = Scene::new().await;
    let seen = |id: usize| OrderEvent::Seen { patient: patient(id) };
    let say = async |id: String, event: OrderEvent, content: u8| {
        let message = protocol::OrderMessage { content: [content; 32], ..message(id, event) };
        matches!(scene.ask(OrderAsk::Decide(message)).await.unwrap(), OrderReply::Taken(_))
    };
    assert!(say("order".to_owned(), placed(order(&[Placer(1)], 1, &[0])), 0).await);
    for number in 0..1_001 {
        assert!(say(format!("S{number}"), seen(1), 0).await);
    }
    assert!(say("S0".to_owned(), seen(1), 1).await, "it is forgotten");
    assert!(!say("S1000".to_owned(), seen(1), 1).await, "the newest are not");
    assert!(!say("order".to_owned(), seen(1), 1).await, "and neither is what entries tell of");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_of_merges_has_an_end_and_a_merge_stands_alone_in_its_message() {
    let mut scene = Scene::new().await;
    for record in 100..160 {
        assert!(scene.tell(merged(record, record + 1)).await, "{record}");
    }
    assert!(!scene.tell(merged(160, 161)).await, "60 deep");
    assert!(scene.tell(merged(161, 160)).await, "beside the chain there is room");
    let mut both = message("both".to_owned(), merged(1, 2));
    both.events.push(placed(order(&[Placer(1)], 1, &[0])));
    assert!(matches!(scene.ask(OrderAsk::Decide(both)).await.unwrap(), OrderReply::Refused(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_honey_patient_is_merged_with_nobody() {
    let mut scene = Scene::new().await;
    scene.site.ask(PageRequest::AddHoney { count: 1 }).await;
    let PageReply::Honey(rows) = scene.site.ask(PageRequest::Honey).await else { panic!() };
    let own = |row: &protocol::PatientRow| vec![identifier(&row.issuer, row.id.clone())];
    assert!(!rows[0].issuer.is_empty() && !rows[0].id.is_empty());
    let honey = own(&rows[0]);
    for (stays, goes) in [(patient(1), honey.clone()), (honey, patient(1))] {
        assert!(!scene.tell(OrderEvent::Merged { patient: stays, prior: goes }).await);
    }
}

async fn add_sender(scene: &Scene, name: &str, token: bool) -> (model::DeviceId, Option<String>) {
    let add = PageRequest::AddDevice {
        name: name.to_owned(),
        organisation: "organisation of holder0@example.org".to_owned(),
        may: vec![DeviceMay::Orders],
        ae_title: None,
        from: vec!["10.0.0.9".to_owned()],
        token,
        token_until: None,
        bound: None,
    };
    let PageReply::DeviceAdded { device, token, .. } = scene.site.ask(add).await else { panic!() };
    (device, token)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_with_a_token_is_heard_by_it_alone_and_all_senders_together_have_a_ceiling() {
    let scene = Scene::new().await;
    let origin = || Origin("10.0.0.9".to_owned());
    let tell = async |caller: OrderCaller, number: usize| {
        let message = message(format!("T{number}"), placed(order(&[Placer(number)], 1, &[0])));
        scene.site.front.order(soon(), caller, OrderAsk::Decide(message)).await.unwrap()
    };
    let (device, token) = add_sender(&scene, "FHIR", true).await;
    assert_eq!(tell(OrderCaller::Named { device, origin: origin() }, 0).await, Err(Refusal::NotAllowed));
    let token = token.unwrap();
    let shown = |token: &str, origin: Origin| {
        OrderCaller::Token(protocol::Credential::DeviceToken { token: token.to_owned(), origin })
    };
    assert!(matches!(tell(shown(&token, origin()), 0).await, Ok(OrderReply::Taken(_))));
    assert_eq!(tell(shown(&token, Origin("10.0.0.8".to_owned())), 1).await, Err(Refusal::NotAllowed));
    assert!(tell(shown(&format!("{token}x"), origin()), 1).await.is_err());
    assert!(tell(OrderCaller::Token(protocol::Credential::Owner), 1).await.is_err());
    assert!(tell(OrderCaller::Token(scene.holders[0].clone()), 1).await.is_err());

    let rule = model::OrderRule { orders_per_day: 2, unmatched_per_day: 2, ..model::OrderRule::default() };
    let asked = OrderRuleAsked::naming(&rule, &[]);
    scene.site.ask(PageRequest::Orders(OrdersRequest::SetRule(asked))).await;
    let mut taken = 1;
    for sender in 0..6 {
        let (device, _) = add_sender(&scene, &format!("RIS{sender}"), false).await;
        for number in 0..3 {
            let reply = tell(OrderCaller::Named { device, origin: origin() }, 10 + sender * 10 + number).await;
            taken += usize::from(matches!(reply.unwrap(), OrderReply::Taken(_)));
        }
    }
    assert_eq!(taken, 8, "four times what one sender may");
    let found = scene.entries(|body| {
        matches!(body, EntryBody::FindingRaised { finding } if matches!(finding.evidence, model::Evidence::Orders { count: OrderCount::Orders, limit: 8 }))
    });
    assert!(!found.await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kept_message_is_named_without_control_characters_and_goes_after_ninety_days() {
    let scene = Scene::new().await;
    let problem = OrderProblem::at(ErrorCode::DataType, "P\u{1b}[2JID", 3, "why\u{7}");
    let (control_id, kind) = ("a\u{1b}]0;b".to_owned(), "ORM\r^O01".to_owned());
    let untaken = UntakenMessage { control_id, kind, problem, bytes: b"MSH".to_vec() };
    assert_eq!(scene.ask(OrderAsk::Keep(untaken)).await, Ok(OrderReply::Kept(Some(0))));
    let kept = async |scene: &Scene| match scene.site.ask(PageRequest::Orders(OrdersRequest::Kept)).await {
        PageReply::Orders(OrdersReply::Kept(rows)) => rows,
        other => panic!("{other:?}"),
    };
    let rows = kept(&scene).await;
    let texts = [&rows[0].control_id, &rows[0].kind, &rows[0].problem.place.segment, &rows[0].problem.text];
    assert!(texts.iter().all(|text| !text.contains(char::is_control)), "{texts:?}");
    scene.site.keep_house();
    assert_eq!(kept(&scene).await.len(), 1);
    let Scene { folder, site, device, holders, sent } = scene;
    site.stop().await;
    let later = || now().plus_seconds(91 * DAY_SECONDS);
    let site = folder.start_with(later, audit::LedgerOptions::default()).await;
    site.keep_house();
    let scene = Scene { folder, site, device, holders, sent };
    assert_eq!(kept(&scene).await.len(), 0);
    let dropped = scene.entries(|body| matches!(body, EntryBody::OrderKept { state: KeptOrder::Dropped, .. })).await;
    assert_eq!(dropped.len(), 1);
}
