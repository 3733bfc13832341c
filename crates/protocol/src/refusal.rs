//! Why the warden says no.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why the warden says no. The portal, the command line and DIMSE each translate it once, at their edge. Each variant keeps its
/// place, so that a front of another version reads [`Refusal::Version`]; new ones go to the end.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
pub enum Refusal {
    /// No session, or it ended. HTTP 401.
    #[error("you are not signed in, or your session ended; sign in again")]
    SignedOut,
    /// Known, but not allowed, where that may be said. HTTP 403.
    #[error("you may not do this; a relationship or another role is needed")]
    NotAllowed,
    /// Not there, or not to be known by the caller. HTTP 404.
    #[error("there is nothing here that you may see")]
    NotFound,
    /// The study is cold: whoever may reach it may ask its holders for it. HTTP 409.
    #[error(
        "this study is cold, and its keys lie with holders elsewhere; ask for it with a reason, and open it once they have agreed"
    )]
    Cold,
    /// Sign-in failed. One sentence for every cause, so that it tells nothing.
    #[error("these do not fit together; check e-mail address, password and code, and try again")]
    SignInFailed,
    /// Too many attempts.
    #[error("too many attempts; wait {seconds} seconds and try again")]
    Throttled {
        /// How long to wait.
        seconds: u32,
    },
    /// Unusually many patients were read: a fresh proof that the person is there comes first. HTTP 403.
    #[error("unusually many patients were read here; confirm that it is you, then go on")]
    TouchNeeded,
    /// More patients were read than the budget has. HTTP 403.
    #[error(
        "reading further patients is stopped because unusually many were read; the data protection officer can lift it, and break-glass opens one patient in an emergency"
    )]
    OverBudget,
    /// The request itself is wrong. HTTP 400.
    #[error("{0}")]
    Invalid(Invalid),
    /// It exists already. HTTP 409.
    #[error("this exists already; choose another name or use the existing one")]
    Exists,
    /// The message version does not fit.
    #[error("the warden speaks protocol {theirs}; run front and warden from the same version of leadglass")]
    Version {
        /// The warden's version.
        theirs: u16,
    },
    /// Nothing can be recorded now, so nothing is released. HTTP 503.
    #[error("the ledger cannot record now, so nothing is released; the administrator sees why in the log")]
    CannotRecord,
    /// The ledger is not the one that its witnesses have seen. HTTP 503.
    #[error(
        "the ledger has {ours} entries and its witness has seen {theirs} that it does not continue, so nothing is released; images are still taken in. Restore the newest copy of DIR from the vault, or see `leadglass ledger accept-loss --help`"
    )]
    Behind {
        /// Entries of this ledger.
        ours: u64,
        /// Entries that a checkpoint of this site signs for.
        theirs: u64,
    },
    /// Entries that were answered are in the ledger's second folder only, which is not there. HTTP 503.
    #[error(
        "the last entries of the ledger are in its second folder only and that is not there, so nothing is released; images are still taken in. Mount its disk and start `leadglass serve` again, or see `leadglass ledger accept-loss --help`"
    )]
    SecondAway,
    /// The warden cannot be reached. HTTP 503 with Retry-After.
    #[error("reading waits for the warden; images are still being taken in, try again in a few seconds")]
    WardenAway,
    /// Something failed inside; the log has the rest. HTTP 500.
    #[error("something failed inside; the log of the warden says what")]
    Internal,
    /// The proof's nonce is not taken any more: sign again with the newest one. HTTP 401, `use_dpop_nonce`.
    #[error("the proof of this request is too old; sign it again with the nonce of DPoP-Nonce")]
    ProofNonce,
    /// The request carries no proof that holds. HTTP 401, `invalid_dpop_proof`.
    #[error("this request does not come from the browser or program that signed in; sign in again here")]
    Proof,
    /// The act wants the person to show anew that they are there. HTTP 403.
    #[error("this needs a fresh touch of your passkey, or your password with a new code; confirm it and try again")]
    FreshNeeded,
    /// Somebody else has this professional identifier. HTTP 409.
    #[error(
        "somebody else has this professional identifier; take it away from them first: the list of people shows who has it"
    )]
    ProfessionalIdTaken,
}

/// What is wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq, Error, Serialize, Deserialize)]
pub enum Invalid {
    /// A new password is refused; why.
    #[error("this password cannot be used: {0}")]
    Password(String),
    /// A one-time code does not fit.
    #[error("the code does not fit; check that the phone's clock is right and use the code of this moment")]
    Code,
    /// An enrolment link does not work.
    #[error("this link has been used or has expired; ask for a new one where you got it")]
    EnrolmentLink,
    /// The passkey's answer does not verify.
    #[error("the passkey did not verify; try again, or use another passkey")]
    Passkey,
    /// A name, an address or the like is out of shape.
    #[error("{field} is not usable: {expected} is expected")]
    Field {
        /// Which field.
        field: String,
        /// What is expected.
        expected: String,
    },
    /// Something that the request names does not exist (owner's and administrator's requests only).
    #[error("there is no {noun} of that name; list them with `leadglass {command}`")]
    Unknown {
        /// organisation, person, device, patient, study.
        noun: String,
        /// The command that lists them.
        command: String,
    },
    /// The content of an entry is not erased; why.
    #[error("this entry is not erased: {0}")]
    Kept(String),
    /// A share link opens nothing: it is not whole, or it ended.
    #[error("this link does not open anything; it has ended, or was not copied whole: ask who sent it for a new one")]
    ShareLink,
    /// The code of a share link does not fit.
    #[error(
        "the code does not fit; {left} more tries are left, then the link ends: ask who sent it to tell you the code again"
    )]
    LinkCode {
        /// How many wrong codes there may still be.
        left: u32,
    },
    /// As many browsers as may have opened a share link already.
    #[error("this link is open in as many browsers as it may be; use one of those, or ask who sent it for a new link")]
    LinkBrowsers,
    /// An outbox record does not continue the chain.
    #[error(
        "outbox record {sequence} does not continue the chain after {expected}; the front's outbox was changed or restored from an older copy"
    )]
    Chain {
        /// The record's number.
        sequence: u64,
        /// The number that the warden expects next.
        expected: u64,
    },
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::{PROTOCOL_VERSION, WardenRequest, WardenResponse};

    #[test]
    fn a_front_of_any_version_reads_that_the_wardens_is_another() {
        // `hello` is the first request and `Version` the eleventh refusal since version 1, which is all that both must know
        let asked = postcard::to_stdvec(&WardenRequest::Hello { version: 1 }).unwrap();
        assert_eq!(asked, [0, 1]);
        let refused = WardenResponse::Hello(Err(Refusal::Version { theirs: PROTOCOL_VERSION }));
        assert_eq!(postcard::to_stdvec(&refused).unwrap(), [0, 1, 10, PROTOCOL_VERSION as u8]);
        let said = Refusal::Version { theirs: 7 }.to_string();
        assert_eq!(said, "the warden speaks protocol 7; run front and warden from the same version of leadglass");
    }
}
