//! The registry from outside: filing, moving, searching, and coming back from records.
#![allow(clippy::unwrap_used)]

mod filing;
mod matching;
mod memory;
mod oracle;
mod paging;
mod records;

use model::Uid;
use protocol::{
    InstanceAttributes, Level, ListRequest, Match, Order, PatientAttributes, SeriesAttributes, StoredNote,
    StudyAttributes,
};
use registry::{Filed, FiledAs, Found, Reach, Registry};

pub(crate) const CT: &str = "1.2.840.10008.5.1.4.1.1.2";
pub(crate) const MR: &str = "1.2.840.10008.5.1.4.1.1.4";

pub(crate) fn uid(text: &str) -> Uid {
    Uid::parse(text).unwrap()
}

/// A note of one CT image; tests change what they are about.
pub(crate) fn note(patient: &str, study: &str, series: &str) -> StoredNote {
    StoredNote {
        version: 1,
        content: [0; 32],
        patient: PatientAttributes {
            id: patient.to_owned(),
            issuer: String::new(),
            name: "Doe^Jane".to_owned(),
            birth_date: "19700101".to_owned(),
            sex: "F".to_owned(),
        },
        study: StudyAttributes {
            uid: uid(study),
            date: "20260730".to_owned(),
            time: "101112".to_owned(),
            accession_number: "A-100".to_owned(),
            id: "S1".to_owned(),
            description: "CT Abdomen nativ".to_owned(),
            referring_physician: "Groß^Hans".to_owned(),
        },
        series: SeriesAttributes {
            uid: uid(series),
            modality: "CT".to_owned(),
            number: "2".to_owned(),
            description: "axial".to_owned(),
            body_part: "ABDOMEN".to_owned(),
            date: "20260730".to_owned(),
            time: "101500".to_owned(),
        },
        instance: InstanceAttributes { uid: uid("1.9"), sop_class: uid(CT), number: "1".to_owned(), frames: 1 },
    }
}

pub(crate) fn file(registry: &mut Registry, note: &StoredNote) -> Filed {
    registry.file(note, FiledAs::Accepted)
}

pub(crate) fn request(level: Level, matches: &[(u32, &str)], words: &str) -> ListRequest {
    ListRequest {
        level,
        matches: matches.iter().map(|&(tag, value)| Match { tag, value: value.to_owned() }).collect(),
        words: words.to_owned(),
        order: Order::NewestFirst,
        offset: 0,
        limit: 200,
    }
}

pub(crate) fn search(registry: &Registry, request: &ListRequest) -> Found {
    registry.search(request, Reach::Site, &|_, _| true).unwrap()
}

pub(crate) fn studies(found: &Found) -> Vec<u32> {
    found.studies.iter().map(|study| study.number.0).collect()
}
