//! A request compiled against what the registry holds, and whether a study or series passes.

use std::collections::BTreeSet;

use protocol::{Level, ListRequest, Match};

use crate::Registry;
use crate::matching::{
    DateSpan, Name, Text, TimeSpan, date_span, integer, is_universal, time_range, time_span, uid_list,
};
use crate::pack::{Packer, date_number};
use crate::patients::PatientView;
use crate::search::SearchError;
use crate::studies::SeriesView;
use crate::words::Word;

/// The longest value of one matching key, in bytes: some thousand UIDs.
const VALUE_BYTES_MAX: usize = 256 * 1024;

/// The most matching keys in one request.
const MATCHES_MAX: usize = 64;

#[derive(Default)]
pub(crate) struct Query {
    pub(crate) patient: Vec<PatientTest>,
    pub(crate) study: Vec<StudyTest>,
    pub(crate) series: Vec<SeriesTest>,
    pub(crate) words: Vec<Word>,
    pub(crate) ignored: BTreeSet<u32>,
}

/// Attributes of the patient (PS3.4 C.6.1.1.2, PS3.18 10.6.3.3).
pub(crate) enum PatientTest {
    Id(Text),
    Issuer(Text),
    Name(Name),
    BirthDate(DateSpan),
    Sex(Text),
}

/// Attributes of the study. What is selected is a flag for each number of a shared text.
pub(crate) enum StudyTest {
    /// Packed, sorted.
    Uids(Vec<Vec<u8>>),
    Date(DateSpan),
    Time(TimeSpan),
    AccessionNumber(Text),
    Id(Text),
    Description(Vec<bool>),
    ReferringPhysician(Vec<bool>),
    Modalities {
        bits: u32,
        selected: Vec<bool>,
    },
    SopClasses(Vec<bool>),
    SeriesCount(i64),
    InstanceCount(i64),
}

/// Attributes of a series.
pub(crate) enum SeriesTest {
    Uids(Vec<model::Uid>),
    Modality(Vec<bool>),
    Number(i64),
    Description(Text),
    BodyPart(Text),
    Date(DateSpan),
    Time(TimeSpan),
    InstanceCount(i64),
}

const DATE: &str = "a date YYYYMMDD or a range of two with a hyphen";
const TIME: &str = "a time HHMMSS or a range of two with a hyphen";
const UIDS: &str = "a UID or a list of them";
const NUMBER: &str = "a whole number";

impl Query {
    pub(crate) fn new(registry: &Registry, request: &ListRequest) -> Result<Self, SearchError> {
        if request.matches.len() > MATCHES_MAX {
            return Err(SearchError::TooManyKeys { found: request.matches.len() });
        }
        let mut query = Self { words: Word::all(registry, &request.words)?, ..Self::default() };
        for matching in &request.matches {
            if matching.value.len() > VALUE_BYTES_MAX {
                return Err(SearchError::Value { tag: matching.tag, expected: "a shorter value" });
            }
            if !is_universal(&matching.value) {
                query.add(registry, request.level, matching)?;
            }
        }
        Ok(query)
    }

    fn add(&mut self, registry: &Registry, level: Level, matching: &Match) -> Result<(), SearchError> {
        let (tag, value) = (matching.tag, matching.value.as_str());
        let studies = &registry.studies;
        let usable = |expected| move || SearchError::Value { tag, expected };
        let dates = || date_span(value).ok_or_else(usable(DATE));
        let times = || time_range(value).ok_or_else(usable(TIME));
        let uids = || uid_list(value).ok_or_else(usable(UIDS));
        let number = || integer(value).ok_or_else(usable(NUMBER));
        let patient = match tag {
            0x0010_0010 => match Name::new(value) {
                Some(name) => Some(PatientTest::Name(name)),
                None => return Ok(()),
            },
            0x0010_0020 => Some(PatientTest::Id(Text::new(value))),
            0x0010_0021 => Some(PatientTest::Issuer(Text::new(value))),
            0x0010_0030 => Some(PatientTest::BirthDate(dates()?)),
            0x0010_0040 => Some(PatientTest::Sex(Text::new(value))),
            _ => None,
        };
        if let Some(test) = patient {
            self.patient.push(test);
            return Ok(());
        }
        let study = match tag {
            0x0020_000d => Some(StudyTest::Uids(packed(&uids()?))),
            0x0008_0020 => Some(StudyTest::Date(dates()?)),
            0x0008_0030 => Some(StudyTest::Time(times()?)),
            0x0008_0050 => Some(StudyTest::AccessionNumber(Text::new(value))),
            0x0020_0010 => Some(StudyTest::Id(Text::new(value))),
            0x0008_1030 => {
                let wanted = Text::new(value);
                Some(StudyTest::Description(studies.descriptions.select(|text, _| wanted.matches(text))))
            }
            0x0008_0090 => match Name::new(value) {
                Some(name) => {
                    Some(StudyTest::ReferringPhysician(studies.physicians.select(|_, folded| name.matches(folded))))
                }
                None => return Ok(()),
            },
            0x0008_0061 => {
                let selected = modalities(registry, value);
                Some(StudyTest::Modalities { bits: studies.modality_bits(&selected), selected })
            }
            0x0008_0062 => {
                let wanted = uids()?;
                Some(StudyTest::SopClasses(
                    studies.sop_classes.select(|text, _| wanted.iter().any(|uid| uid.as_str() == text)),
                ))
            }
            0x0020_1206 => Some(StudyTest::SeriesCount(number()?)),
            0x0020_1208 => Some(StudyTest::InstanceCount(number()?)),
            _ => None,
        };
        if let Some(test) = study {
            self.study.push(test);
            return Ok(());
        }
        let series = match tag {
            _ if matches!(level, Level::Patient | Level::Study) => None,
            0x0020_000e => Some(SeriesTest::Uids(uids()?)),
            0x0008_0060 => Some(SeriesTest::Modality(modalities(registry, value))),
            0x0020_0011 => Some(SeriesTest::Number(number()?)),
            0x0008_103e => Some(SeriesTest::Description(Text::new(value))),
            0x0018_0015 => Some(SeriesTest::BodyPart(Text::new(value))),
            0x0040_0244 | 0x0008_0021 => Some(SeriesTest::Date(dates()?)),
            0x0040_0245 | 0x0008_0031 => Some(SeriesTest::Time(times()?)),
            0x0020_1209 => Some(SeriesTest::InstanceCount(number()?)),
            _ => None,
        };
        match series {
            Some(test) => self.series.push(test),
            None => {
                self.ignored.insert(tag);
            }
        }
        Ok(())
    }

