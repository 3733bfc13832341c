//! Which passwords are taken (SP 800-63B-4 section 3.1.1.2; incident 1).

use identity::{estimate, reasons};

const CONTEXT: &[&str] =
    &["Radiologie am Fluss", "Dr. Anna Beispiel", "anna.beispiel@praxis-nord.example", "Praxis Nord"];

#[track_caller]
fn refused(password: &str, reason: &str) {
    let estimate = estimate(password, CONTEXT);
    assert!(!estimate.accepted, "{password:?} was taken: {estimate:?}");
    assert!(estimate.reasons.iter().any(|word| word == reason), "{password:?}: {reason} is not in {estimate:?}");
    assert!(estimate.score <= 1, "{password:?}: {estimate:?}");
}

#[track_caller]
fn accepted(password: &str) {
    let estimate = estimate(password, CONTEXT);
    assert!(estimate.accepted, "{password:?}: {estimate:?}");
    assert_eq!(estimate.reasons[0], reasons::FINE, "{password:?}");
    assert!((2..=4).contains(&estimate.score), "{password:?}: {estimate:?}");
}

#[test]
fn three_to_five_letters_as_in_incident_1_are_refused() {
    for password in ["mrt", "CT1", "test", "anna", "pacs", "hallo", "12345", "ärzte", "xq7#z", "", " "] {
        refused(password, reasons::TOO_SHORT);
    }
}

#[test]
fn seven_code_points_are_too_few_whatever_they_are() {
    for password in
        ["xk3#vq9", "пароль1", "日本語入力中文", "a\u{301}e\u{301}i\u{301}o\u{301}u\u{301}n\u{303}y\u{301}", "ﬁﬂ3#v"]
    {
        refused(password, reasons::TOO_SHORT);
    }
}

#[test]
fn what_everybody_takes_is_refused() {
    for password in [
        "password",
        "Password1!",
        "P@ssw0rd!",
        "passwort",
        "Passwort123",
        "Passw0rt!",
        "12345678",
        "123456789",
        "1234567890",
        "qwertyui",
        "qwertzui",
        "QWERTZUIOP",
        "qwertz123",
        "asdfghjk",
        "asdfghjklö",
        "yxcvbnm1",
        "azertyuiop",
        "1qaz2wsx",
        "1qay2wsx",
        "1q2w3e4r",
        "11111111",
        "aaaaaaaa",
        "abcdefgh",
        "87654321",
        "iloveyou",
        "hallo123",
        "Hallo2024",
        "schatz123",
        "Sommer2024!",
        "Sommer2024",
        "sommer24",
        "fussball",
        "Berlin2025",
        "geheim12",
        "letmein1",
        "welcome1",
        "trustno1",
        "sunshine",
        "football1",
        "changeme",
        "baseball",
        "superman",
        "Test1234",
        "admin123",
        "geheimgeheim",
        "drowssap",
        "2024Sommer",
        "hallohallo",
        "MotDePasse1",
    ] {
        refused(password, reasons::COMMON);
    }
}

#[test]
fn words_of_the_context_with_little_added_are_refused() {
    for password in [
        "leadglass",
        "Leadglass1",
        "leadglass2024",
        "radiologie",
        "Radiologie1",
        "R@diologie!",
        "radiology99",
        "röntgen1",
        "Roentgen24",
        "beispiel",
        "Beispiel1",
        "AnnaBeispiel",
        "anna.beispiel",
        "Anna2024!",
        "anna.beispiel@praxis-nord.example",
        "PraxisNord",
        "praxis-nord1",
        "Radiologie am Fluss",
        "RadiologieAmFluss",
        "dicom123",
        "pacs2024",
        "DicomPacs",
        "ultraschall",
        "Krankenhaus",
        "thoraxct1",
        "mammographie",
    ] {
        refused(password, reasons::CONTEXT);
    }
}

