//! Signing in, enrolling and signing out.

use dpop::Thumbprint;
use model::{Instant, PersonId, Role, SessionId};
use serde::{Deserialize, Serialize};

use crate::Proof;

/// One step of signing in or enrolling. WebAuthn structures travel as the JSON that the browser makes and takes.
#[derive(Clone, Serialize, Deserialize)]
pub enum SignInRequest {
    /// Start a discoverable passkey sign-in.
    PasskeyBegin {
        /// The browser's key: the challenge names it, and the session is bound to it.
        key: Thumbprint,
    },
    /// Finish it.
    PasskeyFinish {
        /// From [`SignInReply::Ceremony`].
        ceremony: String,
        /// `PublicKeyCredential` as JSON.
        credential: String,
        /// What the browser calls itself, shown in the list of sessions.
        user_agent: String,
    },
    /// Sign in with a password and a one-time code, or a recovery code in its place.
    Password {
        /// E-mail address.
        email: String,
        /// Password.
        password: String,
        /// Six digits, or a recovery code.
        code: String,
        /// What the browser calls itself.
        user_agent: String,
        /// Shows that the browser holds the key that the session will be bound to.
        proof: Box<Proof>,
    },
    /// What an enrolment link is for.
    EnrolmentLook {
        /// The token in the link.
        token: String,
    },
    /// Start binding a passkey.
    EnrolPasskeyBegin {
        /// The token in the link.
        token: String,
        /// The browser's key: the challenge names it.
        key: Thumbprint,
    },
    /// Finish binding a passkey. The link is used up.
    EnrolPasskeyFinish {
        /// The token in the link.
        token: String,
        /// From [`SignInReply::Ceremony`].
        ceremony: String,
        /// `PublicKeyCredential` as JSON.
        credential: String,
        /// What the person calls this passkey.
        label: String,
    },
    /// Set a password, where the organisation allows it; answers with the one-time-code secret to confirm.
    EnrolPasswordBegin {
        /// The token in the link.
        token: String,
        /// The new password.
        password: String,
    },
    /// Confirm with a code of the moment. The link is used up; recovery codes are shown once.
    EnrolPasswordFinish {
        /// The token in the link.
        token: String,
        /// From [`SignInReply::OneTimeCodeSecret`].
        ceremony: String,
        /// Six digits.
        code: String,
    },
    /// How strong a password would be. Nothing is kept.
    PasswordEstimate {
        /// The token of an enrolment link.
        token: String,
        /// The password.
        password: String,
    },
    /// Open a share link with its secret and its code.
    OpenLink {
        /// From the link's fragment.
        secret: String,
        /// What was told beside it.
        code: String,
        /// Shows that the browser holds the key that the session will be bound to.
        proof: Box<Proof>,
    },
    /// End this session.
    SignOut {
        /// The session's token.
        token: String,
        /// Shows that it is the session's browser that ends it.
        proof: Box<Proof>,
    },
}

impl std::fmt::Debug for SignInRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SignInRequest(..)")
    }
}

/// The answer to one step.
#[derive(Clone, Serialize, Deserialize)]
pub enum SignInReply {
    /// What the browser's `navigator.credentials` call takes, as JSON.
    Ceremony {
        /// Names this ceremony in the next step.
        ceremony: String,
        /// `PublicKeyCredentialCreationOptions` or `...RequestOptions` wrapped in `publicKey`, as JSON.
        options: String,
        /// The challenge is SHA-256 of these 32 bytes and the thumbprint of the browser's key; the page computes it too.
        nonce: String,
    },
    /// Signed in.
    SignedIn {
        /// The token for the cookie.
        token: String,
        /// Who and until when.
        me: Me,
    },
    /// Password and code are right and the password is known from a leak: there is no session before another one is chosen.
    ChooseAnother {
        /// The token of an enrolment link for that, for some minutes.
        token: String,
        /// Until when it works.
        until: Instant,
    },
    /// A share link is open.
    LinkOpened {
        /// The token for the cookie.
        token: String,
        /// What it shows.
        shown: Box<crate::SharedStudy>,
    },
    /// Whom an enrolment link is for.
    Enrolment(EnrolmentFor),
    /// The secret for an authenticator app.
    OneTimeCodeSecret {
        /// Names this ceremony in the next step.
        ceremony: String,
        /// `otpauth://` URI (shown as QR); this and the next are empty where the secret that there is stays.
        uri: String,
        /// The URI as an SVG QR code.
        qr_svg: String,
        /// The secret in Base32, to type.
        secret: String,
    },
    /// Enrolled. Recovery codes are shown once, when a password was set.
    Enrolled {
        /// Recovery codes.
        recovery_codes: Vec<String>,
    },
    /// How strong a password would be.
    Estimate(PasswordEstimate),
    /// Done.
    Done,
}

impl std::fmt::Debug for SignInReply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SignInReply(..)")
    }
}

/// Whom an enrolment link is for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct EnrolmentFor {
    /// Name.
    pub name: String,
    /// E-mail address.
    pub email: String,
    /// Role.
    pub role: Role,
    /// Whether a password and code may be set.
    pub password_allowed: bool,
    /// Until when the link works.
    pub until: Instant,
    /// Until when a password would sign in.
    pub password_until: Option<Instant>,
    /// Whether the passkey has to stay on one device.
    pub device_bound: bool,
    /// Whether the authenticator has to show who made it.
    pub attested: bool,
    /// Whether this link replaces what the person had: it was lost.
    pub replaces: bool,
    /// Whether this link sets another password and nothing else; a code of the app that there is confirms it.
    pub only_password: bool,
}

/// How strong a password would be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordEstimate {
    /// Whether it would be accepted.
    pub accepted: bool,
    /// 0 (guessed at once) to 4 (very hard to guess).
    pub score: u8,
    /// Fixed words for why: `too-short`, `too-long`, `common`, `context`, `guessable`, `leaked`, `fine`, and zxcvbn's hints.
    pub reasons: Vec<String>,
}

/// Who is signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Me {
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
    /// This session.
    pub session: SessionId,
    /// When it ends if nothing is done.
    pub idle_until: Instant,
    /// When it ends at the latest.
    pub absolute_until: Instant,
    /// How many recovery codes are left.
    pub recovery_codes_left: u32,
    /// Name of the site.
    pub site: String,
    /// Organisations to which they may add colleagues, by name.
    pub delegate_of: Vec<String>,
    /// When the account ends by itself.
    pub account_until: Option<Instant>,
    /// Until when their password signs in, for somebody who has one.
    pub password_until: Option<Instant>,
}
