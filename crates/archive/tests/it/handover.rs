//! Handing over.

use std::net::IpAddr;

use archive::{Caller, Handover, HandoverError, NotAdmitted, WardenLink};
use model::{DeviceId, DeviceMay};
use policy::Service;
use protocol::{AssociationRefusal, DeviceEntry, Verdict};
use store::Store;

use crate::front::{Front, store};
use crate::objects::Object;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn records_arrive_once_and_in_order_over_restarts_of_the_warden() {
    let mut front = Front::new();
    let mut batch = front.batch();
    for instance in 1..=40 {
        if instance % 10 == 0 {
            front.serving = None;
            front.serving = Some(front.warden.serve(&front.socket()));
        }
        store(&mut batch, &Object::new(instance % 3, 1, instance).part10()).unwrap();
    }
    drop(batch);
    front.handover.handover_idle().await.unwrap();
    let notes = front.warden.state(|state| {
        assert!(state.unreadable.is_empty());
        state.notes.iter().map(|note| note.instance.number.clone()).collect::<Vec<_>>()
    });
    assert_eq!(notes, (1..=40).map(|instance| instance.to_string()).collect::<Vec<_>>());
    assert_eq!(front.store.outbox().acknowledged, 40);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn verdicts_can_be_followed() {
    let front = Front::new();
    let mut verdicts = front.handover.follow();
    let object = Object::new(1, 1, 1);
    let accepted = front.take_in(&[&object]).await;
    let verdict = verdicts.recv().await.unwrap()[0].clone();
    assert_eq!(verdict.object, accepted[0].object);
    assert!(matches!(verdict.verdict, Verdict::Accepted { .. }));
    front.take_in(&[&object]).await;
    assert_eq!(verdicts.recv().await.unwrap()[0].verdict, Verdict::Duplicate);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_note_says_what_was_taken_in_and_by_whom() {
    let front = Front::new();
    let object = Object::new(1, 1, 7);
    front.take_in(&[&object]).await;
    front.warden.state(|state| {
        let note = &state.notes[0];
        assert_eq!(note.content, *blake3::hash(&object.data_set()).as_bytes());
        assert_eq!(note.patient.id, "P1");
        assert_eq!(note.instance.number, "7");
        let sent = &state.bodies[0].objects[0];
        assert_eq!((sent.device, sent.origin.0.as_str()), (Some(DeviceId(1)), "192.0.2.1"));
    });
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_warden_restored_from_an_older_copy_stops_the_handover_and_not_the_intake() {
    let front = Front::new();
    front.take_in(&[Object::new(1, 1, 1), Object::new(1, 1, 2)]).await;
    drop(front.handover);
    front.warden.state(|state| (state.sequence, state.chain) = (1, [7; 32]));
    let handover = Handover::start(front.store.clone(), front.link.clone(), None);
    let mut batch = front.intake.begin_batch(archive::IntakeActor { device: None, origin: model::Origin::default() });
    store(&mut batch, &Object::new(1, 1, 3).part10()).unwrap();
    let stopped = handover.handover_idle().await.unwrap_err();
    assert!(matches!(stopped, HandoverError::Chain { expected: 1, .. }), "{stopped}");
    assert_eq!(handover.stopped(), Some(stopped));
    store(&mut batch, &Object::new(1, 1, 4).part10()).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outbox_that_is_not_the_wardens_own_stops_the_handover() {
    let front = Front::new();
    front.take_in(&[Object::new(1, 1, 1)]).await;
    drop(front.handover);
    front.warden.state(|state| state.chain = [7; 32]);
    let handover = Handover::start(front.store.clone(), front.link.clone(), None);
    let mut batch = front.intake.begin_batch(archive::IntakeActor { device: None, origin: model::Origin::default() });
    store(&mut batch, &Object::new(1, 1, 2).part10()).unwrap();
    assert!(matches!(handover.handover_idle().await, Err(HandoverError::Chain { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_front_restored_from_an_older_copy_goes_on_where_the_warden_is() {
    let front = Front::new();
    front.take_in(&[Object::new(1, 1, 1)]).await;
    let folder = tempfile::tempdir().unwrap();
    let (older, _) = Store::open(folder.path(), store::Options::default(), store::files()).unwrap();
    let handover = Handover::start(older.clone(), front.link.clone(), None);
    while older.outbox().last == 0 {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    let intake = archive::Intake::new(
        older.clone(),
        &front.warden.site(),
        archive::IntakeSettings::default(),
        front.told.clone(),
    );
    let mut batch = intake.begin_batch(archive::IntakeActor { device: None, origin: model::Origin::default() });
    store(&mut batch, &Object::new(1, 1, 2).part10()).unwrap();
    handover.handover_idle().await.unwrap();
    assert_eq!(front.warden.state(|state| (state.sequence, state.notes.len())), (2, 2));
}

/// A store over a copy of the front's files.
fn copied(front: &Front, folder: &std::path::Path) -> Store {
    front.store.snapshot_into(folder).unwrap();
    std::fs::remove_file(folder.join("volumes.list")).unwrap();
    let volumes = folder.join("volumes");
    std::fs::create_dir_all(&volumes).unwrap();
    for volume in std::fs::read_dir(front.folder.path().join("front/volumes")).unwrap() {
        let volume = volume.unwrap();
        std::fs::copy(volume.path(), volumes.join(volume.file_name())).unwrap();
    }
    Store::open(folder, store::Options::default(), store::files()).unwrap().0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_made_while_records_were_on_their_way_goes_on_where_the_warden_is() {
    let mut front = Front::new();
    front.take_in(&[Object::new(1, 1, 1)]).await;
    front.serving = None;
    std::fs::remove_file(front.socket()).unwrap();
    let mut batch = front.batch();
    store(&mut batch, &Object::new(1, 1, 2).part10()).unwrap();
    batch.finish();
    let folder = tempfile::tempdir().unwrap();
    let copy = copied(&front, &folder.path().join("copy"));
    assert!(copy.outbox().acknowledged < copy.outbox().last, "a record waits in the copy");
    // the front that was copied hands it over, and more
    front.serving = Some(front.warden.serve(&front.socket()));
    front.take_in(&[Object::new(1, 1, 3)]).await;
    front.store.close();
    let there = front.warden.state(|state| state.sequence);
    assert!(there > copy.outbox().last);

    let handover = Handover::start(copy.clone(), front.link.clone(), None);
    handover.handover_idle().await.unwrap();
    while copy.outbox().last < there {
        assert_eq!(handover.stopped(), None);
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(copy.outbox().acknowledged, there);
    // and who waits for everything waits no longer
    handover.handover_idle().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_records_under_numbers_that_the_warden_has_stop_the_handover() {
    let mut front = Front::new();
    front.take_in(&[Object::new(1, 1, 1)]).await;
    let folder = tempfile::tempdir().unwrap();
    let copy = copied(&front, &folder.path().join("copy"));
    front.take_in(&[Object::new(1, 1, 2)]).await;
    front.take_in(&[Object::new(1, 1, 3)]).await;
    front.serving = None;
    // the copy took in something else before it ever heard of the warden
    let intake = archive::Intake::new(
        copy.clone(),
        &front.warden.site(),
        archive::IntakeSettings::default(),
        front.told.clone(),
    );
    let mut batch = intake.begin_batch(archive::IntakeActor { device: None, origin: model::Origin::default() });
    store(&mut batch, &Object::new(1, 1, 9).part10()).unwrap();
    batch.finish();
    std::fs::remove_file(front.socket()).unwrap();
    front.serving = Some(front.warden.serve(&front.socket()));
    let handover = Handover::start(copy.clone(), front.link.clone(), None);
    assert!(matches!(handover.handover_idle().await, Err(HandoverError::Chain { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn devices_are_admitted_from_the_last_signed_list_while_the_warden_is_away() {
    let mut front = Front::new();
    let here = Caller { address: "127.0.0.1".parse().unwrap(), certificate: None };
    let admit = |link: &WardenLink, title: &'static str| {
        let link = link.clone();
        async move { tokio::task::spawn_blocking(move || link.admit_ae_title(title, here, Service::Store)).await.unwrap() }
    };
    assert_eq!(admit(&front.link, "CT1").await, Err(NotAdmitted::Unknown));
    front.warden.state(|state| {
        state.devices.push(DeviceEntry {
            device: DeviceId(5),
            name: "ct".into(),
            ae_title: Some("CT1".into()),
            from: vec!["127.0.0.0/8".into()],
            may: vec![DeviceMay::Store],
            token_sha256: None,
            bound: None,
            token_until: None,
            former: None,
        });
    });
    // a device that was just added is looked up in a fresh list
    tokio::time::sleep(std::time::Duration::from_millis(600)).await;
    assert_eq!(admit(&front.link, "CT1").await, Ok(DeviceId(5)));

    front.serving = None;
    std::fs::remove_file(front.socket()).unwrap();
    let folder = front.folder.path().join("front");
    let restarted = WardenLink::start(&front.socket(), &folder, front.warden.site(), front.told.clone());
    assert_eq!(admit(&restarted, "CT1").await, Ok(DeviceId(5)));
    assert_eq!(admit(&restarted, "CT2").await, Err(NotAdmitted::Unknown));

    let path = folder.join(archive::DEVICES_FILE);
    let changed = std::fs::read_to_string(&path).unwrap().replace("CT1", "CT2");
    std::fs::write(&path, changed).unwrap();
    let deceived = WardenLink::start(&front.socket(), &folder, front.warden.site(), front.told.clone());
    assert_eq!(admit(&deceived, "CT2").await, Err(NotAdmitted::Unknown));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_associations_reach_the_warden_also_those_from_while_it_was_away() {
    let mut front = Front::new();
    let peer: IpAddr = "192.0.2.7".parse().unwrap();
    let refuse = |times: u32| {
        (0..times).for_each(|_| front.link.count_refused("STRANGER", peer, AssociationRefusal::Unknown));
    };
    let counted = |front: &Front, count: u64| {
        let warden = front.warden.clone();
        async move {
            for _ in 0..1_000 {
                let rows = warden.state(|state| state.refused.clone());
                if rows.iter().map(|row| row.count).sum::<u64>() == count {
                    return rows;
                }
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
            panic!("{count} were refused: {:?}", warden.state(|state| state.refused.clone()));
        }
    };
    refuse(500);
    let rows = counted(&front, 500).await;
    assert!(rows.len() < 5, "{rows:?}");
    assert!(rows.iter().all(|row| row.calling_ae_title == "STRANGER" && row.address == Some(peer)));
    front.serving = None;
    std::fs::remove_file(front.socket()).unwrap();
    (0..300).for_each(|_| front.link.count_refused("STRANGER", peer, AssociationRefusal::Unknown));
    while front.link.is_there().await {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    front.serving = Some(front.warden.serve(&front.socket()));
    counted(&front, 800).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_warden_of_another_site_is_not_talked_to() {
    let front = Front::new();
    let site = archive::Site { id: model::SiteId([9; 16]), ..front.warden.site() };
    let folder = tempfile::tempdir().unwrap();
    let link = WardenLink::start(&front.socket(), folder.path(), site, front.told.clone());
    assert!(!link.is_there().await);
}
