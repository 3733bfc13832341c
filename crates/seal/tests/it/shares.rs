//! Share quorums: what opens, what is named as wrong, what a share proves alone.

use std::collections::BTreeSet;

use seal::{
    EnvelopeError, NewShares, RecoveryKit, RootEnvelope, RootSecret, RootShare as Share, SHARE_WORDS, ShareError,
    UnsealError, UnsealMethod,
};

use crate::{SITE, rng};

fn envelope(root: &RootSecret, new: &NewShares) -> RootEnvelope {
    let envelope = RootEnvelope::seal(root, SITE, &[UnsealMethod::Shares(new)], &mut rng(5)).unwrap();
    RootEnvelope::from_json(envelope.to_json().as_bytes()).unwrap()
}

#[test]
fn every_quorum_opens_and_nothing_smaller_does() {
    let root = RootSecret::generate(&mut rng(1));
    for (threshold, holders) in [(2, 2), (2, 3), (3, 5), (16, 16)] {
        let new = NewShares::split(threshold, holders, &mut rng(7)).unwrap();
        let envelope = envelope(&root, &new);
        for first in 0..holders {
            let some: Vec<Share> = (0..threshold).map(|place| new.shares[(first + place) % holders].clone()).collect();
            assert!(envelope.unseal_with_shares(&some) == Ok(root.clone()), "{threshold} of {holders} from {first}");
            let fewer = UnsealError::TooFewShares { given: threshold - 1, needed: threshold };
            assert_eq!(envelope.unseal_with_shares(&some[1..]), Err(fewer));
        }
        assert!(envelope.unseal_with_shares(&new.shares) == Ok(root.clone()));
    }
}

#[test]
fn sets_out_of_bounds_are_not_made() {
    for (threshold, holders) in [(1, 1), (1, 2), (0, 3), (3, 2), (2, 17), (17, 17), (2, 0)] {
        assert_eq!(NewShares::split(threshold, holders, &mut rng(7)).err(), Some(EnvelopeError::ShareSet));
    }
}

#[test]
fn a_share_twice_of_another_set_or_renumbered_is_named() {
    let root = RootSecret::generate(&mut rng(1));
    let (new, old) = (NewShares::split(2, 3, &mut rng(7)).unwrap(), NewShares::split(2, 3, &mut rng(8)).unwrap());
    let envelope = envelope(&root, &new);
    let twice = [new.shares[1].clone(), new.shares[1].clone()];
    assert_eq!(envelope.unseal_with_shares(&twice), Err(UnsealError::DuplicateShare { index: 2 }));
    let mixed = [new.shares[0].clone(), old.shares[1].clone()];
    let expected = UnsealError::ShareOfAnotherSet { index: 2, theirs: old.set.set, ours: new.set.set };
    assert_eq!(envelope.unseal_with_shares(&mixed), Err(expected));
    assert_eq!(envelope.unseal_with_shares(&[]), Err(UnsealError::TooFewShares { given: 0, needed: 2 }));
    let kit = RecoveryKit::generate(&mut rng(2));
    let kit_only = RootEnvelope::seal(&root, SITE, &[UnsealMethod::RecoveryKit(&kit)], &mut rng(5)).unwrap();
    assert_eq!(kit_only.unseal_with_shares(&new.shares), Err(UnsealError::NoSuchMethod));
}

#[test]
fn a_share_proves_itself_by_a_signature_without_the_others() {
    let new = NewShares::split(2, 3, &mut rng(7)).unwrap();
    let old = NewShares::split(2, 3, &mut rng(8)).unwrap();
    let keys: BTreeSet<_> = new.set.keys.iter().map(|key| key.to_bytes()).collect();
    assert_eq!(keys.len(), 3, "each share has a key of its own");
    for (share, key) in new.shares.iter().zip(&new.set.keys) {
        let typed = Share::parse(&share.to_words()).unwrap();
        assert_eq!(new.set.check(&typed), Ok(()));
        assert!(key.verify(b"challenge", &typed.signing_key().sign(b"challenge")).is_ok());
    }
    assert!(new.set.keys[0].verify(b"challenge", &new.shares[1].signing_key().sign(b"challenge")).is_err());
    assert!(new.set.keys[0].verify(b"challenge", &old.shares[0].signing_key().sign(b"challenge")).is_err());
}

