//! Every limit of this crate, with its unit. Changing one changes `docs/identity.md`.

/// How long a session lives without being used, in seconds.
pub const SESSION_IDLE_SECONDS: i64 = 30 * 60;
/// How long a session lives at the most, in seconds.
pub const SESSION_ABSOLUTE_SECONDS: i64 = 12 * 60 * 60;
/// `last_used` of a session is written at most this often, in seconds; a crash sets it back by as much.
pub const SESSION_TOUCH_SECONDS: i64 = 60;
/// Sessions of one person; a further sign-in ends the oldest.
pub const SESSIONS_PER_PERSON_MAX: usize = 20;
/// What a browser calls itself is cut after this many characters.
pub const USER_AGENT_CHARACTERS_MAX: usize = 256;

/// Reauthentication at AAL2 without use, in seconds (SP 800-63B-4 section 2.2.3).
pub const AAL2_IDLE_SECONDS: i64 = 60 * 60;
/// Reauthentication at AAL2 at the latest, in seconds (SP 800-63B-4 section 2.2.3).
pub const AAL2_ABSOLUTE_SECONDS: i64 = 24 * 60 * 60;
/// Reauthentication at AAL3 without use, in seconds (SP 800-63B-4 section 2.3.3).
pub const AAL3_IDLE_SECONDS: i64 = 15 * 60;
/// Reauthentication at AAL3 at the latest, in seconds (SP 800-63B-4 section 2.3.3).
pub const AAL3_ABSOLUTE_SECONDS: i64 = 12 * 60 * 60;
/// For how long passwords are taken where nobody said how long, in seconds.
pub const PASSWORD_SUNSET_SECONDS: i64 = 180 * 24 * 60 * 60;
/// For how long a colleague's word counts that somebody lost their authenticators, in seconds.
pub const VOUCH_SECONDS: i64 = 60 * 60;
/// For how long colleagues get no link to an account that a delegate let join again, in seconds.
pub const REJOINED_SECONDS: i64 = 14 * 24 * 60 * 60;

/// How long an enrolment link works, in seconds.
pub const ENROLMENT_SECONDS: i64 = 7 * 24 * 60 * 60;
/// How long whoever signed in with a leaked password may take to choose another, in seconds.
pub const KNOWN_PASSWORD_LINK_SECONDS: i64 = 15 * 60;
/// How long a started passkey or one-time-code ceremony may take, in seconds.
pub const CEREMONY_SECONDS: i64 = 5 * 60;
/// Ceremonies under way at once.
pub const CEREMONIES_MAX: usize = 10_000;
/// Ceremonies under way at once from one network address.
pub const CEREMONIES_PER_ORIGIN_MAX: usize = 200;
/// Acts of one session that wait for a fresh touch at once.
pub const CEREMONIES_PER_SESSION_MAX: usize = 8;
/// A browser's WebAuthn answer, in bytes of JSON.
pub const CREDENTIAL_BYTES_MAX: usize = 64 * 1024;
/// Passkeys of one person.
pub const PASSKEYS_PER_PERSON_MAX: usize = 20;

/// The shortest password, in code points after NFKC (SP 800-63B-4 section 3.1.1.2: 8 where it is one of two factors).
pub const PASSWORD_CODE_POINTS_MIN: usize = 8;
/// The longest password, in code points after NFKC (SP 800-63B-4 section 3.1.1.2 asks for at least 64).
pub const PASSWORD_CODE_POINTS_MAX: usize = 128;
/// What is looked at at all, in bytes before NFKC.
pub const PASSWORD_BYTES_MAX: usize = 4096;
/// The easiest password that is accepted, in guesses as zxcvbn counts them. Eight random characters have 10^8.
pub const PASSWORD_GUESSES_MIN: u64 = 100_000_000;
/// What must be left of a password, in code points, when words of the context and keyboard walks are taken out.
pub const PASSWORD_REST_CODE_POINTS_MIN: usize = 5;
/// How many passwords should be hashed or verified at once; each takes [`PasswordCost`](crate::PasswordCost) memory.
pub const PASSWORD_CHECKS_AT_ONCE_MAX: usize = 2;

