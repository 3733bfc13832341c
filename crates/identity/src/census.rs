//! The census: accounts against a staff list. Nothing of the list is kept.
//!
//! A list is comma-separated values (RFC 4180) as spreadsheets write them: comma, semicolon or tab, quotes, a byte order mark, UTF-8,
//! UTF-16 or Windows-1252, a header whose names may be English or German. An account is found by its address, else by its
//! professional identifier, never by a name: two people may have one.

use std::collections::{BTreeSet, HashMap, HashSet};

use model::{Instant, PersonId, Role, SECOND};
use protocol::{CensusAccount, CensusDifference, CensusLine, CensusReport, Invalid, Refusal, STAFF_LIST_BYTES_MAX};
use thiserror::Error;

use crate::People;
use crate::directory::{folded, normal_email};
use crate::record::PersonRecord;

/// The most lines of a list.
const LINES_MAX: usize = 20_000;
/// The most columns of a line.
const COLUMNS_MAX: usize = 64;
/// A cell is cut after so many characters where it is shown again.
const SHOWN_CHARACTERS_MAX: usize = 128;
const DAY_SECONDS: i64 = 86_400;

/// A list cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CensusError {
    /// Too long.
    #[error("the staff list is longer than 2 MiB or 20,000 lines; leave out columns that a census does not need")]
    TooLong,
    /// No usable header.
    #[error(
        "the first line of the staff list names no column that finds an account; it needs `email` or `professional id`, and may have name, role, organisation and end date"
    )]
    Header,
    /// A quote that nothing ends.
    #[error("line {line} of the staff list opens a quote that nothing closes; save it again as CSV")]
    Quote {
        /// Where it begins.
        line: u32,
    },
}

impl From<CensusError> for Refusal {
    fn from(error: CensusError) -> Self {
        let expected = match error {
            CensusError::TooLong => "at most 2 MiB and 20,000 lines".to_owned(),
            CensusError::Header => {
                "comma-separated values whose first line names the columns, among them email or professional id"
                    .to_owned()
            }
            CensusError::Quote { line } => {
                format!("comma-separated values; line {line} opens a quote that nothing closes")
            }
        };
        Self::Invalid(Invalid::Field { field: "the staff list".to_owned(), expected })
    }
}

/// A staff list, read.
pub struct StaffList {
    people: Vec<Staff>,
}

/// One line of it.
struct Staff {
    line: CensusLine,
    email: Option<String>,
    professional_id: Option<String>,
    role: Option<Result<Role, String>>,
    organisation: Option<String>,
    until: Option<Result<Instant, String>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Column {
    Name,
    GivenName,
    Email,
    ProfessionalId,
    Role,
    Organisation,
    Until,
}

/// The text of a file: UTF-8, UTF-16 with a byte order mark, else Windows-1252.
#[must_use]
pub fn decode(bytes: &[u8]) -> String {
    let wide = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]])).collect();
        String::from_utf16_lossy(&units)
    };
    match bytes {
        [0xff, 0xfe, rest @ ..] => wide(rest, u16::from_le_bytes),
        [0xfe, 0xff, rest @ ..] => wide(rest, u16::from_be_bytes),
        _ => match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => bytes.iter().map(|byte| windows_1252(*byte)).collect(),
        },
    }
}

/// Accounts by what a chamber, an authority or a payer calls them.
type ByProfessionalId<'a> = HashMap<String, Vec<&'a PersonRecord>>;

/// The one account that has the identifier of a line.
fn one_of<'a>(accounts: &ByProfessionalId<'a>, person: &Staff) -> Option<&'a PersonRecord> {
    match accounts.get(person.professional_id.as_deref()?)?.as_slice() {
        [one] => Some(*one),
        _ => None,
    }
}

