//! Listing and opening.

use dpop::Thumbprint;
use model::{Instant, KeyId, Origin, PatientNumber, SiteId, StudyNumber, Uid};
use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use crate::{Proof, SecretText};

/// What a caller holds.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Credential {
    /// A session cookie, with the proof that this request comes from the browser that the session is bound to.
    Session {
        /// The token.
        token: String,
        /// From where.
        origin: Origin,
        /// The proof.
        proof: Box<Proof>,
    },
    /// The bearer token of a device.
    DeviceToken {
        /// The token.
        token: String,
        /// From where.
        origin: Origin,
    },
    /// The token of a device that shows more than the token: a proof (RFC 9449) or a client certificate (RFC 8705).
    BoundToken {
        /// The token.
        token: String,
        /// From where.
        origin: Origin,
        /// The proof, when there is one.
        proof: Option<Box<Proof>>,
        /// The certificate of the TLS connection, when there is one.
        certificate: Option<Thumbprint>,
    },
    /// Nothing.
    Stranger {
        /// From where.
        origin: Origin,
    },
    /// The owner of the machine; holds only on the owner's socket.
    Owner,
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Session { .. } => "Session(..)",
            Self::DeviceToken { .. } => "DeviceToken(..)",
            Self::BoundToken { .. } => "BoundToken(..)",
            Self::Stranger { .. } => "Stranger",
            Self::Owner => "Owner",
        })
    }
}

/// What the warden tells a front at the beginning and whenever devices change.
#[derive(Clone, Serialize, Deserialize)]
pub struct Hello {
    /// The site.
    pub site: SiteId,
    /// Its name.
    pub site_name: String,
    /// `seal::SitePublicKey` as bytes.
    pub site_public_key: Vec<u8>,
    /// The next outbox record that the warden expects, and the chain value of the one before.
    pub next_outbox_sequence: u64,
    /// Chain value before it.
    pub outbox_chain: [u8; 32],
    /// Every device, signed by the warden for times when it is away.
    pub devices: SignedDevices,
    /// The private key of the front's own certificate (PEM), kept sealed by the warden; released to the front only.
    pub tls_key_pem: Option<SecretText>,
    /// Nonces that proofs are taken with now, the newest first; the front hands the newest out (RFC 9449 section 8).
    pub proof_nonces: Vec<String>,
}

impl std::fmt::Debug for Hello {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Hello");
        shown
            .field("site", &self.site)
            .field("next_outbox_sequence", &self.next_outbox_sequence)
            .finish_non_exhaustive()
    }
}

/// The device list, signed so that a front can trust it from its own disk while the warden is away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedDevices {
    /// `Vec<DeviceEntry>` as JSON.
    pub list: Vec<u8>,
    /// Ed25519 over `"leadglass device list v1\n"` and the list, by the site's signing key.
    pub signature: Vec<u8>,
}

/// One device as the front needs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceEntry {
    /// Its number.
    pub device: model::DeviceId,
    /// Its name.
    pub name: String,
    /// Its AE title, when it speaks DIMSE.
    pub ae_title: Option<String>,
    /// Addresses it may come from, as CIDR; empty means any.
    pub from: Vec<String>,
    /// What it may do.
    pub may: Vec<model::DeviceMay>,
    /// SHA-256 of its bearer token, when it has one.
    pub token_sha256: Option<[u8; 32]>,
    /// What the token is bound to; a certificate binds the AE title as well. Absent in lists from before there was any.
    #[serde(default)]
    pub bound: Option<TokenBinding>,
    /// When the token ends. Absent for a token from before they ended.
    #[serde(default)]
    pub token_until: Option<Instant>,
    /// The token before, while both work.
    #[serde(default)]
    pub former: Option<FormerTokenEntry>,
}

/// A token that ends within so long is warned of, in seconds: 30 days.
pub const TOKEN_WARNED_SECONDS: i64 = 30 * 86_400;

/// A token that another took the place of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormerTokenEntry {
    /// SHA-256 of it.
    pub sha256: [u8; 32],
    /// Until when it works.
    pub until: Instant,
}

/// What a device is bound to: without it its token is refused and, where it is a certificate, its AE title too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TokenBinding {
    /// A key that signs each request (RFC 9449): its JWK thumbprint.
    Dpop(Thumbprint),
    /// A client certificate (RFC 8705, PS3.15 Annex B): SHA-256 over its DER.
    Certificate(Thumbprint),
}

