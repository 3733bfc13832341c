use dumps::Match::{Address, Name};
use dumps::PASSWORDS_PER_LOGIN_MAX;

use crate::{PEOPLE, check, found};

const ANNA: &str = "anna.beispiel@klinik.example";

#[test]
fn an_address_and_a_password_between_any_separators() {
    for separator in [":", ";", "\t", "|", ",", " ", " : ", " | ", "; ", "----", "::", " => ", " - "] {
        check(&format!("Anna.Beispiel@KLINIK.example{separator}Tr0ub4dor&3"), Address, ANNA, "Tr0ub4dor&3");
    }
    check("anna.beispiel@klinik.example:pass:word;x,y", Address, ANNA, "pass:word;x,y");
    check("J\u{d6}RG@praxis.example:Straße 7", Address, "jörg@praxis.example", "Straße 7");
    check("jo\u{308}rg@praxis.example:x y z", Address, "jörg@praxis.example", "x y z");
    check("Tr0ub4dor&3:anna.beispiel@klinik.example", Address, ANNA, "Tr0ub4dor&3");
}

#[test]
fn logs_of_malware_with_an_address_of_a_page_before_or_after() {
    for line in [
        "https://portal.klinik.example/login:anna.beispiel@klinik.example:geheim99",
        "https://portal.klinik.example:8443/login?a=b:anna.beispiel@klinik.example:geheim99",
        "portal.klinik.example/login:anna.beispiel@klinik.example:geheim99",
        "android://x==@com.app/:anna.beispiel@klinik.example:geheim99",
        "anna.beispiel@klinik.example:geheim99:https://portal.klinik.example/login",
        "https://portal.klinik.example/ anna.beispiel@klinik.example geheim99",
        "https://portal.klinik.example/|anna.beispiel@klinik.example|geheim99",
        "\"https://portal.klinik.example/\",\"anna.beispiel@klinik.example\",\"geheim99\"",
        "https://portal.klinik.example/\tanna.beispiel@klinik.example\tgeheim99\t2024-03-01",
    ] {
        check(line, Address, ANNA, "geheim99");
    }
    check("anna.beispiel@klinik.example:ge:heim:https://portal.klinik.example/", Address, ANNA, "ge:heim");
    check("https://portal.klinik.example/login:anna.beispiel:geheim99", Name, "anna.beispiel", "geheim99");
    check(
        "URL: https://x.example\r\nUsername: anna.beispiel@klinik.example\r\nPassword: ge heim\r\n===",
        Address,
        ANNA,
        "ge heim",
    );
    check("Host: x\nLogin: rsmith\nApplication: Chrome\nPass: abc\n", Name, "rsmith", "abc");
}

#[test]
fn csv_with_a_header_or_with_quotes() {
    check(
        "name,url,username,password,note\nx,https://y,Anna.Beispiel@klinik.example,\"a,\"\"b\",\n",
        Address,
        ANNA,
        "a,\"b",
    );
    check("\u{feff}E-Mail;Kennwort\nanna.beispiel@klinik.example;ge;heim\n", Address, ANNA, "ge");
    check("id\tpassword\temail\n1\tgeheim\tanna.beispiel@klinik.example\n", Address, ANNA, "geheim");
    check("\"7\",\"anna.beispiel@klinik.example\",\"ge,heim\",\"x\"", Address, ANNA, "ge,heim");
}