impl StaffList {
    /// Reads a list.
    pub fn parse(text: &str) -> Result<Self, CensusError> {
        if text.len() > STAFF_LIST_BYTES_MAX {
            return Err(CensusError::TooLong);
        }
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut rows = rows(text, delimiter(text))?.into_iter();
        let (_, header) = rows.next().ok_or(CensusError::Header)?;
        let columns: Vec<Option<Column>> = header.iter().map(|name| column(name)).collect();
        let has = |wanted: Column| columns.contains(&Some(wanted));
        if !has(Column::Email) && !has(Column::ProfessionalId) {
            return Err(CensusError::Header);
        }
        Ok(Self { people: rows.map(|(line, cells)| staff(line, &columns, &cells)).collect() })
    }
}

impl People {
    /// Compares accounts of staff with a list. `unused_days` is how long nobody may have signed in.
    #[must_use]
    pub fn census(&self, list: &StaffList, unused_days: u32, now: Instant) -> CensusReport {
        let staff: Vec<&PersonRecord> =
            self.persons.values().filter(|record| record.is_open(now) && record.role != Role::Patient).collect();
        let by_email: HashMap<&str, &PersonRecord> = staff.iter().map(|one| (one.email.as_str(), *one)).collect();
        let (mut given, mut stated): (ByProfessionalId<'_>, ByProfessionalId<'_>) = Default::default();
        for one in &staff {
            let ids = one.professional_ids.iter().map(|(issuer, id)| folded(&format!("{issuer}/{id}")));
            ids.collect::<BTreeSet<_>>().into_iter().for_each(|id| given.entry(id).or_default().push(one));
            let id = one.professional_id.iter().map(|id| folded(&id.to_string()));
            id.for_each(|id| stated.entry(id).or_default().push(one));
        }
        let mut report =
            CensusReport { accounts: staff.len() as u32, people: list.people.len() as u32, ..Default::default() };
        let mut lines: HashMap<PersonId, (&Staff, bool)> = HashMap::new();
        for person in &list.people {
            report.unclear.extend(person.unclear());
            let by_email = person.email.as_deref().and_then(|email| by_email.get(email).copied());
            let surely = by_email.or_else(|| one_of(&given, person));
            let found = surely.or_else(|| one_of(&stated, person));
            match found {
                None if person.has_ended(now) => {}
                None => report.without_account.push(person.line.clone()),
                Some(account) if lines.contains_key(&account.person) => {
                    report.unclear.push((person.line.clone(), "an earlier line is about the same account".to_owned()));
                }
                Some(account) => {
                    if surely.is_none() {
                        let what = format!("found by an identifier that a delegate stated: {}", shown(&account.email));
                        report.unclear.push((person.line.clone(), what));
                    }
                    lines.insert(account.person, (person, surely.is_some()));
                }
            }
        }
        let names: HashMap<String, u32> =
            list.people.iter().map(|person| (folded(&person.line.name), person.line.line)).collect();
        for record in staff {
            self.compare(record, lines.get(&record.person).copied(), &names, unused_days, now, &mut report);
        }
        report
    }

    fn compare(
        &self,
        record: &PersonRecord,
        line: Option<(&Staff, bool)>,
        names: &HashMap<String, u32>,
        unused_days: u32,
        now: Instant,
        report: &mut CensusReport,
    ) {
        let (person, surely) = line.map_or((None, true), |(person, surely)| (Some(person), surely));
        let account = CensusAccount {
            name: record.name.clone(),
            email: record.email.clone(),
            role: record.role,
            organisations: self.organisation_names(record),
            last_sign_in: record.last_sign_in,
            until: record.until,
            line: person.map(|person| person.line.line).or_else(|| names.get(&folded(&record.name)).copied()),
        };
        let mut fits = surely;
        let used = record.last_sign_in.is_some_and(|last| {
            now.0.saturating_sub(last.0) < i64::from(unused_days).saturating_mul(DAY_SECONDS * SECOND)
        });
        if !used {
            fits = false;
            report.unused.push(account.clone());
        }
        let Some(person) = person.filter(|person| !person.has_ended(now)) else {
            report.without_person.push(account);
            return;
        };
        let mut differs = |into: &mut Vec<CensusDifference>, listed: String| {
            fits = false;
            into.push(CensusDifference { account: account.clone(), listed: shown(&listed) });
        };
        if let Some(Ok(role)) = &person.role
            && *role != record.role
        {
            differs(&mut report.roles, word(*role).to_owned());
        }
        if let Some(listed) = &person.organisation {
            let listed_names: HashSet<String> = listed.split('|').map(folded).collect();
            let own: HashSet<String> = account.organisations.iter().map(|name| folded(name)).collect();
            if listed_names != own {
                differs(&mut report.organisations, listed.clone());
            }
        }
        if let Some(Ok(until)) = person.until
            && account.until.is_none_or(|own| own > until.plus_seconds(DAY_SECONDS))
        {
            differs(&mut report.ends, day(until));
        }
        report.fitting += u32::from(fits);
    }
}

