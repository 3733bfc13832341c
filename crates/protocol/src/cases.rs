//! What exposure reports, incidents and patients' questions are made of on their way between front and warden.

use model::{
    Clock, DeviceId, DiskPart, EntryNumber, Instant, LinkEnd, LinkId, Origin, PersonId, Role, StudyNumber, Tier, Uid,
    Window,
};
use serde::{Deserialize, Serialize};

use crate::{Count, PatientRow};

/// The longest title of an incident, in characters.
pub const INCIDENT_TITLE_CHARACTERS_MAX: usize = 200;
/// The longest note, outcome, question or answer, in characters.
pub const CASE_TEXT_CHARACTERS_MAX: usize = 4_000;
/// The most accounts, devices and disks of one incident.
pub const INCIDENT_ABOUT_MAX: usize = 20;
/// The most questions of one patient that wait for an answer.
pub const QUESTIONS_WAITING_MAX: usize = 5;
/// The most questions of one patient in a day.
pub const QUESTIONS_PER_DAY_MAX: usize = 10;
/// The most studies in one exposure report over RPC.
pub const EXPOSURE_STUDIES_MAX: usize = 20_000;
/// The most releases of a key that one report names.
pub const KEY_RELEASES_MAX: usize = 1_000;

/// The most keys that a report about a disk names; it counts all of them.
pub const DISK_KEYS_MAX: usize = 20_000;

/// What a report is about, as far as names and dates tell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AboutFacts {
    /// A person.
    Person {
        /// Number.
        person: PersonId,
        /// Name.
        name: String,
        /// Role.
        role: Option<Role>,
        /// Organisations by name.
        organisations: Vec<String>,
    },
    /// An organisation.
    Organisation {
        /// Name.
        name: String,
    },
    /// A device.
    Device {
        /// Number.
        device: DeviceId,
        /// Name.
        name: String,
    },
    /// A session.
    Session {
        /// Which, in hexadecimal digits.
        session: String,
        /// Name of its person.
        name: String,
        /// From when until when at the latest.
        span: Window,
        /// Share links that were made in it; `None` in reports from before they were named there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        links: Option<Vec<SessionLink>>,
    },
    /// A pair of batch keys.
    Key {
        /// Which, in hexadecimal digits.
        key: String,
        /// Since when it is filed; `None` for one from before the ledger recorded that.
        filed: Option<Instant>,
        /// Releases before the window.
        released_before: u64,
        /// Releases inside the window, at most [`KEY_RELEASES_MAX`].
        releases: Vec<ReleaseRow>,
        /// Releases inside the window, all of them.
        released: u64,
    },
    /// A share link, over all who opened it.
    Link {
        /// Which.
        link: LinkId,
        /// Who made it.
        maker: String,
        /// For whom, in the maker's words.
        note: String,
        /// From when until when it opened something, or will.
        span: Window,
        /// How it ended; `None` while it runs.
        ended: Option<LinkEnd>,
        /// How often it was opened with secret and code.
        openings: u32,
        /// In how many browsers.
        browsers: u32,
        /// How often the study was taken along as files.
        downloads: u32,
        /// Wrong codes.
        tries: u32,
    },
    /// A disk.
    Disk {
        /// Which, in hexadecimal digits.
        disk: String,
        /// UUID of its filesystem, where the machine told it.
        filesystem: String,
        /// What it holds.
        holds: Vec<HeldPart>,
        /// Keys that seal what lies on it.
        keys: u64,
        /// Studies on it that were opened by somebody before the window began.
        studies_opened_before: u64,
        /// The keys, those that were released first, then by study; at most [`DISK_KEYS_MAX`]. `None` in reports from before they
        /// were named there.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sealed_under: Option<Vec<SealedUnder>>,
    },
}

/// A key that seals images of a study on a disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedUnder {
    /// Which, in hexadecimal digits, as a report about the key takes it.
    pub key: String,
    /// The study, the only one that it opens.
    pub study: StudyNumber,
    /// Whether it was released to anybody before the end of the window.
    pub released: bool,
}

/// A share link that was made in a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionLink {
    /// Which.
    pub link: LinkId,
    /// The study.
    pub study: StudyNumber,
    /// For whom, in the maker's words.
    pub note: String,
    /// From when until when it opened something, or will.
    pub span: Window,
    /// How often it was opened with secret and code.
    pub openings: u32,
    /// How it ended; `None` while it runs.
    pub ended: Option<LinkEnd>,
}

/// A part of the installation on a disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldPart {
    /// Which part.
    pub part: DiskPart,
    /// Since when.
    pub from: Instant,
    /// Until when it grew there; `None` when it still does.
    pub until: Option<Instant>,
}

/// One release of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseRow {
    /// The entry that allowed it.
    pub entry: EntryNumber,
    /// Name of the person or device.
    pub who: String,
    /// From when until when it may have been used.
    pub lease: Window,
    /// From where.
    pub origin: Origin,
    /// Whether it was the half that opens images.
    pub images: bool,
}

