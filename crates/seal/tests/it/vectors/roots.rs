//! Vectors of root envelopes: the bytes are the JSON.

use model::SiteId;
use seal::{EnvelopeError, PassphraseCost, RecoveryKit, RootEnvelope, RootSecret, UnsealError, UnsealMethod};

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
    let outcome = if vector.has("passphrase") {
        envelope.unseal_with_passphrase(vector.field("passphrase"))
    } else {
        let kit = RecoveryKit::parse(vector.field("recovery-kit")).map_err(|error| error.to_string())?;
        envelope.unseal_with_kit(&kit)
    };
    outcome.map_err(|error| match error {
        UnsealError::Passphrase => "passphrase".to_owned(),
        UnsealError::Kit => "recovery kit".to_owned(),
        UnsealError::NoSuchMethod => "no such method".to_owned(),
        UnsealError::Envelope(error) => envelope_reason(&error),
    })
}

fn envelope_reason(error: &EnvelopeError) -> String {
    match error {
        EnvelopeError::Damaged => "damaged".to_owned(),
        EnvelopeError::Version { found } => format!("version {found}"),
        EnvelopeError::Methods { found } => format!("{found} methods"),
        EnvelopeError::Cost => "cost".to_owned(),
        EnvelopeError::Memory { .. } => "memory".to_owned(),
        EnvelopeError::PassphraseLength => "length of the passphrase".to_owned(),
    }
}

pub(super) fn generate(files: &mut Files) {
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
        ("version-from-the-future", "version 2", "\"version\": 1", "\"version\": 2"),
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
