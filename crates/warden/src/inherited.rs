//! What a root keeps of the roots before it, sealed under it in warden.db: what cannot change with the root, and what still opens
//! something that was made before.
//!
//! Trust: who holds an earlier root can compute all of this, so nothing new is sealed under any of it. It can sign what passes for the
//! site's: the signing key stays, because witnesses, reports and device lists know it. Losing the record: the ledger does not open.

use audit::LedgerKeys;
use model::SiteId;
use seal::{RootSecret, SealKey, Secret32, SigningKey};
use zeroize::Zeroizing;

use crate::database::{Database, DatabaseError};
use crate::secrets::read_secret;

/// Its key in [`crate::database::Space::Secret`].
pub(crate) const RECORD: &[u8] = b"inherited";
const VERSION: u8 = 1;
/// The most roots that one site has.
pub(crate) const ROOTS_MAX: u32 = 100;

/// Secrets that do not follow from the root alone.
#[derive(Clone)]
pub(crate) struct Inherited {
    /// Which root of the site has it.
    pub(crate) root: u32,
    /// Signs checkpoints and device lists.
    signing: Secret32,
    /// The key of the line to fronts on other machines, whose pin they know.
    pub(crate) line: Secret32,
    /// Keys of instance digests before that of this root, oldest first; each is applied to what the one before gave.
    pub(crate) digests: Vec<Secret32>,
    /// Secrets of the ledger's payloads before that of this root, oldest first.
    payloads: Vec<Secret32>,
    /// Seeds of the keys that the front may still have sealed to.
    pub(crate) wrapping: Vec<Secret32>,
}

impl Inherited {
    /// Reads the record; the first root of a site has none, and all follows from it.
    pub(crate) fn of(root: &RootSecret, site: SiteId, database: &Database) -> Result<Self, DatabaseError> {
        let key = SealKey::from(root.derive("warden secrets v1"));
        let record = read_secret(&key, site, database, RECORD).map_err(|error| match error {
            DatabaseError::Damaged { .. } => DatabaseError::AnotherRoot,
            error => error,
        })?;
        match record {
            Some(bytes) => Self::from_bytes(&Zeroizing::new(bytes))
                .ok_or(DatabaseError::Damaged { what: "record of earlier roots" }),
            None => Ok(Self {
                root: 1,
                signing: root.derive("site signing key v1"),
                line: root.derive("line key v1"),
                digests: Vec::new(),
                payloads: Vec::new(),
                wrapping: Vec::new(),
            }),
        }
    }

    /// What the root that comes after `root` inherits from it.
    pub(crate) fn after(&self, root: &RootSecret) -> Self {
        let mut next = self.clone();
        next.root += 1;
        next.digests.push(root.derive("instance digests v1"));
        next.payloads.push(root.derive("ledger payload v1"));
        next.wrapping.push(root.derive("site wrapping key v1"));
        next
    }

    /// What the ledger is written and read with.
    pub(crate) fn ledger_keys(&self, root: &RootSecret) -> LedgerKeys {
        LedgerKeys::new(self.signing_key(), root.derive("ledger payload v1")).with_former(self.payloads.clone())
    }

    pub(crate) fn signing_key(&self) -> SigningKey {
        SigningKey::from_seed(&self.signing)
    }

    /// Version, number of the root, the seeds of signing key and line, then three lists, each behind its length.
    pub(crate) fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let lists = [&self.digests, &self.payloads, &self.wrapping];
        let secrets = lists.iter().map(|list| list.len()).sum::<usize>();
        let mut bytes = Zeroizing::new(Vec::with_capacity(1 + 4 + 64 + lists.len() + secrets * 32));
        bytes.push(VERSION);
        bytes.extend(self.root.to_be_bytes());
        bytes.extend(self.signing.expose());
        bytes.extend(self.line.expose());
        for list in lists {
            bytes.push(u8::try_from(list.len()).expect("a site has at most 100 roots"));
            list.iter().for_each(|secret| bytes.extend(secret.expose()));
        }
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (version, rest) = bytes.split_first()?;
        if *version != VERSION {
            return None;
        }
        let (root, mut rest) = rest.split_first_chunk::<4>()?;
        let mut secret = || {
            let (secret, behind) = rest.split_first_chunk::<32>()?;
            rest = behind;
            Some(Secret32::from_bytes(secret))
        };
        let (signing, line) = (secret()?, secret()?);
        let mut list = || {
            let (length, behind) = rest.split_first()?;
            rest = behind;
            (0..*length)
                .map(|_| {
                    let (secret, behind) = rest.split_first_chunk::<32>()?;
                    rest = behind;
                    Some(Secret32::from_bytes(secret))
                })
                .collect::<Option<Vec<_>>>()
        };
        let (digests, payloads, wrapping) = (list()?, list()?, list()?);
        let root = u32::from_be_bytes(*root);
        rest.is_empty().then_some(Self { root, signing, line, digests, payloads, wrapping })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn inherited() -> Inherited {
        let secret = |byte: u8| Secret32::from_bytes(&[byte; 32]);
        Inherited {
            root: 3,
            signing: secret(1),
            line: secret(2),
            digests: vec![secret(3), secret(4)],
            payloads: vec![secret(5), secret(6)],
            wrapping: vec![secret(7)],
        }
    }

    #[test]
    fn a_record_comes_back_and_no_other_bytes_are_one() {
        let bytes = inherited().to_bytes();
        let again = Inherited::from_bytes(&bytes).expect("reads");
        assert_eq!(*again.to_bytes(), *bytes);
        assert_eq!((again.root, again.digests.len(), again.wrapping.len()), (3, 2, 1));
        for cut in 0..bytes.len() {
            assert!(Inherited::from_bytes(&bytes[..cut]).is_none(), "cut at {cut}");
        }
        let longer = [bytes.as_slice(), &[0]].concat();
        assert!(Inherited::from_bytes(&longer).is_none(), "a byte more");
        let mut later = bytes.to_vec();
        later[0] = 2;
        assert!(Inherited::from_bytes(&later).is_none(), "a later version");
    }

    #[test]
    fn each_root_adds_what_the_one_before_made() {
        let (first, second) = (RootSecret::from_bytes(&[1; 32]), RootSecret::from_bytes(&[2; 32]));
        let third = inherited().after(&first).after(&second);
        assert_eq!(third.root, 5);
        assert_eq!(third.digests[2..], [first.derive("instance digests v1"), second.derive("instance digests v1")]);
        assert_eq!(third.payloads[2..], [first.derive("ledger payload v1"), second.derive("ledger payload v1")]);
        assert_eq!(third.wrapping[1..], [first.derive("site wrapping key v1"), second.derive("site wrapping key v1")]);
        assert_eq!(third.signing, inherited().signing, "witnesses know it");
        assert_eq!(third.line, inherited().line, "fronts know its pin");
    }
}