#[test]
fn what_is_guessed_sooner_than_eight_random_characters_is_refused() {
    for password in ["Jennifer1987", "19.04.1987", "abcabcabcabc", "monkeymonkey1", "michaeljackson"] {
        refused(password, reasons::GUESSABLE);
    }
}

#[test]
fn long_passphrases_and_random_characters_are_taken_whatever_they_are_made_of() {
    for password in [
        "zwölf leise Kraniche frühstücken",
        "correct horse battery staple",
        "der Kranich trinkt im Regen Tee",
        "kein einziges großes zeichen hier",
        "xkqzwvbt",
        "t7#Kq!vz",
        "9f8d2c71e0",
        "        ein langer Satz mit Leerzeichen        ",
        "пять синих китов плывут домой",
        "青い鯨が五頭泳いでいる海",
        "🦢🐋🌧️🍵🪟🩻🔭🧭🎻",
        "schatz sommer fussball berlin kaffee",
    ] {
        accepted(password);
    }
}

#[test]
fn at_most_128_code_points_are_taken() {
    // no run of it repeats
    let long: String =
        (0_u32..200).map(|n| char::from(b'!' + u8::try_from((n * n * 7 + n * 13 + n / 3) % 90).unwrap())).collect();
    accepted(&long[..128]);
    refused(&long[..129], reasons::TOO_LONG);
    refused(&"é".repeat(129), reasons::TOO_LONG);
    // counted after NFKC: 256 code points that compose to 128, and one that becomes eighteen
    let wide: String = long[..127].chars().chain("e\u{301}".chars()).collect();
    accepted(&wide);
    refused(&"\u{fdfa}".repeat(8), reasons::TOO_LONG);
    refused(&"x".repeat(1_000_000), reasons::TOO_LONG);
}

#[test]
fn a_refusal_says_why_in_fixed_words() {
    let estimate = estimate("qwertyuiop", CONTEXT);
    assert!(estimate.reasons.len() > 2, "{estimate:?}");
    for word in estimate.reasons {
        assert!(word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'), "{word}");
    }
}

#[test]
fn a_long_text_of_one_small_pattern_is_refused_and_does_not_overflow_the_estimate() {
    for pattern in ["12", "1234567890", "qw", "p4ssw0rd", "asdf", "aA4@", "4@8({[<369&#!1/|0$5+7%2", "11", "789632147"]
    {
        for length in [33, 100, 128] {
            let password: String = pattern.chars().cycle().take(length).collect();
            // judged, whatever the verdict: a cycle of many signs may be hard to guess
            assert!(!estimate(&password, &[pattern]).reasons.is_empty());
        }
    }
    refused(&"12".repeat(64), reasons::GUESSABLE);
    refused(&"qw".repeat(64), reasons::GUESSABLE);
    refused(&"1".repeat(128), reasons::COMMON);
    refused(&"p4ssw0rd".repeat(16), reasons::GUESSABLE);
}

#[test]
fn whatever_is_typed_is_judged() {
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};

    // letters that change their length with their case, marks without a base, signs that zxcvbn substitutes, and more
    let all = "aA4@bB8zZ09 İıßẞſΣςﬁ\u{301}\u{345}\u{200d}\u{feff}\u{0}\u{7f}({[<369&#!1/|0$5+7%2日🦢\u{10ffff}\u{fdfa}";
    for seed in 0..300 {
        let mut random = ChaCha20Rng::seed_from_u64(seed);
        let mut some = |from: &[char], most: u32| -> Vec<char> {
            let length = random.next_u32() % most + 1;
            (0..length).map(|_| from[random.next_u32() as usize % from.len()]).collect()
        };
        let alphabet = some(&all.chars().collect::<Vec<_>>(), 40);
        let password: String = some(&alphabet, 160).into_iter().collect();
        let estimate = estimate(&password, &[&password, "İstanbul"]);
        eprintln!("seed {seed}");
        assert!(!estimate.accepted, "seed {seed}: its own context was no reason");
    }
}
