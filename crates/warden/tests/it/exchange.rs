//! Exchanging holders: what is cold already gets other holders, those of before open nothing any more, and no step loses a box.

use model::{EntryBody, HolderKind, KeyId};
use protocol::{ColdAsk, ColdReply, HandedOver, Refusal};
use seal::{ColdBox, HolderSecret};
use warden::KeyStep;

use crate::cold::Scene;
use crate::holder::{Holder, seconds_pass};
use crate::thief::Thief;

/// New holders: two of three, and one on call.
fn successors() -> [Holder; 4] {
    let [d, e, f] = ["D", "E", "F"].map(|name| Holder::new(name, HolderKind::Sharing));
    [d, e, f, Holder::new("duty", HolderKind::Emergency)]
}

async fn replace(scene: &Scene, new: &[Holder; 4]) {
    scene.site.replace_holders(2, &new.iter().collect::<Vec<_>>()).await;
    for holder in new {
        holder.prove(&scene.site).await;
    }
}

async fn hand_over(scene: &Scene, holder: &Holder) -> Result<HandedOver, Refusal> {
    holder.hand_over(&scene.folder, &scene.site).await
}

/// Every box of the folder's database, as somebody keeps it who expects to want it later.
fn boxes(scene: &Scene) -> Vec<(KeyId, ColdBox)> {
    let database = rusqlite::Connection::open(scene.folder.path().join("warden/warden.db")).unwrap();
    let mut statement = database.prepare("SELECT name, box FROM cold").unwrap();
    let rows = statement.query_map([], |row| Ok((KeyId(row.get(0)?), row.get::<_, Vec<u8>>(1)?))).unwrap();
    rows.map(|row| row.map(|(name, sealed)| (name, ColdBox::from_bytes(sealed).unwrap())).unwrap()).collect()
}

/// What opens to the root, every byte of DIR, boxes that were kept, and these holders' secrets.
fn stolen(scene: &Scene, kept: &[(KeyId, ColdBox)], holders: &[&HolderSecret]) -> usize {
    Thief::takes(scene.folder.path()).opens_boxes(kept, holders).len()
}