impl Staff {
    fn has_ended(&self, now: Instant) -> bool {
        matches!(&self.until, Some(Ok(until)) if *until <= now)
    }

    fn unclear(&self) -> Vec<(CensusLine, String)> {
        let role = self.role.as_ref().and_then(|role| role.as_ref().err()).map(|text| format!("unknown role: {text}"));
        let until = self.until.as_ref().and_then(|until| until.as_ref().err()).map(|text| format!("no date: {text}"));
        role.into_iter().chain(until).map(|what| (self.line.clone(), what)).collect()
    }
}

fn staff(line: u32, columns: &[Option<Column>], cells: &[String]) -> Staff {
    let cell = |wanted: Column| {
        let place = columns.iter().position(|column| *column == Some(wanted))?;
        cells.get(place).map(|cell| cell.trim()).filter(|cell| !cell.is_empty())
    };
    let name = [cell(Column::GivenName), cell(Column::Name)].into_iter().flatten().collect::<Vec<_>>().join(" ");
    let name =
        if name.is_empty() { cell(Column::Email).or(cell(Column::ProfessionalId)).unwrap_or_default() } else { &name };
    Staff {
        line: CensusLine { line, name: shown(name) },
        email: cell(Column::Email).and_then(|email| normal_email(email).ok()),
        professional_id: cell(Column::ProfessionalId).map(folded),
        role: cell(Column::Role).map(|text| role(text).ok_or_else(|| shown(text))),
        organisation: cell(Column::Organisation).map(str::to_owned),
        until: cell(Column::Until).map(|text| date(text).ok_or_else(|| shown(text))),
    }
}

/// What separates cells: whichever of the three the header has most of, outside quotes.
fn delimiter(text: &str) -> char {
    let header = text.lines().next().unwrap_or_default();
    let count = |wanted: char| header.chars().filter(|c| *c == wanted).count();
    [';', '\t']
        .into_iter()
        .filter(|c| count(*c) > 0)
        .max_by_key(|c| count(*c))
        .filter(|c| count(*c) >= count(','))
        .unwrap_or(',')
}

/// Lines that are not empty, with the number at which each begins (RFC 4180 section 2).
fn rows(text: &str, delimiter: char) -> Result<Vec<(u32, Vec<String>)>, CensusError> {
    let (mut rows, mut cells, mut cell) = (Vec::new(), Vec::new(), String::new());
    let (mut line, mut begun, mut quoted, mut quote_line) = (1, 1, false, 1);
    let mut chars = text.chars().peekable();
    let mut finish = |cells: &mut Vec<String>, cell: &mut String, begun: u32| {
        cells.push(std::mem::take(cell));
        let whole = std::mem::take(cells);
        if whole.iter().any(|cell| !cell.trim().is_empty()) {
            rows.push((begun, whole));
        }
        if rows.len() > LINES_MAX + 1 { Err(CensusError::TooLong) } else { Ok(()) }
    };
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                cell.push('"');
            }
            '"' if quoted => quoted = false,
            '"' if cell.trim().is_empty() => {
                cell.clear();
                (quoted, quote_line) = (true, line);
            }
            '\r' if !quoted && chars.peek() == Some(&'\n') => {}
            '\n' | '\r' if !quoted => {
                finish(&mut cells, &mut cell, begun)?;
                line += 1;
                begun = line;
            }
            c if c == delimiter && !quoted => {
                if cells.len() >= COLUMNS_MAX {
                    return Err(CensusError::TooLong);
                }
                cells.push(std::mem::take(&mut cell));
            }
            c => {
                line += u32::from(c == '\n');
                cell.push(c);
            }
        }
    }
    if quoted {
        return Err(CensusError::Quote { line: quote_line });
    }
    finish(&mut cells, &mut cell, begun)?;
    Ok(rows)
}

