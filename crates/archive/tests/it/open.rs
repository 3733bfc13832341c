//! Opening and listing.

use std::sync::Arc;

use archive::{InstanceQuery, IntakeSettings, MetadataOf, OpenStudy, ReadError};
use futures::StreamExt;
use model::SessionId;
use protocol::{Credential, Match, PageRequest, Refusal, Scope};

use crate::front::{Front, KEY, reader, session, store, uid};
use crate::objects::Object;
use crate::warden::LEASE_SECONDS;

const STUDY: &str = "1.2.826.0.1.1";

pub async fn stored(open: &Arc<OpenStudy>, instance: &Arc<archive::Instance>) -> Vec<u8> {
    let mut stored = open.stored(instance).await.unwrap();
    let mut bytes = Vec::new();
    while let Some(block) = stored.stream.next().await {
        bytes.extend_from_slice(&block.unwrap());
    }
    assert!(stored.length.is_none_or(|length| length == bytes.len() as u64));
    bytes
}

async fn json(open: &Arc<OpenStudy>, of: MetadataOf) -> serde_json::Value {
    let metadata = open.metadata(of, "https://localhost/dicom-web").await.unwrap();
    serde_json::from_slice(&metadata.json).unwrap()
}

fn opened(front: &Front) -> usize {
    front.warden.state(|state| state.opened)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn within_a_lease_the_warden_is_asked_once() {
    let front = Front::new();
    front.take_in(&[Object::new(1, 1, 1)]).await;
    let all = futures::future::join_all((0..50).map(|_| front.open(STUDY))).await;
    assert_eq!(opened(&front), 1, "concurrent requests share one call");
    assert!(all.iter().all(|open| open.instances().len() == 1));
    front.open(STUDY).await;
    front.reader.open(&reader(), &uid(STUDY), Scope::Listing).await.unwrap();
    assert_eq!(opened(&front), 1, "a release of images serves the listing too");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_serves_nobody_else_and_nothing_else() {
    let front = Front::new();
    front.take_in(&[Object::new(1, 1, 1), Object::new(2, 1, 1)]).await;
    front.open(STUDY).await;
    front.open("1.2.826.0.1.2").await;
    assert_eq!(opened(&front), 2);
    front.warden.state(|state| state.refuse = Some(Refusal::NotFound));
    let other_key = dpop::Thumbprint([8; 32]);
    for (token, origin, key) in [
        ("other", "192.0.2.9", Some(KEY)),
        ("token", "192.0.2.10", Some(KEY)),
        ("", "192.0.2.9", Some(KEY)),
        ("token", "192.0.2.9", Some(other_key)),
        ("token", "192.0.2.9", None),
    ] {
        let other = session(token, origin, key);
        let refused = front.reader.open(&other, &uid(STUDY), Scope::Images).await.unwrap_err();
        assert!(matches!(refused, ReadError::Refused(Refusal::NotFound)), "{token} {origin} {key:?}");
    }
    let device = Credential::DeviceToken { token: "token".into(), origin: model::Origin("192.0.2.9".into()) };
    assert!(front.reader.open(&device, &uid(STUDY), Scope::Images).await.is_err());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_that_ended_is_not_used() {
    let front = Front::new();
    front.take_in(&[Object::new(1, 1, 1)]).await;
    let open = front.open(STUDY).await;
    let instance = Arc::clone(&open.instances()[0]);
    open.frame(&instance, 1).await.unwrap();
    front.clock.pass(LEASE_SECONDS);
    assert!(matches!(open.frame(&instance, 1).await, Err(ReadError::LeaseEnded)));
    assert!(matches!(open.metadata(MetadataOf::Study, "").await, Err(ReadError::LeaseEnded)));
    assert!(matches!(open.stored(&instance).await.unwrap().stream.next().await, Some(Err(ReadError::LeaseEnded))));
    front.open(STUDY).await.frame(&instance, 1).await.unwrap();
    assert_eq!(opened(&front), 2);
    front.clock.pass(LEASE_SECONDS);
    front.warden.state(|state| state.refuse = Some(Refusal::SignedOut));
    let refused = front.reader.open(&reader(), &uid(STUDY), Scope::Images).await.unwrap_err();
    assert!(matches!(refused, ReadError::Refused(Refusal::SignedOut)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ends_through_this_front_ends_at_once() {
    let front = Front::new();
    front.take_in(&[Object::new(1, 1, 1)]).await;
    let open = front.open(STUDY).await;
    front.link.ask(&reader(), PageRequest::EndSession { session: SessionId([1; 16]) }).await.unwrap();
    assert!(matches!(open.frame(&open.instances()[0].clone(), 1).await, Err(ReadError::LeaseEnded)));
    front.open(STUDY).await;
    front.link.ask(&reader(), PageRequest::Me).await.unwrap();
    front.open(STUDY).await;
    assert_eq!(opened(&front), 2, "asking who one is ends no lease");
    front.reader.forget(&reader());
    front.open(STUDY).await;
    assert_eq!(opened(&front), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_download_that_nobody_takes_on_holds_no_keys_beyond_its_lease() {
    let front = Front::new();
    front.take_in(&[Object::new(1, 1, 1), Object::new(1, 1, 2)]).await;
    let open = front.reader.open_to_download(&reader(), &uid(STUDY)).await.unwrap();
    front.clock.pass(LEASE_SECONDS - 1);
    let mut download = open.download().await.unwrap();
    let keys = Arc::downgrade(&open);
    drop(open);
    assert!(download.stream.next().await.unwrap().is_ok());
    assert!(keys.upgrade().is_some(), "it waits for whoever takes it");
    while keys.upgrade().is_some() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let mut last = None;
    while let Some(block) = download.stream.next().await {
        last = Some(block);
    }
    assert!(matches!(last, Some(Err(ReadError::LeaseEnded))), "it says that it is cut off");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leases_are_wiped_when_they_end() {
    let front = Front::new();
    front.take_in(&[Object::new(1, 1, 1)]).await;
    let open = Arc::downgrade(&front.open(STUDY).await);
    assert_eq!(front.reader.open_studies(), 1);
    front.clock.pass(LEASE_SECONDS);
    while front.reader.open_studies() > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert!(open.upgrade().is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_that_comes_later_is_seen_at_once() {
    let front = Front::new();
    front.take_in(&[Object::new(1, 1, 1)]).await;
    assert_eq!(front.open(STUDY).await.instances().len(), 1);
    front.take_in(&[Object::new(1, 1, 2)]).await;
    assert_eq!(front.open(STUDY).await.instances().len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listing_opens_no_pixel() {
    let front = Front::new();
    front.take_in(&[Object::new(1, 1, 1)]).await;
    let open = front.reader.open(&reader(), &uid(STUDY), Scope::Listing).await.unwrap();
    let instance = Arc::clone(&open.instances()[0]);
    assert_eq!(json(&open, MetadataOf::Study).await.as_array().unwrap().len(), 1);
    assert!(matches!(open.frame(&instance, 1).await, Err(ReadError::ListingOnly)));
    assert!(matches!(open.bulk(&instance, 0, 1).await.unwrap().stream.next().await, Some(Err(ReadError::ListingOnly))));
    assert!(matches!(open.stored(&instance).await.unwrap().stream.next().await, Some(Err(ReadError::ListingOnly))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_in_the_study_is_not_found() {
    let front = Front::new();
    let object = Object { frames: 3, ..Object::new(1, 1, 1) };
    front.take_in(&[&object]).await;
    let open = front.open(STUDY).await;
    let instance = Arc::clone(&open.instances()[0]);
    let no_such_part = |error: ReadError| assert!(matches!(error, ReadError::NoSuchPart), "{error}");
    for number in [0, 4, u32::MAX] {
        no_such_part(open.frame(&instance, number).await.err().unwrap());
    }
    let length = instance.row.stored_bytes;
    for (offset, length) in [(0, length + 1), (length, 1), (u64::MAX, 1), (1, u64::MAX)] {
        no_such_part(open.bulk(&instance, offset, length).await.err().unwrap());
    }
    no_such_part(open.instance(&uid("1.2"), &uid(&object.instance)).err().unwrap());
    no_such_part(open.instance(&uid(&object.series), &uid("1.2")).err().unwrap());
    no_such_part(open.metadata(MetadataOf::Series(uid("1.2")), "").await.err().unwrap());
    let refused = front.reader.open(&reader(), &uid("1.2.3"), Scope::Images).await.unwrap_err();
    assert!(matches!(refused, ReadError::Refused(Refusal::NotFound)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metadata_comes_from_chunks_and_is_the_same_without_them() {
    let front = Front::new();
    let objects: Vec<_> =
        (1..=12).map(|instance| Object { private_bytes: 5000, ..Object::new(1, 1 + instance % 2, instance) }).collect();
    front.take_in(&objects).await;
    // the chunk may become durable a moment after the association ended
    while front.store.counts().unwrap().chunks < 2 {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        front.take_in::<Object>(&[]).await;
    }
    let open = front.open(STUDY).await;
    let of_study = json(&open, MetadataOf::Study).await;
    assert_eq!(of_study.as_array().unwrap().len(), 12);
    let series = uid(&objects[0].series);
    let of_series = json(&open, MetadataOf::Series(series.clone())).await;
    assert_eq!(of_series.as_array().unwrap().len(), 6);
    for item in of_series.as_array().unwrap() {
        let instance = uid(item["00080018"]["Value"][0].as_str().unwrap());
        let alone = json(&open, MetadataOf::Instance(series.clone(), instance.clone())).await;
        assert_eq!(&alone[0], item);
        let bulk = item["00191001"]["BulkDataURI"].as_str().unwrap();
        let prefix =
            format!("https://localhost/dicom-web/studies/{STUDY}/series/{series}/instances/{instance}/bulkdata/");
        let range = bulk.strip_prefix(&prefix).expect(bulk);
        let (offset, length) = range.split_once('-').unwrap();
        let found = open.instance(&series, &instance).unwrap().clone();
        let mut read = open.bulk(&found, offset.parse().unwrap(), length.parse().unwrap()).await.unwrap();
        assert_eq!(read.stream.next().await.unwrap().unwrap(), vec![0x5A; 5000]);
    }
    let (first, again) =
        (open.metadata(MetadataOf::Study, "x").await.unwrap(), open.metadata(MetadataOf::Study, "x").await.unwrap());
    assert_eq!(first.etag, again.etag);
    assert_ne!(first.etag, open.metadata(MetadataOf::Series(series), "x").await.unwrap().etag);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_that_was_dropped_as_identical_is_not_in_the_metadata_twice() {
    let front = Front::new();
    let objects = [Object::new(1, 1, 1), Object::new(1, 1, 2)];
    front.take_in(&objects).await;
    front.take_in(&objects).await;
    front.take_in(&[Object::new(1, 1, 3)]).await;
    let open = front.open(STUDY).await;
    assert_eq!(open.instances().len(), 3);
    assert_eq!(json(&open, MetadataOf::Study).await.as_array().unwrap().len(), 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_conflicting_version_is_kept_beside_the_first() {
    let front = Front::new();
    let first = Object::new(1, 1, 1);
    let other = Object { seed: 99, ..first.clone() };
    front.take_in(&[&first]).await;
    front.take_in(&[&other]).await;
    let open = front.open(STUDY).await;
    assert_eq!((open.instances().len(), open.versions().len()), (1, 1));
    assert_eq!(stored(&open, &open.instances()[0]).await, first.part10());
    assert_eq!(stored(&open, &open.versions()[0]).await, other.part10());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_moved_study_leaves_under_the_right_patient_and_is_kept_as_it_was() {
    let front = Front::with(IntakeSettings { in_memory_object_bytes: 64 * 1024, ..IntakeSettings::default() });
    let object = Object { frames: 40, rows: 128, columns: 128, ..Object::new(1, 1, 1) };
    front.take_in(&[&object]).await;
    front.warden.state(|state| {
        state.studies[0].moved = true;
        state.studies[0].patient.name = "Right^Patient".into();
        state.studies[0].patient.id = "RIGHT".into();
    });
    let open = front.open(STUDY).await;
    let sent = stored(&open, &open.instances()[0]).await;
    let holds = |text: &str| sent.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds("Right^Patient") && holds("RIGHT"));
    assert!(!holds(&object.patient_name));
    let pixels: Vec<u8> = (1..=40).flat_map(|number| object.frame(number)).collect();
    assert!(sent.ends_with(&pixels));
    let metadata = json(&open, MetadataOf::Study).await;
    assert_eq!(metadata[0]["00100020"]["Value"][0], "RIGHT");
    assert_eq!(metadata[0]["00100010"]["Value"][0]["Alphabetic"], "Right^Patient");
    assert!(open.frame(&open.instances()[0].clone(), 40).await.unwrap().bytes == object.frame(40));

    front.warden.state(|state| state.studies[0].moved = false);
    front.reader.forget_all();
    let open = front.open(STUDY).await;
    assert!(stored(&open, &open.instances()[0]).await == object.part10());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_out_that_is_refused_ends_nobodys_lease() {
    let front = Front::new();
    front.take_in(&[Object::new(1, 1, 1)]).await;
    front.open(STUDY).await;
    let sign_out = || {
        let Credential::Session { token, proof, .. } = session("nobody's", "192.0.2.1", None) else {
            panic!("a session")
        };
        let request = protocol::SignInRequest::SignOut { token, proof };
        front.reader.link().sign_in(model::Origin("192.0.2.1".into()), request)
    };
    front.warden.state(|state| state.refuse = Some(Refusal::SignedOut));
    assert_eq!(sign_out().await.err(), Some(Refusal::SignedOut));
    // the warden would refuse, but it is not asked
    assert!(front.reader.open(&reader(), &uid(STUDY), Scope::Images).await.is_ok());
    front.warden.state(|state| state.refuse = None);
    assert!(sign_out().await.is_ok());
    front.open(STUDY).await;
    assert_eq!(opened(&front), 2, "one that was done ends it");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bulk_data_of_a_moved_study_is_no_way_to_the_former_patient() {
    let front = Front::new();
    let object = Object { private_bytes: 5000, ..Object::new(1, 1, 1) };
    front.take_in(&[&object]).await;
    front.warden.state(|state| state.studies[0].moved = true);
    let open = front.open(STUDY).await;
    let instance = Arc::clone(&open.instances()[0]);
    let uri = json(&open, MetadataOf::Study).await[0]["00191001"]["BulkDataURI"].as_str().unwrap().to_owned();
    let (offset, length) = uri.rsplit('/').next().unwrap().split_once('-').unwrap();
    let (offset, length): (u64, u64) = (offset.parse().unwrap(), length.parse().unwrap());
    for (offset, length) in [(offset, length), (offset, 1), (offset + length - 1, 1)] {
        assert!(open.bulk(&instance, offset, length).await.is_ok(), "{offset}-{length}");
    }
    let stored = instance.row.stored_bytes;
    for (offset, length) in [(0, stored), (0, offset), (offset - 1, 2), (offset, length + 1), (offset - 2, 1)] {
        let refused = open.bulk(&instance, offset, length).await.err().unwrap();
        assert!(matches!(refused, ReadError::NoSuchPart), "{offset}-{length}: {refused}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_transfer_that_outlives_its_lease_asks_again() {
    let front = Front::new();
    let object = Object { frames: 4, rows: 1024, columns: 1024, ..Object::new(1, 1, 1) };
    front.take_in(&[&object]).await;
    let open = front.open(STUDY).await;
    let mut transfer = open.stored(&open.instances()[0]).await.unwrap();
    let mut bytes = transfer.stream.next().await.unwrap().unwrap().to_vec();
    // the next block is read ahead already or refused; the transfer must not end wrongly either way
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    front.clock.pass(LEASE_SECONDS);
    while let Some(block) = transfer.stream.next().await {
        bytes.extend_from_slice(&block.unwrap());
    }
    assert!(bytes == object.part10());
    assert_eq!(opened(&front), 2);

    let mut transfer = front.open(STUDY).await.stored(&open.instances()[0]).await.unwrap();
    transfer.stream.next().await.unwrap().unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    front.clock.pass(LEASE_SECONDS);
    front.warden.state(|state| state.refuse = Some(Refusal::NotFound));
    let mut ended = None;
    while let Some(block) = transfer.stream.next().await {
        ended = block.err();
    }
    assert!(matches!(ended, Some(ReadError::Refused(Refusal::NotFound))), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_object_is_named_and_nothing_of_it_leaves() {
    let front = Front::new();
    front.take_in(&[Object::new(1, 1, 1)]).await;
    front.store.close();
    let volumes = front.folder.path().join("front/volumes");
    for volume in std::fs::read_dir(volumes).unwrap() {
        let path = volume.unwrap().path();
        let mut bytes = std::fs::read(&path).unwrap();
        let half = bytes.len() / 3;
        bytes[half..].iter_mut().for_each(|byte| *byte ^= 1);
        std::fs::write(&path, bytes).unwrap();
    }
    let open = front.open(STUDY).await;
    let instance = Arc::clone(&open.instances()[0]);
    for refused in [open.frame(&instance, 1).await.err(), open.metadata(MetadataOf::Study, "").await.err()] {
        assert!(matches!(refused, Some(ReadError::Damaged(_))), "{refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instances_are_listed_by_what_rows_and_the_warden_match() {
    let front = Front::new();
    let mut objects: Vec<_> = (1..=5).map(|instance| Object::new(1, 1, instance)).collect();
    objects.extend((1..=3).map(|instance| Object { rows: 32, ..Object::new(2, 1, instance) }));
    front.take_in(&objects).await;
    let list = async |study: Option<&str>, matches: &[(u32, &str)], offset, limit| {
        let matches = matches.iter().map(|&(tag, value)| Match { tag, value: value.into() }).collect();
        let query = InstanceQuery { study: study.map(uid), series: None, matches, offset, limit };
        let page = front.reader.list_instances(&reader(), &query).await.unwrap();
        (page.instances.iter().map(|listed| listed.row.sop_instance.to_string()).collect::<Vec<_>>(), page.more)
    };
    let (all, more) = list(Some(STUDY), &[], 0, 100).await;
    assert_eq!((all.len(), more), (5, false));
    assert_eq!(all[0], objects[0].instance);
    assert!(!list(Some(STUDY), &[], 0, 5).await.1);
    let (page, more) = list(Some(STUDY), &[], 3, 1).await;
    assert_eq!((page, more), (vec![objects[3].instance.clone()], true));
    assert_eq!(list(Some(STUDY), &[(0x0020_0013, "2")], 0, 100).await.0, [objects[1].instance.clone()]);
    assert_eq!(list(Some(STUDY), &[(0x0028_0010, "32")], 0, 100).await.0.len(), 0);
    assert_eq!(list(None, &[(0x0028_0010, "32")], 0, 100).await.0.len(), 3);
    assert_eq!(list(None, &[(0x0010_0020, "P1")], 0, 100).await.0.len(), 5);
    assert_eq!(list(Some(STUDY), &[(0x0010_0020, "P2")], 0, 100).await.0.len(), 0);
    assert!(list(None, &[], 0, 7).await.1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_warden_is_away_nothing_opens_and_taking_in_goes_on() {
    let mut front = Front::new();
    front.take_in(&[Object::new(1, 1, 1)]).await;
    front.serving = None;
    std::fs::remove_file(front.socket()).unwrap();
    let refused = front.reader.open(&reader(), &uid(STUDY), Scope::Images).await.unwrap_err();
    assert!(matches!(refused, ReadError::Refused(Refusal::WardenAway)), "{refused}");
    assert!(matches!(front.link.ask(&reader(), PageRequest::Me).await, Err(Refusal::WardenAway)));
    let mut batch = front.batch();
    store(&mut batch, &Object::new(1, 1, 2).part10()).unwrap();
    drop(batch);
    front.serving = Some(front.warden.serve(&front.socket()));
    front.handover.handover_idle().await.unwrap();
    assert_eq!(front.open(STUDY).await.instances().len(), 2);
}
