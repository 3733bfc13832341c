//! Lists of leaked passwords, as entries name them.

use serde::{Deserialize, Serialize};

/// One list that passwords are held against.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeakList {
    /// Its name.
    pub name: String,
    /// `sha1` or `ntlm`.
    pub hash: String,
    /// How many hashes it has.
    pub hashes: u64,
    /// The checksum of its header, in hexadecimal digits: the same for the same list only.
    pub digest: String,
}
