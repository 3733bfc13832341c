//! Vectors of root envelopes: the bytes are the JSON.

use model::SiteId;
use seal::{
    CIPHERTEXT_BYTES_MAX, EnvelopeError, Keeper, NewShares, PassphraseCost, RecoveryKit, RootEnvelope, RootSecret,
    RootShare as Share, Secret32, UnsealError, UnsealMethod,
};

use super::file::{Outcome, Piece, Vector, text};
use super::{Files, sha256};
use crate::rng;

const PASSPHRASE: &str = "blei glas fenster";

pub(super) fn outcome(vector: &Vector) -> Outcome {
    match unseal(vector) {
        Ok(root) => Outcome::Opened(root.expose().to_vec()),
        Err(reason) => Outcome::Refused(reason),
    }
}

fn unseal(vector: &Vector) -> Result<RootSecret, String> {
    let envelope = RootEnvelope::from_json(&vector.bytes).map_err(|error| envelope_reason(&error))?;
    let outcome = if vector.has("share-1") {
        let shares = ["share-1", "share-2", "share-3"].into_iter().filter(|field| vector.has(field));
        let shares: Result<Vec<Share>, _> = shares.map(|field| Share::parse(vector.field(field))).collect();
        envelope.unseal_with_shares(&shares.map_err(|error| error.to_string())?)
    } else if vector.has("age-key") {
        with_key(&envelope, "age", &vector.bytes_of("age-key"))
    } else if vector.has("command-key") {
        with_key(&envelope, "command", &vector.bytes_of("command-key"))
    } else if vector.has("passphrase") {
        envelope.unseal_with_passphrase(vector.field("passphrase"))
    } else {
        let kit = RecoveryKit::parse(vector.field("recovery-kit")).map_err(|error| error.to_string())?;
        envelope.unseal_with_kit(&kit)
    };
    outcome.map_err(|error| match error {
        UnsealError::Passphrase => "passphrase".to_owned(),
        UnsealError::Kit => "recovery kit".to_owned(),
        UnsealError::NoSuchMethod => "no such method".to_owned(),
        UnsealError::ShareOfAnotherSet { .. } => "share of another set".to_owned(),
        UnsealError::DuplicateShare { .. } => "share given twice".to_owned(),
        UnsealError::TooFewShares { .. } => "too few shares".to_owned(),
        UnsealError::ForeignShare { .. } => "another share than was handed out".to_owned(),
        UnsealError::Key => "key".to_owned(),
        UnsealError::Envelope(error) => envelope_reason(&error),
    })
}

fn with_key(envelope: &RootEnvelope, means: &str, key: &[u8; 32]) -> Result<RootSecret, UnsealError> {
    let methods = envelope.methods()?;
    let method = methods.iter().find(|method| method.kind.word() == means).ok_or(UnsealError::NoSuchMethod)?;
    envelope.ciphertext(method.id)?;
    envelope.unseal_with_key(method.id, &Secret32::from_bytes(key))
}

fn envelope_reason(error: &EnvelopeError) -> String {
    match error {
        EnvelopeError::Damaged => "damaged".to_owned(),
        EnvelopeError::Version { found } => format!("version {found}"),
        EnvelopeError::Methods { found } => format!("{found} methods"),
        EnvelopeError::Cost => "cost".to_owned(),
        EnvelopeError::Memory { .. } => "memory".to_owned(),
        EnvelopeError::PassphraseLength => "length of the passphrase".to_owned(),
        other => other.to_string(),
    }
}

pub(super) fn generate(files: &mut Files) {
    version_1(files);
    version_2(files);
}