/// One study of an exposed patient.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExposedStudy {
    /// StudyInstanceUID; `None` when its record is not there any more.
    pub uid: Option<Uid>,
    /// `YYYYMMDD` or empty.
    pub date: String,
    /// What the study calls itself.
    pub description: String,
    /// Modalities.
    pub modalities: Vec<String>,
    /// How far it was in reach.
    pub reachable: Option<Tier>,
    /// Its listings.
    pub listed: Option<TouchRow>,
    /// Its openings.
    pub opened: Option<TouchRow>,
}

/// When and from where something was touched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TouchRow {
    /// First instant inside the window.
    pub first: Instant,
    /// The last entry's instant, or the window's beginning when that is later.
    pub last: Instant,
    /// When the last lease ends.
    pub lease_until: Instant,
    /// How many entries say so.
    pub entries: u64,
    /// From where.
    pub origins: Vec<Origin>,
}

/// A report with what proves it: the document's bytes and an `audit::StatementProof`, both JSON.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedReport {
    /// The document, a [`ReportDocument`].
    pub document: String,
    /// The proof.
    pub proof: String,
}

/// The form of a document that this version writes.
pub const REPORT_FORM: &str = "exposure-report/1";

/// What is signed: the report with where, when and by whom it was made.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportDocument {
    /// [`REPORT_FORM`].
    pub leadglass: String,
    /// Name of the site.
    pub site: String,
    /// Its ledger's name, `leadglass/SITE`.
    pub ledger: String,
    /// When it was made.
    pub made: Instant,
    /// Who asked for it.
    pub made_by: String,
    /// Version of the program.
    pub program: String,
    /// The report.
    pub report: crate::ExposureReport,
}

/// One incident in a list.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentRow {
    /// Its number.
    pub incident: u32,
    /// What happened.
    pub title: String,
    /// What it is about, as `person:EMAIL` and the like.
    pub about: Vec<String>,
    /// Over which time.
    pub window: Window,
    /// When somebody became aware.
    pub aware: Instant,
    /// When it was opened.
    pub opened: Instant,
    /// When it was closed.
    pub closed: Option<Instant>,
    /// Its clocks, the next due first.
    pub clocks: Vec<ClockRow>,
}

/// One clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockRow {
    /// Which.
    pub clock: Clock,
    /// When it ends.
    pub due: Instant,
    /// Where it stands.
    pub state: ClockStanding,
    /// When what it asks for was done.
    pub done: Option<Instant>,
}

/// Where a clock stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClockStanding {
    /// It runs.
    Running,
    /// Done in time.
    Done,
    /// Done late.
    DoneLate,
    /// It ran out.
    Overdue,
}

/// An incident with everything that was done about it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentDetail {
    /// The incident.
    pub row: IncidentRow,
    /// Who did what when, oldest first.
    pub steps: Vec<IncidentStep>,
    /// Who was exposed to what it is about, over its window, each patient counted once.
    pub reachable: Count,
    /// What was listed.
    pub listed: Count,
    /// What was opened.
    pub opened: Count,
    /// Name of the site.
    pub site: String,
    /// Officers, by name and e-mail address: the contact of Art. 33(3)(b).
    pub officers: Vec<String>,
    /// Now, as the warden's clock has it.
    pub now: Instant,
}

/// One thing that was done about an incident.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentStep {
    /// The entry.
    pub entry: EntryNumber,
    /// When.
    pub at: Instant,
    /// By whom.
    pub by: String,
    /// `opened`, `noted`, `report`, `clock` or `closed`.
    pub what: String,
    /// The text, the clock's word, or the entry of the report.
    pub text: String,
}

/// What an officer does about an incident.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IncidentChange {
    /// Writes something down.
    Note {
        /// What.
        text: String,
    },
    /// What a clock asks for was done.
    Done {
        /// Which clock.
        clock: Clock,
        /// When.
        at: Instant,
    },
    /// Closes it.
    Close {
        /// With what outcome.
        text: String,
    },
}

/// One question of a patient.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuestionRow {
    /// Its number.
    pub question: u32,
    /// The patient, for the officer; `None` in the patient's own list.
    pub patient: Option<PatientRow>,
    /// The line of 'who looked' that it is about.
    pub access: Option<EntryNumber>,
    /// When.
    pub asked: Instant,
    /// The question.
    pub text: String,
    /// Answers, oldest first.
    pub answers: Vec<AnswerRow>,
}

/// One answer.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AnswerRow {
    /// When.
    pub at: Instant,
    /// Name of the officer.
    pub by: String,
    /// The answer.
    pub text: String,
}

// what people wrote and what was examined say who somebody is: debug output names the kind only
macro_rules! private {
    ($($name:ident),*) => {
        $(impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        })*
    };
}

private!(
    SignedReport,
    ReportDocument,
    ExposedStudy,
    IncidentRow,
    IncidentDetail,
    IncidentStep,
    IncidentChange,
    QuestionRow,
    AnswerRow
);
