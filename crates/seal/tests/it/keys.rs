//! Wraps, derived secrets and signatures.

use model::{KeyId, SiteId};
use seal::{
    BatchKeys, EpochKey, InvalidSignature, InvalidSiteKey, RootSecret, SitePublicKey, SystemRandom, UnwrapError,
    WrappedBatchKeys,
};

use crate::{SITE, rng};

#[test]
fn batch_keys_come_back_from_a_wrap_to_the_site() {
    let site_key = RootSecret::generate(&mut rng(1)).site_secret_key();
    let public = SitePublicKey::from_bytes(&site_key.public().to_bytes()).unwrap();
    let keys = BatchKeys::generate(&mut rng(2));
    let wrapped = keys.wrap(&public, SITE, &mut SystemRandom);
    assert_eq!(wrapped.as_bytes().len(), WrappedBatchKeys::BYTES);
    assert!(site_key.unwrap(SITE, keys.key, wrapped.as_bytes()) == Ok(keys));
}

#[test]
fn a_wrap_to_the_site_opens_as_nothing_else() {
    let site_key = RootSecret::generate(&mut rng(1)).site_secret_key();
    let other_key = RootSecret::generate(&mut rng(9)).site_secret_key();
    let keys = BatchKeys::generate(&mut rng(2));
    let wrapped = keys.wrap(&site_key.public(), SITE, &mut rng(3)).into_bytes();
    let does_not_fit = |key| Err(UnwrapError::DoesNotFit { key });
    assert_eq!(site_key.unwrap(SiteId([1; 16]), keys.key, &wrapped), does_not_fit(keys.key));
    assert_eq!(site_key.unwrap(SITE, KeyId([1; 16]), &wrapped), does_not_fit(KeyId([1; 16])));
    assert_eq!(other_key.unwrap(SITE, keys.key, &wrapped), does_not_fit(keys.key));
    for at in (0..wrapped.len()).step_by(7).chain([0, 4, 5, wrapped.len() - 1]) {
        let mut changed = wrapped.clone();
        changed[at] ^= 0x80;
        site_key.unwrap(SITE, keys.key, &changed).unwrap_err();
    }
    for length in [0, 3, 4, 5, 100, wrapped.len() - 1] {
        assert_eq!(site_key.unwrap(SITE, keys.key, &wrapped[..length]), Err(UnwrapError::NotAWrap { bytes: length }));
    }
    let longer = [wrapped.as_slice(), &[0]].concat();
    assert_eq!(site_key.unwrap(SITE, keys.key, &longer), Err(UnwrapError::NotAWrap { bytes: longer.len() }));
}

#[test]
fn batch_keys_come_back_from_an_epoch() {
    let epoch = EpochKey::generate(&mut rng(1));
    let keys = BatchKeys::generate(&mut rng(2));
    let wrapped = epoch.wrap(&keys, SITE, &mut rng(3));
    assert_eq!(wrapped.len(), EpochKey::WRAP_BYTES);
    assert!(EpochKey::from_bytes(epoch.expose()).unwrap(SITE, keys.key, &wrapped) == Ok(keys.clone()));
    assert_ne!(wrapped, epoch.wrap(&keys, SITE, &mut rng(4)));
}

#[test]
fn an_epoch_wrap_opens_as_nothing_else() {
    let epoch = EpochKey::generate(&mut rng(1));
    let keys = BatchKeys::generate(&mut rng(2));
    let wrapped = epoch.wrap(&keys, SITE, &mut rng(3));
    EpochKey::generate(&mut rng(9)).unwrap(SITE, keys.key, &wrapped).unwrap_err();
    epoch.unwrap(SiteId([1; 16]), keys.key, &wrapped).unwrap_err();
    epoch.unwrap(SITE, KeyId([1; 16]), &wrapped).unwrap_err();
    for bit in 0..wrapped.len() * 8 {
        let mut changed = wrapped.clone();
        changed[bit / 8] ^= 1 << (bit % 8);
        epoch.unwrap(SITE, keys.key, &changed).unwrap_err();
    }
    for length in 0..wrapped.len() {
        epoch.unwrap(SITE, keys.key, &wrapped[..length]).unwrap_err();
    }
    epoch.unwrap(SITE, keys.key, &[wrapped.as_slice(), &[0]].concat()).unwrap_err();
}

#[test]
fn a_later_version_of_a_wrap_says_so() {
    let epoch = EpochKey::generate(&mut rng(1));
    let keys = BatchKeys::generate(&mut rng(2));
    let mut wrapped = epoch.wrap(&keys, SITE, &mut rng(3));
    wrapped[4] = 2;
    wrapped.push(0);
    assert_eq!(epoch.unwrap(SITE, keys.key, &wrapped), Err(UnwrapError::Version { found: 2 }));
}

#[test]
fn bytes_that_are_no_public_key_are_refused() {
    for bytes in [vec![], vec![0; 1215], vec![0; 1217], vec![0xff; 1216]] {
        assert_eq!(SitePublicKey::from_bytes(&bytes), Err(InvalidSiteKey), "{}", bytes.len());
    }
}

#[test]
fn every_label_and_every_root_derives_a_secret_of_its_own() {
    let (one, two) = (RootSecret::generate(&mut rng(1)), RootSecret::generate(&mut rng(2)));
    assert!(one.derive("a v1") == one.derive("a v1"));
    assert!(one.derive("a v1") != one.derive("a v2"));
    assert!(one.derive("a v1") != two.derive("a v1"));
    assert!(one.derive("").expose() != one.expose());
}

#[test]
fn a_signature_fits_its_message_and_its_key_alone() {
    let key = RootSecret::generate(&mut rng(1)).site_signing_key();
    let other = RootSecret::generate(&mut rng(2)).site_signing_key().verifying_key();
    let signature = key.sign(b"leadglass device list v1\n[]");
    let verifying = key.verifying_key();
    assert_eq!(verifying.verify(b"leadglass device list v1\n[]", &signature), Ok(()));
    assert_eq!(verifying.verify(b"leadglass device list v1\n[1]", &signature), Err(InvalidSignature));
    assert_eq!(other.verify(b"leadglass device list v1\n[]", &signature), Err(InvalidSignature));
    assert_eq!(verifying.verify(b"leadglass device list v1\n[]", &signature[..63]), Err(InvalidSignature));
    assert_eq!(verifying.verify(b"leadglass device list v1\n[]", &[]), Err(InvalidSignature));
    let mut changed = signature;
    changed[40] ^= 1;
    assert_eq!(verifying.verify(b"leadglass device list v1\n[]", &changed), Err(InvalidSignature));
}

#[test]
fn debug_output_shows_no_secret() {
    let root = RootSecret::from_bytes(&[0xab; 32]);
    let keys = BatchKeys::generate(&mut rng(2));
    let shown = format!(
        "{root:?} {:?} {keys:?} {:?} {:?} {:?}",
        root.derive("x"),
        root.site_secret_key(),
        root.site_signing_key(),
        EpochKey::from_bytes(&[0xab; 32])
    );
    for digits in ["abab", "171", "AB, AB"] {
        assert!(!shown.contains(digits) || keys.key.to_string().contains(digits), "{shown}");
    }
}