/// The level of a query (PS3.18 section 10.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Level {
    /// Patients.
    Patient,
    /// Studies.
    Study,
    /// Series.
    Series,
    /// Instances: the warden answers with studies and their listing keys, the front matches instances itself.
    Instance,
}

/// One matching key: a tag and the value to match, as PS3.4 C.2.2.2 has it (empty is universal, `*` and `?` are
/// wildcards, `-` makes ranges of dates and times, `\` or `,` separate UIDs).
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Match {
    /// Group and element, `0x00100010` for PatientName.
    pub tag: u32,
    /// The value.
    pub value: String,
}

/// The order of rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Order {
    /// Newest study first.
    #[default]
    NewestFirst,
    /// Oldest study first.
    OldestFirst,
    /// By patient name.
    PatientName,
}

/// The most rows in one page.
pub const PAGE_ROWS_MAX: u32 = 200;

/// Which rows are wanted.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ListRequest {
    /// The level.
    pub level: Level,
    /// All of these must match.
    pub matches: Vec<Match>,
    /// One search box: every word must match a name, an identifier, an accession number, a description, a modality or a date. Empty: all.
    pub words: String,
    /// Order of studies.
    pub order: Order,
    /// Rows to pass over.
    pub offset: u32,
    /// Rows wanted, at most [`PAGE_ROWS_MAX`]; more is answered with that many.
    pub limit: u32,
}

/// A page of rows. Exactly one of the vectors is filled, by level.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListReply {
    /// Patients.
    pub patients: Vec<PatientRow>,
    /// Studies.
    pub studies: Vec<StudyRow>,
    /// Series, each with its study.
    pub series: Vec<SeriesRow>,
    /// For [`Level::Instance`]: studies with their listing keys.
    pub listings: Vec<ReleasedStudy>,
    /// Whether more rows match behind this page.
    pub more: bool,
}

/// A patient as the registry shows it (after moves and corrections).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatientRow {
    /// Internal number.
    pub number: PatientNumber,
    /// Patient ID.
    pub id: String,
    /// Issuer of Patient ID.
    pub issuer: String,
    /// Patient's Name.
    pub name: String,
    /// Birth date, `YYYYMMDD` or empty.
    pub birth_date: String,
    /// Sex.
    pub sex: String,
    /// How many studies are filed here that the caller may list.
    pub studies: u32,
}

/// A study as the registry shows it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StudyRow {
    /// Internal number.
    pub number: StudyNumber,
    /// The patient it is filed under.
    pub patient: PatientRow,
    /// StudyInstanceUID.
    pub uid: Uid,
    /// Study date.
    pub date: String,
    /// Study time.
    pub time: String,
    /// Accession number.
    pub accession_number: String,
    /// Study ID.
    pub id: String,
    /// Study description.
    pub description: String,
    /// Referring physician's name.
    pub referring_physician: String,
    /// Modalities in study, sorted.
    pub modalities: Vec<String>,
    /// SOP classes in study, sorted.
    pub sop_classes: Vec<String>,
    /// Number of study related series.
    pub series: u32,
    /// Number of study related instances.
    pub instances: u32,
    /// Whether another study carries the same UID for another patient, or an instance has conflicting versions.
    pub conflict: bool,
    /// The study is cold: its holders have to agree before it opens.
    pub cold: bool,
}

/// A series as the registry shows it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeriesRow {
    /// Its study.
    pub study: StudyRow,
    /// SeriesInstanceUID.
    pub uid: Uid,
    /// Modality.
    pub modality: String,
    /// Series number.
    pub series_number: String,
    /// Series description.
    pub description: String,
    /// Body part examined.
    pub body_part: String,
    /// Performed procedure step start date, or series date.
    pub date: String,
    /// Performed procedure step start time, or series time.
    pub time: String,
    /// Number of series related instances.
    pub instances: u32,
}

// what is asked for and what is answered says who somebody is: debug output shows numbers and tags only

impl std::fmt::Debug for Match {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Match({:08X}, ..)", self.tag)
    }
}

impl std::fmt::Debug for ListRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("ListRequest");
        shown.field("level", &self.level).field("matches", &self.matches).field("order", &self.order);
        shown.field("offset", &self.offset).field("limit", &self.limit).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for PatientRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PatientRow({}, ..)", self.number)
    }
}

