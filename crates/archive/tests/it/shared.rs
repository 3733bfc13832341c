//! Real DICOM of many makers: each object is stored bit for bit, or refused with a reason.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use archive::{IngestError, MetadataOf, Source};

use crate::front::Front;
use crate::open::stored;

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_real_object_is_stored_bit_for_bit_or_refused_with_a_reason() {
    let files = files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/dicom"));
    if files.is_empty() {
        println!("../shared/dicom is not here, so this test shows nothing");
        return;
    }
    let front = Front::new();
    let mut batch = front.batch();
    let (mut staged, mut refused) = (Vec::new(), BTreeMap::new());
    for path in &files {
        let bytes = std::fs::read(path).unwrap();
        match batch.stage(&Source::Part10 { study: None }, &mut &bytes[..]) {
            Ok(object) => staged.push((path, bytes, object)),
            Err(IngestError::NotUnderstood(why)) => drop(refused.insert(path.clone(), why.to_string())),
            Err(other) => panic!("{}: {other}", path.display()),
        }
    }
    let mut accepted = BTreeMap::new();
    for (path, bytes, object) in staged {
        let object = object.wait().unwrap();
        // of identical copies and of versions that conflict the first one is kept in front
        accepted.entry(object.identity.sop_instance.clone()).or_insert((path, bytes, object));
    }
    batch.finish();
    front.handover.handover_idle().await.unwrap();
    assert!(accepted.len() > 500, "only {} were accepted", accepted.len());

    for (path, bytes, object) in accepted.values() {
        let open = front.open(object.study.as_str()).await;
        let name = path.display();
        let instance = open.instance(&object.series, &object.identity.sop_instance).unwrap();
        let sent = stored(&open, instance).await;
        if instance.row.part10 {
            assert!(sent == *bytes, "{name} came out changed");
        } else {
            assert!(sent.ends_with(&bytes[instance.row.dataset_offset as usize..]), "{name} came out changed");
        }
        let metadata = open.metadata_object(instance).await.unwrap();
        for number in [1, metadata.frames.count()] {
            if metadata.frames.count() > 0 {
                let frame = open.frame(instance, number).await;
                assert!(frame.is_ok_and(|frame| !frame.bytes.is_empty()), "{name} frame {number}");
            }
        }
        let of = MetadataOf::Instance(object.series.clone(), object.identity.sop_instance.clone());
        let json: serde_json::Value =
            serde_json::from_slice(&open.metadata(of, "/dicom-web").await.unwrap().json).unwrap();
        assert_eq!(json[0]["00080018"]["Value"][0], object.identity.sop_instance.as_str(), "{name}");
    }
    println!("{} stored, {} refused of {}", accepted.len(), refused.len(), files.len());
    for (path, why) in refused {
        println!("{}: {why}", path.file_name().unwrap().display());
    }
}