/// A header's name: letters only, so that `E-Mail-Adresse` and `email address` are found.
fn column(name: &str) -> Option<Column> {
    let letters: String = folded(name).chars().filter(|c| c.is_alphabetic()).collect();
    Some(match letters.as_str() {
        "name" | "fullname" | "nachname" | "familienname" | "familyname" | "surname" | "lastname" | "mitarbeiter"
        | "employee" => Column::Name,
        "vorname" | "givenname" | "firstname" => Column::GivenName,
        "email" | "emailaddress" | "emailadresse" | "mail" | "mailadresse" => Column::Email,
        "professionalid" | "professionalidentifier" | "lanr" | "efn" | "arztnummer" | "berufskennung" => {
            Column::ProfessionalId
        }
        "role" | "rolle" | "funktion" | "function" | "jobtitle" | "beruf" => Column::Role,
        "organisation" | "organization" | "organisations" | "organizations" | "organisationen" | "praxis"
        | "practice" | "standort" | "abteilung" | "department" | "site" | "einrichtung" => Column::Organisation,
        "end" | "enddate" | "until" | "ende" | "enddatum" | "bis" | "austritt" | "austrittsdatum" | "leaves"
        | "leavingdate" | "validuntil" | "vertragsende" => Column::Until,
        _ => return None,
    })
}

fn role(text: &str) -> Option<Role> {
    let letters: String = folded(text).chars().filter(|c| c.is_alphabetic()).collect();
    Some(match letters.as_str() {
        "referrer" | "referringdoctor" | "referringphysician" | "physician" | "doctor" | "arzt" | "ärztin"
        | "zuweiser" | "zuweiserin" | "überweiser" | "überweiserin" | "zuweisendepraxis" | "hausarzt"
        | "hausärztin" => Role::Referrer,
        "radiologist" | "radiologe" | "radiologin" | "radiologie" | "facharztradiologie" | "fachärztinradiologie" => {
            Role::Radiologist
        }
        "technologist"
        | "radiographer"
        | "technician"
        | "mtra"
        | "mtr"
        | "mtar"
        | "röntgenassistenz"
        | "röntgenassistent"
        | "röntgenassistentin"
        | "medizinischetechnologin"
        | "medizinischertechnologe" => Role::Technologist,
        "officer"
        | "dataprotectionofficer"
        | "dpo"
        | "dsb"
        | "datenschutz"
        | "datenschutzbeauftragter"
        | "datenschutzbeauftragte" => Role::Officer,
        "administrator" | "admin" | "verwaltung" | "it" | "itadministrator" => Role::Administrator,
        "officeradministrator" | "officerandadministrator" | "datenschutzundverwaltung" => Role::OfficerAdministrator,
        _ => return None,
    })
}

fn word(role: Role) -> &'static str {
    match role {
        Role::Patient => "patient",
        Role::Referrer => "referrer",
        Role::Radiologist => "radiologist",
        Role::Technologist => "technologist",
        Role::Officer => "officer",
        Role::Administrator => "administrator",
        Role::OfficerAdministrator => "officer-administrator",
    }
}

/// The end of a day: 2026-12-31, 31.12.2026 or 31/12/2026 (day first, as in Europe).
fn date(text: &str) -> Option<Instant> {
    let text = text.split(['T', ' ']).next()?;
    let parts: Vec<&str> = text.split(['-', '.', '/']).collect();
    let number = |text: &str| text.parse::<i64>().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()));
    let [one, two, three] = parts.as_slice() else { return None };
    let (year, month, day) = if one.len() == 4 {
        (number(one)?, number(two)?, number(three)?)
    } else {
        (number(three)?, number(two)?, number(one)?)
    };
    let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let longest = match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return None,
    };
    if !(1900..=2200).contains(&year) || !(1..=longest).contains(&day) {
        return None;
    }
    Some(Instant((days_from_civil(year, month, day) + 1) * DAY_SECONDS * SECOND))
}

