//! Which UID a study number stands for, of the studies that this front has shown since it started.
//!
//! Addresses of pages hold the study number, because a Study Instance UID identifies a patient's examination. A number
//! is no key: whatever is asked by it goes to the warden by UID, with the caller's own credential. After a restart a
//! number that nobody has listed yet is not found, and the page says to search again.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use model::{StudyNumber, Uid};
use protocol::StudyRow;

/// The most studies that are remembered; past it those seen first are forgotten.
const STUDIES_MAX: usize = 100_000;

/// What was shown. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Numbers(Arc<Mutex<Shown>>);

#[derive(Default)]
struct Shown {
    uids: HashMap<StudyNumber, Uid>,
    order: VecDeque<StudyNumber>,
}

impl Numbers {
    /// Remembers rows on their way to a caller who may see them.
    pub(crate) fn remember(&self, rows: &[StudyRow]) {
        let mut shown = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for row in rows {
            if shown.uids.insert(row.number, row.uid.clone()).is_none() {
                shown.order.push_back(row.number);
                if shown.order.len() > STUDIES_MAX
                    && let Some(first) = shown.order.pop_front()
                {
                    shown.uids.remove(&first);
                }
            }
        }
    }

    /// The UID of a study that was shown.
    pub(crate) fn uid(&self, number: StudyNumber) -> Option<Uid> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).uids.get(&number).cloned()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn row(number: u32) -> StudyRow {
        let patient = protocol::PatientRow {
            number: model::PatientNumber(0),
            id: String::new(),
            issuer: String::new(),
            name: String::new(),
            birth_date: String::new(),
            sex: String::new(),
            studies: 1,
        };
        StudyRow {
            number: StudyNumber(number),
            patient,
            uid: Uid::parse(&format!("1.2.{number}")).unwrap(),
            date: String::new(),
            time: String::new(),
            accession_number: String::new(),
            id: String::new(),
            description: String::new(),
            referring_physician: String::new(),
            modalities: Vec::new(),
            sop_classes: Vec::new(),
            series: 1,
            instances: 1,
            conflict: false,
        }
    }

    #[test]
    fn what_was_seen_first_is_forgotten_first() {
        let numbers = Numbers::default();
        let last = u32::try_from(STUDIES_MAX).unwrap();
        for number in 0..=last {
            numbers.remember(&[row(number)]);
            numbers.remember(&[row(number)]);
        }
        assert_eq!(numbers.uid(StudyNumber(0)), None);
        assert_eq!(numbers.uid(StudyNumber(1)).unwrap().as_str(), "1.2.1");
        assert_eq!(numbers.uid(StudyNumber(last)).unwrap().as_str(), format!("1.2.{last}"));
        assert_eq!(numbers.uid(StudyNumber(last + 1)), None);
    }
}
