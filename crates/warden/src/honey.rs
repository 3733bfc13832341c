//! Honey patients: synthetic, plausible, and nobody's. No relationship names them, so only a reach over the whole site meets them; their
//! one study is years old, so no worklist of today shows them; their names are rare, so no search for somebody else does. Whoever
//! lists or opens them walks through the archive.
//!
//! They have no images: an opening is refused before anybody notices. The ledger alone says which they are, and officers alone read it.

use model::{Actor, EntryBody, Instant, PatientNumber, Uid};
use protocol::{
    InstanceAttributes, PageReply, PatientAttributes, PatientRow, Refusal, SeriesAttributes, StoredNote,
    StudyAttributes,
};
use registry::{FiledAs, Registry};
use seal::{CryptoRng, SystemRandom};

use crate::pages::{HELD, field};
use crate::state::Warden;
use crate::subject::Caller;

/// The most honey patients that one request makes.
const COUNT_MAX: u32 = 100;

/// Family names that are real, rare and begin as few names do.
const FAMILY: [&str; 20] = [
    "Quednau",
    "Ysenburg",
    "Xylander",
    "Uphues",
    "Zschau",
    "Quistorp",
    "Ybbs",
    "Czwalinna",
    "Uechtritz",
    "Oxenfarth",
    "Zwirglmaier",
    "Ypsilanti",
    "Quaiser",
    "Utzschneider",
    "Oybek",
    "Xanke",
    "Zdralek",
    "Ueckert",
    "Quathamer",
    "Yelin",
];
const GIVEN: [(&str, &str); 12] = [
    ("Hildegard", "F"),
    ("Ottmar", "M"),
    ("Irmtraud", "F"),
    ("Eckhard", "M"),
    ("Roswitha", "F"),
    ("Volkmar", "M"),
    ("Gudrun", "F"),
    ("Siegbert", "M"),
    ("Annegret", "F"),
    ("Wendelin", "M"),
    ("Edeltraud", "F"),
    ("Konrad", "M"),
];
const STUDIES: [(&str, &str, &str, &str); 6] = [
    ("DX", "Thorax p.a.", "CHEST", "1.2.840.10008.5.1.4.1.1.1.1"),
    ("DX", "Knie rechts", "KNEE", "1.2.840.10008.5.1.4.1.1.1.1"),
    ("CT", "CT Abdomen", "ABDOMEN", "1.2.840.10008.5.1.4.1.1.2"),
    ("MR", "MRT LWS", "LSPINE", "1.2.840.10008.5.1.4.1.1.4"),
    ("US", "Sonographie Abdomen", "ABDOMEN", "1.2.840.10008.5.1.4.1.1.6.1"),
    ("DX", "Hand links", "HAND", "1.2.840.10008.5.1.4.1.1.1.1"),
];

impl Warden {
    /// Makes honey patients.
    pub(crate) fn add_honey(&self, caller: &Caller, count: u32, now: Instant) -> Result<PageReply, Refusal> {
        if !(1..=COUNT_MAX).contains(&count) {
            return Err(field("count", "1 to 100"));
        }
        let mut database = self.database.lock().expect(HELD);
        self.settle(&mut database)?;
        let mut registry = self.registry.write().expect(HELD);
        let mut entries = Vec::new();
        let mut made = Vec::new();
        for _ in 0..count {
            let note = note(&registry, now);
            let filed = registry.file(&note, FiledAs::Accepted);
            let patient = filed.patient;
            entries.push((Actor::Warden, EntryBody::PatientAdded { patient }));
            // before anything can be listed: whoever lists the patient in the same moment is found
            entries.push((caller.actor.clone(), EntryBody::HoneyAdded { patient }));
            let stored = EntryBody::Stored {
                patient,
                study: filed.study,
                instances: 1,
                duplicates: 0,
                conflicts: 0,
                taken_in: now,
                outbox_sequence: 0,
            };
            entries.push((Actor::Warden, stored));
            made.push(patient);
        }
        self.write_with_entries(&mut database, &mut registry, entries)?;
        Ok(PageReply::Honey(made.into_iter().filter_map(|patient| registry.patient(patient)).collect()))
    }

