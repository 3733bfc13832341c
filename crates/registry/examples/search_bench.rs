//! Timings of the registry at N studies: `cargo run --release -p registry --example search_bench -- 1000000`.
#![allow(clippy::unwrap_used, clippy::disallowed_macros, clippy::disallowed_methods)]

use std::hint::black_box;
use std::time::Instant;

use model::{PatientNumber, StudyNumber, Uid};
use protocol::{
    InstanceAttributes, Level, ListRequest, Match, Order, PatientAttributes, SeriesAttributes, StoredNote,
    StudyAttributes,
};
use registry::{FiledAs, Reach, Record, Registry};

const FAMILY: [&str; 12] = [
    "Müller",
    "Schmidt",
    "Schneider",
    "Fischer",
    "Weber",
    "Yamada=山田",
    "Wagner",
    "Becker",
    "Schulz",
    "Hoffmann",
    "Nowak",
    "Øster",
];
const GIVEN: [&str; 10] = ["Anna", "Ben", "Clara", "David", "Emil", "Frida", "Georg", "Hanna", "Ida", "Jürgen"];
const DESCRIPTION: [&str; 8] =
    ["CT Abdomen", "CT Thorax", "MR Kopf", "MR Knie", "US Abdomen", "Röntgen Thorax", "Mammographie", "PET CT"];
const MODALITY: [&str; 8] = ["CT", "CT", "MR", "MR", "US", "DX", "MG", "PT"];

fn note(study: u64, series: u64) -> StoredNote {
    // a cheap mixing function spreads the values
    let mixed = (study / 2).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
    let uid = |number: u64| Uid::parse(&format!("1.2.826.0.1.3680043.8.498.{number:030}")).unwrap();
    let kind = (study % 8) as usize;
    let date = format!("{}{:02}{:02}", 2006 + study % 20, mixed % 12 + 1, study / 20 % 28 + 1);
    let family = format!("{}{}", FAMILY[(mixed % 12) as usize].replace('=', ""), mixed / 12 % 4000);
    StoredNote {
        version: 1,
        content: [0; 32],
        patient: PatientAttributes {
            id: format!("PID{:07}", study / 2),
            issuer: String::new(),
            name: format!("{family}^{}", GIVEN[(mixed % 10) as usize]),
            birth_date: format!("19{:02}{:02}{:02}", mixed % 100, mixed % 12 + 1, mixed % 28 + 1),
            sex: "F".to_owned(),
        },
        study: StudyAttributes {
            uid: uid(study * 7_919 + 1),
            date: date.clone(),
            time: format!("{:02}{:02}{:02}", study % 24, mixed % 60, study % 60),
            accession_number: format!("ACC{study:08}"),
            id: String::new(),
            description: DESCRIPTION[kind].to_owned(),
            referring_physician: format!("Arzt{}^A", mixed % 800),
        },
        series: SeriesAttributes {
            uid: uid((study * 4 + series) * 104_729 + 3),
            modality: MODALITY[kind].to_owned(),
            number: series.to_string(),
            description: format!("serie {}", study % 500),
            body_part: "ABDOMEN".to_owned(),
            date,
            time: String::new(),
        },
        instance: InstanceAttributes {
            uid: uid(study),
            sop_class: Uid::parse("1.2.840.10008.5.1.4.1.1.2").unwrap(),
            number: "1".to_owned(),
            frames: 1,
        },
    }
}

/// What it is called, matching keys, words, order.
type Case<'a> = (&'a str, &'a [(u32, &'a str)], &'a str, Order);

fn time<T>(what: &str, rounds: u32, mut run: impl FnMut() -> T) -> T {
    let first = Instant::now();
    let result = run();
    let first = first.elapsed();
    let start = Instant::now();
    for _ in 0..rounds {
        black_box(run());
    }
    println!("{what:44} first {first:>12.1?}   mean {:>12.1?}", start.elapsed() / rounds);
    result
}

fn main() {
    let studies: u64 = std::env::args().nth(1).map_or(100_000, |count| count.parse().unwrap());
    let start = Instant::now();
    let mut filed = Registry::new();
    for study in 0..studies {
        for series in 0..2 {
            filed.file(&note(study, series), FiledAs::Accepted);
        }
    }
    println!("{studies} studies filed in {:.1?}, {} bytes a study", start.elapsed(), filed.bytes() as u64 / studies);
    let start = Instant::now();
    let records: Vec<Vec<u8>> = filed.take_dirty().iter().map(Record::to_bytes).collect();
    println!("{} records written in {:.1?}", records.len(), start.elapsed());
    drop(filed);
    let start = Instant::now();
    let registry = Registry::load(records.iter().map(|bytes| Record::from_bytes(bytes).unwrap())).unwrap();
    println!("loaded in {:.1?}, {} bytes a study", start.elapsed(), registry.bytes() as u64 / studies);
    drop(records);

    let all = |_: PatientNumber, _: StudyNumber| true;
    let one = |matches: &[(u32, &str)], words: &str, order: Order| {
        let request = ListRequest {
            level: Level::Study,
            matches: matches.iter().map(|&(tag, value)| Match { tag, value: value.to_owned() }).collect(),
            words: words.to_owned(),
            order,
            offset: 0,
            limit: 50,
        };
        registry.search(&request, Reach::Site, &all).unwrap().studies.len()
    };
    let newest = Order::NewestFirst;
    let (id, accession) = (format!("PID{:07}", studies / 5), format!("ACC{:08}", studies / 3));
    let uid = format!("1.2.826.0.1.3680043.8.498.{:030}", studies / 3 * 7_919 + 1);
    let cases: [Case<'_>; 20] = [
        ("everything, newest first", &[], "", newest),
        ("everything, by name", &[], "", Order::PatientName),
        ("PatientID", &[(0x0010_0020, &id)], "", newest),
        ("StudyInstanceUID", &[(0x0020_000d, &uid)], "", newest),
        ("AccessionNumber", &[(0x0008_0050, &accession)], "", newest),
        ("PatientName, rare prefix", &[(0x0010_0010, "müller39*")], "", newest),
        ("PatientName, common prefix", &[(0x0010_0010, "s*")], "", newest),
        ("PatientName, middle wild card", &[(0x0010_0010, "*ller39*^a*")], "", newest),
        ("PatientName, nothing", &[(0x0010_0010, "*zzz*")], "", newest),
        ("StudyDate, one day", &[(0x0008_0020, "20160412")], "", newest),
        ("StudyDate, ten years", &[(0x0008_0020, "20100101-20191231")], "", newest),
        ("ModalitiesInStudy", &[(0x0008_0061, "MR")], "", newest),
        (
            "ModalitiesInStudy, date, name",
            &[(0x0008_0061, "MR"), (0x0008_0020, "20150101-"), (0x0010_0010, "müller*")],
            "",
            newest,
        ),
        ("ModalitiesInStudy, nothing", &[(0x0008_0061, "XA")], "", newest),
        ("StudyDescription, middle wild card", &[(0x0008_1030, "*Knie*")], "", newest),
        ("word m", &[], "m", newest),
        ("word müller3999", &[], "müller3999", newest),
        ("words ben ct 2015", &[], "ben ct 2015", newest),
        ("words schulz12 knie", &[], "schulz12 knie", newest),
        ("word zzz", &[], "zzz", newest),
    ];
    for (what, matches, words, order) in cases {
        let rows = time(what, 20, || one(matches, words, order));
        println!("{:44} {rows} rows", "");
    }
}