/// Shares, age and commands; what is refused about them.
fn version_2(files: &mut Files) {
    let root = RootSecret::from_bytes(&[0x66; 32]);
    let kit = RecoveryKit::generate(&mut rng(31));
    let new = NewShares::split(2, 3, &mut rng(34)).unwrap();
    let (age, command) = (Secret32::from_bytes(&[0x77; 32]), Secret32::from_bytes(&[0x88; 32]));
    let mut envelope =
        RootEnvelope::seal(&root, SiteId([0x11; 16]), &[UnsealMethod::RecoveryKit(&kit)], &mut rng(32)).unwrap();
    let methods = [
        (UnsealMethod::Shares(&new), Some("of three doctors")),
        (UnsealMethod::Age { key: &age, ciphertext: b"sealed by age", keeper: Keeper::HardwareToken }, None),
        (UnsealMethod::Command { key: &command, ciphertext: b"sealed by clevis", keeper: Keeper::Tang }, Some("tang")),
    ];
    for (method, label) in &methods {
        envelope = envelope.with(&root, method, *label, &mut rng(35)).unwrap().0;
    }
    let json = envelope.to_json();
    let words = |share: &Share| share.to_words().replace('\n', " ");
    let share = |field: &'static str, number: usize| (field, words(&new.shares[number - 1]));
    let two = vec![share("share-1", 1), share("share-2", 3)];
    let with_age = vec![("age-key", hex::encode([0x77; 32]))];
    let with_command = vec![("command-key", hex::encode([0x88; 32]))];
    let mut put = |folder: &str, name: &str, about: &str, with: &[(&'static str, String)], end, json: &str| {
        let mut fields = vec![("about", about.to_owned()), ("what", "root".to_owned())];
        fields.extend(with.iter().cloned());
        fields.push(end);
        files.insert(format!("{folder}/root-v2-{name}.txt"), text(&fields, &[Piece::Hex(json.as_bytes().to_vec())]));
    };
    let opened = || ("plaintext-sha256", hex::encode(sha256(root.expose())));
    put("accepted", "by-two-shares", "any two of three", &two, opened(), &json);
    let three = [share("share-1", 3), share("share-2", 2), share("share-3", 1)];
    put("accepted", "by-three-shares", "more than are needed, in any order", &three, opened(), &json);
    let short: Vec<_> = two.iter().map(|(field, words)| (*field, four_letters(words))).collect();
    put("accepted", "by-first-letters-of-words", "four letters of each word, in capitals", &short, opened(), &json);
    put("accepted", "by-age", "the key that age gives back", &with_age, opened(), &json);
    put("accepted", "by-command", "the key that a program gives back", &with_command, opened(), &json);
    let with_kit = vec![("recovery-kit", kit.to_text().to_string())];
    put("accepted", "by-recovery-kit", "a method of version 1 in version 2", &with_kit, opened(), &json);

    let mut refuse = |name: &str, reason: &str, with: &[(&'static str, String)], json: &str| {
        put("refused", name, reason, with, ("refused-as", reason.to_owned()), json);
    };
    let other = NewShares::split(2, 3, &mut rng(36)).unwrap();
    refuse("one-share-of-two", "too few shares", &[share("share-1", 2)], &json);
    refuse("one-share-twice", "share given twice", &[share("share-1", 2), share("share-2", 2)], &json);
    let mixed = [share("share-1", 1), ("share-2", words(&other.shares[1]))];
    refuse("share-of-another-set", "share of another set", &mixed, &json);
    let renumbered = words(&new.shares[0]).split(' ').map(ToOwned::to_owned).collect::<Vec<_>>();
    let mistyped = |place: usize, word: &str| {
        let mut words = renumbered.clone();
        words[place] = if words[place] == word { "zebra".to_owned() } else { word.to_owned() };
        vec![("share-1", words.join(" ")), share("share-2", 3)]
    };
    let reason = "line 3 of the share is mistyped; compare it with the paper";
    refuse("share-with-a-wrong-word", reason, &mistyped(11, "zoo"), &json);
    let reason = "word 4 of line 2 is none that a share can have; compare it with the paper";
    refuse("share-with-a-word-of-no-list", reason, &mistyped(8, "horoscope"), &json);
    let mut swapped = renumbered.clone();
    swapped.swap(20, 21);
    let swapped = vec![("share-1", swapped.join(" ")), share("share-2", 3)];
    let reason = "line 5 of the share is mistyped; compare it with the paper";
    refuse("share-with-words-in-each-others-place", reason, &swapped, &json);
    let missing = vec![("share-1", renumbered[..34].join(" ")), share("share-2", 3)];
    let reason = "a share has 7 lines of 5 words, 34 words were given; type all 35";
    refuse("share-without-its-last-word", reason, &missing, &json);
    refuse("wrong-age-key", "key", &[("age-key", hex::encode([0x78; 32]))], &json);
    refuse("wrong-command-key", "key", &[("command-key", hex::encode([0x77; 32]))], &json);
    refuse("no-passphrase-in-it", "no such method", &[("passphrase", PASSPHRASE.to_owned())], &json);
    let keys: Vec<String> = new.set.keys.iter().map(|key| hex::encode(key.to_bytes())).collect();
    let long = "00".repeat(CIPHERTEXT_BYTES_MAX + 1);
    let sealed_by_age = hex::encode(b"sealed by age");
    let changes = [
        ("version-1-with-shares", "damaged", "\"version\": 2", "\"version\": 1"),
        ("version-from-the-future", "version 3", "\"version\": 2", "\"version\": 3"),
        ("key-of-an-unused-share-changed", "damaged", keys[1].as_str(), keys[0].as_str()),
        ("key-of-a-share-changed", "another share than was handed out", keys[0].as_str(), keys[1].as_str()),
        ("short-key-of-a-share", "damaged", keys[0].as_str(), &keys[0][2..]),
        ("threshold-one", "damaged", "\"threshold\": 2", "\"threshold\": 1"),
        ("threshold-raised", "another share than was handed out", "\"threshold\": 2", "\"threshold\": 3"),
        ("threshold-above-the-holders", "damaged", "\"threshold\": 2", "\"threshold\": 4"),
        ("set-out-of-shape", "damaged", "\"set\": \"", "\"set\": \"0"),
        ("empty-label", "damaged", "\"of three doctors\"", "\" \""),
        ("label-with-a-line-break", "damaged", "of three doctors", "of three\\ndoctors"),
    ];
    for (name, reason, from, to) in changes {
        assert!(json.contains(from), "{name}");
        refuse(name, reason, &two, &json.replacen(from, to, 1));
    }
    let changes = [
        ("sealed-text-changed", "damaged", sealed_by_age.as_str(), "00"),
        ("sealed-text-empty", "damaged", sealed_by_age.as_str(), ""),
        ("sealed-text-too-long", "damaged", sealed_by_age.as_str(), long.as_str()),
        ("keeper-changed", "damaged", "\"hardware-token\"", "\"tpm\""),
        ("keeper-unknown", "damaged", "\"hardware-token\"", "\"pocket\""),
    ];
    for (name, reason, from, to) in changes {
        assert!(json.contains(from), "{name}");
        refuse(name, reason, &with_age, &json.replacen(from, to, 1));
    }
}

fn four_letters(words: &str) -> String {
    words.split(' ').map(|word| word[..word.len().min(4)].to_uppercase()).collect::<Vec<_>>().join(" ")
}

fn version_1(files: &mut Files) {
    let root = RootSecret::from_bytes(&[0x66; 32]);
    let kit = RecoveryKit::generate(&mut rng(31));
    let methods = [
        UnsealMethod::Passphrase { passphrase: PASSPHRASE, cost: PassphraseCost::MINIMUM },
        UnsealMethod::RecoveryKit(&kit),
    ];
    let json = RootEnvelope::seal(&root, SiteId([0x11; 16]), &methods, &mut rng(32)).unwrap().to_json();
    let with_passphrase = ("passphrase", PASSPHRASE.to_owned());
    let with_kit = ("recovery-kit", kit.to_text().to_string());
    let opened = ("plaintext-sha256", hex::encode(sha256(root.expose())));
    let mut put = |folder: &str, name: &str, about: &str, with: &(&'static str, String), end, json: &str| {
        let fields = [("about", about.to_owned()), ("what", "root".to_owned()), with.clone(), end];
        files.insert(format!("{folder}/root-{name}.txt"), text(&fields, &[Piece::Hex(json.as_bytes().to_vec())]));
    };
    put("accepted", "by-passphrase", "the passphrase unseals", &with_passphrase, opened.clone(), &json);
    put("accepted", "by-recovery-kit", "the kit unseals", &with_kit, opened.clone(), &json);
    let spaced = ("recovery-kit", kit.to_text().to_lowercase().replace('-', " ").replace('0', "o").replace('1', "l"));
    put("accepted", "by-recovery-kit-as-typed", "small letters, spaces, o for 0, l for 1", &spaced, opened, &json);

    let mut refuse = |name: &str, reason: &str, with: &(&'static str, String), json: &str| {
        put("refused", name, reason, with, ("refused-as", reason.to_owned()), json);
    };
    let other = ("passphrase", "blei glas fensteR".to_owned());
    refuse("wrong-passphrase", "passphrase", &other, &json);
    let other = ("recovery-kit", RecoveryKit::generate(&mut rng(33)).to_text().to_string());
    refuse("wrong-recovery-kit", "recovery kit", &other, &json);
    let mut mistyped = kit.to_text().to_string();
    let replaced = if &mistyped[14..15] == "7" { "8" } else { "7" };
    mistyped.replace_range(14..15, replaced);
    let reason = "group 3 of the recovery kit is mistyped; compare it with the paper";
    refuse("mistyped-recovery-kit", reason, &("recovery-kit", mistyped), &json);
    let changes = [
        ("version-from-the-future", "version 3", "\"version\": 1", "\"version\": 3"),
        ("version-zero", "version 0", "\"version\": 1", "\"version\": 0"),
        ("label-in-version-1", "damaged", "\"kdf\"", "\"label\": \"x\", \"kdf\""),
        ("of-another-format", "damaged", "root envelope", "roof envelope"),
        ("of-another-site", "passphrase", "\"site\": \"11", "\"site\": \"12"),
        ("memory-below-64-mib", "cost", "65536", "65535"),
        ("memory-without-bound", "cost", "65536", "4294967295"),
        ("no-pass", "cost", "\"passes\": 1", "\"passes\": 0"),
        ("too-many-lanes", "cost", "\"lanes\": 1", "\"lanes\": 255"),
        ("other-passes-than-sealed", "passphrase", "\"passes\": 1", "\"passes\": 2"),
        ("unknown-kdf", "damaged", "argon2id", "argon2xx"),
        ("unknown-method", "damaged", "\"recovery-kit\"", "\"horoscope\""),
        ("unknown-field", "damaged", "\"passes\": 1", "\"passes\": 1, \"also\": 1"),
        ("short-salt", "damaged", "\"salt\": \"", "\"salt\": \"00\", \"old\": \""),
    ];
    for (name, reason, from, to) in changes {
        assert!(json.contains(from), "{name}");
        refuse(name, reason, &with_passphrase, &json.replacen(from, to, 1));
    }
    refuse("cut-in-half", "damaged", &with_passphrase, &json[..json.len() / 2]);
    refuse("empty", "damaged", &with_passphrase, "");
    // the last digits belong to the tag of the kit's sealed root
    let end = json.rfind("\"\n").unwrap();
    let flipped = if &json[end - 1..end] == "0" { "1" } else { "0" };
    let mut changed = json.clone();
    changed.replace_range(end - 1..end, flipped);
    refuse("flipped-bit-in-sealed-root", "damaged", &with_kit, &changed);
}
