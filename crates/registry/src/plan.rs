//! Where the studies that a query looks at come from.
//!
//! Equality of patient ID, accession number and StudyInstanceUID, prefixes of names, and words that only names and
//! numbers begin, are looked up in an index when it names few studies. Everything else walks the studies in the order
//! that is asked for and stops when the page is full; when nearly nothing matches, all rows are looked at once.

use crate::Registry;
use crate::fold::words;
use crate::query::{PatientTest, Query, StudyTest};
use crate::search::Reach;

/// Up to this many studies are gathered and sorted whatever the size of the site.
const GATHER_MIN: usize = 4096;

/// Studies that are looked at in order before the search turns to all rows.
const LOOK_AT: usize = 16 * 1024;

pub(crate) enum Source {
    /// These: no other can match. None comes twice.
    These(Vec<u32>),
    /// All of these dates in the order that is asked for; after `then_all` of them all rows instead.
    InOrder {
        /// First and last date, 0 being none.
        dates: (u32, u32),
        then_all: usize,
    },
}

/// An index that names every study that can match.
enum Lookup<'a> {
    Uids(&'a [Vec<u8>]),
    Patients([&'a [u32]; 2]),
    Accessions([&'a [u32]; 2]),
    Name { start: &'a str, whole: bool },
    Dates(u32, u32),
    Word(usize),
}

impl Registry {
    pub(crate) fn source(&self, query: &Query, reach: Reach<'_>) -> Source {
        if let Reach::Only { patients, studies } = reach {
            let of_patients = patients.iter().filter(|&&patient| self.has_patient(patient));
            let of_patients = of_patients.flat_map(|patient| self.chain(patient.0));
            let alone = studies.iter().filter(|&&study| self.has_study(study)).map(|study| study.0);
            return Source::These(distinct(of_patients.chain(alone).collect()));
        }
        match self.fewest(query) {
            Some((count, lookup)) if count <= GATHER_MIN.max(self.studies.len() as usize / 32) => {
                Source::These(distinct(self.gather(query, &lookup)))
            }
            _ => Source::InOrder { dates: date_bounds(query), then_all: LOOK_AT },
        }
    }

    /// Every study that can match, in no order and none twice: those that an index names, or those of the patients that
    /// pass, each patient being looked at once, or all.
    pub(crate) fn all_that_may_match(&self, query: &Query) -> Vec<u32> {
        let patients = if query.patient.is_empty() { u32::MAX } else { self.patients.len() };
        match self.fewest(query) {
            Some((count, lookup)) if count < patients as usize => distinct(self.gather(query, &lookup)),
            _ if query.patient.is_empty() => (0..self.studies.len()).collect(),
            _ => {
                let patients = (0..patients).filter(|&patient| query.patient_passes(self, patient));
                patients.flat_map(|patient| self.chain(patient)).collect()
            }
        }
    }

    /// The lookup that names the fewest studies.
    fn fewest<'a>(&'a self, query: &'a Query) -> Option<(usize, Lookup<'a>)> {
        let counted = self.lookups(query).into_iter().map(|lookup| (self.count(query, &lookup), lookup));
        counted.min_by_key(|(count, _)| *count)
    }

    fn lookups<'a>(&'a self, query: &'a Query) -> Vec<Lookup<'a>> {
        let mut lookups = Vec::new();
        for test in &query.patient {
            match test {
                PatientTest::Id(text) => {
                    let (start, whole) = text.start();
                    if !start.is_empty() {
                        lookups.push(Lookup::Patients(self.patients.with_id(start, whole)));
                    }
                }
                PatientTest::Name(name) => {
                    let (start, whole_group) = name.start();
                    // the longest word of what every match begins with; it is whole when something stands behind it
                    if let Some(word) = words(start).max_by_key(|word| word.len()) {
                        let behind = !start.ends_with(word);
                        lookups.push(Lookup::Name { start: word, whole: whole_group || behind });
                    }
                }
                PatientTest::Issuer(_) | PatientTest::BirthDate(_) | PatientTest::Sex(_) => {}
            }
        }
        for test in &query.study {
            match test {
                StudyTest::Uids(uids) => lookups.push(Lookup::Uids(uids)),
                StudyTest::AccessionNumber(text) => {
                    let (start, whole) = text.start();
                    if !start.is_empty() {
                        lookups.push(Lookup::Accessions(self.studies.with_accession(start, whole)));
                    }
                }
                StudyTest::Date(dates) => lookups.push(Lookup::Dates(*dates.start(), *dates.end())),
                _ => {}
            }
        }
        let indexed = (0..query.words.len()).filter(|&word| query.words[word].candidates().is_some());
        lookups.extend(indexed.map(Lookup::Word));
        lookups
    }

    /// About how many studies a lookup gives: patients have a few studies each.
    fn count(&self, query: &Query, lookup: &Lookup<'_>) -> usize {
        match lookup {
            Lookup::Uids(uids) => uids.len(),
            Lookup::Patients(runs) | Lookup::Accessions(runs) => runs[0].len() + runs[1].len(),
            Lookup::Name { start, whole } => {
                self.patients.with_word(start, *whole).count() + self.patients.wordy().len()
            }
            Lookup::Dates(from, to) => self.studies.dated(*from, *to).into_iter().map(<[u32]>::len).sum(),
            Lookup::Word(word) => query.words[*word].candidates().unwrap_or(usize::MAX),
        }
    }

    fn gather(&self, query: &Query, lookup: &Lookup<'_>) -> Vec<u32> {
        match lookup {
            Lookup::Uids(uids) => uids.iter().flat_map(|uid| self.studies.with_packed_uid(uid)).collect(),
            Lookup::Patients(runs) => runs.iter().copied().flatten().flat_map(|&patient| self.chain(patient)).collect(),
            Lookup::Accessions(runs) => runs.concat(),
            Lookup::Name { start, whole } => {
                let patients = self.patients.with_word(start, *whole).chain(self.patients.wordy().iter().copied());
                distinct(patients.collect()).into_iter().flat_map(|patient| self.chain(patient)).collect()
            }
            Lookup::Dates(from, to) => self.studies.dated(*from, *to).concat(),
            Lookup::Word(word) => query.words[*word].studies(self),
        }
    }
}

/// What the query says about dates, as bounds of a walk.
fn date_bounds(query: &Query) -> (u32, u32) {
    query.study.iter().fold((0, u32::MAX), |(from, to), test| match test {
        StudyTest::Date(dates) => (from.max(*dates.start()), to.min(*dates.end())),
        _ => (from, to),
    })
}

fn distinct(mut numbers: Vec<u32>) -> Vec<u32> {
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}