impl std::fmt::Debug for StudyRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "StudyRow({} of patient {}, ..)", self.number, self.patient.number)
    }
}

impl std::fmt::Debug for SeriesRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SeriesRow(of study {}, ..)", self.study.number)
    }
}

/// Which study is wanted, and what of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OpenRequest {
    /// StudyInstanceUID.
    pub study: Uid,
    /// Images, or the listing only.
    pub scope: Scope,
}

/// What of a study is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Scope {
    /// Data keys and listing keys.
    Images,
    /// Listing keys only.
    Listing,
    /// As [`Self::Images`], to take the study along as files: each time an entry of its own.
    Download,
}

/// Released studies: usually one; two patients' studies may carry one UID, and only those in reach are here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenReply {
    /// The studies.
    pub studies: Vec<ReleasedStudy>,
}

/// The keys of one study, for the length of a lease.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleasedStudy {
    /// The row: patient attributes here override what the stored data set says (a move is an overlay).
    pub row: StudyRow,
    /// Whether the row's patient differs from what the data sets say.
    pub moved: bool,
    /// Its keys.
    pub keys: Vec<ReleasedKey>,
    /// When they must be forgotten.
    pub lease_until: Instant,
}

impl std::fmt::Debug for ReleasedStudy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ReleasedStudy").field("study", &self.row.number).finish_non_exhaustive()
    }
}

/// One batch's keys.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleasedKey {
    /// Which.
    pub key: KeyId,
    /// Opens pixels; absent when only the listing was released.
    pub data_key: Option<[u8; 32]>,
    /// Opens rows and metadata.
    pub listing_key: [u8; 32],
}

/// Wiped on both sides once it was said or taken up.
impl Drop for ReleasedKey {
    fn drop(&mut self) {
        self.data_key.zeroize();
        self.listing_key.zeroize();
    }
}

impl std::fmt::Debug for ReleasedKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ReleasedKey({}, ..)", self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{PageReply, PageRequest, PatientAttributes};

    #[test]
    fn debug_output_says_nobody_and_holds_no_secret() {
        const SECRET: &str = "Canary^Name";
        let secret = || SECRET.to_owned();
        let patient = PatientRow {
            number: PatientNumber(3),
            id: secret(),
            issuer: secret(),
            name: secret(),
            birth_date: secret(),
            sex: secret(),
            studies: 1,
        };
        let study = StudyRow {
            number: StudyNumber(4),
            patient: patient.clone(),
            uid: Uid::parse("1.2").expect("a UID"),
            date: secret(),
            time: secret(),
            accession_number: secret(),
            id: secret(),
            description: secret(),
            referring_physician: secret(),
            modalities: vec![],
            sop_classes: vec![],
            series: 0,
            instances: 0,
            conflict: false,
            cold: false,
        };
        let request = ListRequest {
            level: Level::Study,
            matches: vec![Match { tag: 0x0010_0010, value: secret() }],
            words: secret(),
            order: Order::NewestFirst,
            offset: 0,
            limit: 1,
        };
        let attributes = PatientAttributes { id: secret(), name: secret(), ..PatientAttributes::default() };
        let reply = ListReply { patients: vec![patient], studies: vec![study.clone()], ..ListReply::default() };
        let link = PageReply::EnrolmentLink {
            person: model::PersonId(1),
            token: secret(),
            qr_svg: secret(),
            until: Instant(0),
        };
        let asked =
            PageRequest::MoveStudy { study: Uid::parse("1.2").expect("a UID"), patient: secret(), reason: secret() };
        let hello = Hello {
            site: SiteId([1; 16]),
            site_name: String::new(),
            site_public_key: vec![],
            next_outbox_sequence: 1,
            outbox_chain: [0; 32],
            devices: SignedDevices { list: vec![], signature: vec![] },
            tls_key_pem: Some(SecretText::new(secret())),
            proof_nonces: vec![],
        };
        let released = ReleasedStudy { row: study, moved: false, keys: vec![], lease_until: Instant(0) };
        let shown = format!("{request:?} {attributes:?} {reply:?} {link:?} {asked:?} {hello:?} {released:?}");
        assert!(!shown.contains("Canary"), "{shown}");
        assert!(shown.contains("00100010") && shown.contains("PatientRow(3, ..)"), "{shown}");
    }
}