#[test]
fn a_header_decides_nothing_about_lines_of_other_shapes() {
    for header in ["email,password", "id;pass;user", "\"login\",\"x\",\"pwd\""] {
        for (lines, password) in [
            ("anna.beispiel@klinik.example:geheim", "geheim"),
            ("anna.beispiel@klinik.example:ge,heim", "ge,heim"),
            ("https://x/:anna.beispiel@klinik.example:geheim", "geheim"),
            (r#"{"email":"anna.beispiel@klinik.example","password":"geheim"}"#, "geheim"),
            ("Username: anna.beispiel@klinik.example\nPassword: ge heim", "ge heim"),
            // a later header is the one that holds
            ("email|note|password\nanna.beispiel@klinik.example|x|geheim", "geheim"),
            ("note,password,email\nx,geheim,anna.beispiel@klinik.example", "geheim"),
        ] {
            check(&format!("{header}\nx,y,z\n{lines}\n"), Address, ANNA, password);
        }
    }
    // and one that comes after other lines
    check(
        "somebody@mail.example:x\nnote,password,email\nx,geheim,anna.beispiel@klinik.example\n",
        Address,
        ANNA,
        "geheim",
    );
    check("data,email,password\n{},anna.beispiel@klinik.example,geheim\n", Address, ANNA, "geheim");
}

#[test]
fn an_object_in_each_line() {
    check(r#"{"id":7,"email":"Anna.Beispiel@klinik.example","password":"ge\"heim\u00fc"}"#, Address, ANNA, "ge\"heimü");
    check(r#"[{"user":{"login":"rsmith"},"plaintext":4711},"#, Name, "rsmith", "4711");
    check("{not json anna.beispiel@klinik.example:geheim", Address, ANNA, "geheim");
}

#[test]
fn every_object_of_a_line_is_read_and_those_without_a_known_key_as_text() {
    let (other, anna) = (
        r#"{"id":1,"email":"x@mail.example","pw":"a"}"#,
        r#"{"pass":"ge,heim","mail":"Anna.Beispiel@klinik.example"}"#,
    );
    for line in [
        format!("[{other},{anna}]"),
        format!("{other}{anna}"),
        format!("{anna} , {other}]"),
        format!("{{\"rows\":[]}}\t{other},[{anna},{other}],"),
        // which the parser of everything reads
        format!("{{\"email\":1e5}}{{\"user\":12345678901234567890}}{anna}"),
    ] {
        check(&line, Address, ANNA, "ge,heim");
        let found = found(line.as_bytes());
        assert_eq!(found.get(Address, ANNA).unwrap().lines, 1, "{line}");
    }
    check(r#"{"line":"anna.beispiel@klinik.example:geheim"}"#, Address, ANNA, "geheim");
    check(&format!(r#"{other},{{"line":"anna.beispiel@klinik.example:geheim"}}"#), Address, ANNA, "geheim");
    // what follows the last one that reads
    check(&format!("{other} anna.beispiel@klinik.example:geheim"), Address, ANNA, "geheim");
    check(&format!("{other},{{broken anna.beispiel@klinik.example:geheim"), Address, ANNA, "geheim");
    // many of them cost no more than their bytes
    let many = "{}".repeat(30_000) + anna;
    check(&many, Address, ANNA, "ge,heim");
}

#[test]
fn who_has_the_same_name_at_another_place_is_found_by_name_only() {
    let found = found(b"anna.beispiel@mail.example:geheim\nANNA.BEISPIEL:geheim\n");
    assert!(found.get(Address, ANNA).is_none());
    let login = found.get(Name, "anna.beispiel").unwrap();
    assert_eq!((login.lines, login.passwords.len()), (2, 1));
}

#[test]
fn who_is_not_ours_is_not_kept() {
    let lines = "hanna.beispiel@klinik.example:geheim\nanna.beispiel.klinik.example:x\nx:anna.beispiel\n";
    assert!(found(lines.as_bytes()).into_sorted().is_empty());
    // nor is what merely holds a login
    assert!(found(b"https://x/?u=anna.beispiel@klinik.example/y:z:q").into_sorted().is_empty());
}

#[test]
fn duplicates_are_kept_once_and_many_passwords_not_at_all() {
    let line = "anna.beispiel@klinik.example:geheim\n";
    let login = found(line.repeat(10_000).as_bytes()).into_sorted().remove(0).1;
    assert_eq!((login.lines, login.passwords.len(), login.more), (10_000, 1, false));
    let many: String = (0..1_000).map(|n| format!("anna.beispiel@klinik.example:geheim{n}\n")).collect();
    let login = found(many.as_bytes()).into_sorted().remove(0).1;
    assert_eq!((login.lines, login.passwords.len(), login.more), (1_000, PASSWORDS_PER_LOGIN_MAX, true));
    let long = format!("anna.beispiel@klinik.example:{}\n", "x".repeat(5_000));
    assert!(found(long.as_bytes()).into_sorted().remove(0).1.passwords.is_empty());
}

/// xorshift, seeded.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % bound
    }

    fn text(&mut self, characters: &[char], length_max: usize) -> String {
        let length = self.below(length_max);
        (0..=length).map(|_| characters[self.below(characters.len())]).collect()
    }
}

fn seeded(seed: u64) -> Random {
    let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    random.below(7);
    random
}

#[test]
fn a_password_is_found_among_any_lines() {
    let printable: Vec<char> = (' '..='~').chain(['ä', '€']).collect();
    let of_password: Vec<char> = printable.iter().copied().filter(|c| !matches!(c, ' ' | ':')).collect();
    for seed in 0..2_000 {
        let mut random = seeded(seed);
        // a first line that names columns would make a table of what follows
        let mut lines = vec!["#".to_owned()];
        for _ in 0..random.below(6) {
            lines.push(random.text(&printable, 60));
        }
        let (person, password) = (PEOPLE[random.below(PEOPLE.len())], random.text(&of_password, 40));
        lines.push(format!("{person}:{password}"));
        for _ in 0..random.below(3) {
            lines.push(random.text(&printable, 60));
        }
        let found = found(lines.join("\n").as_bytes());
        let login = found.get(Address, &person.to_lowercase());
        let kept = login.is_some_and(|login| login.passwords.iter().any(|known| **known == password));
        assert!(kept, "seed {seed}: {lines:?}");
    }
}

#[test]
fn any_bytes_are_read_to_their_end_and_keep_nobody() {
    for seed in 0..2_000 {
        let mut random = seeded(seed);
        let length = random.below(4_096);
        let bytes: Vec<u8> = (0..length).map(|_| random.below(256) as u8).collect();
        assert!(found(&bytes).into_sorted().is_empty(), "seed {seed}");
    }
}

#[test]
fn any_mixture_of_what_formats_are_made_of_keeps_only_who_stands_in_it() {
    const PARTS: [&str; 27] = [
        "anna.beispiel@klinik.example",
        "rsmith",
        "@",
        ":",
        ";",
        "\"",
        "'",
        "{",
        "}",
        "[",
        ",",
        "\n",
        "\0",
        "\r",
        "://",
        "http",
        "--",
        " ",
        "password",
        "email",
        "Username: ",
        "Password: ",
        "\u{feff}",
        "ä",
        "\\",
        "\\u00",
        "é",
    ];
    for seed in 0..20_000 {
        let mut random = seeded(seed);
        let length = random.below(60);
        let text: String = (0..length).map(|_| PARTS[random.below(PARTS.len())]).collect();
        for ((_, login), what) in found(text.as_bytes()).into_sorted() {
            assert!(text.contains(&login) && what.lines > 0, "seed {seed}: {login} of {text:?}");
        }
    }
}
