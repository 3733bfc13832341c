//! What an exchange of holders must not lose, also when holders, sets or the database are not what they were.

use model::{EntryBody, HolderKind, Warmed};
use protocol::{ColdApproval, ColdAsk, ColdReply, HandedOver, Refusal};
use seal::{SitePublicKey, SystemRandom};

use crate::cold::Scene;
use crate::holder::{Holder, days_pass, seconds_pass};

fn successors() -> [Holder; 4] {
    let [d, e, f] = ["D", "E", "F"].map(|name| Holder::new(name, HolderKind::Sharing));
    [d, e, f, Holder::new("duty", HolderKind::Emergency)]
}

async fn hand_over(scene: &Scene, holder: &Holder) -> Result<HandedOver, Refusal> {
    holder.hand_over(&scene.folder, &scene.site).await
}

/// These hold everything now.
async fn exchanged(scene: &Scene, new: &[Holder; 4]) {
    scene.site.replace_holders(2, &new.iter().collect::<Vec<_>>()).await;
    for holder in new {
        holder.prove(&scene.site).await;
    }
    for holder in &scene.officers[..2] {
        hand_over(scene, holder).await.unwrap();
    }
    assert_eq!(scene.site.cold_state().await.behind, 0);
}

/// The same key, named for something else.
fn named_as(holder: &Holder, kind: HolderKind) -> Holder {
    Holder { name: holder.name, kind, secret: holder.secret.clone() }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_handed_over_and_nothing_goes_cold_before_every_new_holder_has_shown_their_key() {
    let mut scene = Scene::cold().await;
    let new = successors();
    scene.site.replace_holders(2, &new.iter().collect::<Vec<_>>()).await;
    scene.image_of("P3", "1.2.3").await;
    days_pass(2);
    for (shown, holder) in new.iter().enumerate() {
        let Err(refusal) = hand_over(&scene, &scene.officers[0]).await else {
            panic!("handed over with {shown} proofs")
        };
        let refusal = refusal.to_string();
        assert!(refusal.contains("cold holder prove") && refusal.contains(holder.name), "{refusal}");
        assert_eq!(scene.site.cold_state().await.unproven.len(), new.len() - shown);
        assert_eq!(scene.site.sweep().await.unwrap().studies, 0, "a key that nobody has closes nothing");
        // somebody else's secret, a signature of somebody else, an answer to another challenge
        let id = holder.secret.public().id();
        let stranger = Holder::new("stranger", HolderKind::Sharing);
        let wrong = stranger.proof(&scene.site, id).await.unwrap();
        assert!(matches!(scene.site.cold(ColdAsk::Prove(wrong)).await, Err(Refusal::Invalid(_))));
        let mut unsigned = holder.proof(&scene.site, id).await.unwrap();
        unsigned.signature = stranger.proof(&scene.site, id).await.unwrap().signature;
        assert!(matches!(scene.site.cold(ColdAsk::Prove(unsigned)).await, Err(Refusal::Invalid(_))));
        let late = holder.proof(&scene.site, id).await.unwrap();
        // whoever asks for challenges in a loop keeps nobody from answering
        for _ in 0..3 {
            scene.site.cold(ColdAsk::Challenge { holder: id }).await.unwrap();
        }
        scene.site.cold(ColdAsk::Prove(late.clone())).await.unwrap();
        assert!(matches!(scene.site.cold(ColdAsk::Prove(late)).await, Err(Refusal::Invalid(_))), "it serves once");
    }
    let stranger = scene.officers[0].secret.public().id();
    let Err(refusal) = scene.site.cold(ColdAsk::Challenge { holder: stranger }).await else {
        panic!("not of this set")
    };
    assert!(refusal.to_string().contains("the site was given another key"), "{refusal}");
    // what was shown outlives the process
    let scene = scene.restart().await;
    let [a, b, _] = &scene.officers;
    assert_eq!(scene.site.sweep().await.unwrap().studies, 1);
    assert_eq!(hand_over(&scene, a).await.unwrap().waiting, 2);
    assert_eq!(hand_over(&scene, b).await.unwrap().reclosed, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_from_before_the_exchange_owes_it_again_and_nothing_that_waits_is_dropped() {
    let scene = Scene::cold().await;
    let kept = scene.kept().await;
    let new = successors();
    exchanged(&scene, &new).await;

    let scene = scene.restored(kept.path()).await;
    let state = scene.site.cold_state().await;
    assert_eq!(state.behind, 2, "the boxes of before are there again");
    assert!(state.exchange.is_some());
    assert_eq!((state.unproven.len(), state.takes), (4, false), "the keys are in the ledger, the proofs are not");
    for holder in &new {
        holder.prove(&scene.site).await;
    }
    let [a, b, _] = &scene.officers;
    assert_eq!(hand_over(&scene, a).await.unwrap(), HandedOver { reclosed: 0, waiting: 2, damaged: 0, behind: 2 });
    assert_eq!(hand_over(&scene, b).await.unwrap(), HandedOver { reclosed: 2, waiting: 0, damaged: 0, behind: 0 });
    let request = scene.site.ask_for_cold("patient:HOSPITAL/P1", 1, false).await.unwrap();
    scene.approve(&new[0], request).await.unwrap();
    assert_eq!(scene.approve(&new[1], request).await.unwrap(), (1, 0));
    assert_eq!(scene.opens("1.2.1").await.unwrap(), std::slice::from_ref(&scene.one));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_goes_cold_before_every_holder_has_shown_their_key_however_they_were_named() {
    let scene = Scene::unproven().await;
    let kept = scene.kept().await;
    days_pass(2);
    let holders = scene.holders();
    for shown in 0..holders.len() {
        let state = scene.site.cold_state().await;
        let missing: Vec<&str> = holders[shown..].iter().map(|holder| holder.name).collect();
        assert_eq!(
            (state.unproven, state.takes, state.exchange),
            (missing.iter().map(ToString::to_string).collect(), false, None)
        );
        assert_eq!(scene.site.sweep().await.unwrap().studies, 0);
        holders[shown].prove(&scene.site).await;
    }
    let state = scene.site.cold_state().await;
    assert_eq!((state.unproven.len(), state.takes), (0, true));
    // a database from before the proofs says that they are missing
    let scene = scene.restored(kept.path()).await;
    let state = scene.site.cold_state().await;
    assert_eq!((state.unproven.len(), state.takes), (5, false));
    assert_eq!(scene.site.sweep().await.unwrap().studies, 0);
    for holder in scene.holders() {
        holder.prove(&scene.site).await;
    }
    // a second naming without an exchange goes around nothing, also with a key that nobody has
    let nobody = Holder::new("nobody", HolderKind::Sharing).named();
    let [a, ..] = &scene.officers;
    let second = ColdAsk::SetHolders { threshold: 1, holders: vec![a.named(), nobody] };
    scene.site.cold(second).await.unwrap();
    a.prove(&scene.site).await;
    let state = scene.site.cold_state().await;
    assert_eq!((state.generation, state.unproven, state.takes), (2, vec!["nobody".to_owned()], false));
    assert_eq!(scene.site.sweep().await.unwrap().studies, 0, "a key that nobody has closes nothing");
    scene.site.set_holders(1, &[a]).await;
    assert_eq!(scene.site.sweep().await.unwrap().studies, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_set_that_the_ledger_lost_is_written_over_by_no_other_and_its_boxes_open_to_its_holders() {
    let (scene, ledger) = Scene::cold().await.ledger_kept().await;
    let lost = successors();
    exchanged(&scene, &lost).await;

    let scene = scene.forgetting(ledger.path()).await;
    let state = scene.site.cold_state().await;
    assert_eq!(
        (state.generation, state.behind, state.takes),
        (1, 2, true),
        "they are with others than the ledger says"
    );
    let request = scene.site.ask_for_cold("patient:HOSPITAL/P1", 1, false).await.unwrap();
    assert_eq!(scene.approve(&lost[0], request).await.unwrap(), (0, 1));
    assert_eq!(scene.approve(&lost[1], request).await.unwrap(), (1, 0));
    assert_eq!(scene.opens("1.2.1").await.unwrap(), std::slice::from_ref(&scene.one));

    let third = successors();
    scene.site.replace_holders(2, &third.iter().collect::<Vec<_>>()).await;
    assert_eq!(scene.site.cold_state().await.generation, 3, "the second is not written over");
    for holder in &third {
        holder.prove(&scene.site).await;
    }
    // after a start too
    let scene = scene.restart().await;
    assert_eq!(hand_over(&scene, &lost[0]).await.unwrap().waiting, 2);
    assert_eq!(
        hand_over(&scene, &lost[2]).await.unwrap(),
        HandedOver { reclosed: 2, waiting: 0, damaged: 0, behind: 0 }
    );
    let request = scene.site.ask_for_cold("patient:HOSPITAL/P2", 1, false).await.unwrap();
    scene.approve(&third[0], request).await.unwrap();
    assert_eq!(scene.approve(&third[1], request).await.unwrap(), (1, 0));
    assert_eq!(scene.opens("1.2.2").await.unwrap(), std::slice::from_ref(&scene.two));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_of_other_holders_than_the_ledger_names_is_closed_to_by_nothing_and_is_kept() {
    let (scene, ledger) = Scene::cold().await.ledger_kept().await;
    let first = scene.kept().await;
    let lost = successors();
    exchanged(&scene, &lost).await;
    let of_lost = scene.kept().await;
    // the other line: database and ledger of before, and then other holders with the same number
    let scene = scene.forgetting(ledger.path()).await.restored(first.path()).await;
    let named = ["G", "H"].map(|name| Holder::new(name, HolderKind::Sharing));
    scene.site.set_holders(2, &named.iter().collect::<Vec<_>>()).await;
    assert_eq!(scene.site.cold_state().await.generation, 2);

    let mut scene = scene.restored(of_lost.path()).await;
    let state = scene.site.cold_state().await;
    assert_eq!(
        (state.unproven, state.takes),
        (vec!["G".to_owned(), "H".to_owned()], false),
        "the ledger's, not the record's"
    );
    scene.image_of("P3", "1.2.3").await;
    days_pass(2);
    assert_eq!(scene.site.sweep().await.unwrap().studies, 0);
    for holder in &named {
        holder.prove(&scene.site).await;
    }
    assert_eq!(scene.site.sweep().await.unwrap().studies, 1);
    // also after one more start, what is closed to the others is theirs
    let scene = scene.restart().await;
    assert!(scene.site.cold_state().await.takes, "what was shown is kept");
    let request = scene.site.ask_for_cold("patient:HOSPITAL/P1", 1, false).await.unwrap();
    scene.approve(&lost[0], request).await.unwrap();
    assert_eq!(scene.approve(&lost[1], request).await.unwrap(), (1, 0));
    let request = scene.site.ask_for_cold("patient:HOSPITAL/P3", 1, false).await.unwrap();
    scene.approve(&named[0], request).await.unwrap();
    assert_eq!(scene.approve(&named[1], request).await.unwrap(), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_comes_late_hides_no_box_of_before() {
    let mut scene = Scene::cold().await;
    let new = successors();
    scene.site.set_holders(2, &new.iter().collect::<Vec<_>>()).await;
    assert_eq!(scene.site.cold_state().await.behind, 2);
    scene.image_of("P1", "1.2.1").await;
    days_pass(2);
    assert_eq!(scene.site.sweep().await.unwrap().studies, 1);
    assert_eq!(scene.site.cold_state().await.behind, 2, "its first image is still with the first holders");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_holder_may_do_with_a_box_is_what_the_set_says_that_it_was_closed_to() {
    let scene = Scene::cold().await;
    let [a, b, c] = &scene.officers;
    // who was enough alone shares from now on, who shared is on call
    let duty = named_as(&scene.on_call, HolderKind::Sharing);
    let called = named_as(b, HolderKind::Emergency);
    scene.site.set_holders(2, &[a, c, &duty, &called]).await;
    let warmed = async |scene: &Scene| {
        let bodies = scene.bodies().await.into_iter();
        bodies
            .filter_map(|body| match body {
                EntryBody::Warmed(Warmed { emergency, by, .. }) => Some((emergency, by.len())),
                _ => None,
            })
            .next_back()
    };
    let request = scene.site.ask_for_cold("patient:HOSPITAL/P1", 24, false).await.unwrap();
    assert_eq!(scene.approve(&duty, request).await.unwrap(), (1, 0));
    assert_eq!(warmed(&scene).await, Some((true, 1)), "alone, and loudly");
    seconds_pass(4 * 3_600 + 1);
    assert_eq!(scene.opens("1.2.1").await.err(), Some(Refusal::Cold), "for four hours at most");
    let request = scene.site.ask_for_cold("patient:HOSPITAL/P2", 24, false).await.unwrap();
    assert_eq!(scene.approve(&called, request).await.unwrap(), (0, 1), "one share of two, as it was");
    assert_eq!(scene.approve(a, request).await.unwrap(), (1, 0));
    assert_eq!(warmed(&scene).await, Some((false, 2)));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_open_boxes_of_one_set_alone_still_shares_those_of_another() {
    let mut scene = Scene::cold().await;
    let service = named_as(&scene.service, HolderKind::Sharing);
    let other = Holder::new("D", HolderKind::Sharing);
    scene.site.set_holders(2, &[&service, &other]).await;
    scene.image_of("P1", "1.2.3").await;
    days_pass(2);
    assert_eq!(scene.site.sweep().await.unwrap().studies, 1);
    // no order, so the service opens nothing alone
    let request = scene.site.ask_for_cold("patient:HOSPITAL/P1", 1, false).await.unwrap();
    assert_eq!(scene.approve(&service, request).await.unwrap(), (0, 1));
    assert_eq!(scene.approve(&other, request).await.unwrap(), (1, 2), "the other study waits for two of its own");
    assert!(scene.opens("1.2.3").await.is_ok());
    assert_eq!(scene.opens("1.2.1").await.err(), Some(Refusal::Cold));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_set_ends_the_exchange_and_forgets_what_was_handed_over_for_the_first() {
    let scene = Scene::cold().await;
    let [a, b, c] = &scene.officers;
    let new = successors();
    scene.site.replace_holders(2, &new.iter().collect::<Vec<_>>()).await;
    for holder in &new {
        holder.prove(&scene.site).await;
    }
    let page = b.hand_over_page(&scene.folder, &scene.site, None).await.unwrap();
    let mut elsewhere = page.clone();
    elsewhere.generation += 1;
    // the signature names the set: one for another set is worth nothing here
    let forged = b.handed_over(&elsewhere);
    assert!(matches!(scene.site.cold(ColdAsk::HandedOver(forged)).await, Err(Refusal::Invalid(_))));
    let mut elsewhere = page.clone();
    elsewhere.to[0].name = "somebody else".to_owned();
    let forged = b.handed_over(&elsewhere);
    assert!(matches!(scene.site.cold(ColdAsk::HandedOver(forged)).await, Err(Refusal::Invalid(_))));
    assert_eq!(hand_over(&scene, a).await.unwrap().waiting, 2);

    let third = ["G", "H"].map(|name| Holder::new(name, HolderKind::Sharing));
    scene.site.set_holders(2, &third.iter().collect::<Vec<_>>()).await;
    let state = scene.site.cold_state().await;
    assert_eq!((state.generation, state.behind, state.exchange), (3, 2, None));
    let late = scene.site.cold(ColdAsk::HandedOver(b.handed_over(&page))).await;
    assert!(matches!(late, Err(Refusal::Invalid(_))), "nothing goes to a set that was not approved for it");
    assert!(matches!(hand_over(&scene, c).await, Err(Refusal::Invalid(_))));
    assert!(!scene.bodies().await.iter().any(|body| matches!(body, EntryBody::ColdReclosed { .. })));
    // a set that is approved for it begins anew: the first share does not wait any more
    let fourth = successors();
    scene.site.replace_holders(2, &fourth.iter().collect::<Vec<_>>()).await;
    for holder in &fourth {
        holder.prove(&scene.site).await;
    }
    assert_eq!(hand_over(&scene, b).await.unwrap().waiting, 2);
    assert_eq!(hand_over(&scene, c).await.unwrap().reclosed, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_box_is_counted_and_keeps_no_other_from_being_handed_over() {
    for whole in [true, false] {
        let scene = Scene::cold().await;
        let new = successors();
        scene.site.replace_holders(2, &new.iter().collect::<Vec<_>>()).await;
        for holder in &new {
            holder.prove(&scene.site).await;
        }
        let database = rusqlite::Connection::open(scene.folder.path().join("warden/warden.db")).unwrap();
        let sealed: Vec<u8> = database.query_row("SELECT box FROM cold WHERE study = 0", [], |row| row.get(0)).unwrap();
        let mut damaged = sealed;
        if whole {
            damaged.truncate(100);
        } else {
            // the commitment of each holder: after the head (7) and its key id (16), every 1217 bytes
            (0..usize::from(damaged[6])).for_each(|holder| damaged[7 + holder * 1217 + 16] ^= 1);
        }
        database.execute("UPDATE cold SET box = ? WHERE study = 0", [damaged]).unwrap();
        drop(database);
        let [a, b, _] = &scene.officers;
        let counted = u64::from(!whole);
        let first = hand_over(&scene, a).await.unwrap();
        assert_eq!(first, HandedOver { reclosed: 0, waiting: 1, damaged: counted, behind: 2 }, "{whole}");
        let second = hand_over(&scene, b).await.unwrap();
        assert_eq!(second, HandedOver { reclosed: 1, waiting: 0, damaged: counted, behind: 1 }, "{whole}");
        assert_eq!(scene.site.cold_state().await.behind, 1, "it is not forgotten");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_without_a_share_that_fits_answers_nothing() {
    let scene = Scene::cold().await;
    let new = successors();
    scene.site.set_holders(2, &new.iter().collect::<Vec<_>>()).await;
    let request = scene.site.ask_for_cold("patient:HOSPITAL/P1", 1, false).await.unwrap();
    let asked = scene.officers[0].asked(&scene.folder, &scene.site, request).await.unwrap();
    // a holder of another set, with no share of it
    let holder = new[0].secret.public().id();
    let to = SitePublicKey::from_bytes(&hex::decode(&asked.transit).unwrap()).unwrap();
    let info = ColdApproval::info(asked.site, request, holder);
    let sealed = hex::encode(to.seal_message(&info, &[], &mut SystemRandom));
    let message = ColdApproval::message(asked.site, request, &asked.transit, &sealed);
    let signature = hex::encode(new[0].secret.sign(&message));
    let empty = ColdApproval { request, holder, sealed, signature };
    assert!(matches!(new[0].bring(&scene.site, empty).await, Err(Refusal::Invalid(_))));
    assert!(!scene.bodies().await.iter().any(|body| matches!(body, EntryBody::WarmingApproved { .. })));
    let ColdReply::Requests(rows) = scene.site.cold(ColdAsk::Requests).await.unwrap() else { panic!("no requests") };
    assert_eq!((rows[0].approved, rows[0].answered.len()), (0, 0));
}
