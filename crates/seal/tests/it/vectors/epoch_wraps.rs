//! Vectors of batch keys wrapped under an epoch key.

use model::{KeyId, SiteId};
use seal::{EpochKey, RootSecret};

use super::Files;
use super::file::{Outcome, Vector};
use super::site_wraps::{Asked, damage, keys, unwrapped};
use crate::rng;

pub(super) fn outcome(vector: &Vector) -> Outcome {
    let epoch = EpochKey::from_bytes(&vector.bytes_of("secret"));
    unwrapped(epoch.unwrap(SiteId(vector.bytes_of("site")), KeyId(vector.bytes_of("key-id")), &vector.bytes))
}

pub(super) fn generate(files: &mut Files) {
    let asked = Asked { what: "epoch wrap", secret: [0x77; 32], site: [0x11; 16], key_id: [0x22; 16] };
    let wrapped = EpochKey::from_bytes(&asked.secret).wrap(&keys(), SiteId(asked.site), &mut rng(21));
    asked.accept(files, "sound", &keys(), &wrapped);
    let places = [
        ("magic", 0, "not a wrap"),
        ("salt-first", 5, "does not fit"),
        ("salt-last", 36, "does not fit"),
        ("keys-first", 37, "does not fit"),
        ("keys-last", 100, "does not fit"),
        ("tag", 101, "does not fit"),
    ];
    damage(files, &asked, &wrapped, &places);
    let public = RootSecret::from_bytes(&asked.secret).site_secret_key().public();
    let to_site = keys().wrap(&public, SiteId(asked.site), &mut rng(22));
    asked.refuse(files, "of-a-site", "not a wrap", "a wrap to a site's public key", to_site.as_bytes());
}
