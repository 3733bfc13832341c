//! The search box: every word must begin a word of the patient's name, the patient ID, the accession number, a word of
//! the study description, a modality or the study date. Case and accents do not count.
//!
//! Each word is looked up once in the indexes and shared texts; what a study needs then is some bits.

use crate::fold::{fold, words};
use crate::search::SearchError;
use crate::{Registry, pack};

/// The longest content of the search box, in bytes.
const BOX_BYTES_MAX: usize = 512;

/// The most words in it.
const WORDS_MAX: usize = 16;

pub(crate) struct Word {
    /// One bit for each patient whose name or identifier fits.
    patients: Vec<u64>,
    patient_count: u32,
    /// Studies whose accession number fits, ascending.
    accessions: Vec<u32>,
    /// One flag for each description.
    descriptions: Vec<bool>,
    modality_bits: u32,
    modalities: Vec<bool>,
    /// Dates from the first to the last that fit.
    dates: Option<(u32, u32)>,
    /// Whether some study may fit by description, modality or date: then the indexes do not name all candidates.
    scans: bool,
}

impl Word {
    pub(crate) fn all(registry: &Registry, text: &str) -> Result<Vec<Self>, SearchError> {
        let typed: Vec<&str> = text.split_whitespace().collect();
        if text.len() > BOX_BYTES_MAX || typed.len() > WORDS_MAX {
            return Err(SearchError::TooManyWords);
        }
        Ok(typed.into_iter().map(|word| Self::new(registry, word)).collect())
    }

    fn new(registry: &Registry, typed: &str) -> Self {
        let folded = fold(typed);
        let parts: Vec<&str> = words(&folded).collect();
        let mut patients = patients_by_name(registry, &parts);
        for &patient in registry.patients.with_id(typed, false).into_iter().flatten() {
            set(&mut patients, patient);
        }
        let mut accessions = registry.studies.with_accession(typed, false).concat();
        accessions.sort_unstable();
        let fits = |text: &str| begins_all(&parts, text);
        let descriptions = registry.studies.descriptions.select(|_, folded| fits(folded));
        let modalities =
            registry.studies.modalities.select(|text, lower| !text.is_empty() && lower.starts_with(&folded));
        let modality_bits = registry.studies.modality_bits(&modalities);
        let dates = dates(typed);
        let patient_count = patients.iter().map(|bits| bits.count_ones()).sum();
        let scans = dates.is_some() || modality_bits != 0 || descriptions.contains(&true);
        Self { patients, patient_count, accessions, descriptions, modality_bits, modalities, dates, scans }
    }

    pub(crate) fn passes(&self, registry: &Registry, study: u32) -> bool {
        let row = registry.studies.row(study);
        has(&self.patients, row.patient)
            || self.descriptions[row.description as usize]
            || self.dates.is_some_and(|(from, to)| (from..=to).contains(&row.date))
            || registry.studies.has_modality(study, self.modality_bits, &self.modalities)
            || self.accessions.binary_search(&study).is_ok()
    }

    /// How many patients and studies can fit, when the indexes name all of them.
    pub(crate) fn candidates(&self) -> Option<usize> {
        (!self.scans).then_some(self.patient_count as usize + self.accessions.len())
    }

    /// The studies that can fit, when the indexes name all of them; some may come twice.
    pub(crate) fn studies(&self, registry: &Registry) -> Vec<u32> {
        let patients = (0u32..)
            .zip(&self.patients)
            .flat_map(|(at, &bits)| (0..64).filter(move |bit| bits >> bit & 1 != 0).map(move |bit| at * 64 + bit));
        patients.flat_map(|patient| registry.chain(patient)).chain(self.accessions.iter().copied()).collect()
    }
}

/// Patients in whose names every part begins a word.
fn patients_by_name(registry: &Registry, parts: &[&str]) -> Vec<u64> {
    let mut found = vec![0; registry.patients.len().div_ceil(64) as usize];
    // the longest part is looked up, the others are read
    let Some(longest) = parts.iter().max_by_key(|part| part.len()) else { return found };
    for patient in registry.patients.with_word(longest, false) {
        if parts.len() == 1 || begins_all(parts, registry.patients.view(patient).folded_name()) {
            set(&mut found, patient);
        }
    }
    for &patient in registry.patients.wordy() {
        if begins_all(parts, registry.patients.view(patient).folded_name()) {
            set(&mut found, patient);
        }
    }
    found
}

/// Whether each part begins a word of the text; nothing begins nothing.
fn begins_all(parts: &[&str], text: &str) -> bool {
    !parts.is_empty() && parts.iter().all(|part| words(text).any(|word| word.starts_with(part)))
}

/// The dates that a word begins: `2026`, `202607`, `20260730`, with hyphens (`2026-07`), or as `30.07.2026`.
fn dates(typed: &str) -> Option<(u32, u32)> {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let compact = match typed.split('.').collect::<Vec<_>>().as_slice() {
        [day, month, year] if year.len() == 4 && (1..=2).contains(&day.len()) && (1..=2).contains(&month.len()) => {
            format!("{year}{month:0>2}{day:0>2}")
        }
        _ => match typed.split('-').collect::<Vec<_>>().as_slice() {
            [whole] => (*whole).to_owned(),
            [year, month] if year.len() == 4 && month.len() <= 2 => format!("{year}{month}"),
            [year, month, day] if year.len() == 4 && month.len() == 2 && day.len() <= 2 => {
                format!("{year}{month}{day}")
            }
            _ => return None,
        },
    };
    if !(4..=8).contains(&compact.len()) || !digits(&compact) {
        return None;
    }
    let (from, to) = (format!("{compact:0<8}"), format!("{compact:9<8}"));
    let whole = compact.len() < 8 || pack::date_number(&compact).is_some();
    whole.then_some((from.parse().ok()?, to.parse().ok()?))
}

fn set(bits: &mut [u64], number: u32) {
    bits[number as usize / 64] |= 1 << (number % 64);
}

fn has(bits: &[u64], number: u32) -> bool {
    bits[number as usize / 64] >> (number % 64) & 1 != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_can_begin_dates() {
        assert_eq!(dates("2026"), Some((20_260_000, 20_269_999)));
        assert_eq!(dates("202607"), Some((20_260_700, 20_260_799)));
        assert_eq!(dates("20260730"), Some((20_260_730, 20_260_730)));
        assert_eq!(dates("2026-07"), Some((20_260_700, 20_260_799)));
        assert_eq!(dates("2026-07-3"), Some((20_260_730, 20_260_739)));
        assert_eq!(dates("30.7.2026"), Some((20_260_730, 20_260_730)));
    }

    #[test]
    fn other_words_begin_no_date() {
        for word in ["202", "20261399", "2026-7-30-1", "abc", "1234567890", "30.7", "2026.07.30", "-", "20-26", ""] {
            assert_eq!(dates(word), None, "{word}");
        }
    }
}
