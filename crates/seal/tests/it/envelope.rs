//! The root envelope and the recovery kit.

use seal::{EnvelopeError, KitError, PassphraseCost, RecoveryKit, RootEnvelope, RootSecret, UnsealError, UnsealMethod};

use crate::{SITE, rng};

const PASSPHRASE: &str = "blei glas fenster röntgen";

fn envelope(root: &RootSecret, kit: &RecoveryKit) -> RootEnvelope {
    let methods = [
        UnsealMethod::Passphrase { passphrase: PASSPHRASE, cost: PassphraseCost::MINIMUM },
        UnsealMethod::RecoveryKit(kit),
    ];
    RootEnvelope::seal(root, SITE, &methods, &mut rng(5)).unwrap()
}

#[test]
fn the_root_comes_back_by_passphrase_and_by_kit() {
    let (root, kit) = (RootSecret::generate(&mut rng(1)), RecoveryKit::generate(&mut rng(2)));
    let envelope = RootEnvelope::from_json(envelope(&root, &kit).to_json().as_bytes()).unwrap();
    assert_eq!(envelope.site(), Ok(SITE));
    assert!(envelope.unseal_with_passphrase(PASSPHRASE) == Ok(root.clone()));
    // as a file ends and as another keyboard composes: o with a combining diaeresis
    assert!(envelope.unseal_with_passphrase("blei glas fenster ro\u{308}ntgen\n") == Ok(root.clone()));
    assert!(envelope.unseal_with_kit(&RecoveryKit::parse(&kit.to_text()).unwrap()) == Ok(root));
}

#[test]
fn another_passphrase_or_kit_does_not_unseal() {
    let (root, kit) = (RootSecret::generate(&mut rng(1)), RecoveryKit::generate(&mut rng(2)));
    let envelope = envelope(&root, &kit);
    assert_eq!(envelope.unseal_with_passphrase("blei glas fenster rontgen"), Err(UnsealError::Passphrase));
    assert_eq!(envelope.unseal_with_passphrase("").unwrap_err(), EnvelopeError::PassphraseLength.into());
    assert_eq!(envelope.unseal_with_passphrase(&"a".repeat(1025)), Err(EnvelopeError::PassphraseLength.into()));
    assert_eq!(envelope.unseal_with_kit(&RecoveryKit::generate(&mut rng(3))), Err(UnsealError::Kit));
    let kit_only = RootEnvelope::seal(&root, SITE, &[UnsealMethod::RecoveryKit(&kit)], &mut rng(5)).unwrap();
    assert_eq!(kit_only.unseal_with_passphrase(PASSPHRASE), Err(UnsealError::NoSuchMethod));
}

#[test]
fn the_envelope_does_not_hold_the_root() {
    let root = RootSecret::from_bytes(&[0xab; 32]);
    let json = envelope(&root, &RecoveryKit::generate(&mut rng(2))).to_json();
    assert!(!json.contains("abababab"));
}

#[track_caller]
fn refused(json: &str, from: &str, to: &str, expected: EnvelopeError) {
    assert!(json.contains(from), "{from}");
    assert_eq!(RootEnvelope::from_json(json.replacen(from, to, 1).as_bytes()), Err(expected), "{from} -> {to}");
}

#[test]
fn a_damaged_or_later_envelope_is_refused_before_anything_is_computed() {
    let (root, kit) = (RootSecret::generate(&mut rng(1)), RecoveryKit::generate(&mut rng(2)));
    let json = envelope(&root, &kit).to_json();
    refused(&json, "\"version\": 1", "\"version\": 3, \"new\": 5", EnvelopeError::Version { found: 3 });
    refused(&json, "\"version\": 1", "\"version\": 0", EnvelopeError::Version { found: 0 });
    refused(&json, "root envelope", "other envelope", EnvelopeError::Damaged);
    refused(&json, "argon2id", "argon2i", EnvelopeError::Damaged);
    refused(&json, "\"memory_kib\": 65536", "\"memory_kib\": 65535", EnvelopeError::Cost);
    refused(&json, "\"memory_kib\": 65536", "\"memory_kib\": 4194305", EnvelopeError::Cost);
    refused(&json, "\"passes\": 1", "\"passes\": 0", EnvelopeError::Cost);
    refused(&json, "\"passes\": 1", "\"passes\": 65", EnvelopeError::Cost);
    refused(&json, "\"lanes\": 1", "\"lanes\": 17", EnvelopeError::Cost);
    refused(&json, "\"lanes\": 1", "\"lanes\": -1", EnvelopeError::Damaged);
    refused(&json, "\"salt\": \"", "\"salt\": \"00", EnvelopeError::Damaged);
    refused(&json, "\"salt\": \"", "\"salt\": \"x", EnvelopeError::Damaged);
    refused(&json, "\"sealed\": \"", "\"sealed\": \"0", EnvelopeError::Damaged);
    refused(&json, "\"site\": \"5", "\"site\": \"", EnvelopeError::Damaged);
    refused(&json, "recovery-kit", "share", EnvelopeError::Damaged);
    refused(&json, "\"kdf\"", "\"label\": \"a later field\", \"kdf\"", EnvelopeError::Damaged);
    refused(&json, "\"methods\": [", "\"methods\": [], \"old\": [", EnvelopeError::Damaged);
    for json in ["", "{}", "[]", "nonsense", &json[..json.len() / 2], &" ".repeat(70_000)] {
        assert_eq!(RootEnvelope::from_json(json.as_bytes()), Err(EnvelopeError::Damaged));
    }
}