    /// Whether a study passes everything that is asked of patient and study, and holds a series that passes.
    pub(crate) fn study_passes(&self, registry: &Registry, study: u32) -> bool {
        let row = registry.studies.row(study);
        // what stands in the row comes first: most studies fail there, without a look behind the pointers
        self.study.iter().all(|test| test.passes_at_once(registry, study) != Some(false))
            && self.words.iter().all(|word| word.passes(registry, study))
            && (self.patient.is_empty() || self.patient_passes(registry, row.patient))
            && self.study.iter().all(|test| test.passes(registry, study))
            && (self.series.is_empty()
                || registry.studies.view(study).series().any(|series| self.series_passes(&series)))
    }

    /// Whether a patient passes what is asked of patients.
    pub(crate) fn patient_passes(&self, registry: &Registry, patient: u32) -> bool {
        let view = registry.patients.view(patient);
        self.patient.iter().all(|test| test.passes(&view))
    }

    pub(crate) fn series_passes(&self, series: &SeriesView<'_>) -> bool {
        self.series.iter().all(|test| test.passes(series))
    }
}

impl PatientTest {
    fn passes(&self, patient: &PatientView<'_>) -> bool {
        match self {
            Self::Id(text) => text.matches_one(patient.id),
            Self::Issuer(text) => text.matches(patient.issuer),
            Self::Name(name) => name.matches(patient.folded_name()),
            Self::BirthDate(dates) => date_number(&patient.birth_date()).is_some_and(|date| dates.contains(&date)),
            Self::Sex(text) => text.matches(patient.sex()),
        }
    }
}

impl StudyTest {
    /// The answer when the row alone has it.
    fn passes_at_once(&self, registry: &Registry, study: u32) -> Option<bool> {
        let row = registry.studies.row(study);
        match self {
            Self::Date(dates) => Some(row.date != 0 && dates.contains(&row.date)),
            Self::Description(selected) => Some(selected[row.description as usize]),
            Self::ReferringPhysician(selected) => Some(selected[row.physician as usize]),
            Self::Modalities { bits, .. } if row.modalities & bits == 0 => Some(false),
            _ => None,
        }
    }

    fn passes(&self, registry: &Registry, study: u32) -> bool {
        if let Some(answer) = self.passes_at_once(registry, study) {
            return answer;
        }
        let studies = &registry.studies;
        let view = studies.view(study);
        match self {
            Self::Uids(uids) => uids.binary_search_by(|uid| uid.as_slice().cmp(view.uid_packed())).is_ok(),
            Self::Time(times) => time_passes(times, &view.time()),
            Self::AccessionNumber(text) => text.matches_one(view.accession_number),
            Self::Id(text) => text.matches(view.id()),
            Self::Modalities { bits, selected } => studies.has_modality(study, *bits, selected),
            Self::SopClasses(selected) => {
                view.series().any(|series| series.sop_class_numbers().any(|number| selected[number as usize]))
            }
            Self::SeriesCount(count) => view.series().count() as i64 == *count,
            Self::InstanceCount(count) => {
                view.series().map(|series| i64::from(series.instances)).sum::<i64>() == *count
            }
            Self::Date(_) | Self::Description(_) | Self::ReferringPhysician(_) => true,
        }
    }
}

impl SeriesTest {
    fn passes(&self, series: &SeriesView<'_>) -> bool {
        match self {
            Self::Uids(uids) => uids.contains(&series.uid),
            Self::Modality(selected) => selected[series.modality as usize],
            Self::Number(number) => integer(series.number) == Some(*number),
            Self::Description(text) => text.matches(series.description),
            Self::BodyPart(text) => text.matches(series.body_part),
            Self::Date(dates) => date_number(&series.date).is_some_and(|date| dates.contains(&date)),
            Self::Time(times) => time_passes(times, &series.time),
            Self::InstanceCount(count) => i64::from(series.instances) == *count,
        }
    }
}

/// The first microsecond of the stored time lies in the range.
fn time_passes(times: &TimeSpan, stored: &str) -> bool {
    time_span(stored).is_some_and(|(from, _)| times.contains(&from))
}

fn modalities(registry: &Registry, value: &str) -> Vec<bool> {
    let wanted = Text::list(value);
    registry.studies.modalities.select(|text, _| wanted.iter().any(|wanted| !text.is_empty() && wanted.matches(text)))
}

fn packed(uids: &[model::Uid]) -> Vec<Vec<u8>> {
    let mut packed: Vec<Vec<u8>> = uids
        .iter()
        .map(|uid| {
            let mut packer = Packer::default();
            packer.uid(uid.as_str());
            packer.0
        })
        .collect();
    packed.sort_unstable();
    packed.dedup();
    packed
}
