//! Search against a slow oracle: plain structures, one filter, one sort. Histories and queries are drawn from few
//! values, so that they meet often.

use std::cmp::Reverse;

use model::{PatientNumber, StudyNumber};
use protocol::{Level, ListRequest, Match, Order, SeriesRow, StoredNote};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use registry::{FiledAs, Reach, Registry};

use crate::{CT, MR, note, uid};

const NAMES: [&str; 8] = [
    "Yamada^Tarou=山田^太郎=やまだ^たろう",
    "Müller^Jürgen",
    "MULLER^ANNA",
    "Muller-Smith^Anna Maria",
    "Smith^John^^^Jr.",
    "van der Berg^A",
    "",
    "SMITH^JO",
];
const IDS: [&str; 6] = ["1", "12", "AB-1", "ab-1", "", "2026"];
const ISSUERS: [&str; 2] = ["", "HOSP"];
const DATES: [&str; 6] = ["20260101", "20260102", "20251231", "", "2026.01.02", "odd"];
const TIMES: [&str; 5] = ["101112", "101112.5", "10", "", "235959"];
const ACCESSIONS: [&str; 5] = ["A1", "A12", "a1", "", "20260101"];
const DESCRIPTIONS: [&str; 5] = ["CT Abdomen", "MR Kopf", "Müller test", "", "ct"];
const PHYSICIANS: [&str; 3] = ["Groß^Hans", "", "Smith^A"];
const MODALITIES: [&str; 3] = ["CT", "MR", ""];

struct Study {
    patient: usize,
    origin: usize,
    note: StoredNote,
    versions: bool,
    series: Vec<(StoredNote, u32, Vec<String>)>,
}

/// The oracle: what was filed, as it came.
#[derive(Default)]
struct Oracle {
    patients: Vec<StoredNote>,
    studies: Vec<Study>,
}

fn or(old: &mut String, new: &str) {
    if old.is_empty() {
        *old = new.to_owned();
    }
}

impl Oracle {
    fn file(&mut self, note: &StoredNote, conflict: bool) -> usize {
        let (id, issuer, study_uid) = (&note.patient.id, &note.patient.issuer, &note.study.uid);
        let known = if id.is_empty() {
            let mut same = self.studies.iter().filter(|study| study.note.study.uid == *study_uid);
            same.find(|study| self.patients[study.origin].patient.id.is_empty()).map(|study| study.origin)
        } else {
            self.patients.iter().position(|known| known.patient.id == *id && known.patient.issuer == *issuer)
        };
        let patient = known.unwrap_or_else(|| {
            self.patients.push(note.clone());
            self.patients.len() - 1
        });
        let attributes = &mut self.patients[patient].patient;
        or(&mut attributes.name, &note.patient.name);
        or(&mut attributes.birth_date, &note.patient.birth_date);
        or(&mut attributes.sex, &note.patient.sex);
        let known = self.studies.iter().position(|study| study.note.study.uid == *study_uid && study.origin == patient);
        let number = known.unwrap_or_else(|| {
            let note = note.clone();
            self.studies.push(Study { patient, origin: patient, note, versions: false, series: Vec::new() });
            self.studies.len() - 1
        });
        let study = &mut self.studies[number];
        study.versions |= conflict;
        let attributes = &mut study.note.study;
        or(&mut attributes.date, &note.study.date);
        or(&mut attributes.time, &note.study.time);
        or(&mut attributes.accession_number, &note.study.accession_number);
        or(&mut attributes.id, &note.study.id);
        or(&mut attributes.description, &note.study.description);
        or(&mut attributes.referring_physician, &note.study.referring_physician);
        let known = study.series.iter().position(|series| series.0.series.uid == note.series.uid);
        let place = known.unwrap_or_else(|| {
            study.series.push((note.clone(), 0, Vec::new()));
            study.series.len() - 1
        });
        let (series, instances, classes) = &mut study.series[place];
        or(&mut series.series.modality, &note.series.modality);
        or(&mut series.series.number, &note.series.number);
        *instances += 1;
        let class = note.instance.sop_class.as_str().to_owned();
        if !classes.contains(&class) {
            classes.push(class);
        }
        number
    }

