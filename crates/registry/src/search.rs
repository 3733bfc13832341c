//! Search: PS3.4 C.2.2.2 matching, one search box, paging. Always in a total order, so pages do not overlap.

use std::collections::HashSet;

use model::{NumberSet, PatientNumber, StudyNumber};
use protocol::{Level, ListRequest, Order, PAGE_ROWS_MAX, PatientRow, SeriesRow, StudyRow};
use thiserror::Error;

use crate::Registry;
use crate::plan::Source;
use crate::query::Query;

/// A page of rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Rows at the patient level: in the order of their first matching study.
    pub patients: Vec<PatientRow>,
    /// Rows at the study level. At the instance level: the studies whose instances may match; the page counts studies.
    pub studies: Vec<StudyRow>,
    /// Rows at the series level: in the order of their studies, then by series number.
    pub series: Vec<SeriesRow>,
    /// Whether more rows match behind this page.
    pub more: bool,
    /// The patients that the page names.
    pub listed_patients: NumberSet,
    /// The studies that the page names; none at the patient level.
    pub listed_studies: NumberSet,
    /// Matching keys that were not applied, ascending (PS3.18 8.3.4.4): those that the registry does not hold or that
    /// belong to a lower level. At the instance level the front applies the instance's own.
    pub ignored: Vec<u32>,
}

/// What a caller's reach is made of, when it can be enumerated.
#[derive(Clone, Copy, Debug)]
pub enum Reach<'a> {
    /// The whole site: everything may match.
    Site,
    /// These patients' studies and these studies: nothing else is looked at.
    Only {
        /// Patients, with all their studies.
        patients: &'a [PatientNumber],
        /// Studies.
        studies: &'a [StudyNumber],
    },
}

/// Whether the caller may list a study of a patient.
pub(crate) type MayList<'a> = &'a dyn Fn(PatientNumber, StudyNumber) -> bool;

/// What is wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SearchError {
    /// The value of a matching key is out of shape.
    #[error("the value to match ({:04X},{:04X}) with is not usable; {expected} is expected", .tag >> 16, .tag & 0xffff)]
    Value {
        /// The key.
        tag: u32,
        /// What is expected.
        expected: &'static str,
    },
    /// Too many matching keys.
    #[error("{found} attributes are too many to match at once; ask for 64 at most")]
    TooManyKeys {
        /// How many there are.
        found: usize,
    },
    /// The search box holds too much.
    #[error("the search is too long; type 16 words and 512 bytes at most")]
    TooManyWords,
}

impl Registry {
    /// Finds a page of rows. Only studies for which `may_list` holds are found or counted.
    pub fn search(&self, request: &ListRequest, reach: Reach<'_>, may_list: MayList<'_>) -> Result<Found, SearchError> {
        let query = Query::new(self, request)?;
        let mut page = Page::new(self, request, &query, may_list);
        match self.source(&query, reach) {
            Source::These(mut studies) => {
                studies.retain(|&study| page.admits(study));
                self.sort(&mut studies, request.order);
                page.fill(studies.into_iter());
            }
            Source::InOrder { dates, then_all } => {
                let filled = page.fill_checking(self.in_order(dates, request.order), then_all);
                if !filled {
                    // few match: looking at all rows as they lie in memory and sorting the few is cheaper
                    page = Page::new(self, request, &query, may_list);
                    let mut studies = self.all_that_may_match(&query);
                    studies.retain(|&study| page.admits(study));
                    self.sort(&mut studies, request.order);
                    page.fill(studies.into_iter());
                }
            }
        }
        let mut found = page.finish();
        found.ignored = query.ignored.into_iter().collect();
        Ok(found)
    }
}

/// Rows as they are gathered.
struct Page<'a> {
    registry: &'a Registry,
    query: &'a Query,
    may_list: MayList<'a>,
    level: Level,
    skip: u32,
    limit: usize,
    seen_patients: HashSet<u32>,
    found: Found,
}