#[test]
fn an_envelope_of_another_site_or_with_changed_bytes_does_not_unseal() {
    let (root, kit) = (RootSecret::generate(&mut rng(1)), RecoveryKit::generate(&mut rng(2)));
    let json = envelope(&root, &kit).to_json();
    let read = |json: &str| RootEnvelope::from_json(json.as_bytes()).unwrap();
    let other_site = read(&json.replacen("\"site\": \"51", "\"site\": \"52", 1));
    assert_eq!(other_site.unseal_with_kit(&kit), Err(UnsealError::Kit));
    assert_eq!(other_site.unseal_with_passphrase(PASSPHRASE), Err(UnsealError::Passphrase));
    let cheaper = read(&json.replacen("\"passes\": 1", "\"passes\": 2", 1));
    assert_eq!(cheaper.unseal_with_passphrase(PASSPHRASE), Err(UnsealError::Passphrase));
    let end = json.rfind("\"\n").unwrap();
    let mut changed = json.into_bytes();
    changed[end - 1] = if changed[end - 1] == b'0' { b'1' } else { b'0' };
    let changed = RootEnvelope::from_json(&changed).unwrap();
    assert_eq!(changed.unseal_with_kit(&kit), Err(EnvelopeError::Damaged.into()));
}

#[test]
fn no_method_is_refused() {
    let root = RootSecret::generate(&mut rng(1));
    assert_eq!(RootEnvelope::seal(&root, SITE, &[], &mut rng(5)), Err(EnvelopeError::Methods { found: 0 }));
    assert_eq!(PassphraseCost::new(64 * 1024 - 1, 3, 4), Err(EnvelopeError::Cost));
}

#[test]
fn a_kit_is_read_however_it_is_typed() {
    let kit = RecoveryKit::generate(&mut rng(2));
    let text = kit.to_text().to_string();
    assert_eq!(text.len(), 77);
    let typed = [
        text.to_lowercase(),
        text.replace('-', " "),
        text.replace('-', ""),
        text.replace('-', "\n"),
        format!("  {}\r\n", text.replace('-', " - ")),
        text.replace('0', "O").replace('1', "I"),
        text.replace('0', "o").replace('1', "l"),
    ];
    for typed in typed {
        assert!(RecoveryKit::parse(&typed) == Ok(kit.clone()), "{typed}");
    }
}

#[test]
fn a_mistyped_character_is_pointed_out_by_its_group() {
    let text = RecoveryKit::generate(&mut rng(2)).to_text().to_string();
    for (at, typed) in text.char_indices().filter(|(_, character)| *character != '-') {
        for other in "0123456789ABCDEFGHJKMNPQRSTVWXYZU!".chars().filter(|other| *other != typed) {
            let mut mistyped = text.clone();
            mistyped.replace_range(at..=at, &other.to_string());
            assert_eq!(RecoveryKit::parse(&mistyped), Err(KitError::Group { group: at / 6 + 1 }), "{mistyped}");
        }
    }
}

#[test]
fn swapped_characters_and_groups_are_pointed_out() {
    let text = RecoveryKit::generate(&mut rng(2)).to_text().to_string();
    let groups: Vec<&str> = text.split('-').collect();
    for one in 0..groups.len() {
        for two in one + 1..groups.len() {
            let mut swapped = groups.clone();
            swapped.swap(one, two);
            assert_eq!(RecoveryKit::parse(&swapped.join("-")), Err(KitError::Group { group: one + 1 }));
        }
        for (one_place, two_place) in [(0, 1), (1, 2), (2, 3), (3, 4), (0, 4)] {
            let mut characters: Vec<char> = groups[one].chars().collect();
            characters.swap(one_place, two_place);
            let group: String = characters.into_iter().collect();
            if group == groups[one] {
                continue;
            }
            let mut swapped = groups.clone();
            swapped[one] = &group;
            assert_eq!(RecoveryKit::parse(&swapped.join("-")), Err(KitError::Group { group: one + 1 }));
        }
    }
}

#[test]
fn missing_and_extra_characters_are_pointed_out() {
    let text = RecoveryKit::generate(&mut rng(2)).to_text().to_string();
    assert_eq!(RecoveryKit::parse(""), Err(KitError::Length { characters: 0 }));
    assert_eq!(RecoveryKit::parse(&text[..71]), Err(KitError::Length { characters: 60 }));
    assert_eq!(RecoveryKit::parse(&format!("{text}-00000")), Err(KitError::Length { characters: 70 }));
    assert_eq!(RecoveryKit::parse(&text[1..]), Err(KitError::Group { group: 1 }));
    assert_eq!(RecoveryKit::parse(&format!("{text}0")), Err(KitError::Group { group: 13 }));
    assert_eq!(RecoveryKit::parse(&text.replace('-', "")[1..]), Err(KitError::Length { characters: 64 }));
    assert_eq!(RecoveryKit::parse(&"0".repeat(1025)), Err(KitError::Length { characters: 1025 }));
}