    /// Whether another study of the same UID may be seen.
    fn shares_uid(&self, number: usize, seen: impl Fn(usize, usize) -> bool) -> bool {
        let uid = &self.studies[number].note.study.uid;
        let mut others =
            self.studies.iter().enumerate().filter(|(other, study)| *other != number && study.note.study.uid == *uid);
        others.any(|(other, study)| seen(study.patient, other))
    }
}

/// Without case and accents, by a table of what the names above hold.
fn plain(text: &str) -> String {
    text.to_lowercase().replace('ü', "u").replace('ß', "ss")
}

fn plain_name(name: &str) -> String {
    plain(name).split('=').map(|group| group.trim_end_matches('^').to_owned()).collect::<Vec<_>>().join("=")
}

fn wild(pattern: &[char], text: &[char]) -> bool {
    match (pattern, text) {
        ([], []) => true,
        (['*', rest @ ..], _) => wild(rest, text) || !text.is_empty() && wild(pattern, &text[1..]),
        (['?', rest @ ..], [_, others @ ..]) => wild(rest, others),
        ([wanted, rest @ ..], [character, others @ ..]) => wanted == character && wild(rest, others),
        _ => false,
    }
}

fn text(pattern: &str, text: &str) -> bool {
    let characters = |text: &str| text.chars().collect::<Vec<_>>();
    wild(&characters(pattern), &characters(text))
}

fn name(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (plain_name(pattern), plain_name(name));
    if !pattern.contains('=') {
        return pattern.is_empty() || name.split('=').any(|group| text(&pattern, group));
    }
    let groups: Vec<&str> = name.split('=').collect();
    pattern.split('=').enumerate().all(|(place, pattern)| {
        pattern.is_empty() || pattern == "*" || groups.get(place).is_some_and(|group| text(pattern, group))
    })
}

fn day(date: &str) -> u32 {
    date.replace('.', "").parse().unwrap_or(0)
}

/// Tenths of a second into the day of the times above.
fn tenths(time: &str) -> Option<u32> {
    match time {
        "101112" => Some(366_720),
        "101112.5" => Some(366_725),
        "10" => Some(360_000),
        "235959" => Some(863_990),
        _ => None,
    }
}

fn dates(range: &str, date: &str) -> bool {
    let (from, to) = range.split_once('-').unwrap_or((range, range));
    let to = if to.is_empty() { u32::MAX } else { day(to) };
    day(date) != 0 && (day(from)..=to).contains(&day(date))
}

fn begins_word(text: &str, word: &str) -> bool {
    let parts = |text: &str| -> Vec<String> {
        plain(text).split(|c: char| !c.is_alphanumeric()).filter(|part| !part.is_empty()).map(str::to_owned).collect()
    };
    let (words, parts) = (parts(text), parts(word));
    !parts.is_empty() && parts.iter().all(|part| words.iter().any(|word| word.starts_with(part)))
}

impl Oracle {
    fn study_matches(&self, number: usize, key: &Match) -> bool {
        let study = &self.studies[number];
        let (patient, of_study) = (&self.patients[study.patient].patient, &study.note.study);
        let value = key.value.as_str();
        if value.is_empty() || value == "*" {
            return true;
        }
        match key.tag {
            0x0010_0010 => name(value, &patient.name),
            0x0010_0020 => text(value, &patient.id),
            0x0010_0021 => text(value, &patient.issuer),
            0x0020_000d => value.split('\\').any(|uid| uid == of_study.uid.as_str()),
            0x0008_0020 => dates(value, &of_study.date),
            0x0008_0050 => text(value, &of_study.accession_number),
            0x0008_1030 => text(value, &of_study.description),
            0x0008_0090 => name(value, &of_study.referring_physician),
            0x0008_0061 => study.series.iter().any(|(series, ..)| {
                !series.series.modality.is_empty() && value.split('\\').any(|one| text(one, &series.series.modality))
            }),
            0x0008_0062 => study.series.iter().any(|(.., classes)| classes.iter().any(|class| class == value)),
            0x0020_1206 => study.series.len().to_string() == value,
            _ => panic!("a key that is not drawn"),
        }
    }

