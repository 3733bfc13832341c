//! Finding the patient of an emergency: two of Patient ID, birth date and accession number must fit exactly, and one patient only.

use std::collections::BTreeSet;

use model::PatientNumber;
use protocol::{Emergency, IDENTIFIER_CHARACTERS_MAX, Level, ListRequest, Match, Order, Refusal};

use crate::pages::field;
use crate::state::Warden;

const PATIENT_ID: u32 = 0x0010_0020;
const PATIENT_BIRTH_DATE: u32 = 0x0010_0030;
const ACCESSION_NUMBER: u32 = 0x0008_0050;
/// The most studies of one identity that are looked at.
const STUDIES_MAX: u32 = 200;

impl Warden {
    /// The patient, if exactly one is known by this. No name is looked at, nothing is listed, and nothing that could match more than one
    /// value is taken.
    pub(super) fn find_exactly(&self, emergency: &Emergency) -> Result<Option<PatientNumber>, Refusal> {
        let [id, birth_date, accession] = in_shape(emergency)?;
        let wanted = [(PATIENT_ID, id), (PATIENT_BIRTH_DATE, birth_date), (ACCESSION_NUMBER, accession)];
        let matches = wanted.iter().filter(|(_, value)| !value.is_empty());
        let request = ListRequest {
            level: Level::Study,
            matches: matches.map(|(tag, value)| Match { tag: *tag, value: (*value).to_owned() }).collect(),
            words: String::new(),
            order: Order::NewestFirst,
            offset: 0,
            limit: STUDIES_MAX,
        };
        let registry = self.readable_registry()?;
        let found = registry
            .search(&request, registry::Reach::Site, &|_, _| true)
            .map_err(|_| field("the patient", "identifiers without wildcards"))?;
        // the registry compares without regard to case and accents; an identity is exact
        let fits = |row: &&protocol::StudyRow| {
            (id.is_empty() || row.patient.id == id)
                && (birth_date.is_empty() || row.patient.birth_date == birth_date)
                && (accession.is_empty() || row.accession_number == accession)
                && emergency.issuer.as_deref().is_none_or(|issuer| row.patient.issuer == issuer.trim())
        };
        let patients: BTreeSet<PatientNumber> =
            found.studies.iter().filter(fits).map(|row| row.patient.number).collect();
        Ok(match (patients.len(), patients.first()) {
            (1, Some(patient)) => Some(*patient),
            _ => None,
        })
    }
}

/// Patient ID, birth date and accession number, two of them at least, and nothing that could match more than one value.
pub(super) fn in_shape(emergency: &Emergency) -> Result<[&str; 3], Refusal> {
    let id = exact("patient ID", &emergency.patient_id)?;
    let birth_date = exact("birth date", &emergency.birth_date)?;
    let accession = exact("accession number", &emergency.accession_number)?;
    let is_date = birth_date.len() == 8 && birth_date.bytes().all(|byte| byte.is_ascii_digit());
    if !birth_date.is_empty() && !is_date {
        return Err(field("birth date", "a date as YYYYMMDD"));
    }
    if [id, birth_date, accession].iter().filter(|value| !value.is_empty()).count() < 2 {
        return Err(field("the patient", "two of patient ID, birth date and accession number"));
    }
    Ok([id, birth_date, accession])
}

fn exact<'a>(what: &str, text: &'a str) -> Result<&'a str, Refusal> {
    let text = text.trim();
    let refused = |c: char| c.is_control() || matches!(c, '*' | '?' | '\\');
    if text.chars().count() > IDENTIFIER_CHARACTERS_MAX || text.contains(refused) {
        return Err(field(what, "at most 64 characters, without *, ? and backslash"));
    }
    Ok(text)
}
