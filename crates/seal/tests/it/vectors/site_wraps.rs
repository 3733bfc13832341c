//! Vectors of batch keys wrapped to a site's public key.

use model::{KeyId, SiteId};
use seal::{BatchKeys, EpochKey, RootSecret, SealKey, UnwrapError};

use super::file::{Outcome, Piece, Vector, text};
use super::{Files, sha256};
use crate::rng;

/// What the reader holds and asks for.
#[derive(Clone, Copy)]
pub(super) struct Asked {
    pub(super) what: &'static str,
    pub(super) secret: [u8; 32],
    pub(super) site: [u8; 16],
    pub(super) key_id: [u8; 16],
}

impl Asked {
    pub(super) fn refuse(&self, files: &mut Files, name: &str, reason: &str, about: &str, bytes: &[u8]) {
        let fields = self.fields(about, ("refused-as", reason.to_owned()));
        let name = format!("refused/{}-{name}.txt", self.what.replace(' ', "-"));
        files.insert(name, text(&fields, &[Piece::Hex(bytes.to_vec())]));
    }

    pub(super) fn accept(&self, files: &mut Files, name: &str, keys: &BatchKeys, bytes: &[u8]) {
        let joined = [*keys.data.expose(), *keys.listing.expose()].concat();
        let end = ("plaintext-sha256", hex::encode(sha256(&joined)));
        let fields = self.fields("data key and listing key, in this order", end);
        let name = format!("accepted/{}-{name}.txt", self.what.replace(' ', "-"));
        files.insert(name, text(&fields, &[Piece::Hex(bytes.to_vec())]));
    }

    fn fields(&self, about: &str, end: (&'static str, String)) -> Vec<(&'static str, String)> {
        vec![
            ("about", about.to_owned()),
            ("what", self.what.to_owned()),
            ("secret", hex::encode(self.secret)),
            ("site", hex::encode(self.site)),
            ("key-id", hex::encode(self.key_id)),
            end,
        ]
    }
}

pub(super) fn keys() -> BatchKeys {
    BatchKeys {
        key: KeyId([0x22; 16]),
        data: SealKey::from_bytes(&[0xd1; 32]),
        listing: SealKey::from_bytes(&[0x71; 32]),
    }
}

/// The outcome of an unwrapping.
pub(super) fn unwrapped(result: Result<BatchKeys, UnwrapError>) -> Outcome {
    match result {
        Ok(keys) => Outcome::Opened([*keys.data.expose(), *keys.listing.expose()].concat()),
        Err(UnwrapError::NotAWrap { .. }) => Outcome::Refused("not a wrap".to_owned()),
        Err(UnwrapError::Version { found }) => Outcome::Refused(format!("version {found}")),
        Err(UnwrapError::DoesNotFit { .. }) => Outcome::Refused("does not fit".to_owned()),
    }
}

pub(super) fn outcome(vector: &Vector) -> Outcome {
    let root = RootSecret::from_bytes(&vector.bytes_of("secret"));
    let (site, key) = (SiteId(vector.bytes_of("site")), KeyId(vector.bytes_of("key-id")));
    unwrapped(root.site_secret_key().unwrap(site, key, &vector.bytes))
}

pub(super) fn generate(files: &mut Files) {
    let asked = Asked { what: "site wrap", secret: [0x66; 32], site: [0x11; 16], key_id: [0x22; 16] };
    let public = RootSecret::from_bytes(&asked.secret).site_secret_key().public();
    let wrapped = keys().wrap(&public, SiteId(asked.site), &mut rng(11)).into_bytes();
    asked.accept(files, "sound", &keys(), &wrapped);
    let places = [
        ("magic", 0, "not a wrap"),
        ("ml-kem-ciphertext-first", 5, "does not fit"),
        ("ml-kem-ciphertext-last", 5 + 1087, "does not fit"),
        ("x25519-share-first", 5 + 1088, "does not fit"),
        ("keys-first", 5 + 1120, "does not fit"),
        ("keys-last", 5 + 1120 + 63, "does not fit"),
        ("tag", 5 + 1120 + 64, "does not fit"),
    ];
    damage(files, &asked, &wrapped, &places);
    let epoch = EpochKey::from_bytes(&asked.secret).wrap(&keys(), SiteId(asked.site), &mut rng(12));
    asked.refuse(files, "of-an-epoch", "not a wrap", "a wrap under an epoch key", &epoch);
    let mut zero_share = wrapped.clone();
    zero_share[5 + 1088..5 + 1120].fill(0);
    asked.refuse(files, "x25519-share-of-zeros", "does not fit", "the X25519 share is the point zero", &zero_share);
}

/// What is common to both kinds of wrap: flipped bits, lengths, versions, and other things asked for.
pub(super) fn damage(files: &mut Files, asked: &Asked, wrapped: &[u8], places: &[(&str, usize, &str)]) {
    for (field, at, reason) in places {
        let mut changed = wrapped.to_vec();
        changed[*at] ^= 1;
        let about = format!("bit 0 of byte {at} is flipped");
        asked.refuse(files, &format!("flipped-bit-in-{field}"), reason, &about, &changed);
    }
    for (name, version) in [("version-zero", 0), ("version-from-the-future", 2)] {
        let mut changed = wrapped.to_vec();
        changed[4] = version;
        asked.refuse(files, name, &format!("version {version}"), "the version byte is another one", &changed);
    }
    asked.refuse(files, "empty", "not a wrap", "nothing", &[]);
    asked.refuse(files, "cut-behind-version", "not a wrap", "cut to 5 bytes", &wrapped[..5]);
    asked.refuse(files, "last-byte-missing", "not a wrap", "one byte too few", &wrapped[..wrapped.len() - 1]);
    asked.refuse(files, "one-byte-appended", "not a wrap", "one byte too many", &[wrapped, &[0]].concat());
    let others = [
        ("wrong-secret", Asked { secret: [0x67; 32], ..*asked }),
        ("wrong-site", Asked { site: [0x12; 16], ..*asked }),
        ("wrong-key-id", Asked { key_id: [0x23; 16], ..*asked }),
    ];
    for (name, other) in others {
        other.refuse(files, name, "does not fit", "a sound wrap, asked for as another one", wrapped);
    }
}