impl<'a> Page<'a> {
    fn new(registry: &'a Registry, request: &ListRequest, query: &'a Query, may_list: MayList<'a>) -> Self {
        Self {
            registry,
            query,
            may_list,
            level: request.level,
            skip: request.offset,
            // a page without a row would tell that there is one, and name nobody for it
            limit: request.limit.clamp(1, PAGE_ROWS_MAX) as usize,
            seen_patients: HashSet::new(),
            found: Found::default(),
        }
    }

    /// Whether a study matches and may be listed.
    fn admits(&self, study: u32) -> bool {
        let patient = self.registry.studies.row(study).patient;
        self.query.study_passes(self.registry, study)
            && (self.may_list)(PatientNumber(patient), StudyNumber(study))
            && !self.registry.is_lost(study)
    }

    /// Takes studies that match and may be listed.
    fn fill(&mut self, mut studies: impl Iterator<Item = u32>) {
        while !self.found.more {
            match studies.next() {
                Some(study) => self.take(study),
                None => break,
            }
        }
    }

    /// Takes studies after checking them; gives up after `look_at` of them and says whether the page is complete.
    fn fill_checking(&mut self, studies: impl Iterator<Item = u32>, look_at: usize) -> bool {
        for (looked_at, study) in studies.enumerate() {
            if self.found.more {
                break;
            }
            if looked_at >= look_at {
                return false;
            }
            if self.admits(study) {
                self.take(study);
            }
        }
        true
    }

    fn take(&mut self, study: u32) {
        match self.level {
            Level::Patient => {
                let patient = self.registry.studies.row(study).patient;
                if self.seen_patients.insert(patient) && self.room(self.found.patients.len()) {
                    self.found.patients.push(self.registry.patient_row(patient, self.may_list));
                }
            }
            Level::Study | Level::Instance => {
                if self.room(self.found.studies.len()) {
                    self.found.studies.push(self.registry.study_row(study, self.may_list));
                }
            }
            Level::Series => {
                let mut row = None;
                for series in self.registry.series_in_order(study) {
                    if !self.query.series_passes(&series) || !self.room(self.found.series.len()) {
                        continue;
                    }
                    let row = row.get_or_insert_with(|| self.registry.study_row(study, self.may_list));
                    self.found.series.push(self.registry.series_row(row.clone(), &series));
                }
            }
        }
    }

    /// Whether the next row belongs to this page; rows before it are passed over, one behind it is noticed.
    fn room(&mut self, rows: usize) -> bool {
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        self.found.more |= rows >= self.limit;
        rows < self.limit
    }

    fn finish(self) -> Found {
        let mut found = self.found;
        let studies = || found.studies.iter().chain(found.series.iter().map(|series| &series.study));
        let patients = found.patients.iter().chain(studies().map(|study| &study.patient));
        found.listed_patients = patients.map(|patient| patient.number.0).collect();
        found.listed_studies = studies().map(|study| study.number.0).collect();
        found
    }
}

impl Registry {
    fn sort(&self, studies: &mut [u32], order: Order) {
        match order {
            Order::NewestFirst => studies.sort_unstable_by(|&one, &two| self.studies.compare_by_date(two, one)),
            Order::OldestFirst => studies.sort_unstable_by(|&one, &two| self.studies.compare_by_date(one, two)),
            Order::PatientName => studies.sort_unstable_by(|&one, &two| {
                let patients = (self.studies.row(one).patient, self.studies.row(two).patient);
                let newest_first = || self.studies.compare_by_date(two, one);
                self.patients.compare_by_name(patients.0, patients.1).then_with(newest_first)
            }),
        }
    }

    /// All studies with these dates, in order.
    fn in_order(&self, (from, to): (u32, u32), order: Order) -> Box<dyn Iterator<Item = u32> + '_> {
        let by_date = || self.studies.in_date_order(self.studies.dated(from, to));
        match order {
            Order::NewestFirst => Box::new(by_date().rev()),
            Order::OldestFirst => Box::new(by_date()),
            Order::PatientName => Box::new(self.patients.in_name_order().flat_map(|patient| {
                let mut studies: Vec<u32> = self.chain(patient).collect();
                self.sort(&mut studies, Order::NewestFirst);
                studies
            })),
        }
    }
}