    fn series_match(&self, number: usize, place: usize, request: &ListRequest) -> bool {
        let series = &self.studies[number].series[place].0.series;
        request.matches.iter().all(|key| match key.tag {
            0x0008_0060 => key.value.is_empty() || text(&key.value, &series.modality) && !series.modality.is_empty(),
            0x0020_0011 => key.value.is_empty() || key.value == series.number,
            _ => true,
        })
    }

    fn word_matches(&self, number: usize, word: &str) -> bool {
        let study = &self.studies[number];
        let (patient, of_study) = (&self.patients[study.patient].patient, &study.note.study);
        let begins = |text: &str| text.to_ascii_lowercase().starts_with(&word.to_ascii_lowercase());
        begins_word(&patient.name, word)
            || begins_word(&of_study.description, word)
            || !patient.id.is_empty() && begins(&patient.id)
            || !of_study.accession_number.is_empty() && begins(&of_study.accession_number)
            || study
                .series
                .iter()
                .any(|(series, ..)| !series.series.modality.is_empty() && begins(&series.series.modality))
            || word.len() >= 4
                && word.bytes().all(|byte| byte.is_ascii_digit())
                && day(&of_study.date).to_string().starts_with(word)
    }

    /// Rows as (patient, study, series) in order: the whole answer, before paging.
    fn search(&self, request: &ListRequest, may_list: &dyn Fn(PatientNumber, StudyNumber) -> bool) -> Vec<[usize; 3]> {
        let is_series_key = |key: &&Match| matches!(key.tag, 0x0008_0060 | 0x0020_0011);
        let with_series = matches!(request.level, Level::Series | Level::Instance);
        let mut studies: Vec<usize> = (0..self.studies.len())
            .filter(|&number| {
                let keys = request.matches.iter().filter(|key| !is_series_key(key));
                keys.into_iter().all(|key| self.study_matches(number, key))
                    && request.words.split_whitespace().all(|word| self.word_matches(number, word))
                    && (!with_series
                        || (0..self.studies[number].series.len())
                            .any(|place| self.series_match(number, place, request)))
                    && may_list(PatientNumber(self.studies[number].patient as u32), StudyNumber(number as u32))
            })
            .collect();
        let when = |number: usize| {
            let attributes = &self.studies[number].note.study;
            (day(&attributes.date), tenths(&attributes.time).unwrap_or(0), number)
        };
        match request.order {
            Order::NewestFirst => studies.sort_by_key(|&number| Reverse(when(number))),
            Order::OldestFirst => studies.sort_by_key(|&number| when(number)),
            Order::PatientName => studies.sort_by_key(|&number| {
                let patient = self.studies[number].patient;
                let attributes = &self.patients[patient].patient;
                (plain_name(&attributes.name), attributes.id.clone(), patient, Reverse(when(number)))
            }),
        }
        let mut rows: Vec<[usize; 3]> = Vec::new();
        for number in studies {
            let patient = self.studies[number].patient;
            match request.level {
                Level::Patient if rows.iter().any(|row| row[0] == patient) => {}
                Level::Series => {
                    let series = &self.studies[number].series;
                    let mut places: Vec<usize> = (0..series.len()).collect();
                    places.retain(|&place| self.series_match(number, place, request));
                    places.sort_by_key(|&place| {
                        let attributes = &series[place].0.series;
                        (attributes.number.parse().unwrap_or(i64::MAX), attributes.uid.clone())
                    });
                    rows.extend(places.into_iter().map(|place| [patient, number, place]));
                }
                _ => rows.push([patient, number, 0]),
            }
        }
        rows
    }
}

struct Draw(ChaCha8Rng);

impl Draw {
    fn below(&mut self, end: usize) -> usize {
        self.0.next_u32() as usize % end
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }

