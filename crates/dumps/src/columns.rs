//! CSV: which column is what, and the fields of a line (RFC 4180, one line a record).

use std::borrow::Cow;

use memchr::{memchr, memchr_iter};

use crate::few::Few;
use crate::found::Passwords;

/// What separates columns.
const SEPARATORS: [u8; 4] = *b",;\t|";
/// The most columns.
const COLUMNS_MAX: usize = 64;

/// What a column, key or label holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holds {
    Login,
    Password,
}

/// Which columns hold logins and passwords.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Columns {
    separator: u8,
    /// What each column holds, up to the last one that counts.
    holds: Vec<Option<Holds>>,
}

impl Columns {
    /// From a first line that names columns; nothing for any other.
    pub(crate) fn of_header(line: &str) -> Option<Self> {
        if line.trim_start().starts_with(['{', '[']) {
            return None;
        }
        let separator =
            SEPARATORS.into_iter().max_by_key(|separator| memchr_iter(*separator, line.as_bytes()).count())?;
        let mut holds: Vec<_> = fields(line, separator).map(|name| holds(name.trim())).collect();
        let named = holds.len();
        holds.truncate(holds.iter().rposition(Option::is_some)? + 1);
        let both = [Holds::Login, Holds::Password].iter().all(|what| holds.contains(&Some(*what)));
        (named >= 2 && both).then_some(Self { separator, holds })
    }

    /// Each login of a line with every password of it. Says whether the line has these columns: a login that is one word, and a password.
    pub(crate) fn logins(&self, line: &str, mut each: impl FnMut(&str, &Passwords<'_>)) -> bool {
        let (mut logins, mut passwords) = (Few::default(), Few::default());
        for (field, holds) in fields(line, self.separator).zip(&self.holds) {
            match holds {
                Some(Holds::Login) => logins.push(field),
                Some(Holds::Password) => passwords.push(field),
                None => {}
            }
        }
        let is_word =
            |login: &str| !login.is_empty() && !login.bytes().any(|byte| matches!(byte, b':' | b';' | b'|' | b'\t'));
        if passwords.all().is_empty() || !logins.all().iter().any(|login| is_word(login)) {
            return false;
        }
        for login in logins.all() {
            each(login, &|take| passwords.all().iter().for_each(|password| take(password)));
        }
        true
    }
}

/// What a column, key or label of this name holds, in letters of either case.
pub(crate) fn holds(name: &str) -> Option<Holds> {
    let (logins, passwords) = NAMES.get(name.len())?;
    let among = |names: &[&str]| names.iter().any(|known| known.eq_ignore_ascii_case(name));
    if among(logins) { Some(Holds::Login) } else { among(passwords).then_some(Holds::Password) }
}

/// Names of logins and of passwords, by their length in bytes.
const NAMES: [(&[&str], &[&str]); 15] = [
    (&[], &[]),
    (&[], &[]),
    (&[], &["pw"]),
    (&["usr"], &["pwd"]),
    (&["mail", "user"], &["pass"]),
    (&["email", "login"], &["plain"]),
    (&["e-mail", "e_mail"], &["passwd"]),
    (&["account", "usuario"], &[]),
    (&["username", "benutzer"], &["password", "passwort", "kennwort"]),
    (&["user_name", "user name"], &["plaintext", "cleartext"]),
    (&["login_name"], &[]),
    (&["identifiant"], &["contraseña"]),
    (&["emailaddress", "benutzername"], &["mot de passe"]),
    (&["email_address"], &[]),
    (&[], &["password_plain"]),
];

/// The fields of a line. A field in quotes may hold the separator, and a quote that is written twice.
pub(crate) fn fields(line: &str, separator: u8) -> impl Iterator<Item = Cow<'_, str>> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let text = rest?;
        let (field, behind) = field(text, separator);
        rest = behind;
        Some(field)
    })
    .take(COLUMNS_MAX)
}

/// The field that a text begins with, and what stands behind its separator, which is ASCII.
pub(crate) fn field(text: &str, separator: u8) -> (Cow<'_, str>, Option<&str>) {
    let behind = |from: usize| Some(&text[from + memchr(separator, &text.as_bytes()[from..])? + 1..]);
    let Some(quoted) = text.strip_prefix('"') else { return plain(text, separator) };
    let mut ends = memchr_iter(b'"', quoted.as_bytes());
    let mut doubled = false;
    while let Some(end) = ends.next() {
        if quoted[end + 1..].starts_with('"') {
            doubled = true;
            ends.next();
            continue;
        }
        let field = &quoted[..end];
        let field = if doubled { Cow::Owned(field.replace("\"\"", "\"")) } else { Cow::Borrowed(field) };
        return (field, behind(end + 2));
    }
    // a quote that is never closed belongs to the text
    plain(text, separator)
}

fn plain(text: &str, separator: u8) -> (Cow<'_, str>, Option<&str>) {
    match memchr(separator, text.as_bytes()) {
        Some(end) => (Cow::Borrowed(&text[..end]), Some(&text[end + 1..])),
        None => (Cow::Borrowed(text), None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, separator: u8, expected: &[&str]) {
        assert_eq!(fields(line, separator).collect::<Vec<_>>(), expected, "{line}");
    }

    #[test]
    fn fields_are_cut_as_spreadsheets_write_them() {
        check("a,b,c", b',', &["a", "b", "c"]);
        check("a,,", b',', &["a", "", ""]);
        check("\"a,b\",\"say \"\"x\"\"\",c", b',', &["a,b", "say \"x\"", "c"]);
        check("\"never closed,b", b',', &["\"never closed", "b"]);
        check("\"ä\";\"\"", b';', &["ä", ""]);
        check("", b',', &[""]);
    }

    #[test]
    fn every_name_stands_where_it_is_looked_for() {
        for (length, (logins, passwords)) in NAMES.iter().enumerate() {
            for (names, expected) in [(logins, Holds::Login), (passwords, Holds::Password)] {
                for name in *names {
                    assert_eq!((name.len(), holds(&name.to_ascii_uppercase())), (length, Some(expected)), "{name}");
                }
            }
        }
        for name in ["", "id", "e.mail", "password_plaintext", "passwörd"] {
            assert_eq!(holds(name), None, "{name}");
        }
    }

    #[test]
    fn a_header_names_its_columns_and_a_line_of_data_does_not() {
        let columns = Columns::of_header("name;url;Username;PASSWORD;note").unwrap();
        assert_eq!(
            columns,
            Columns { separator: b';', holds: vec![None, None, Some(Holds::Login), Some(Holds::Password)] }
        );
        assert!(Columns::of_header("\"email\",\"hash\",\"password\"").is_some());
        for line in ["a@example.org:letmein", "email", "password", "login:password", "a,b,c", "email,name", ""] {
            assert_eq!(Columns::of_header(line), None, "{line}");
        }
    }
}
