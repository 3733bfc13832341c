//! Changes of the unseal methods and the escrow drill, over the owner's socket. The root itself never travels: whoever changes
//! its envelope has it unsealed and signs, the warden holds the public half of that key only.

use model::Instant;
use serde::{Deserialize, Serialize};

/// What the owner's command line asks about unseal methods.
#[derive(Clone, Serialize, Deserialize)]
pub enum UnsealRequest {
    /// The methods with what the ledger knows of them.
    Methods,
    /// Replace the envelope by one that has methods more or less.
    Change(Box<UnsealChange>),
    /// What the holders' shares have to sign in a drill that begins now.
    DrillChallenge,
    /// What they signed.
    Drill {
        /// The challenge.
        challenge: [u8; 32],
        /// Number of the share and its signature, in the order of numbers.
        signatures: Vec<(u8, Vec<u8>)>,
    },
    /// Since when there is the root that there is.
    Root,
    /// May another root take the place of this one?
    NewRoot(Box<NewRootAsked>),
}

/// Another root is to take the place of the one that is there.
#[derive(Clone, Serialize, Deserialize)]
pub struct NewRootAsked {
    /// SHA-256 of the `root.json` that is there.
    pub based_on: [u8; 32],
    /// Ids of the methods that shall unseal it no more, ascending. All others stay.
    pub removed: Vec<String>,
    /// Whether it may leave only methods that are lost with one machine.
    pub leave_only_machines: bool,
    /// By the key that derives from the root that is there, over [`NewRootAsked::message`].
    pub signature: Vec<u8>,
}

impl NewRootAsked {
    /// What is signed.
    #[must_use]
    pub fn message(&self) -> Vec<u8> {
        let signed = (&self.based_on, &self.removed, self.leave_only_machines);
        let mut message = b"leadglass new root v1\n".to_vec();
        message.extend(serde_json::to_vec(&signed).expect("strings and numbers are JSON"));
        message
    }
}

/// A new envelope.
#[derive(Clone, Serialize, Deserialize)]
pub struct UnsealChange {
    /// The file's new content.
    pub envelope: String,
    /// SHA-256 of the content that it was made from: a change in between makes it void.
    pub based_on: [u8; 32],
    /// Names of the holders, for a share set that is new in it.
    pub holders: Vec<String>,
    /// Whether it may leave only methods that are lost with one machine.
    pub leave_only_machines: bool,
    /// By the key that derives from the root, over [`UnsealChange::message`].
    pub signature: Vec<u8>,
}

impl UnsealChange {
    /// What is signed.
    #[must_use]
    pub fn message(&self) -> Vec<u8> {
        let signed = (&self.envelope, &self.based_on, &self.holders, self.leave_only_machines);
        let mut message = b"leadglass unseal change v1\n".to_vec();
        message.extend(serde_json::to_vec(&signed).expect("strings and numbers are JSON"));
        message
    }
}

/// What the shares sign in a drill.
#[must_use]
pub fn drill_message(set: &str, challenge: &[u8; 32]) -> Vec<u8> {
    let mut message = format!("leadglass escrow drill v1\n{set}\n").into_bytes();
    message.extend(challenge);
    message
}

/// The answer.
#[derive(Clone, Serialize, Deserialize)]
pub enum UnsealReply {
    /// The methods.
    Methods(Vec<UnsealMethodRow>),
    /// The change is recorded and on disk.
    Changed {
        /// The methods that are in force now.
        methods: u32,
    },
    /// The challenge of a drill.
    DrillChallenge([u8; 32]),
    /// The drill is recorded.
    Drilled {
        /// Names of the holders whose shares were proven.
        proven: Vec<String>,
        /// How many open.
        threshold: u8,
    },
    /// The root that there is.
    Root(RootRow),
    /// It may, once and soon. It is done while leadglass is stopped.
    NewRootAllowed,
}

/// The root, without anything of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootRow {
    /// Which root of the site it is: the first came with the site.
    pub number: u32,
    /// Since when; nobody knows in a ledger whose beginning is another.
    pub since: Option<Instant>,
    /// When a method was removed last since then: copies of root.json from before it still open.
    pub left_open: Option<Instant>,
    /// Whether the key is kept that the front sealed to before: until the front hands over something sealed to the one of now.
    pub former_kept: bool,
}

/// One method in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnsealMethodRow {
    /// Its id.
    pub id: String,
    /// `passphrase`, `recovery-kit`, `shares`, `age` or `command`.
    pub means: String,
    /// What somebody called it.
    pub label: Option<String>,
    /// Where what opens it is kept, for `age` and `command`.
    pub keeper: Option<String>,
    /// The share set.
    pub set: Option<String>,
    /// How many shares open.
    pub threshold: Option<u8>,
    /// Names of the holders, in the order of their shares.
    pub holders: Vec<String>,
    /// Since when, as the ledger has it; those that came with the site have no entry of their own.
    pub added: Option<Instant>,
    /// When shares were last proven, and whose.
    pub drilled: Option<(Instant, Vec<u8>)>,
    /// Whether the ledger says that it was removed: the file is older than the ledger.
    pub removed_in_ledger: bool,
}
