//! A stream from anybody: scanned, its metadata stored and read back, its overlay made.

#![no_main]

use dataset::{Limits, MetadataObject, apply_overlay, overlay_part10, scan_file};
use libfuzzer_sys::fuzz_target;
use protocol::PatientAttributes;

fuzz_target!(|stream: &[u8]| {
    let limits = Limits { inflated_bytes: 4 << 20, ..Limits::DEFAULT };
    let mut kept = Vec::new();
    let scanned = scan_file(&mut &stream[..], &limits, &mut |bytes, _| {
        kept.extend_from_slice(bytes);
        Ok(())
    });
    let Ok(scanned) = scanned else { return };
    assert!(kept == stream, "every byte goes to the sink");
    let metadata = scanned.metadata;
    assert_eq!(MetadataObject::from_bytes(&metadata.to_bytes()), Ok(metadata.clone()));
    for number in 1..=metadata.frames.count().min(1000) {
        let place = metadata.frames.place(number).expect("a frame that is counted");
        assert!(
            metadata.deflated || place.parts.iter().all(|part| part.offset + part.length <= stream.len() as u64)
        );
    }
    let patient = PatientAttributes { name: "Right^Ä".to_owned(), id: "1".to_owned(), ..PatientAttributes::default() };
    let _ = apply_overlay(&metadata.json, &patient);
    // a stream that scans can be overlaid, and names the patient afterwards
    let _ = overlay_part10(&mut &stream[..], &metadata, &patient, &mut |_| Ok(()));
});