/// Digits of a one-time code.
pub const CODE_DIGITS: u8 = 6;
/// How long one step of a one-time code takes, in seconds (RFC 6238 section 5.2).
pub const CODE_STEP_SECONDS: u64 = 30;
/// How many steps a phone's clock may be off, each way (RFC 6238 section 5.2).
pub const CODE_SKEW_STEPS: u16 = 1;
/// The secret of one-time codes, in bytes (RFC 4226 section 4 recommends 160 bits).
pub const CODE_SECRET_BYTES: usize = 20;
/// Recovery codes that one person gets.
pub const RECOVERY_CODES: usize = 10;
/// One recovery code, in bytes of randomness.
pub const RECOVERY_CODE_BYTES: usize = 10;
/// What is looked at of a code that somebody types, in bytes.
pub const CODE_BYTES_MAX: usize = 64;

/// Wrong sign-ins of one account from one address before there is a delay.
pub const THROTTLE_PAIR_FREE: u32 = 5;
/// The longest delay of one account from one address, in seconds.
pub const THROTTLE_PAIR_SECONDS_MAX: i64 = 15 * 60;
/// Wrong sign-ins of one account from anywhere before there is a delay. Addresses known for the person are exempt.
pub const THROTTLE_ACCOUNT_FREE: u32 = 20;
/// The longest delay of one account from unknown addresses, in seconds.
pub const THROTTLE_ACCOUNT_SECONDS_MAX: i64 = 5 * 60;
/// Wrong sign-ins from one address over all accounts before there is a delay. Persons known there are exempt.
pub const THROTTLE_ORIGIN_FREE: u32 = 100;
/// The longest delay of one address, in seconds.
pub const THROTTLE_ORIGIN_SECONDS_MAX: i64 = 60;
/// After this long without a wrong sign-in, in seconds, the count starts anew.
pub const THROTTLE_FORGET_SECONDS: i64 = 6 * 60 * 60;
/// Counts that are kept at once; the oldest goes first.
pub const THROTTLE_COUNTS_MAX: usize = 50_000;

/// Digits of the code that is told beside a share link.
pub const LINK_CODE_DIGITS: usize = 8;
/// Wrong codes after which a share link opens nothing any more: one in ten million is guessed.
pub const LINK_TRIES_MAX: u32 = 10;
/// Wrong codes of a share link before there is a delay.
pub const LINK_TRIES_FREE: u32 = 3;
/// The first delay, in seconds; each further wrong code doubles it.
pub const LINK_WAIT_SECONDS: i64 = 5;
/// Browsers that may open a share link, unless its maker says less.
pub const LINK_BROWSERS_MAX: u8 = 3;
/// How long a share link lasts unless its maker says otherwise, in seconds.
pub const LINK_SECONDS: i64 = 7 * 24 * 60 * 60;
/// How long one for somebody in the same room lasts unless its maker says otherwise, in seconds.
pub const LINK_ROOM_SECONDS: i64 = 30 * 60;
/// The longest that one for somebody in the same room lasts, in seconds.
pub const LINK_ROOM_SECONDS_MAX: i64 = 4 * 60 * 60;
/// Share links of one person that run at once.
pub const LINKS_PER_PERSON_MAX: usize = 20;

/// For how long an address at which somebody signed in counts as known, in seconds.
pub const KNOWN_ORIGIN_SECONDS: i64 = 90 * 24 * 60 * 60;
/// Known addresses of one person.
pub const KNOWN_ORIGINS_MAX: usize = 20;

/// Names of people, organisations, devices and passkeys, in characters.
pub const NAME_CHARACTERS_MAX: usize = 128;
/// Professional identifiers of one person.
pub const PROFESSIONAL_IDS_MAX: usize = 16;
/// An e-mail address, in bytes (RFC 5321 section 4.5.3.1.3 less the angle brackets).
pub const EMAIL_BYTES_MAX: usize = 254;
/// CIDR blocks of one device.
pub const DEVICE_BLOCKS_MAX: usize = 32;
/// An AE title, in characters (PS3.5 section 6.2, AE).
pub const AE_TITLE_CHARACTERS_MAX: usize = 16;
