//! Search: PS3.4 C.2.2.2 matching, one search box, paging.

use model::{NumberSet, PatientNumber, StudyNumber};
use protocol::{ListRequest, PatientRow, SeriesRow, StudyRow};
use thiserror::Error;

use crate::Registry;

/// A page of rows. At [`protocol::Level::Instance`] `studies` holds the studies whose instances may match.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Rows at the patient level: in the order of their first matching study.
    pub patients: Vec<PatientRow>,
    /// Rows at the study and instance level.
    pub studies: Vec<StudyRow>,
    /// Rows at the series level.
    pub series: Vec<SeriesRow>,
    /// Whether more rows match behind this page.
    pub more: bool,
    /// The patients that the page names.
    pub listed_patients: NumberSet,
    /// The studies that the page names; none at the patient level.
    pub listed_studies: NumberSet,
    /// Matching keys that the registry does not hold, ascending: they were not applied (PS3.18 section 8.3.4).
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

/// What is wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SearchError {
    /// The value of a matching key is out of shape.
    #[error("the value to match ({:04X},{:04X}) with is not usable: {expected} is expected", .tag >> 16, .tag & 0xffff)]
    Value {
        /// The key.
        tag: u32,
        /// What is expected.
        expected: &'static str,
    },
}

impl Registry {
    /// Finds rows. Only studies for which `may_list` holds are found or counted.
    pub fn search(
        &self,
        _request: &ListRequest,
        _reach: Reach<'_>,
        _may_list: &dyn Fn(PatientNumber, StudyNumber) -> bool,
    ) -> Result<Found, SearchError> {
        todo!()
    }
}
