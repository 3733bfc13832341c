//! People, organisations, devices, and how somebody proves who they are.
//!
//! [`People`] holds everything in the warden's memory. It does no I/O and reads no clock: `now` and randomness are
//! arguments, [`People::take_dirty`] gives the records that the warden seals and writes, [`People::load`] takes them
//! back. Every change returns [`Changed`]: its value together with the ledger entries that must be durable before
//! anybody is told. When they cannot be recorded, [`People::revert`] puts everything back.
//!
//! Trust and loss: who reads the records reads one-time-code secrets and names, so the warden seals them; bearer
//! tokens, session tokens, enrolment links and recovery codes are there as SHA-256 only, passwords as Argon2id.
//! Losing them costs every sign-in (people are enrolled anew), no image. `docs/identity.md` says it for operators.
//!
//! Slow work happens outside every lock: [`People::begin_password`] gives an owned [`PasswordCheck`], whose `verify`
//! runs anywhere, and [`People::finish_password`] takes the [`Verified`] that comes out of it. Setting a password
//! goes the same way by [`PasswordSetting`] and [`HashedPassword`].
//!
//! WebAuthn Level 3 (discoverable credentials, user verification required), RFC 6238, RFC 9106, NIST SP 800-63B-4.

mod accounts;
mod census;
mod ceremony;
mod device;
mod directory;
mod enrolment;
mod fresh;
mod leaked;
mod limits;
mod link;
mod one_time_code;
mod passkey;
mod password;
mod password_enrolment;
mod password_hash;
mod password_sign_in;
mod people;
mod record;
mod recorded;
mod removal;
mod rules;
mod secret;
mod session;
mod settings;
mod throttle;
mod token;

pub use rand_core::CryptoRng;

pub use accounts::AccountError;
pub use census::{CensusError, StaffList, decode};
pub use device::{AddedDevice, Device, NewDevice};
pub use directory::{DirectoryError, NewPerson, Organisation, Person};
pub use enrolment::{EnrolmentError, EnrolmentLink};
pub use fresh::{FreshChallenge, FreshError, Touch};
pub use leaked::{FoundPassword, StoredPassword};
pub use limits::*;
pub use link::{LinkDoor, LinkSecretHash, LinkSession, LinkSessions, NewLink, NotALink};
pub use one_time_code::code_at;
pub use passkey::PasskeyCeremony;
pub use password::{estimate, reasons};
pub use password_enrolment::{CodeSecret, HashedPassword, PasswordSetting, RecoveryCodes, qr_svg};
pub use password_hash::PasswordCost;
pub use password_sign_in::{PasswordCheck, Verified};
pub use people::{Changed, LoadError, People};
pub use record::IdentityRecord;
pub use recorded::Recorded;
pub use removal::RemovalError;
pub use rules::RuleError;
pub use session::{SessionInfo, SignInError, SignInReason, SignedIn, SignedOut};
pub use settings::{Settings, SettingsError};
pub use token::{RotatedToken, TOKEN_OVERLAP_SECONDS, TOKEN_SECONDS, TOKEN_SECONDS_MAX};