#[test]
fn re_sharing_makes_the_old_set_useless_for_the_new_envelope() {
    let root = RootSecret::generate(&mut rng(1));
    let kit = RecoveryKit::generate(&mut rng(2));
    let (old, new) = (NewShares::split(2, 3, &mut rng(7)).unwrap(), NewShares::split(2, 3, &mut rng(8)).unwrap());
    let methods = [UnsealMethod::RecoveryKit(&kit), UnsealMethod::Shares(&old)];
    let before = RootEnvelope::seal(&root, SITE, &methods, &mut rng(5)).unwrap();
    let given = before.unseal_with_shares(&old.shares[1..]).unwrap();
    let shares = before.methods().unwrap()[1].id;
    let (after, added) = before.with(&given, &UnsealMethod::Shares(&new), Some("new"), &mut rng(9)).unwrap();
    let after = after.without(shares).unwrap();
    assert!(after.unseal_with_shares(&new.shares[..2]) == Ok(root.clone()));
    assert!(after.unseal_with_kit(&kit) == Ok(root));
    assert!(matches!(after.unseal_with_shares(&old.shares), Err(UnsealError::ShareOfAnotherSet { .. })));
    assert_eq!(after.without(shares), Err(EnvelopeError::NoSuchMethod));
    let without_kit = after.without(after.methods().unwrap()[0].id).unwrap();
    assert_eq!(without_kit.without(added), Err(EnvelopeError::Methods { found: 0 }), "the last one stays");
}

#[test]
fn an_envelope_takes_sixteen_methods_and_says_when_it_is_full() {
    let root = RootSecret::generate(&mut rng(1));
    let kit = RecoveryKit::generate(&mut rng(2));
    let mut envelope = RootEnvelope::seal(&root, SITE, &[UnsealMethod::RecoveryKit(&kit)], &mut rng(5)).unwrap();
    assert!(envelope.to_json().contains("\"version\": 1"), "what version 1 can say is written so");
    for seed in 0..15 {
        envelope = envelope.with(&root, &UnsealMethod::RecoveryKit(&kit), None, &mut rng(seed)).unwrap().0;
    }
    let more = envelope.with(&root, &UnsealMethod::RecoveryKit(&kit), None, &mut rng(99));
    assert_eq!(more.err(), Some(EnvelopeError::Methods { found: 17 }));
    for label in ["", " ", "a\nb", &"x".repeat(101)] {
        let labelled = envelope.without(envelope.methods().unwrap()[0].id).unwrap();
        let refused = labelled.with(&root, &UnsealMethod::RecoveryKit(&kit), Some(label), &mut rng(99)).err();
        assert_eq!(refused, Some(EnvelopeError::Label), "{label:?}");
    }
}

#[test]
fn a_share_is_read_however_it_is_typed() {
    let share = &NewShares::split(2, 3, &mut rng(7)).unwrap().shares[2];
    let words = share.to_words().to_string();
    assert_eq!((words.lines().count(), words.split_whitespace().count()), (7, SHARE_WORDS));
    let first_letters: Vec<&str> = words.split_whitespace().map(|word| &word[..word.len().min(4)]).collect();
    for typed in [
        words.to_uppercase(),
        words.replace('\n', " "),
        words.replace(' ', "\n"),
        format!("# share 3 of 3, set ...\n\n  {words}\r\n# keep it apart\n"),
        first_letters.join(" "),
    ] {
        let read = Share::parse(&typed).unwrap();
        assert!(read == *share, "{typed}");
        assert_eq!((read.set(), read.threshold(), read.index()), (share.set(), 2, 3));
    }
}

#[test]
fn every_wrong_word_every_swap_and_every_line_out_of_place_is_named_by_its_line() {
    let words = NewShares::split(2, 3, &mut rng(7)).unwrap().shares[0].to_words().to_string();
    let typed: Vec<&str> = words.split_whitespace().collect();
    let list: Vec<&str> = include_str!("../../src/root/words.txt").lines().collect();
    for place in 0..SHARE_WORDS {
        for other in list.iter().step_by(7).filter(|other| **other != typed[place]) {
            let mut wrong = typed.clone();
            wrong[place] = other;
            assert_eq!(
                Share::parse(&wrong.join(" ")),
                Err(ShareError::Line { line: place / 5 + 1 }),
                "{place} {other}"
            );
        }
        let mut unknown = typed.clone();
        unknown[place] = "leadglass";
        let expected = ShareError::UnknownWord { line: place / 5 + 1, word: place % 5 + 1 };
        assert_eq!(Share::parse(&unknown.join(" ")), Err(expected));
    }
    for line in 0..7 {
        for (one, two) in (0..5).flat_map(|one| (one + 1..5).map(move |two| (one, two))) {
            let mut swapped = typed.clone();
            swapped.swap(line * 5 + one, line * 5 + two);
            if swapped != typed {
                assert_eq!(Share::parse(&swapped.join(" ")), Err(ShareError::Line { line: line + 1 }));
            }
        }
        for other in line + 1..7 {
            let mut lines: Vec<&str> = words.lines().collect();
            lines.swap(line, other);
            assert_eq!(Share::parse(&lines.join("\n")), Err(ShareError::Line { line: line + 1 }));
        }
    }
    assert_eq!(Share::parse(""), Err(ShareError::Words { found: 0 }));
    assert_eq!(Share::parse(&typed[1..].join(" ")), Err(ShareError::Words { found: 34 }));
    assert_eq!(Share::parse(&"abandon ".repeat(1000)), Err(ShareError::Words { found: 1000 }));
}
