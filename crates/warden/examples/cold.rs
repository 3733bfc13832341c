//! How long many studies take to go cold, and one patient to warm: `cargo run --release -p warden --example cold -- STUDIES HOLDERS THRESHOLD`.
//!
//! Every study has one batch of keys and a patient of its own. Printed are seconds and the size of warden.db.
#![allow(clippy::unwrap_used, clippy::disallowed_macros, clippy::disallowed_methods, reason = "a measurement")]

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Instant as Clock, SystemTime, UNIX_EPOCH};

use model::{HolderKind, Instant, ObjectId, Origin};
use protocol::{
    ColdAsk, ColdReply, HandoverBody, HandoverObject, HandoverRecord, InstanceAttributes, NewHolder, PageReply,
    PageRequest, PatientAttributes, SeriesAttributes, StoredNote, StudyAttributes, WrappedKey, context,
};
use seal::{BatchKeys, CryptoRng, HolderSecret, ObjectContext, ObjectKind, RecoveryKit, SitePublicKey, SystemRandom};
use warden::{Channel, NewSite, Settings, Unseal, Warden};

const PASSPHRASE: &str = "five random words of a test";
const RECORDS: u32 = 2_000;

static AHEAD: AtomicI64 = AtomicI64::new(0);

fn clock() -> Instant {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Instant(since.as_micros() as i64).plus_seconds(AHEAD.load(Ordering::SeqCst))
}

fn uid(text: &str) -> model::Uid {
    model::Uid::parse(text).unwrap()
}

fn note(number: u32) -> StoredNote {
    let study = format!("1.2.{number}");
    let mut content = [0; 32];
    content[..4].copy_from_slice(&number.to_be_bytes());
    StoredNote {
        version: 1,
        content,
        patient: PatientAttributes {
            id: format!("P{number}"),
            issuer: "H".into(),
            name: format!("Name^{number}"),
            ..Default::default()
        },
        study: StudyAttributes {
            uid: uid(&study),
            date: "20200101".into(),
            time: String::new(),
            accession_number: String::new(),
            id: String::new(),
            description: "CT".into(),
            referring_physician: String::new(),
        },
        series: SeriesAttributes {
            uid: uid(&format!("{study}.1")),
            modality: "CT".into(),
            number: "1".into(),
            description: String::new(),
            body_part: String::new(),
            date: String::new(),
            time: String::new(),
        },
        instance: InstanceAttributes {
            uid: uid(&format!("{study}.1.1")),
            sop_class: uid("1.2.840.10008.5.1.4.1.1.2"),
            number: "1".into(),
            frames: 1,
        },
    }
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1).map(|argument| argument.parse::<u32>().unwrap());
    let mut next = |default| arguments.next().unwrap_or(default);
    let (studies, holders, threshold) = (next(100_000), next(3), next(2));
    let folder = tempfile::tempdir().unwrap();
    let kit = RecoveryKit::generate(&mut SystemRandom);
    let new = NewSite { name: "Bench", passphrase: PASSPHRASE, kit: &kit, tls_key_pem: "-----KEY-----" };
    let made = warden::init(folder.path(), &new, clock()).unwrap();
    let public = SitePublicKey::from_bytes(&made.public_key).unwrap();
    let settings = Settings {
        dir: folder.path().to_owned(),
        unseal: Unseal::Passphrase(PASSPHRASE.to_owned()),
        origin: "http://localhost:8443".to_owned(),
        clock,
    };
    let warden = std::sync::Arc::new(Warden::start(settings).unwrap());
    let socket = folder.path().join("front.sock");
    let listener = protocol::bind(&socket).unwrap();
    let workers = tokio::runtime::Handle::current();
    tokio::spawn(warden::serve(std::sync::Arc::clone(&warden), listener, Channel::Front, workers));
    let front = protocol::connect(&socket).await.unwrap();

    let began = Clock::now();
    let (mut sequence, mut chain) = (0, [0; 32]);
    for from in (0..studies).step_by(RECORDS as usize) {
        let mut records = Vec::new();
        for number in from..(from + RECORDS).min(studies) {
            let keys = BatchKeys::generate(&mut SystemRandom);
            let mut object = ObjectId([0; 16]);
            SystemRandom.fill(&mut object.0);
            let context = ObjectContext { site: made.site, key: keys.key, object, kind: ObjectKind::Note };
            let plain = postcard::to_stdvec(&note(number)).unwrap();
            let sealed_note = seal::seal_blob(&keys.listing, context, &plain, &mut SystemRandom);
            let wrapped = keys.wrap(&public, made.site, &mut SystemRandom).into_bytes();
            let objects =
                vec![HandoverObject { object, key: keys.key, device: None, origin: Origin::default(), sealed_note }];
            let body = HandoverBody { taken_in: clock(), keys: vec![WrappedKey { key: keys.key, wrapped }], objects };
            let body = postcard::to_stdvec(&body).unwrap();
            sequence += 1;
            chain = HandoverRecord::chain_after(&chain, sequence, &body);
            records.push(HandoverRecord { sequence, chain, body });
        }
        let mut soon = context::current();
        soon.deadline = Clock::now() + std::time::Duration::from_secs(600);
        front.handover(soon, records).await.unwrap().unwrap();
    }
    println!("{studies} studies taken over in {:.1} s", began.elapsed().as_secs_f64());

    let secrets: Vec<HolderSecret> = (0..holders).map(|_| HolderSecret::generate(&mut SystemRandom)).collect();
    let named = secrets.iter().map(|secret| NewHolder {
        name: "holder".into(),
        kind: HolderKind::Sharing,
        public: secret.public().to_bytes(),
    });
    ask(&warden, ColdAsk::SetHolders { threshold: threshold as u8, holders: named.collect() }).await;
    AHEAD.store(40 * 86_400, Ordering::SeqCst);
    let before = size(folder.path());
    let began = Clock::now();
    let ColdReply::Swept(swept) = ask(&warden, ColdAsk::Sweep).await else { panic!("another answer") };
    let took = began.elapsed().as_secs_f64();
    println!("{} studies cold in {took:.1} s ({threshold} of {holders} holders), with the rotation", swept.studies);
    println!("warden.db: {:.0} MB before, {:.0} MB after", before, size(folder.path()));
    let began = Clock::now();
    let ColdReply::Rotated(rotated) = ask(&warden, ColdAsk::Rotate).await else { panic!("another answer") };
    println!("a rotation of {} keys in {:.1} s", rotated.keys, began.elapsed().as_secs_f64());
}

async fn ask(warden: &Warden, asked: ColdAsk) -> ColdReply {
    match warden.ask_as_owner(PageRequest::Cold(asked)).await.unwrap() {
        PageReply::Cold(reply) => reply,
        other => panic!("{other:?}"),
    }
}

fn size(dir: &std::path::Path) -> f64 {
    std::fs::metadata(dir.join("warden/warden.db")).unwrap().len() as f64 / 1e6
}

/// Random bytes by the generator that the site uses.
trait Fill {
    fn fill(&mut self, bytes: &mut [u8]);
}

impl<R: CryptoRng> Fill for R {
    fn fill(&mut self, bytes: &mut [u8]) {
        self.fill_bytes(bytes);
    }
}
