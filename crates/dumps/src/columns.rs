//! CSV: which column is what, and the fields of a line (RFC 4180, one line a record).

use std::borrow::Cow;

/// What separates columns.
const SEPARATORS: [char; 4] = [',', ';', '\t', '|'];
/// The most columns.
const COLUMNS_MAX: usize = 64;

/// Which columns hold logins and passwords.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Columns {
    separator: char,
    logins: Vec<usize>,
    passwords: Vec<usize>,
}

impl Columns {
    /// From a first line that names columns; nothing for any other.
    pub(crate) fn of_header(line: &str) -> Option<Self> {
        if line.trim_start().starts_with(['{', '[']) {
            return None;
        }
        let separator = SEPARATORS.into_iter().max_by_key(|separator| line.matches(*separator).count())?;
        let names: Vec<String> = fields(line, separator).map(|name| name.trim().to_lowercase()).collect();
        let places = |is: fn(&str) -> bool| -> Vec<usize> {
            names.iter().enumerate().filter(|(_, name)| is(name)).map(|(place, _)| place).collect()
        };
        let (logins, passwords) = (places(is_login), places(is_password));
        (names.len() >= 2 && !logins.is_empty() && !passwords.is_empty()).then_some(Self {
            separator,
            logins,
            passwords,
        })
    }

    /// Each login of a line with each password of it.
    pub(crate) fn pairs(&self, line: &str, mut pair: impl FnMut(&str, &str)) {
        let fields: Vec<Cow<'_, str>> = fields(line, self.separator).collect();
        for login in self.logins.iter().filter_map(|place| fields.get(*place)) {
            for password in self.passwords.iter().filter_map(|place| fields.get(*place)) {
                pair(login, password);
            }
        }
    }
}

/// Whether a column, key or label holds a login.
pub(crate) fn is_login(name: &str) -> bool {
    const NAMES: [&str; 18] = [
        "email",
        "e-mail",
        "mail",
        "e_mail",
        "email_address",
        "emailaddress",
        "login",
        "login_name",
        "username",
        "user_name",
        "user name",
        "user",
        "usr",
        "account",
        "benutzer",
        "benutzername",
        "identifiant",
        "usuario",
    ];
    NAMES.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Whether a column, key or label holds a password.
pub(crate) fn is_password(name: &str) -> bool {
    const NAMES: [&str; 13] = [
        "password",
        "pass",
        "passwd",
        "pwd",
        "pw",
        "passwort",
        "kennwort",
        "password_plain",
        "plaintext",
        "plain",
        "cleartext",
        "mot de passe",
        "contraseña",
    ];
    NAMES.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// The fields of a line. A field in quotes may hold the separator, and a quote that is written twice.
pub(crate) fn fields(line: &str, separator: char) -> impl Iterator<Item = Cow<'_, str>> {
    let mut rest = Some(line);
    std::iter::from_fn(move || {
        let text = rest?;
        let (field, behind) = field(text, separator);
        rest = behind;
        Some(field)
    })
    .take(COLUMNS_MAX)
}

/// The field that a text begins with, and what stands behind its separator.
pub(crate) fn field(text: &str, separator: char) -> (Cow<'_, str>, Option<&str>) {
    let behind = |at: usize| text[at..].find(separator).map(|found| &text[at + found + separator.len_utf8()..]);
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(separator).unwrap_or(text.len());
        return (Cow::Borrowed(&text[..end]), behind(0));
    };
    let mut ends = quoted.match_indices('"').map(|(at, _)| at);
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
    let end = text.find(separator).unwrap_or(text.len());
    (Cow::Borrowed(&text[..end]), behind(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(line: &str, separator: char, expected: &[&str]) {
        assert_eq!(fields(line, separator).collect::<Vec<_>>(), expected, "{line}");
    }

    #[test]
    fn fields_are_cut_as_spreadsheets_write_them() {
        check("a,b,c", ',', &["a", "b", "c"]);
        check("a,,", ',', &["a", "", ""]);
        check("\"a,b\",\"say \"\"x\"\"\",c", ',', &["a,b", "say \"x\"", "c"]);
        check("\"never closed,b", ',', &["\"never closed", "b"]);
        check("\"ä\";\"\"", ';', &["ä", ""]);
        check("", ',', &[""]);
    }

    #[test]
    fn a_header_names_its_columns_and_a_line_of_data_does_not() {
        let columns = Columns::of_header("name;url;Username;PASSWORD;note").unwrap();
        assert_eq!(columns, Columns { separator: ';', logins: vec![2], passwords: vec![3] });
        assert!(Columns::of_header("\"email\",\"hash\",\"password\"").is_some());
        for line in ["a@example.org:letmein", "email", "password", "login:password", "a,b,c", ""] {
            assert_eq!(Columns::of_header(line), None, "{line}");
        }
    }
}