#[tokio::test(flavor = "multi_thread")]
async fn holders_of_before_hand_over_and_then_open_nothing_also_with_boxes_that_they_kept() {
    let scene = Scene::cold().await;
    let [a, b, c] = &scene.officers;
    let before = [&a.secret, &b.secret, &c.secret, &scene.on_call.secret];
    let kept = boxes(&scene);
    assert_eq!(stolen(&scene, &kept, &before[..2]), 2, "today two of them and the warden's machine open both");
    assert_eq!(stolen(&scene, &kept, &before[..1]), 0);

    let new = successors();
    replace(&scene, &new).await;
    let state = scene.site.cold_state().await;
    assert_eq!((state.generation, state.behind), (2, 2));
    assert_eq!(state.exchange.map(|open| open.waiting), Some(vec![]));
    // a new one has nothing to hand over, one that is enough alone may not
    let page = new[0].hand_over_page(&scene.folder, &scene.site, None).await.unwrap();
    assert_eq!((page.shares.len(), page.next), (0, None));
    assert!(matches!(hand_over(&scene, &scene.on_call).await, Err(Refusal::Invalid(_))));

    assert_eq!(hand_over(&scene, a).await.unwrap(), HandedOver { reclosed: 0, waiting: 2, damaged: 0, behind: 2 });
    assert_eq!(scene.site.cold_state().await.exchange.map(|open| open.waiting), Some(vec!["A".to_owned()]));
    assert_eq!(hand_over(&scene, c).await.unwrap(), HandedOver { reclosed: 2, waiting: 0, damaged: 0, behind: 0 });
    let bodies = scene.bodies().await;
    let ids = [a.secret.public().id(), c.secret.public().id()];
    let released: Vec<_> = bodies
        .iter()
        .filter_map(|body| match body {
            EntryBody::ColdSharesReleased { holder, boxes: 2, .. } => Some(*holder),
            _ => None,
        })
        .collect();
    assert_eq!(released, ids);
    let place = |is_it: &dyn Fn(&EntryBody) -> bool| bodies.iter().rposition(is_it).unwrap();
    let reclosed = place(&|body| {
        matches!(body, EntryBody::ColdReclosed { studies, generation: 2, boxes: 2, by, .. }
            if studies.numbers() == [0, 1] && by.len() == 2 && ids.iter().all(|id| by.contains(id)))
    });
    assert!(place(&|body| matches!(body, EntryBody::KeysRotated { .. })) > reclosed, "the old locks are destroyed");

    // nobody was given a key, and nothing lies there
    for study in ["1.2.1", "1.2.2"] {
        assert_eq!(scene.opens(study).await.err(), Some(Refusal::Cold), "{study}");
    }
    assert_eq!(scene.stolen(&[&scene.one, &scene.two]), []);
    assert_eq!(stolen(&scene, &kept, &before), 0, "those of before, with what they kept and every byte of DIR");
    let now = boxes(&scene);
    assert_eq!(stolen(&scene, &now, &before), 0);
    assert_eq!(stolen(&scene, &now, &[&new[0].secret, &new[2].secret]), 2, "those of now do");

    let request = scene.site.ask_for_cold("patient:HOSPITAL/P1", 2, false).await.unwrap();
    assert!(matches!(scene.approve(a, request).await, Err(Refusal::Invalid(_))), "no share is theirs");
    assert_eq!(scene.approve(&new[0], request).await.unwrap(), (0, 1));
    assert_eq!(scene.approve(&new[2], request).await.unwrap(), (1, 0));
    assert_eq!(scene.opens("1.2.1").await.unwrap(), std::slice::from_ref(&scene.one));
    // the new one on call too, and the former one not
    let request = scene.site.ask_for_cold("patient:HOSPITAL/P2", 2, true).await.unwrap();
    assert!(scene.approve(&scene.on_call, request).await.is_err());
    assert_eq!(scene.approve(&new[3], request).await.unwrap(), (1, 0));
    assert_eq!(scene.opens("1.2.2").await.unwrap(), std::slice::from_ref(&scene.two));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_handed_over_is_of_this_exchange_signed_by_its_holder_and_waits_for_four_hours() {
    let scene = Scene::cold().await;
    let [a, b, c] = &scene.officers;
    assert!(matches!(hand_over(&scene, a).await, Err(Refusal::Invalid(_))), "nobody exchanges holders");
    let new = successors();
    replace(&scene, &new).await;
    let page = a.hand_over_page(&scene.folder, &scene.site, None).await.unwrap();
    let bring = async |handed| match scene.site.cold(ColdAsk::HandedOver(handed)).await {
        Ok(ColdReply::HandedOver(handed)) => Ok(handed),
        Ok(_) => panic!("another answer"),
        Err(refusal) => Err(refusal),
    };
    let honest = a.handed_over(&page);
    let mut refused = Vec::new();
    // in somebody else's name, for another exchange, and shares that no box knows
    let mut forged = honest.clone();
    forged.holder = b.secret.public().id();
    refused.push(forged);
    let mut forged = honest.clone();
    forged.exchange = model::EntryNumber(forged.exchange.0 + 1);
    refused.push(forged);
    let mut forged = honest.clone();
    forged.signature = c.handed_over(&c.hand_over_page(&scene.folder, &scene.site, None).await.unwrap()).signature;
    refused.push(forged);
    let mut made_up = page.shares[0].study.0.to_be_bytes().to_vec();
    made_up.extend_from_slice(&page.shares[0].name.0);
    made_up.extend_from_slice(&[0; seal::Share::BYTES]);
    let made_up = bring(a.sealed(&page, &made_up)).await.unwrap();
    assert_eq!(made_up, HandedOver { reclosed: 0, waiting: 0, damaged: 1, behind: 2 }, "nothing of it is kept");
    refused.push(a.sealed(&page, b"half"));
    for forged in refused {
        assert!(matches!(bring(forged.clone()).await, Err(Refusal::Invalid(_))), "{forged:?}");
    }
    assert!(!scene.bodies().await.iter().any(|body| matches!(body, EntryBody::ColdSharesReleased { .. })));

    // the hours begin with the first share, not with the page
    seconds_pass(5 * 3_600);
    let page = b.hand_over_page(&scene.folder, &scene.site, None).await.unwrap();
    let early = b.handed_over(&page);
    assert_eq!(bring(honest.clone()).await.unwrap().waiting, 2);
    // the same page once more is no second entry
    assert_eq!(bring(honest.clone()).await.unwrap().waiting, 2);
    let bodies = scene.bodies().await.into_iter();
    assert_eq!(bodies.filter(|body| matches!(body, EntryBody::ColdSharesReleased { .. })).count(), 1);
    seconds_pass(4 * 3_600);
    assert!(matches!(bring(early).await, Err(Refusal::Invalid(_))), "the hours are over, whoever comes next");
    let late = hand_over(&scene, b).await.unwrap();
    assert_eq!(late, HandedOver { reclosed: 0, waiting: 2, damaged: 0, behind: 2 }, "the first shares are forgotten");
    assert!(matches!(bring(honest).await, Err(Refusal::Invalid(_))), "and the key that they were sealed to");
    // nor do they outlive the process
    let scene = scene.restart().await;
    let [a, b, _] = &scene.officers;
    assert_eq!(hand_over(&scene, a).await.unwrap().waiting, 2);
    let done = hand_over(&scene, b).await.unwrap();
    assert_eq!(done, HandedOver { reclosed: 2, waiting: 0, damaged: 0, behind: 0 });
    // the same page once more finds nothing
    assert_eq!(hand_over(&scene, a).await.unwrap(), HandedOver { reclosed: 0, waiting: 0, damaged: 0, behind: 0 });
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_warm_stays_warm_until_its_deadline_and_is_cold_with_the_new_holders_then() {
    let scene = Scene::cold().await;
    let [a, b, _] = &scene.officers;
    let request = scene.site.ask_for_cold("patient:HOSPITAL/P1", 2, false).await.unwrap();
    scene.approve(a, request).await.unwrap();
    scene.approve(b, request).await.unwrap();
    let new = successors();
    replace(&scene, &new).await;
    hand_over(&scene, a).await.unwrap();
    assert_eq!(hand_over(&scene, b).await.unwrap().reclosed, 2);
    assert_eq!(scene.opens("1.2.1").await.unwrap(), std::slice::from_ref(&scene.one));
    seconds_pass(3 * 3_600);
    scene.site.sweep().await.unwrap();
    assert_eq!(scene.opens("1.2.1").await.err(), Some(Refusal::Cold));
    let request = scene.site.ask_for_cold("patient:HOSPITAL/P1", 2, false).await.unwrap();
    scene.approve(&new[1], request).await.unwrap();
    assert_eq!(scene.approve(&new[2], request).await.unwrap(), (1, 0));
    assert_eq!(scene.opens("1.2.1").await.unwrap(), std::slice::from_ref(&scene.one));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warden_that_ends_in_front_of_any_step_loses_no_box_and_leaves_none_with_former_holders() {
    let rotating = [KeyStep::BeginEpoch, KeyStep::WrapAgain, KeyStep::DestroyEpochs, KeyStep::RecordRotation];
    for step in KeyStep::EXCHANGE.into_iter().chain(rotating) {
        let scene = Scene::cold().await;
        let kept = boxes(&scene);
        let new = successors();
        replace(&scene, &new).await;
        let rotated = async |scene: &Scene| {
            scene.bodies().await.iter().filter(|body| matches!(body, EntryBody::KeysRotated { .. })).count()
        };
        let before = rotated(&scene).await;
        hand_over(&scene, &scene.officers[0]).await.unwrap();
        scene.site.stop_before(step);
        let stopped = hand_over(&scene, &scene.officers[1]).await.is_err();
        assert_eq!(stopped, KeyStep::EXCHANGE.contains(&step), "{step:?}");
        assert_eq!(rotated(&scene).await, before, "{step:?} is never reached");

        let scene = scene.restart().await;
        let state = scene.site.cold_state().await;
        assert_eq!(state.behind, if step == KeyStep::Reclose { 2 } else { 0 }, "{step:?}");
        for holder in &scene.officers[..2] {
            hand_over(&scene, holder).await.unwrap();
        }
        assert_eq!(scene.site.cold_state().await.behind, 0, "{step:?}");
        assert!(rotated(&scene).await > before, "{step:?}");
        let secrets: Vec<&HolderSecret> = scene.officers.iter().map(|holder| &holder.secret).collect();
        assert_eq!(stolen(&scene, &kept, &secrets), 0, "{step:?}");
        assert_eq!(scene.stolen(&[&scene.one, &scene.two]), [], "{step:?}");
        for (patient, study, keys) in [("P1", "1.2.1", &scene.one), ("P2", "1.2.2", &scene.two)] {
            let request = scene.site.ask_for_cold(&format!("patient:HOSPITAL/{patient}"), 1, false).await.unwrap();
            scene.approve(&new[0], request).await.unwrap();
            assert_eq!(scene.approve(&new[1], request).await.unwrap(), (1, 0), "{step:?}");
            assert_eq!(scene.opens(study).await.unwrap(), std::slice::from_ref(keys), "{step:?}");
        }
        let boxes = scene.bodies().await.into_iter().map(|body| match body {
            EntryBody::ColdReclosed { boxes, .. } => boxes,
            _ => 0,
        });
        assert_eq!(boxes.sum::<u32>(), 2, "{step:?}: an entry is neither lost nor doubled");
    }
}
