//! Another root around the same methods: what stays opens the new root, and nothing of before does.

use seal::{
    EnvelopeError, Keeper, MethodKind, MethodSecret, NewShares, PassphraseCost, RecoveryKit, RootEnvelope, RootSecret,
    Secret32, UnsealError, UnsealMethod,
};

use crate::{SITE, rng};

const PASSPHRASE: &str = "seven quiet lamps in a row";

struct Methods {
    kit: RecoveryKit,
    shares: NewShares,
    key: Secret32,
    root: RootSecret,
    envelope: RootEnvelope,
}

fn methods() -> Methods {
    let (kit, root) = (RecoveryKit::generate(&mut rng(1)), RootSecret::generate(&mut rng(2)));
    let (shares, key) = (NewShares::split(2, 3, &mut rng(3)).unwrap(), Secret32::generate(&mut rng(4)));
    let mut envelope = RootEnvelope::seal(
        &root,
        SITE,
        &[UnsealMethod::Passphrase { passphrase: PASSPHRASE, cost: PassphraseCost::default() }],
        &mut rng(5),
    )
    .unwrap();
    let command = UnsealMethod::Command { key: &key, ciphertext: b"sealed", keeper: Keeper::TpmAndTang };
    for (method, label) in [
        (UnsealMethod::RecoveryKit(&kit), None),
        (UnsealMethod::Shares(&shares), Some("of three doctors")),
        (command, Some("tpm and tang")),
    ] {
        envelope = envelope.with(&root, &method, label, &mut rng(6)).unwrap().0;
    }
    Methods { kit, shares, key, root, envelope }
}

/// What opens each method, in their order.
fn secrets(methods: &Methods) -> Vec<(seal::MethodId, MethodSecret)> {
    let secret = |kind: &MethodKind| match kind {
        MethodKind::Passphrase => MethodSecret::Passphrase(PASSPHRASE.to_owned().into()),
        MethodKind::RecoveryKit => MethodSecret::RecoveryKit(methods.kit.clone()),
        MethodKind::Shares(_) => MethodSecret::Shares(methods.shares.shares[1..].to_vec()),
        MethodKind::Age(_) | MethodKind::Command(_) => MethodSecret::Key(methods.key.clone()),
    };
    methods.envelope.methods().unwrap().iter().map(|method| (method.id, secret(&method.kind))).collect()
}

#[test]
fn each_method_that_stays_opens_the_new_root_with_what_it_had() {
    let methods = methods();
    let new = RootSecret::generate(&mut rng(7));
    let (envelope, renamed) = methods.envelope.renewed(&methods.root, &new, &secrets(&methods), &mut rng(8)).unwrap();
    let envelope = RootEnvelope::from_json(envelope.to_json().as_bytes()).unwrap();
    assert!(envelope.unseal_with_passphrase(PASSPHRASE) == Ok(new.clone()));
    assert!(envelope.unseal_with_kit(&methods.kit) == Ok(new.clone()));
    assert!(envelope.unseal_with_shares(&methods.shares.shares[..2]) == Ok(new.clone()), "any two of the same papers");
    let command = envelope.methods().unwrap()[3].id;
    assert_eq!(envelope.ciphertext(command).unwrap(), b"sealed");
    assert!(envelope.unseal_with_key(command, &methods.key) == Ok(new));
    // they are the same by kind and label, under other names
    let (old, now) = (methods.envelope.methods().unwrap(), envelope.methods().unwrap());
    for (((before, after), old), now) in renamed.iter().zip(&old).zip(&now) {
        assert_eq!((*before, *after), (old.id, now.id));
        assert!(old.kind == now.kind && old.label == now.label && old.id != now.id);
    }
    assert_eq!(methods.envelope.site(), envelope.site());
}

#[test]
fn what_is_not_named_opens_nothing_and_the_older_file_gives_the_older_root() {
    let methods = methods();
    let new = RootSecret::generate(&mut rng(7));
    let stay: Vec<_> = secrets(&methods).into_iter().take(1).collect();
    let (envelope, _) = methods.envelope.renewed(&methods.root, &new, &stay, &mut rng(8)).unwrap();
    assert_eq!(envelope.unseal_with_kit(&methods.kit), Err(UnsealError::NoSuchMethod));
    assert_eq!(envelope.unseal_with_shares(&methods.shares.shares), Err(UnsealError::NoSuchMethod));
    assert!(methods.envelope.unseal_with_kit(&methods.kit) == Ok(methods.root.clone()));
    assert!(methods.root != new);
}

#[test]
fn a_secret_that_does_not_open_its_method_makes_no_new_root() {
    let methods = methods();
    let new = RootSecret::generate(&mut rng(7));
    let refused = |place: usize, secret: MethodSecret| {
        let mut secrets = secrets(&methods);
        secrets[place].1 = secret;
        methods.envelope.renewed(&methods.root, &new, &secrets, &mut rng(8)).err()
    };
    let kit = RecoveryKit::generate(&mut rng(9));
    assert_eq!(refused(0, MethodSecret::Passphrase("another one".to_owned().into())), Some(UnsealError::Passphrase));
    assert_eq!(refused(0, MethodSecret::RecoveryKit(methods.kit.clone())), Some(UnsealError::NoSuchMethod));
    assert_eq!(refused(1, MethodSecret::RecoveryKit(kit)), Some(UnsealError::Kit));
    let one = methods.shares.shares[..1].to_vec();
    assert_eq!(refused(2, MethodSecret::Shares(one)), Some(UnsealError::TooFewShares { given: 1, needed: 2 }));
    assert_eq!(refused(3, MethodSecret::Key(Secret32::generate(&mut rng(9)))), Some(UnsealError::Key));
    // a method that gives another root than the others is not sealed to the new one
    let foreign = RootSecret::generate(&mut rng(10));
    let kit = UnsealMethod::RecoveryKit(&methods.kit);
    let (envelope, id) = methods.envelope.with(&foreign, &kit, None, &mut rng(11)).unwrap();
    let stay = [(id, MethodSecret::RecoveryKit(methods.kit.clone()))];
    let mixed = envelope.renewed(&methods.root, &new, &stay, &mut rng(8)).err();
    assert_eq!(mixed, Some(UnsealError::Envelope(EnvelopeError::Damaged)));
    let none = methods.envelope.renewed(&methods.root, &new, &[], &mut rng(8)).err();
    assert_eq!(none, Some(UnsealError::Envelope(EnvelopeError::Methods { found: 0 })));
}