    fn note(&mut self) -> StoredNote {
        let study = format!("1.2.{}", self.below(40));
        let mut note = note(self.one(&IDS), &study, &format!("1.3.{}", self.below(60)));
        note.patient.issuer = self.one(&ISSUERS).to_owned();
        note.patient.name = self.one(&NAMES).to_owned();
        note.study.date = self.one(&DATES).to_owned();
        note.study.time = self.one(&TIMES).to_owned();
        note.study.accession_number = self.one(&ACCESSIONS).to_owned();
        note.study.description = self.one(&DESCRIPTIONS).to_owned();
        note.study.referring_physician = self.one(&PHYSICIANS).to_owned();
        note.series.modality = self.one(&MODALITIES).to_owned();
        note.series.number = self.one(&["", "1", "2", "10"]).to_owned();
        note.instance.sop_class = uid(self.one(&[CT, MR]));
        note
    }

    fn request(&mut self) -> ListRequest {
        let levels = [Level::Patient, Level::Study, Level::Study, Level::Series, Level::Instance];
        let level = levels[self.below(levels.len())];
        let keys = self.below(3);
        let matches = (0..keys).map(|_| self.key(level)).collect();
        let words =
            ["", "", "mul", "smi ann", "1", "ab-1", "2026", "202601", "ct", "a1", "abd", "der", "山", "muller-s", "x"];
        ListRequest {
            level,
            matches,
            words: self.one(&words).to_owned(),
            order: [Order::NewestFirst, Order::OldestFirst, Order::PatientName][self.below(3)],
            offset: if self.below(3) == 0 { self.below(20) as u32 } else { 0 },
            limit: [1, 5, 200][self.below(3)],
        }
    }

    fn key(&mut self, level: Level) -> Match {
        let series_keys = if matches!(level, Level::Series | Level::Instance) { 2 } else { 0 };
        let names = [
            "muller*",
            "MÜLLER^anna",
            "*smith*",
            "山田*",
            "=山田*",
            "yamada*=*^太郎",
            "smith^john^^^jr.",
            "m?ller*",
            "van*",
            "van der berg^a",
            "s*^j*",
            "*",
            "^*",
            "berg*",
        ];
        let (tag, values): (u32, &[&str]) = match self.below(11 + series_keys) {
            0 => (0x0010_0010, &names),
            1 => (0x0010_0020, &["1", "1*", "AB-1", "ab-1", "?b-1", "*-1", "", "nobody"]),
            2 => (0x0010_0021, &["HOSP", "H*", "hosp"]),
            3 => (0x0020_000d, &["1.2.3", "1.2.3\\1.2.4\\1.2.5", "1.2.99"]),
            4 => (0x0008_0020, &["20260101", "20260101-", "-20251231", "20251231-20260101", "20270101-"]),
            5 => (0x0008_0050, &["A1", "A*", "?1", "*2", "a1", "A", "20260101"]),
            6 => (0x0008_1030, &["CT*", "ct", "*Kopf", "M*t*", "Kopf"]),
            7 => (0x0008_0090, &["gross*", "GROSS^HANS", "smith^a", "s*"]),
            8 => (0x0008_0061, &["CT", "MR", "CT\\MR", "C*", "US", "?R"]),
            9 => (0x0008_0062, &[CT, MR, "1.2"]),
            10 => (0x0020_1206, &["1", "2", "3"]),
            11 => (0x0008_0060, &["CT", "M*", "", "US"]),
            _ => (0x0020_0011, &["1", "10", "", "7"]),
        };
        Match { tag, value: self.one(values).to_owned() }
    }
}

