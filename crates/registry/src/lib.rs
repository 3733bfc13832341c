//! The registry: patients, studies and series in the warden's memory, and search over them.
//!
//! Nothing here does I/O. The warden seals what [`Registry::take_dirty`] gives and keeps it in its database; at start
//! [`Registry::load`] takes it back. Whoever reads this memory reads the names of everybody; losing it costs nothing,
//! because the sealed records and the notes in the outbox rebuild it.
//!
//! Identity: a patient is (issuer of patient ID, patient ID). A study is (StudyInstanceUID, patient as the data sets
//! say), so two patients' studies under one UID never merge. A move is an overlay: it changes under whom a study is
//! shown, not what it is.

mod fold;
mod load;
mod matching;
mod pack;
mod patients;
mod plan;
mod query;
mod record;
mod registry;
mod rows;
mod search;
mod sorted;
mod studies;
mod symbols;
mod words;

pub use load::Loader;
pub use matching::is_universal;
pub use record::{PatientRecord, Record, RecordError, SeriesRecord, StudyRecord};
pub use registry::{Filed, FiledAs, LoadError, MoveError, Registry};
pub use search::{Found, Reach, SearchError};
