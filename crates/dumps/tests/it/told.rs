//! What is told of a dump comes over whole, and what an honest process would not tell ends the hearing.

use std::io::{Cursor, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use dumps::Match::{Address, Name};
use dumps::{CutShort, Found, Input, Login, Match, PASSWORDS_PER_LOGIN_MAX, Scanner, Told, Wanted, hear, tell};

use crate::{PEOPLE, wanted};

const ANNA: &str = "anna.beispiel@klinik.example";
const FOUND: u8 = 1;
const TOKEN: u8 = 2;
const PROGRESS: u8 = 3;
const END: u8 = 4;

fn told_of(text: &[u8]) -> Vec<u8> {
    let mut told = Vec::new();
    tell(Input::stream(Box::new(Cursor::new(text.to_vec()))), wanted(&PEOPLE), &mut told).unwrap();
    told
}

fn heard(told: &[u8]) -> Told {
    hear(told, &wanted(&PEOPLE), |_| {})
}

fn rows(found: Found) -> Vec<(Match, String, Vec<String>, bool)> {
    let row = |((by, login), Login { passwords, more, .. }): ((Match, String), Login)| {
        (by, login, passwords.iter().map(|password| password.to_string()).collect(), more)
    };
    found.into_sorted().into_iter().map(row).collect()
}

fn token(letter: char) -> String {
    format!("lgd_{}", letter.to_string().repeat(49))
}

#[test]
fn what_is_heard_is_what_was_found() {
    let mut text = String::new();
    for number in 0..40_000 {
        text.push_str(&format!("somebody{number}@mail.example:geheim\n"));
        match number % 1_000 {
            7 => text.push_str(&format!("{ANNA}:geheim{number}\n")),
            8 => text.push_str("RSmith@elsewhere.example;straße\nrsmith\n"),
            9 => text.push_str(&format!("Authorization: Bearer {}\n", token('b'))),
            _ => {}
        }
    }
    text.push_str(&format!("{{\"email\":\"J\u{d6}RG@praxis.example\"}}\n{}\n{}", token('a'), "x".repeat(70_000)));
    let mut scanner = Scanner::new(wanted(&PEOPLE));
    scanner.text(text.as_bytes(), |_| Ok(())).unwrap();

    let mut progress = Vec::new();
    let told = hear(&told_of(text.as_bytes())[..], &wanted(&PEOPLE), |told| progress.push(told.counts.bytes));
    assert_eq!((told.cut_short, told.skipped, told.counts), (None, 0, scanner.counts()));
    assert_eq!((told.counts.bytes, told.read, told.counts.too_long), (text.len() as u64, text.len() as u64, 1));
    assert!(progress.len() > 3 && progress.is_sorted(), "{progress:?}");
    let (tokens, more) = scanner.take_tokens();
    assert_eq!((&told.tokens, told.more_tokens, more), (&tokens, false, false));
    assert_eq!(tokens.len(), 2);
    let rows_of = rows(told.found);
    assert_eq!(rows_of, rows(scanner.into_found()));
    let [(Address, anna, passwords, true), (Address, joerg, none, false), (Name, ..)] = &rows_of[..] else {
        panic!("{rows_of:?}")
    };
    assert_eq!(
        (anna.as_str(), passwords.len(), joerg.as_str()),
        (ANNA, PASSWORDS_PER_LOGIN_MAX, "jörg@praxis.example")
    );
    assert!(none.is_empty());
}

#[test]
fn why_a_dump_ended_comes_over() {
    for (input, expected) in [
        (&b"\x1f\x8b\x08\x00 no gzip"[..], CutShort::Damaged),
        (b"PK\x03\x04 no directory", CutShort::Zip),
        (b"Rar!\x1a\x07\x01\x00", CutShort::OtherPacking),
    ] {
        let mut file = tempfile::tempfile().unwrap();
        std::io::Write::write_all(&mut file, input).unwrap();
        std::io::Seek::rewind(&mut file).unwrap();
        let mut told = Vec::new();
        tell(Input::file(file), wanted(&PEOPLE), &mut told).unwrap();
        assert_eq!(heard(&told).cut_short, Some(expected));
    }
}

#[test]
fn who_is_wanted_comes_over() {
    let mut bytes = Vec::new();
    wanted(&PEOPLE).write_to(&mut bytes).unwrap();
    let read = Wanted::read_from(&mut &bytes[..]).unwrap();
    assert_eq!((read.addresses, read.names), (wanted(&PEOPLE).addresses, wanted(&PEOPLE).names));
    for length in 0..bytes.len() {
        assert!(Wanted::read_from(&mut &bytes[..length]).is_err(), "{length} bytes");
    }
    bytes[32..36].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(Wanted::read_from(&mut &bytes[..]).is_err(), "more digests than there are people");
}

fn found(by: u8, login: &[u8], password: &[u8]) -> Vec<u8> {
    let text = |text: &[u8]| [&u16::try_from(text.len()).unwrap().to_le_bytes()[..], text].concat();
    [vec![FOUND, by], text(login), text(password)].concat()
}

fn numbers(kind: u8, numbers: &[u64]) -> Vec<u8> {
    [vec![kind], numbers.iter().flat_map(|number| number.to_le_bytes()).collect()].concat()
}

fn of_token(token: &str) -> Vec<u8> {
    [&[TOKEN], token.as_bytes()].concat()
}

fn end(reason: u8) -> Vec<u8> {
    [numbers(END, &[0]), vec![reason]].concat()
}

/// One login and a token are told, then this and an end.
fn behind_some(records: &[u8]) -> Told {
    let before = [found(0, ANNA.as_bytes(), b""), found(0, ANNA.as_bytes(), b"geheim"), of_token(&token('a'))].concat();
    heard(&[&before, &numbers(PROGRESS, &[100, 100, 3, 0]), records, &end(0)].concat())
}

#[test]
fn what_an_honest_process_does_not_tell_ends_the_hearing_and_what_came_before_stays() {
    let anna = ANNA.as_bytes();
    let honest = [found(0, anna, b"another"), of_token(&token('b')), numbers(PROGRESS, &[100, 200, 4, 1])].concat();
    let told = behind_some(&honest);
    assert_eq!((told.cut_short, told.tokens.len(), rows(told.found)[0].2.len()), (None, 2, 2));

    let long = |length: usize| vec![b'x'; length];
    let cut = |mut record: Vec<u8>, length: u16, at: usize| {
        record[at..at + 2].copy_from_slice(&length.to_le_bytes());
        record
    };
    let mut many = Vec::new();
    for number in 0..PASSWORDS_PER_LOGIN_MAX + 2 {
        many.extend(found(0, anna, number.to_string().as_bytes()));
    }
    for (what, junk) in [
        ("a record that there is not", vec![0]),
        ("another", vec![9; 100]),
        ("a login that is nobody's", found(0, b"nobody@klinik.example", b"")),
        ("a login that is not folded", found(0, b"Anna.Beispiel@klinik.example", b"")),
        ("a name as an address", found(0, b"rsmith", b"")),
        ("an address as a name", found(1, anna, b"")),
        ("a fit that there is not", found(2, anna, b"")),
        ("a login again", found(0, anna, b"")),
        ("a password again", found(0, anna, b"geheim")),
        ("a password before its login", found(1, b"rsmith", b"geheim")),
        ("no text", found(0, anna, &[0xff, 0xfe])),
        ("no text as a login", found(0, &[0xff], b"")),
        ("a password that is too long", found(0, anna, &long(513))),
        ("a login that is too long", found(0, &long(4_097), b"")),
        ("a length past every limit", cut(found(0, anna, b""), u16::MAX, 2)),
        ("more passwords than are kept", many),
        ("a token again", of_token(&token('a'))),
        ("what is no token", of_token(&"x".repeat(53))),
        ("a token of other characters", of_token(&format!("lgd_{}", "/".repeat(49)))),
        ("a token in another place", of_token(&format!("x{}", &token('b')[..52]))),
        ("fewer bytes read", numbers(PROGRESS, &[99, 200, 4, 0])),
        ("fewer bytes of text", numbers(PROGRESS, &[100, 99, 3, 0])),
        ("fewer lines", numbers(PROGRESS, &[100, 100, 2, 0])),
        ("more lines than bytes", numbers(PROGRESS, &[100, 100, 101, 0])),
        ("an end that there is not", end(6)),
    ] {
        let told = behind_some(&[&junk[..], &found(1, b"rsmith", b"")].concat());
        assert_eq!(told.cut_short, Some(CutShort::Nonsense), "{what}");
        assert_eq!((told.tokens.len(), told.counts.lines), (1, 3), "{what}");
        let [(Address, login, passwords, _)] = &rows(told.found)[..] else { panic!("{what}") };
        assert!(login == ANNA && passwords.contains(&"geheim".to_owned()), "{what}");
    }
}

#[test]
fn a_stream_that_ends_in_the_middle_keeps_what_came() {
    let whole = [found(0, ANNA.as_bytes(), b""), found(0, ANNA.as_bytes(), b"geheim"), end(0)].concat();
    for length in 0..whole.len() {
        let told = heard(&whole[..length]);
        assert_eq!(told.cut_short, Some(CutShort::WentAway), "{length} bytes");
    }
    let told = heard(&whole[..whole.len() - 1]);
    assert_eq!(rows(told.found)[0].2, ["geheim"]);
    assert_eq!(heard(&whole).cut_short, None);
}

#[test]
fn who_says_nothing_for_too_long_stands_still() {
    let (mut telling, hearing) = UnixStream::pair().unwrap();
    hearing.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    telling.write_all(&found(0, ANNA.as_bytes(), b"")).unwrap();
    // in the middle of a record, and the stream is open
    telling.write_all(&[FOUND, 0, 7]).unwrap();
    let told = hear(hearing, &wanted(&PEOPLE), |_| {});
    assert_eq!(told.cut_short, Some(CutShort::StoodStill));
    assert_eq!(rows(told.found)[0].1, ANNA);
}

#[test]
fn whatever_is_told_only_who_is_here_is_heard() {
    let seed = 0x746f_6c64_u64;
    eprintln!("seed {seed}");
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize
    };
    let text = format!("{ANNA}:geheim\nrsmith:x\n{}\n{{\"email\":\"{ANNA}\",\"pw\":\"y\"}}\n", token('a'));
    let honest = told_of(text.as_bytes());
    let mut nonsense = 0;
    for _ in 0..50_000 {
        let mut told = honest.clone();
        for _ in 0..=next() % 4 {
            let at = next() % told.len();
            match next() % 4 {
                0 => told[at] = next() as u8,
                1 => told[at] ^= 1 << (next() % 8),
                2 => told.truncate(at + 1),
                _ => told.splice(at..at, (0..next() % 9).map(|byte| byte as u8 * 31)).for_each(drop),
            }
        }
        let told = heard(&told);
        nonsense += u32::from(told.cut_short == Some(CutShort::Nonsense));
        for (_, login, passwords, _) in rows(told.found) {
            assert!([ANNA, "rsmith"].contains(&login.as_str()), "{login}");
            assert!(
                passwords.len() <= PASSWORDS_PER_LOGIN_MAX && passwords.iter().all(|password| password.len() <= 512)
            );
        }
        assert!(told.tokens.iter().all(|token| token.len() == 53 && token.starts_with("lgd_")));
    }
    assert!(nonsense > 5_000, "{nonsense}");
}