fn check_page(oracle: &Oracle, registry: &Registry, request: &ListRequest, draw: &mut Draw) {
    let sieve = [1, 1, 2, 5][draw.below(4)];
    let may_list = move |_: PatientNumber, study: StudyNumber| study.0.is_multiple_of(sieve);
    let only_patients: Vec<PatientNumber> = (0..3).map(|_| PatientNumber(draw.below(12) as u32)).collect();
    let only_studies: Vec<StudyNumber> = (0..3).map(|_| StudyNumber(draw.below(80) as u32)).collect();
    let enumerated = draw.below(4) == 0;
    let in_reach = |patient: PatientNumber, study: StudyNumber| {
        may_list(patient, study) && (!enumerated || only_patients.contains(&patient) || only_studies.contains(&study))
    };
    let reach = if enumerated { Reach::Only { patients: &only_patients, studies: &only_studies } } else { Reach::Site };
    let found = registry.search(request, reach, &in_reach).unwrap();
    let rows = oracle.search(request, &in_reach);
    let (from, limit) = (request.offset as usize, request.limit as usize);
    let page: Vec<[usize; 3]> = rows.iter().skip(from).take(limit).copied().collect();
    assert_eq!(found.more, rows.len() > from + limit, "{request:?}");
    let place = |row: &SeriesRow| {
        let series = &oracle.studies[row.study.number.0 as usize].series;
        series.iter().position(|series| series.0.series.uid == row.uid).unwrap()
    };
    let given: Vec<[usize; 3]> = match request.level {
        Level::Patient => {
            let numbers = found.patients.iter().map(|row| row.number.0 as usize);
            assert_eq!(numbers.collect::<Vec<_>>(), page.iter().map(|row| row[0]).collect::<Vec<_>>(), "{request:?}");
            page.clone()
        }
        Level::Study | Level::Instance => {
            found.studies.iter().map(|row| [row.patient.number.0 as usize, row.number.0 as usize, 0]).collect()
        }
        Level::Series => found
            .series
            .iter()
            .map(|row| [row.study.patient.number.0 as usize, row.study.number.0 as usize, place(row)])
            .collect(),
    };
    assert_eq!(given, page, "{request:?}");
    let mut listed: Vec<u32> = page.iter().map(|row| row[0] as u32).collect();
    listed.sort_unstable();
    listed.dedup();
    assert_eq!(found.listed_patients.numbers(), listed);
    for row in &found.studies {
        let study = &oracle.studies[row.number.0 as usize];
        assert_eq!(row.instances, study.series.iter().map(|series| series.1).sum::<u32>());
        assert_eq!(row.series as usize, study.series.len());
        let seen = |patient: usize, study: usize| in_reach(PatientNumber(patient as u32), StudyNumber(study as u32));
        assert_eq!(row.conflict, study.versions || oracle.shares_uid(row.number.0 as usize, seen), "{request:?}");
        assert_eq!(row.description, study.note.study.description);
        assert_eq!(row.date, study.note.study.date);
    }
    for row in found.patients.iter().chain(found.studies.iter().map(|study| &study.patient)) {
        let of_patient = (0..oracle.studies.len())
            .filter(|&number| oracle.studies[number].patient == row.number.0 as usize)
            .filter(|&number| in_reach(row.number, StudyNumber(number as u32)));
        assert_eq!(row.studies as usize, of_patient.count());
        assert_eq!(row.name, oracle.patients[row.number.0 as usize].patient.name);
    }
}

fn run(seed: u64) {
    eprintln!("seed {seed}");
    let mut draw = Draw(ChaCha8Rng::seed_from_u64(seed));
    let (mut oracle, mut registry) = (Oracle::default(), Registry::new());
    let mut kept = std::collections::BTreeMap::new();
    for _ in 0..300 {
        let note = draw.note();
        let conflict = draw.below(30) == 0;
        let filed = registry.file(&note, if conflict { FiledAs::Conflict } else { FiledAs::Accepted });
        assert_eq!(filed.study.0 as usize, oracle.file(&note, conflict));
        if draw.below(40) == 0 {
            let study = draw.below(oracle.studies.len());
            let to = draw.below(oracle.patients.len());
            let moved = registry.move_study(StudyNumber(study as u32), PatientNumber(to as u32));
            assert_eq!(moved.is_ok(), oracle.studies[study].patient != to);
            oracle.studies[study].patient = to;
            assert_eq!(registry.moved(StudyNumber(study as u32)), to != oracle.studies[study].origin);
        }
        if draw.below(60) == 0 {
            // a restart
            kept.extend(registry.take_dirty().into_iter().map(|record| (record.key(), record)));
            registry = Registry::load(kept.values().cloned()).unwrap();
        }
    }
    for _ in 0..400 {
        let request = draw.request();
        check_page(&oracle, &registry, &request, &mut draw);
    }
}

#[test]
fn search_agrees_with_a_filter_and_a_sort() {
    (1..=4).for_each(run);
}
