//! A ledger in a folder, and reports that it signs.

use audit::{Ledger, LedgerKeys};
use model::{
    Actor, EntryBody, ExposureReported, Instant, Origin, PatientNumber, PersonId, Role, SECOND, SiteId, Tier, Uid,
    Window,
};
use protocol::{
    AboutFacts, Count, ExposedPatient, ExposedStudy, ExposureReport, PatientRow, REPORT_FORM, ReportDocument,
    SignedReport, TimelinePart, TouchRow,
};
use seal::RootSecret;

pub const NOW: Instant = Instant(1_764_178_502 * SECOND);

/// A site with a ledger.
pub struct Site {
    pub ledger: Ledger,
    root: RootSecret,
    pub origin: String,
    _folder: tempfile::TempDir,
}

impl Site {
    pub fn new(seed: u8) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = RootSecret::from_bytes(&[seed; 32]);
        let origin = format!("leadglass/{}", SiteId([seed; 16]));
        let dir = folder.path().join("ledger");
        Ledger::create(&dir, &LedgerKeys::from_root(&root), &origin).unwrap();
        let (ledger, _) = Ledger::open(&dir, LedgerKeys::from_root(&root), &origin).unwrap();
        let body = EntryBody::Initialised { site: SiteId([seed; 16]), name: "Röntgenpraxis am Markt".to_owned() };
        ledger.append(vec![(Actor::Owner, body)], NOW.plus_seconds(-3600)).unwrap();
        Self { ledger, root, origin, _folder: folder }
    }

    pub fn vkey(&self) -> audit::NoteVerifier {
        LedgerKeys::from_root(&self.root).verifier(&self.origin)
    }

    /// Records and signs a report, as the warden does.
    pub fn sign(&self, report: impl FnOnce(&mut ExposureReport)) -> SignedReport {
        let checkpoint = self.ledger.checkpoint();
        let mut wanted = sample(self.ledger.size(), checkpoint.clone());
        report(&mut wanted);
        let document = ReportDocument {
            leadglass: REPORT_FORM.to_owned(),
            site: "Röntgenpraxis am Markt".to_owned(),
            ledger: self.origin.clone(),
            made: NOW,
            made_by: "Dr. Käthe Čermák".to_owned(),
            program: "0.1.0".to_owned(),
            report: wanted,
        };
        let text = serde_json::to_string(&document).unwrap();
        let body = EntryBody::ExposureReported(ExposureReported {
            about: model::About::Person(PersonId(3)),
            window: document.report.window,
            reachable_patients: document.report.reachable.patients,
            listed_patients: document.report.listed.patients,
            opened_patients: document.report.opened.patients,
            sha256: Some(audit::document_sha256(text.as_bytes())),
        });
        let entry = self.ledger.append(vec![(Actor::Owner, body)], NOW).unwrap()[0].0;
        // later entries, so that the proof has a path
        for _ in 0..5 {
            let read = EntryBody::AccessesRead { patient: PatientNumber(0) };
            self.ledger.append(vec![(Actor::Owner, read)], NOW).unwrap();
        }
        let proof = loop {
            match self.ledger.state(text.as_bytes(), &checkpoint, entry, &self.root.site_signing_key()) {
                Ok(proof) => break proof,
                Err(audit::DiscloseError::Proof(audit::ProofError::Beyond { .. })) => std::thread::yield_now(),
                Err(error) => panic!("{error}"),
            }
        };
        SignedReport { document: text, proof: serde_json::to_string(&proof).unwrap() }
    }
}

fn sample(ledger_size: u64, checkpoint: String) -> ExposureReport {
    let window = Window { from: NOW.plus_seconds(-30 * 86_400), to: NOW };
    let people = [
        ("Müller-Lüdenscheidt^Anna^Maria", "19640229"),
        ("Žižka^Łukasz", "19811103"),
        ("Παπαδόπουλος^Νίκος", "19500101"),
        ("Ґалаґан^Наталія", "19770515"),
        ("山田^太郎", "20010909"),
        ("=2+5^Formula", ""),
    ];
    let patients: Vec<ExposedPatient> =
        people.iter().enumerate().map(|(n, (name, born))| patient(n as u32, name, born)).collect();
    ExposureReport {
        who: "person:c.reader@praxis.example".to_owned(),
        window,
        reachable: Count { patients: 1_204, studies: 3_377 },
        listed: Count { patients: 61, studies: 148 },
        opened: Count { patients: 6, studies: 9 },
        unexpired: Count { patients: 1, studies: 1 },
        about: AboutFacts::Person {
            person: PersonId(3),
            name: "Dr. Clemens Reader".to_owned(),
            role: Some(Role::Radiologist),
            organisations: vec!["Radiologie West".to_owned()],
        },
        patients,
        truncated: false,
        timeline: (0..60u32)
            .map(|n| TimelinePart {
                from: window.from.plus_seconds(i64::from(n) * 43_200),
                listed: (n * 7) % 11,
                opened: (n * 5) % 4,
            })
            .collect(),
        erased: 0,
        ledger_size,
        checkpoint,
    }
}

pub fn patient(number: u32, name: &str, born: &str) -> ExposedPatient {
    let touch = |hours: i64| TouchRow {
        first: NOW.plus_seconds(-hours * 3600),
        last: NOW.plus_seconds(-hours * 3600 + 1_900),
        lease_until: NOW.plus_seconds(-hours * 3600 + 2_200),
        entries: 2,
        origins: vec![Origin("192.0.2.17".to_owned()), Origin("2001:db8::17".to_owned())],
    };
    let details: Vec<ExposedStudy> = (0..=number % 3)
        .map(|n| ExposedStudy {
            uid: Uid::parse(&format!("1.2.826.0.1.{number}.{n}")).ok(),
            date: format!("202{n}0412"),
            description: ["CT Thorax mit Kontrastmittel", "MRT Schädel", "Röntgen Hand links in zwei Ebenen"]
                [n as usize]
                .to_owned(),
            modalities: vec![["CT", "MR", "DX"][n as usize].to_owned()],
            reachable: Some(if n == 1 { Tier::List } else { Tier::Open }),
            listed: Some(touch(40 + i64::from(number))),
            opened: (n == 0).then(|| touch(39 + i64::from(number))),
        })
        .collect();
    ExposedPatient {
        patient: PatientRow {
            number: PatientNumber(number),
            id: format!("4711-{number}"),
            issuer: "KLINIKUM".to_owned(),
            name: name.to_owned(),
            birth_date: born.to_owned(),
            sex: "F".to_owned(),
            studies: 3,
        },
        reachable: details.len() as u32,
        listed: details.len() as u32,
        opened: 1,
        first: Some(NOW.plus_seconds(-40 * 3600)),
        last: Some(NOW.plus_seconds(-39 * 3600)),
        origins: vec![Origin("192.0.2.17".to_owned())],
        lease_until: Some(NOW.plus_seconds(-38 * 3600)),
        details,
    }
}
