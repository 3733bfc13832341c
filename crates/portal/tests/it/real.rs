//! Real objects of every kind through STOW-RS and back, where they are at hand (`../shared/dicom`).

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use futures::StreamExt;

use crate::harness::{As, start};

/// Requests at one time.
const TOGETHER: usize = 4;

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.filter_map(Result::ok) {
        let path = entry.path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_real_object_is_stored_bit_for_bit_or_refused_with_a_reason() {
    let mut paths = Vec::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/dicom"), &mut paths);
    paths.sort();
    let front = &start().await;
    let (mut places, mut twice, mut refused) = (BTreeMap::new(), BTreeSet::new(), 0);
    let stored: Vec<_> = futures::stream::iter(&paths)
        .map(async |path| {
            let file = std::fs::read(path).unwrap();
            let answer = front.post_dicom("/dicom-web/studies", As::Modality, "application/dicom", file).await;
            (path, answer.status, answer.json())
        })
        .buffered(TOGETHER)
        .collect()
        .await;
    for (path, status, answer) in &stored {
        match status {
            200 => {
                let place = answer["00081199"]["Value"][0]["00081190"]["Value"][0].as_str().unwrap();
                let place = place.strip_prefix(front.origin()).unwrap().to_owned();
                if places.insert(place.clone(), *path).is_some() {
                    twice.insert(place);
                }
            }
            409 => {
                let items = answer["00081198"]["Value"].as_array().or(answer["0008119A"]["Value"].as_array());
                let reason = items.unwrap()[0]["00081197"]["Value"][0].as_u64().unwrap();
                assert!(matches!(reason, 0xA702 | 0xC000), "{}: {reason:04X}", path.display());
                refused += 1;
            }
            other => panic!("{}: {other} {answer}", path.display()),
        }
    }
    front.handed_over().await;
    assert_eq!(front.intake.bytes_in_memory(), 0);

    let read: Vec<()> = futures::stream::iter(&places)
        .map(async |(place, path)| {
            let whole = front.get_accepting(place, As::Radiologist, "application/dicom").await;
            assert_eq!(whole.status, 200, "{}: {}", path.display(), whole.text());
            let file = std::fs::read(path).unwrap();
            // two files under one SOP Instance UID: the first is served; a file without its header gets one
            if !twice.contains(place) && file.get(128..132) == Some(b"DICM") {
                assert!(whole.body == file, "{}", path.display());
            }
            let metadata = front.get(&format!("{place}/metadata"), As::Radiologist).await;
            assert_eq!(metadata.status, 200, "{}", path.display());
            assert_eq!(metadata.json().as_array().unwrap().len(), 1, "{}", path.display());
            for below in ["frames/1", "rendered", "thumbnail"] {
                let answer = front.get(&format!("{place}/{below}"), As::Radiologist).await;
                assert!(matches!(answer.status, 200 | 404 | 406), "{} {below}: {}", path.display(), answer.status);
            }
        })
        .buffered(TOGETHER)
        .collect()
        .await;
    assert_eq!(read.len(), places.len());
    assert!(paths.is_empty() || places.len() > 600, "{} stored, {refused} refused", places.len());
}
