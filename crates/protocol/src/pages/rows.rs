//! The rows of lists: sessions, people, organisations, devices, entries, accesses.

use model::{
    AuthenticatorRule, Authorisation, DeviceId, DeviceMay, Entry, EntryNumber, Instant, LinkId, OrganisationId, Origin,
    PersonId, ProfessionalId, Role, SessionId, SignInMethod, Uid,
};
use serde::{Deserialize, Serialize};

use crate::TokenBinding;

/// One session in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRow {
    /// Which.
    pub session: SessionId,
    /// Whose.
    pub person: PersonId,
    /// Since when.
    pub since: Instant,
    /// Last use.
    pub last_used: Instant,
    /// From where.
    pub origin: Origin,
    /// What the browser calls itself.
    pub user_agent: String,
    /// How.
    pub method: SignInMethod,
    /// Whether it is the caller's.
    pub current: bool,
}

/// One person in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonRow {
    /// Number.
    pub person: PersonId,
    /// Name.
    pub name: String,
    /// E-mail address.
    pub email: String,
    /// Role.
    pub role: Role,
    /// Organisations by name.
    pub organisations: Vec<String>,
    /// Passkeys bound.
    pub passkeys: u32,
    /// Whether a password is set.
    pub password: bool,
    /// Last sign-in.
    pub last_sign_in: Option<Instant>,
    /// When the account was closed.
    pub closed: Option<Instant>,
    /// Since when it is locked, because its password was found in a dump.
    pub locked: Option<Instant>,
    /// What a chamber, an authority or a payer calls them, as a delegate stated for the census. Orders do not go by it.
    pub professional_id: Option<ProfessionalId>,
    /// What orders name them by.
    pub professional_ids: Vec<ProfessionalId>,
    /// When the account ends, or ended, by itself.
    pub until: Option<Instant>,
    /// Organisations to which they may add colleagues, by name.
    pub delegate_of: Vec<String>,
}

/// One organisation in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrganisationRow {
    /// Number.
    pub organisation: OrganisationId,
    /// Name.
    pub name: String,
    /// Which authenticators it accepts.
    pub authorisation: Authorisation,
    /// Members.
    pub members: u32,
    /// Which authenticators it takes, in full.
    pub rule: AuthenticatorRule,
    /// Members whose authenticators all fail the rule: they cannot sign in before they enrol anew.
    pub shut_out: u32,
}

/// One device in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceRow {
    /// Number.
    pub device: DeviceId,
    /// Name.
    pub name: String,
    /// Organisation's name.
    pub organisation: String,
    /// AE title.
    pub ae_title: Option<String>,
    /// Addresses.
    pub from: Vec<String>,
    /// What it may do.
    pub may: Vec<DeviceMay>,
    /// Whether it has a bearer token.
    pub token: bool,
    /// What the token is bound to.
    pub bound: Option<TokenBinding>,
    /// When the token ends; a token without it is from before they ended.
    pub token_until: Option<Instant>,
    /// Until when the token before works as well.
    pub former_until: Option<Instant>,
    /// When the token was last used for reading, by the hour.
    pub token_used: Option<Instant>,
}

/// Everything that acts here without signing in anew: sessions of people and tokens of devices, in one list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedInRows {
    /// Sessions, newest first.
    pub people: Vec<PersonSessionRow>,
    /// Devices with a token, by number.
    pub devices: Vec<DeviceRow>,
}

/// A session with whose it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonSessionRow {
    /// The session.
    pub session: SessionRow,
    /// Name.
    pub name: String,
    /// E-mail address.
    pub email: String,
}

/// One entry with its number and the names behind its numbers, for the officer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NumberedEntry {
    /// Number.
    pub number: EntryNumber,
    /// The entry as JSON (`model::Entry`), exactly as it was recorded.
    pub entry: String,
    /// Who did it, in words ("Dr. A. Example", "device CT1", "owner").
    pub actor_name: String,
}

impl NumberedEntry {
    /// The entry, parsed.
    pub fn parse(&self) -> Result<Entry, serde_json::Error> {
        serde_json::from_str(&self.entry)
    }
}

/// One line of 'who looked at my images'.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessRow {
    /// The entry.
    pub entry: EntryNumber,
    /// When.
    pub at: Instant,
    /// Name of the person or device.
    pub who: String,
    /// Role, for a person.
    pub role: Option<Role>,
    /// Organisations by name.
    pub organisations: Vec<String>,
    /// Why they may: the relationship's basis.
    pub basis: String,
    /// Whether images were opened, or only listed.
    pub opened: bool,
    /// Whether a study was filed under another patient: nobody looked.
    pub moved: bool,
    /// Whether it is a device.
    pub device: bool,
    /// How often: lists of one reader on one day are one line, which names the newest.
    pub times: u32,
    /// Which studies: description and date, in the patient's own list.
    pub studies: Vec<Uid>,
    /// These studies were brought back from the cold; `who` asked for it then.
    pub warmed: bool,
    /// The holder who alone brought them back, as for an emergency.
    pub warmed_by: Option<String>,
    /// The line is about sharing: somebody came by a share link, or a study was shared.
    pub sharing: Option<Sharing>,
}

/// What a line of 'who looked' says of sharing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sharing {
    /// What.
    pub kind: SharingKind,
    /// The link, where it is about one.
    pub link: Option<LinkId>,
    /// Who made the link, by name, where somebody came by it.
    pub maker: Option<String>,
    /// Who was asked for a second opinion, by name.
    pub colleague: Option<String>,
    /// For whom the link is, in its maker's words.
    pub note: String,
    /// Until when the link works or the colleague reaches the study, unless it is ended.
    pub until: Option<Instant>,
    /// Whether the study was taken along as files.
    pub download: bool,
}

/// What of sharing a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SharingKind {
    /// Somebody unknown looked, who had the link that a person made.
    ByLink,
    /// `who` made a link.
    LinkMade,
    /// `who` asked a colleague for a second opinion.
    OpinionAsked,
    /// `who` took the study along as files.
    Download,
}

impl Sharing {
    /// Nothing but the kind.
    #[must_use]
    pub fn of(kind: SharingKind) -> Self {
        Self { kind, link: None, maker: None, colleague: None, note: String::new(), until: None, download: false }
    }
}

/// Who looked at a patient's images.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accesses {
    /// The newest first. Every opening, emergency and move stands here; of lists the newest.
    pub rows: Vec<AccessRow>,
    /// Whether older lists were left out.
    pub truncated: bool,
}
