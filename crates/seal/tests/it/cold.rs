//! Boxes of cold studies: who opens one, and above all who does not.

use model::{KeyId, SiteId};
use seal::{
    BatchKeys, ColdBox, ColdError, ColdLock, CombineError, EpochKey, HolderPublicKey, HolderSecret, Holders,
    InvalidHolderKey, Secret32, Share, combine,
};

use crate::{SITE, rng};

struct Scene {
    sharing: Vec<HolderSecret>,
    alone: HolderSecret,
    keys: Vec<BatchKeys>,
    lock: ColdLock,
    sealed: ColdBox,
}

fn closed(threshold: u8, count: usize) -> Scene {
    let mut rng = rng(7);
    let sharing: Vec<_> = (0..count).map(|_| HolderSecret::generate(&mut rng)).collect();
    let alone = HolderSecret::generate(&mut rng);
    let keys: Vec<_> = (0..3).map(|_| BatchKeys::generate(&mut rng)).collect();
    let holders =
        Holders { threshold, sharing: sharing.iter().map(HolderSecret::public).collect(), alone: vec![alone.public()] };
    let (lock, sealed) = ColdBox::close(&keys, SITE, &holders, &mut rng);
    let sealed = ColdBox::from_bytes(sealed.as_bytes().to_vec()).unwrap();
    Scene { sharing, alone, keys, lock, sealed }
}

impl Scene {
    fn share(&self, holder: &HolderSecret) -> Share {
        let wrapped = self.sealed.wrapped_share(holder.public().id()).unwrap();
        let share = holder.open_share(SITE, self.lock.name(), wrapped).unwrap();
        assert!(self.sealed.is_share_of(holder.public().id(), self.lock.name(), &share));
        share
    }

    fn opens(&self, shares: &[Share]) -> bool {
        let Ok(secret) = combine(shares, self.sealed.threshold()) else { return false };
        self.sealed.open(&secret, &self.lock, SITE).is_ok_and(|keys| keys == self.keys)
    }
}

#[test]
fn every_threshold_of_holders_opens_and_one_less_does_not() {
    for (threshold, count) in [(1, 1), (1, 3), (2, 2), (2, 3), (3, 5), (15, 15)] {
        let scene = closed(threshold, count);
        let shares: Vec<_> = scene.sharing.iter().map(|holder| scene.share(holder)).collect();
        let needed = usize::from(threshold);
        for from in 0..=count - needed {
            assert!(scene.opens(&shares[from..from + needed]), "{threshold} of {count} from {from}");
        }
        if needed > 1 {
            let few = &shares[..needed - 1];
            assert_eq!(combine(few, threshold).err(), Some(CombineError::TooFew { found: needed - 1, needed }));
            // nor with one of them twice
            let twice: Vec<_> = few.iter().chain(&few[..1]).cloned().collect();
            assert!(!scene.opens(&twice));
        }
        assert!(scene.opens(&[scene.share(&scene.alone)]), "one who is enough alone");
    }
}

#[test]
fn holders_together_open_nothing_without_the_lock_and_the_lock_nothing_without_them() {
    let scene = closed(2, 3);
    let shares: Vec<_> = scene.sharing.iter().map(|holder| scene.share(holder)).collect();
    let secret = combine(&shares[..2], 2).unwrap();
    let other = closed(2, 3);
    let (another_lock, _) = ColdBox::close(
        &scene.keys,
        SITE,
        &Holders { threshold: 1, sharing: vec![scene.alone.public()], alone: vec![] },
        &mut rng(9),
    );
    assert!(scene.sealed.open(&secret, &another_lock, SITE).is_err());
    assert!(scene.sealed.open(&Secret32::generate(&mut rng(10)), &scene.lock, SITE).is_err());
    assert!(scene.sealed.open(&secret, &scene.lock, SiteId([1; 16])).is_err());
    assert!(other.opens(&[other.share(&other.alone)]));
    // and the lock comes back from the keyring under its own name only
    let epoch = EpochKey::generate(&mut rng(11));
    let wrapped = scene.lock.wrap(&epoch, SITE, &mut rng(12));
    assert!(ColdLock::unwrap(&epoch, SITE, KeyId([1; 16]), &wrapped).is_err());
    let lock = ColdLock::unwrap(&epoch, SITE, scene.lock.name(), &wrapped).unwrap();
    assert!(scene.sealed.open(&secret, &lock, SITE).unwrap() == scene.keys);
}

#[test]
fn a_share_opens_for_its_holder_its_box_and_its_site_only() {
    let scene = closed(2, 2);
    let [one, two] = scene.sharing.as_slice() else { panic!("two holders") };
    let name = scene.lock.name();
    let wrapped = scene.sealed.wrapped_share(one.public().id()).unwrap();
    assert!(two.open_share(SITE, name, wrapped).is_err());
    assert!(one.open_share(SiteId([1; 16]), name, wrapped).is_err());
    assert!(one.open_share(SITE, KeyId([1; 16]), wrapped).is_err());
    for at in (0..wrapped.len()).step_by(61) {
        let mut changed = wrapped.to_vec();
        changed[at] ^= 1;
        assert!(one.open_share(SITE, name, &changed).is_err(), "byte {at}");
    }
    let share = scene.share(one);
    assert!(!scene.sealed.is_share_of(two.public().id(), name, &share), "a share of another is told apart");
    assert!(!scene.sealed.is_share_of(one.public().id(), KeyId([1; 16]), &share));
}

#[test]
fn what_is_no_box_and_no_holder_is_refused() {
    let scene = closed(2, 2);
    let bytes = scene.sealed.as_bytes();
    for length in [0, 4, 6, 7, 100, bytes.len() - 1] {
        assert_eq!(ColdBox::from_bytes(bytes[..length].to_vec()).err(), Some(ColdError::NotABox), "{length} bytes");
    }
    assert_eq!(ColdBox::from_bytes([bytes, &[0]].concat()).err(), Some(ColdError::NotABox));
    let mut later = bytes.to_vec();
    later[4] = 9;
    assert_eq!(ColdBox::from_bytes(later).err(), Some(ColdError::Version { found: 9 }));
    let public = scene.alone.public().to_bytes();
    assert_eq!(HolderPublicKey::from_bytes(&public[..HolderPublicKey::BYTES - 1]).err(), Some(InvalidHolderKey));
    assert!(HolderPublicKey::from_bytes(&public).unwrap() == scene.alone.public());
    let fits = |threshold, sharing: usize, alone: usize| {
        let some = |count| vec![scene.alone.public(); count];
        Holders { threshold, sharing: some(sharing), alone: some(alone) }.fit()
    };
    assert!(fits(1, 1, 0) && fits(16, 16, 0) && fits(2, 3, 13));
    assert!(!fits(0, 1, 0) && !fits(2, 1, 5) && !fits(1, 16, 1));
}

#[test]
fn an_approval_is_verified_by_the_holders_key_alone() {
    let scene = closed(2, 2);
    let [one, two] = scene.sharing.as_slice() else { panic!("two holders") };
    let signature = one.sign(b"approval");
    assert!(one.public().verify(b"approval", &signature).is_ok());
    assert!(one.public().verify(b"another", &signature).is_err());
    assert!(two.public().verify(b"approval", &signature).is_err());
}
