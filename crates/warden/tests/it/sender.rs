//! A front's outbox: batches of keys, sealed notes, chained records.

use model::{DeviceId, ObjectId, Origin, SiteId, Uid};
use protocol::{
    HandoverBody, HandoverObject, HandoverRecord, InstanceAttributes, PatientAttributes, SeriesAttributes, StoredNote,
    StudyAttributes, WrappedKey,
};
use seal::{BatchKeys, CryptoRng, ObjectContext, ObjectKind, SitePublicKey, SystemRandom};

/// Writes records one after the other.
#[derive(Clone)]
pub struct Sender {
    pub site: SiteId,
    pub public: SitePublicKey,
    sequence: u64,
    chain: [u8; 32],
}

pub fn uid(text: &str) -> Uid {
    Uid::parse(text).unwrap()
}

/// One CT image of a patient's study.
pub fn note(patient: &str, study: &str, instance: u32) -> StoredNote {
    StoredNote {
        version: 1,
        content: *hash(&format!("{patient} {study} {instance}")),
        patient: PatientAttributes {
            id: patient.to_owned(),
            issuer: "HOSPITAL".to_owned(),
            name: format!("Name^Of{patient}"),
            birth_date: "19700101".to_owned(),
            sex: "F".to_owned(),
        },
        study: StudyAttributes {
            uid: uid(study),
            date: "20260101".to_owned(),
            time: "101112".to_owned(),
            accession_number: format!("A{study}"),
            id: "S".to_owned(),
            description: "CT".to_owned(),
            referring_physician: "Doe^Jane".to_owned(),
        },
        series: SeriesAttributes {
            uid: uid(&format!("{study}.1")),
            modality: "CT".to_owned(),
            number: "1".to_owned(),
            description: "axial".to_owned(),
            body_part: "CHEST".to_owned(),
            date: "20260101".to_owned(),
            time: "101112".to_owned(),
        },
        instance: InstanceAttributes {
            uid: uid(&format!("{study}.1.{instance}")),
            sop_class: uid("1.2.840.10008.5.1.4.1.1.2"),
            number: instance.to_string(),
            frames: 1,
        },
    }
}

fn hash(text: &str) -> Box<[u8; 32]> {
    let mut hash = Box::new([0; 32]);
    for (place, byte) in text.bytes().enumerate() {
        hash[place % 32] ^= byte.rotate_left((place / 32) as u32);
    }
    hash
}

fn fresh(random: &mut impl CryptoRng) -> ObjectId {
    let mut object = ObjectId([0; 16]);
    random.fill_bytes(&mut object.0);
    object
}

pub fn keys() -> BatchKeys {
    BatchKeys::generate(&mut SystemRandom)
}

impl Sender {
    pub fn new(site: SiteId, public: SitePublicKey) -> Self {
        Self { site, public, sequence: 0, chain: [0; 32] }
    }

    /// An object with its note sealed under keys.
    pub fn object(&self, keys: &BatchKeys, note: &StoredNote) -> HandoverObject {
        let plain = postcard::to_stdvec(note).unwrap();
        self.object_of(keys, &plain)
    }

    /// The same with any bytes in the place of a note.
    pub fn object_of(&self, keys: &BatchKeys, plain: &[u8]) -> HandoverObject {
        let object = fresh(&mut SystemRandom);
        let context = ObjectContext { site: self.site, key: keys.key, object, kind: ObjectKind::Note };
        let sealed_note = seal::seal_blob(&keys.listing, context, plain, &mut SystemRandom);
        HandoverObject {
            object,
            key: keys.key,
            device: Some(DeviceId(0)),
            origin: Origin("10.0.0.1".into()),
            sealed_note,
        }
    }

    pub fn wrap(&self, keys: &BatchKeys) -> WrappedKey {
        WrappedKey { key: keys.key, wrapped: keys.wrap(&self.public, self.site, &mut SystemRandom).into_bytes() }
    }

    /// The next record.
    pub fn record(&mut self, wraps: Vec<WrappedKey>, objects: Vec<HandoverObject>) -> HandoverRecord {
        let body = HandoverBody { taken_in: crate::site::now(), keys: wraps, objects };
        let body = postcard::to_stdvec(&body).unwrap();
        self.sequence += 1;
        self.chain = HandoverRecord::chain_after(&self.chain, self.sequence, &body);
        HandoverRecord { sequence: self.sequence, chain: self.chain, body }
    }

    /// One image under fresh keys as a record.
    pub fn image(&mut self, patient: &str, study: &str, instance: u32) -> HandoverRecord {
        let keys = keys();
        let object = self.object(&keys, &note(patient, study, instance));
        self.record(vec![self.wrap(&keys)], vec![object])
    }
}
