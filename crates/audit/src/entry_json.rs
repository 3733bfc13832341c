//! Reading an entry's JSON.
//!
//! An entry is one object: who and when, and beside them `kind` with what belongs to it. Read as that, every value is first kept in a
//! form that can be anything, because `kind` may come last. The kinds of which a ledger holds millions are read straight from the
//! bytes instead; what is read is the same.

use model::{Actor, Entry, EntryBody, Instant, KeyId, NumberSet, OpenScope, PatientNumber, StudyNumber};
use serde::Deserialize;

/// What entries of the frequent kinds have, taken together.
#[derive(Deserialize)]
struct Frequent<'e> {
    version: u8,
    recorded: Instant,
    actor: Actor,
    kind: &'e str,
    patient: Option<PatientNumber>,
    study: Option<StudyNumber>,
    instances: Option<u32>,
    duplicates: Option<u32>,
    conflicts: Option<u32>,
    taken_in: Option<Instant>,
    outbox_sequence: Option<u64>,
    keys: Option<Vec<KeyId>>,
    patients: Option<NumberSet>,
    studies: Option<NumberSet>,
    scope: Option<OpenScope>,
    lease_until: Option<Instant>,
}

/// The entry in its JSON; nothing when it is none.
pub(crate) fn read_entry(json: &[u8]) -> Option<Entry> {
    read_frequent(json).or_else(|| serde_json::from_slice(json).ok())
}

/// An entry of a frequent kind. Other kinds may have other things under the same names: those are not read here.
fn read_frequent(json: &[u8]) -> Option<Entry> {
    let read: Frequent<'_> = serde_json::from_slice(json).ok()?;
    let body = match read.kind {
        "patient-added" => EntryBody::PatientAdded { patient: read.patient? },
        "stored" => EntryBody::Stored {
            patient: read.patient?,
            study: read.study?,
            instances: read.instances?,
            duplicates: read.duplicates?,
            conflicts: read.conflicts?,
            taken_in: read.taken_in?,
            outbox_sequence: read.outbox_sequence?,
        },
        "keys-filed" => EntryBody::KeysFiled { study: read.study?, keys: read.keys? },
        "listed" => {
            EntryBody::Listed { patients: read.patients?, studies: read.studies?, lease_until: read.lease_until? }
        }
        "opened" => EntryBody::Opened {
            patient: read.patient?,
            study: read.study?,
            scope: read.scope?,
            lease_until: read.lease_until?,
        },
        _ => return None,
    };
    Some(Entry { version: read.version, recorded: read.recorded, actor: read.actor, body })
}

#[cfg(test)]
mod tests {
    use model::{DeviceId, LinkId, Origin, PersonId, SessionId};

    use super::*;

    fn frequent() -> Vec<EntryBody> {
        let (patient, study) = (PatientNumber(7), StudyNumber(u32::MAX));
        vec![
            EntryBody::PatientAdded { patient },
            EntryBody::Stored {
                patient,
                study,
                instances: 3,
                duplicates: 2,
                conflicts: 1,
                taken_in: Instant(-5),
                outbox_sequence: u64::MAX,
            },
            EntryBody::KeysFiled { study, keys: vec![KeyId([1; 16]), KeyId([255; 16])] },
            EntryBody::KeysFiled { study, keys: Vec::new() },
            EntryBody::Listed {
                patients: [0, 7, 4_000_000_000].into_iter().collect(),
                studies: NumberSet::default(),
                lease_until: Instant::MAX,
            },
            EntryBody::Opened { patient, study, scope: OpenScope::Images, lease_until: Instant(1) },
            EntryBody::Opened { patient, study, scope: OpenScope::Listing, lease_until: Instant(1) },
            EntryBody::Opened { patient, study, scope: OpenScope::Download, lease_until: Instant(1) },
        ]
    }

    fn entries() -> Vec<Entry> {
        let origin = Origin("quoted \" \\ \u{1} ä 2001:db8::1".to_owned());
        let actors = [
            Actor::Owner,
            Actor::Warden,
            Actor::Stranger { origin: origin.clone() },
            Actor::Device { device: DeviceId(9), origin: origin.clone() },
            Actor::Link { link: LinkId(2), session: SessionId([4; 16]), origin: origin.clone() },
            Actor::Person { person: PersonId(1), session: SessionId([3; 16]), origin },
        ];
        let bodies = frequent();
        let of = |actor: &Actor, body: &EntryBody| Entry {
            version: Entry::VERSION,
            recorded: Instant(1_764_000_000_000_000),
            actor: actor.clone(),
            body: body.clone(),
        };
        actors.iter().flat_map(|actor| bodies.iter().map(|body| of(actor, body)).collect::<Vec<_>>()).collect()
    }

    #[test]
    fn what_is_frequent_is_read_as_what_was_written() {
        for entry in entries() {
            let json = serde_json::to_vec(&entry).unwrap();
            assert_eq!(read_frequent(&json).as_ref(), Some(&entry));
            assert_eq!(serde_json::from_slice::<Entry>(&json).unwrap(), entry);
        }
    }

    #[test]
    fn other_kinds_and_other_orders_are_read_too() {
        let other = br#"{"version":1,"recorded":5,"actor":"owner","kind":"honey-added","patient":3}"#;
        assert_eq!(read_frequent(other), None);
        assert_eq!(read_entry(other).unwrap().body, EntryBody::HoneyAdded { patient: PatientNumber(3) });
        let turned = br#"{"patient":3,"kind":"patient-added","actor":"owner","recorded":5,"version":1,"later":[{}]}"#;
        assert_eq!(read_frequent(turned), serde_json::from_slice(turned).unwrap());
    }

    #[test]
    fn what_is_no_entry_is_read_in_neither_way() {
        for entry in entries() {
            let json = serde_json::to_string(&entry).unwrap();
            for (name, wrong) in [("version", "versio"), ("actor", "acto"), ("patient", "patien"), ("study", "stud")] {
                let changed = json.replacen(&format!("\"{name}\":"), &format!("\"{wrong}\":"), 1);
                assert_eq!(read_entry(changed.as_bytes()), serde_json::from_str(&changed).ok(), "{changed}");
            }
            for cut in 0..json.len() {
                if json.is_char_boundary(cut) {
                    assert_eq!(read_entry(&json.as_bytes()[..cut]), None, "{cut} of {json}");
                }
            }
        }
    }
}