    /// The honey patients, for the officer.
    pub(crate) fn honey_rows(&self) -> Result<PageReply, Refusal> {
        let patients: Vec<u32> = self.budgets.lock().expect(HELD).honey_patients().collect();
        let registry = self.readable_registry()?;
        let rows: Vec<PatientRow> =
            patients.into_iter().filter_map(|patient| registry.patient(PatientNumber(patient))).collect();
        Ok(PageReply::Honey(rows))
    }
}

/// A patient who could be any, with one old study. The identifier looks like the site's others.
fn note(registry: &Registry, now: Instant) -> StoredNote {
    let issuer = registry.patient(PatientNumber(0)).map(|patient| patient.issuer).unwrap_or_default();
    let mut id = (10_000_000 + below(90_000_000)).to_string();
    while registry.patient_by_identity(&issuer, &id).is_some() {
        id = (10_000_000 + below(90_000_000)).to_string();
    }
    let (given, sex) = GIVEN[below(GIVEN.len() as u32) as usize];
    let (modality, description, body_part, sop_class) = STUDIES[below(STUDIES.len() as u32) as usize];
    let family = FAMILY[below(FAMILY.len() as u32) as usize];
    // three to nine years ago
    let (year, month, day) = civil(now.0.div_euclid(86_400 * model::SECOND) - 1_100 - i64::from(below(2_200)));
    let date = format!("{year:04}{month:02}{day:02}");
    let time = format!("{:02}{:02}{:02}", 7 + below(11), below(60), below(60));
    let root = uid_root();
    let uid = |rest: &str| Uid::parse(&format!("{root}{rest}")).expect("digits and full stops, shorter than 64");
    let mut content = [0; 32];
    fill(&mut SystemRandom, &mut content);
    StoredNote {
        version: 1,
        content,
        patient: PatientAttributes {
            id,
            issuer,
            name: format!("{family}^{given}"),
            birth_date: format!("{:04}{:02}{:02}", 1935 + below(60), 1 + below(12), 1 + below(28)),
            sex: sex.to_owned(),
        },
        study: StudyAttributes {
            uid: uid(""),
            date: date.clone(),
            time: time.clone(),
            accession_number: (1_000_000 + below(9_000_000)).to_string(),
            id: (1 + below(9_999)).to_string(),
            description: description.to_owned(),
            referring_physician: String::new(),
        },
        series: SeriesAttributes {
            uid: uid(".1"),
            modality: modality.to_owned(),
            number: "1".to_owned(),
            description: description.to_owned(),
            body_part: body_part.to_owned(),
            date,
            time,
        },
        instance: InstanceAttributes {
            uid: uid(".1.1"),
            sop_class: Uid::parse(sop_class).expect("a SOP class of the standard"),
            number: "1".to_owned(),
            frames: 1,
        },
    }
}

/// A UID from a random number (PS3.5 B.2).
fn uid_root() -> String {
    let mut bytes = [0; 16];
    fill(&mut SystemRandom, &mut bytes);
    format!("2.25.{}", u128::from_be_bytes(bytes))
}

fn fill(random: &mut impl CryptoRng, bytes: &mut [u8]) {
    random.fill_bytes(bytes);
}

fn below(sides: u32) -> u32 {
    let mut bytes = [0; 8];
    fill(&mut SystemRandom, &mut bytes);
    (u64::from_be_bytes(bytes) % u64::from(sides)) as u32
}

/// The Gregorian date of a day since 1970-01-01 (days of the proleptic calendar, counted from 1 March of year 0).
pub(crate) fn civil(day: i64) -> (i64, i64, i64) {
    let day = day + 719_468;
    let era = day.div_euclid(146_097);
    let of_era = day.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, of_year - (153 * shifted + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_dates() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(11_016), (2000, 2, 29));
        assert_eq!(civil(20_783), (2026, 11, 26));
        assert_eq!(civil(-1), (1969, 12, 31));
    }
}
