//! Taking in.

use std::io::{self, Read};

use archive::{IngestError, IntakeSettings, Source};
use dataset::Limits;

use crate::front::{Front, store, uid};
use crate::objects::{CT, EXPLICIT, Object, meta};

fn data_set_source(object: &Object) -> Source {
    Source::DataSet {
        transfer_syntax: uid(EXPLICIT),
        sop_class: uid(&object.sop_class),
        sop_instance: uid(&object.instance),
        source_ae: "MODALITY".into(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_taken_in_comes_out_bit_for_bit() {
    let front = Front::new();
    let objects = [Object::new(1, 1, 1), Object::new(1, 1, 2), Object::new(1, 2, 1), Object::new(2, 1, 1)];
    front.take_in(&objects).await;
    for object in &objects {
        let open = front.open(&object.study).await;
        let instance = open.instance(&uid(&object.series), &uid(&object.instance)).unwrap();
        assert_eq!(crate::open::stored(&open, instance).await, object.part10());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_data_set_is_stored_behind_a_meta_group_of_its_own() {
    let front = Front::new();
    let object = Object::new(1, 1, 1);
    let mut batch = front.batch();
    batch.store(&data_set_source(&object), &mut &object.data_set()[..]).unwrap();
    batch.finish();
    front.handover.handover_idle().await.unwrap();
    let open = front.open(&object.study).await;
    let stored = crate::open::stored(&open, &open.instances()[0]).await;
    assert_eq!(&stored[128..132], b"DICM");
    assert!(stored.ends_with(&object.data_set()));
    assert!(stored.windows(8).any(|window| window == b"MODALITY"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_instance_leaves_nothing_behind() {
    let front = Front::new();
    let object = Object::new(1, 1, 1);
    let mut batch = front.batch();
    let mut refused = |defect: &str, source: &Source, bytes: &[u8], expected: fn(&IngestError) -> bool| {
        let error = batch.store(source, &mut &bytes[..]).unwrap_err();
        assert!(expected(&error), "{defect}: {error}");
    };
    let not_understood = |error: &IngestError| matches!(error, IngestError::NotUnderstood(_));
    let part10 = Source::Part10 { study: None };
    refused("not DICOM", &part10, &[b'x'; 5000], not_understood);
    refused("empty", &part10, &[], not_understood);
    refused("cut in the pixels", &part10, &object.part10()[..object.part10().len() - 1], not_understood);
    refused(
        "no SOP Instance UID",
        &part10,
        &Object { instance: String::new(), ..object.clone() }.part10(),
        not_understood,
    );
    refused(
        "no Study Instance UID",
        &part10,
        &Object { study: String::new(), ..object.clone() }.part10(),
        not_understood,
    );
    refused("another study", &Source::Part10 { study: Some(uid("1.2.3")) }, &object.part10(), |error| {
        matches!(error, IngestError::OtherStudy { .. })
    });
    let other_class = Object { sop_class: "1.2.840.10008.5.1.4.1.1.4".into(), ..object.clone() };
    refused("another class", &data_set_source(&object), &other_class.data_set(), |error| {
        matches!(error, IngestError::OtherClass { .. })
    });
    refused(
        "another instance",
        &data_set_source(&object),
        &Object::new(1, 1, 2).data_set(),
        |error| matches!(error, IngestError::OtherInstance { identity } if identity.sop_instance.as_str().ends_with(".1.2")),
    );
    batch.finish();
    assert_eq!(front.store.outbox().last, 0);
    assert_eq!(front.store.counts().unwrap().pending, 0);
}

struct BreaksOff<'a>(&'a [u8]);

impl Read for BreaksOff<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(io::ErrorKind::ConnectionReset.into()),
            count => Ok(count),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sender_that_goes_away_leaves_nothing_behind_and_the_batch_goes_on() {
    let front = Front::with(IntakeSettings { in_memory_object_bytes: 4096, ..IntakeSettings::default() });
    let object = Object { frames: 64, ..Object::new(1, 1, 1) };
    let part10 = object.part10();
    let mut batch = front.batch();
    for cut in [0, 100, 132, 200, 600, 8000, part10.len() - 1] {
        let error = batch.store(&Source::Part10 { study: None }, &mut BreaksOff(&part10[..cut])).unwrap_err();
        assert!(matches!(error, IngestError::Interrupted(_)), "{cut}: {error}");
    }
    assert_eq!(front.store.outbox().last, 0);
    store(&mut batch, &part10).unwrap();
    assert_eq!(front.store.outbox().last, 1);
    assert_eq!(front.intake.bytes_in_memory(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_large_object_goes_to_a_file_and_comes_out_bit_for_bit() {
    let settings = IntakeSettings { in_memory_object_bytes: 64 * 1024, ..IntakeSettings::default() };
    let front = Front::with(settings);
    // more than one block of the stream, more than one write, and an end inside a segment
    let large = Object { frames: 3, rows: 1000, columns: 700, ..Object::new(1, 1, 1) };
    let small = Object::new(1, 1, 2);
    front.take_in(&[&large, &small]).await;
    let open = front.open(&large.study).await;
    for object in [&large, &small] {
        let instance = open.instance(&uid(&object.series), &uid(&object.instance)).unwrap();
        assert!(crate::open::stored(&open, instance).await == object.part10());
        for number in 1..=object.frames {
            assert!(open.frame(instance, number).await.unwrap().bytes == object.frame(number), "frame {number}");
        }
    }
    // the study was not known when the large one began, so it has keys of its own
    let keys = front.warden.state(|state| state.studies[0].keys.len());
    assert_eq!(keys, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_memory_to_wait_in_objects_go_to_files() {
    let front = Front::with(IntakeSettings { in_memory_bytes: 0, ..IntakeSettings::default() });
    let objects = [Object::new(1, 1, 1), Object::new(1, 1, 2)];
    front.take_in(&objects).await;
    let open = front.open(&objects[0].study).await;
    for (instance, object) in open.instances().iter().zip(&objects) {
        assert_eq!(crate::open::stored(&open, instance).await, object.part10());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_object_past_a_limit_is_refused() {
    let limits = Limits { stream_bytes: 4096, ..Limits::default() };
    let front = Front::with(IntakeSettings { limits, ..IntakeSettings::default() });
    let object = Object { rows: 64, columns: 64, ..Object::new(1, 1, 1) };
    let error = store(&mut front.batch(), &object.part10()).unwrap_err();
    assert!(matches!(error, IngestError::TooLarge(_)), "{error}");
    assert_eq!(front.store.outbox().last, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_study_of_a_batch_has_keys_of_its_own_and_their_wrap_travels_until_it_is_durable() {
    let front = Front::new();
    front.take_in(&[Object::new(1, 1, 1), Object::new(2, 1, 1), Object::new(1, 1, 2), Object::new(2, 1, 2)]).await;
    let (wraps, keys) = front.warden.state(|state| {
        let wraps: Vec<_> = state.bodies.iter().map(|body| body.keys.len()).collect();
        let keys: Vec<_> = state.bodies.iter().map(|body| body.objects[0].key).collect();
        (wraps, keys)
    });
    assert_eq!(wraps, [1, 1, 0, 0]);
    assert_eq!(keys[0], keys[2]);
    assert_eq!(keys[1], keys[3]);
    assert_ne!(keys[0], keys[1]);

    // a second batch of the same study has other keys
    front.take_in(&[Object::new(1, 1, 3)]).await;
    assert_eq!(front.warden.state(|state| state.studies[0].keys.len()), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_patients_studies_of_one_uid_have_keys_of_their_own() {
    let front = Front::new();
    let one = Object::new(1, 1, 1);
    let other = Object { patient_id: "OTHER".into(), ..Object::new(1, 1, 2) };
    front.take_in(&[&one, &other]).await;
    front.warden.state(|state| {
        assert_eq!(state.studies.len(), 2);
        assert!(state.studies[0].keys.is_disjoint(&state.studies[1].keys));
    });
    let open = front.open(&one.study).await;
    assert_eq!(open.rows().count(), 2);
    assert_eq!(open.row_of(&open.instances()[0]).patient.id, "P1");
    assert_eq!(open.row_of(&open.instances()[1]).patient.id, "OTHER");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_are_staged_and_waited_for_once() {
    let front = Front::new();
    let mut batch = front.batch();
    let objects: Vec<_> = (1..=20).map(|instance| Object::new(1, 1, instance)).collect();
    let staged: Vec<_> = objects
        .iter()
        .map(|object| batch.stage(&Source::Part10 { study: None }, &mut &object.part10()[..]).unwrap())
        .collect();
    for (staged, object) in staged.into_iter().zip(&objects) {
        let accepted = staged.durable().await.unwrap();
        assert_eq!(accepted.identity.sop_instance.as_str(), object.instance);
        assert_eq!(accepted.bytes, object.part10().len() as u64);
    }
    batch.finish();
    front.handover.handover_idle().await.unwrap();
    assert_eq!(front.open("1.2.826.0.1.1").await.instances().len(), 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_rotate_when_a_batch_grows_past_a_limit() {
    let front = Front::with(IntakeSettings { batch_instances: 3, ..IntakeSettings::default() });
    let objects: Vec<_> = (1..=7).map(|instance| Object::new(1, 1, instance)).collect();
    front.take_in(&objects).await;
    assert_eq!(front.warden.state(|state| state.studies[0].keys.len()), 3);
    assert_eq!(front.open("1.2.826.0.1.1").await.instances().len(), 7);

    let by_time = Front::with(IntakeSettings { batch_seconds: 60, ..IntakeSettings::default() });
    let mut batch = by_time.batch();
    store(&mut batch, &objects[0].part10()).unwrap();
    by_time.clock.pass(61);
    store(&mut batch, &objects[1].part10()).unwrap();
    by_time.handover.handover_idle().await.unwrap();
    assert_eq!(by_time.warden.state(|state| state.studies[0].keys.len()), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_patient_stands_in_any_file_of_the_front() {
    let front = Front::with(IntakeSettings { in_memory_object_bytes: 64 * 1024, ..IntakeSettings::default() });
    let small = Object::new(1, 1, 1);
    let large = Object { frames: 2, rows: 300, columns: 300, ..Object::new(2, 1, 1) };
    front.take_in(&[&small, &large]).await;
    front.store.close();
    let canaries: Vec<Vec<u8>> = [&small, &large]
        .iter()
        .flat_map(|object| {
            let texts = [&object.patient_name, &object.instance, &object.study, &object.series];
            texts.map(|text| text.as_bytes().to_vec()).into_iter().chain([object.frame(1)[..32].to_vec()])
        })
        .collect();
    let mut looked_at = 0;
    for entry in walk(front.folder.path()) {
        let bytes = std::fs::read(&entry).unwrap_or_default();
        looked_at += bytes.len();
        for canary in &canaries {
            assert!(!contains(&bytes, canary), "{} holds a canary", entry.display());
        }
    }
    assert!(looked_at > 400_000, "only {looked_at} bytes were looked at");
}

fn contains(bytes: &[u8], canary: &[u8]) -> bool {
    bytes.windows(canary.len()).any(|window| window == canary)
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    std::fs::read_dir(folder)
        .unwrap()
        .flat_map(|entry| {
            let path = entry.unwrap().path();
            if path.is_dir() { walk(&path) } else { vec![path] }
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_without_a_meta_group_leaves_with_one() {
    let front = Front::new();
    let object = Object::new(1, 1, 1);
    let mut batch = front.batch();
    store(&mut batch, &object.data_set()).unwrap();
    batch.finish();
    front.handover.handover_idle().await.unwrap();
    let open = front.open(&object.study).await;
    let sent = crate::open::stored(&open, &open.instances()[0]).await;
    assert_eq!(&sent[128..132], b"DICM");
    assert!(sent.ends_with(&object.data_set()));
    let made = meta(CT, &object.instance, EXPLICIT);
    assert_ne!(sent[..made.len()], made[..], "the meta group is ours, not that of the test");
}