/// Days from 1970-01-01 in the proleptic Gregorian calendar; years begin in March, so that a leap day ends one.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, month) = (year.div_euclid(400), (month + 9) % 12);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * month + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The day of which an instant is the end.
fn day(until: Instant) -> String {
    let days = until.0.div_euclid(DAY_SECONDS * SECOND) - 1 + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(SHOWN_CHARACTERS_MAX).collect()
}

/// One byte of Windows-1252; those that it leaves open are replaced.
fn windows_1252(byte: u8) -> char {
    const HIGH: [char; 32] = [
        '€', '\u{fffd}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{fffd}', 'Ž', '\u{fffd}',
        '\u{fffd}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{fffd}', 'ž', 'Ÿ',
    ];
    match byte {
        0x80..=0x9f => HIGH[usize::from(byte - 0x80)],
        byte => char::from(byte),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[track_caller]
    fn cells(text: &str, expected: &[&[&str]]) {
        let rows = rows(text, delimiter(text)).unwrap();
        let rows: Vec<Vec<&str>> = rows.iter().map(|(_, row)| row.iter().map(String::as_str).collect()).collect();
        assert_eq!(rows, expected, "{text:?}");
    }

    #[test]
    fn every_form_that_spreadsheets_write_is_read() {
        cells("a,b\n1,2\n", &[&["a", "b"], &["1", "2"]]);
        cells("a;b\r\n\"1;x\";\"2\"\"y\"\r\n", &[&["a", "b"], &["1;x", "2\"y"]]);
        cells("a\tb\n1\t\n\n;\n", &[&["a", "b"], &["1", ""], &[";"]]);
        cells("a,b\r1,\"two\nlines\"", &[&["a", "b"], &["1", "two\nlines"]]);
        assert_eq!(rows("a\n\"b\nc", ',').unwrap_err(), CensusError::Quote { line: 2 });
    }

    #[test]
    fn every_encoding_that_spreadsheets_write_is_read() {
        let text = "Müller – 5 €";
        let utf16 = |unit: fn(u16) -> [u8; 2], mark: [u8; 2]| {
            mark.into_iter().chain(text.encode_utf16().flat_map(unit)).collect::<Vec<u8>>()
        };
        assert_eq!(decode(text.as_bytes()), text);
        assert_eq!(decode(&utf16(u16::to_le_bytes, [0xff, 0xfe])), text);
        assert_eq!(decode(&utf16(u16::to_be_bytes, [0xfe, 0xff])), text);
        assert_eq!(decode(b"M\xfcller \x96 5 \x80"), text);
        assert!(StaffList::parse("\u{feff}E-Mail\nx@y.example\n").is_ok());
    }

    #[test]
    fn days_are_read_as_people_write_them_and_end_when_the_day_does() {
        for text in ["2026-12-31", "31.12.2026", "31/12/2026", "2026-12-31T00:00:00Z"] {
            assert_eq!(date(text), Some(Instant(1_798_761_600 * SECOND)), "{text}");
        }
        assert_eq!(day(date("29.02.2028").unwrap()), "2028-02-29");
        for wrong in ["", "soon", "29.02.2026", "31.04.2026", "1.13.2026", "2026-1", "12-31-2026", "-1.1.2026"] {
            assert_eq!(date(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_list_without_a_column_that_finds_anybody_is_refused() {
        for header in ["", "name,role", "\n\n", "vorname;nachname;abteilung"] {
            assert_eq!(StaffList::parse(header).err(), Some(CensusError::Header), "{header:?}");
        }
        let long = format!("email\n{}", "a@b.example\n".repeat(LINES_MAX + 1));
        assert_eq!(StaffList::parse(&long).err(), Some(CensusError::TooLong));
        assert_eq!(StaffList::parse(&"x".repeat(STAFF_LIST_BYTES_MAX + 1)).err(), Some(CensusError::TooLong));
    }
}
