//! Order and pages.

use protocol::{Level, ListRequest, Order, PAGE_ROWS_MAX};
use registry::{Reach, Registry};

use crate::{file, note, request, search, studies};

/// 500 studies of 50 patients, many on one day, some without a date.
fn registry() -> Registry {
    let mut registry = Registry::new();
    for number in 0..500u32 {
        let mut note = note(&format!("P{}", number % 50), &format!("1.2.{number}"), &format!("1.2.{number}.1"));
        note.patient.name = format!("Name{}^X", (number % 50) / 2);
        note.study.date = if number % 7 == 0 { String::new() } else { format!("202601{:02}", number % 28 + 1) };
        note.study.time = format!("{:02}", number % 24);
        file(&mut registry, &note);
    }
    registry
}

fn page(order: Order, level: Level, offset: u32, limit: u32) -> ListRequest {
    ListRequest { order, offset, limit, ..request(level, &[], "") }
}

#[test]
fn pages_follow_each_other_without_gap_and_overlap() {
    let registry = registry();
    for order in [Order::NewestFirst, Order::OldestFirst, Order::PatientName] {
        let mut pages = Vec::new();
        loop {
            let found = search(&registry, &page(order, Level::Study, pages.len() as u32, 37));
            pages.extend(studies(&found));
            if !found.more {
                break;
            }
        }
        assert_eq!(pages.len(), 500);
        let mut sorted: Vec<u32> = (0..500).collect();
        let row = |number: u32| registry.study(model::StudyNumber(number)).unwrap();
        let when = |number: u32| (row(number).date, row(number).time, number);
        match order {
            Order::NewestFirst => sorted.sort_by_key(|&number| std::cmp::Reverse(when(number))),
            Order::OldestFirst => sorted.sort_by_key(|&number| when(number)),
            Order::PatientName => sorted.sort_by_key(|&number| {
                (row(number).patient.name.to_lowercase(), row(number).patient.id, std::cmp::Reverse(when(number)))
            }),
        }
        assert_eq!(pages, sorted, "{order:?}");
    }
}

#[test]
fn patients_and_series_are_paged_by_their_own_rows() {
    let registry = registry();
    let (mut patients, mut series) = (Vec::new(), Vec::new());
    for offset in (0..50).step_by(20) {
        let found = search(&registry, &page(Order::PatientName, Level::Patient, offset, 20));
        patients.extend(found.patients.iter().map(|patient| patient.number));
        assert_eq!(found.more, offset < 40 && offset + 20 < 50);
        assert!(found.patients.iter().all(|patient| patient.studies == 10));
    }
    for offset in (0..500).step_by(200) {
        series.extend(search(&registry, &page(Order::NewestFirst, Level::Series, offset, 200)).series);
    }
    patients.sort_unstable();
    patients.dedup();
    assert_eq!((patients.len(), series.len()), (50, 500));
}

#[test]
fn a_page_has_no_more_rows_than_the_limit_of_all_pages() {
    let registry = registry();
    let found = search(&registry, &page(Order::NewestFirst, Level::Study, 0, u32::MAX));
    assert_eq!(found.studies.len(), PAGE_ROWS_MAX as usize);
    assert!(found.more);
}

#[test]
fn a_page_behind_the_end_is_empty_and_no_page_is_of_nothing() {
    let registry = registry();
    let behind = search(&registry, &page(Order::NewestFirst, Level::Study, 500, 10));
    assert_eq!((behind.studies.len(), behind.more), (0, false));
    let far = search(&registry, &page(Order::NewestFirst, Level::Study, u32::MAX, 10));
    assert_eq!((far.studies.len(), far.more), (0, false));
    let nothing = search(&registry, &page(Order::NewestFirst, Level::Study, 0, 0));
    assert_eq!((nothing.studies.len(), nothing.more), (1, true), "that more follows is never told without a row");
}

#[test]
fn the_last_page_says_that_nothing_follows() {
    let registry = registry();
    let exact = search(&registry, &page(Order::NewestFirst, Level::Study, 490, 10));
    assert_eq!((exact.studies.len(), exact.more), (10, false));
    let before = search(&registry, &page(Order::NewestFirst, Level::Study, 489, 10));
    assert_eq!((before.studies.len(), before.more), (10, true));
}

#[test]
fn a_sparse_reach_over_many_studies_is_paged_in_the_same_order() {
    let mut registry = Registry::new();
    for number in 0..20_000u32 {
        let mut note = note("P", &format!("1.2.{number}"), &format!("1.2.{number}.1"));
        note.study.date = format!("2026{:02}{:02}", number % 12 + 1, number % 28 + 1);
        file(&mut registry, &note);
    }
    // so few that the walk in order gives up and all rows are looked at
    let may_list = |_, study: model::StudyNumber| study.0.is_multiple_of(4001);
    let all = registry.search(&page(Order::NewestFirst, Level::Study, 0, 10), Reach::Site, &may_list).unwrap();
    assert_eq!((all.studies.len(), all.more), (5, false));
    let one = registry.search(&page(Order::NewestFirst, Level::Study, 2, 2), Reach::Site, &may_list).unwrap();
    assert_eq!((studies(&one), one.more), (studies(&all)[2..4].to_vec(), true));
}

/// A key, a value and what it says about a row.
type Case = (u32, &'static str, fn(&protocol::StudyRow) -> bool);

#[test]
fn every_way_to_walk_many_studies_finds_the_same_pages() {
    let mut registry = Registry::new();
    for number in 0..20_000u32 {
        let mut note = note(&format!("P{}", number % 6000), &format!("1.2.{number}"), &format!("1.2.{number}.1"));
        note.patient.name = format!("Family{}^Given{}", number % 6000, number % 6000 % 7);
        note.study.date = format!("20{:02}{:02}{:02}", number % 20, number % 12 + 1, number % 28 + 1);
        note.study.description = format!("kind {}", number % 5000);
        file(&mut registry, &note);
    }
    let rows: Vec<_> = (0..20_000).map(|number| registry.study(model::StudyNumber(number)).unwrap()).collect();
    let cases: [Case; 7] = [
        (0x0010_0010, "*ly59?9^*3", |row| {
            row.patient.name.starts_with("Family59")
                && row.patient.name.ends_with("9^Given3")
                && row.patient.name.len() == 17
        }),
        (0x0010_0010, "family*", |_| true),
        (0x0010_0010, "family5*", |row| row.patient.name.starts_with("Family5")),
        (0x0010_0020, "P1*", |row| row.patient.id.starts_with("P1")),
        (0x0008_1030, "*d 499?", |row| row.description.starts_with("kind 499") && row.description.len() == 9),
        (0x0008_0020, "20050101-20051231", |row| row.date.starts_with("2005")),
        (0x0008_0020, "20050101-", |row| row.date.as_str() >= "2005"),
    ];
    for (place, (tag, value, expected)) in cases.into_iter().enumerate() {
        for (second_tag, second, also) in cases.into_iter().skip(place) {
            for order in [Order::NewestFirst, Order::PatientName] {
                let mut expected: Vec<_> = rows.iter().filter(|row| expected(row) && also(row)).collect();
                expected.sort_by(|one, two| (&two.date, two.number).cmp(&(&one.date, one.number)));
                if order == Order::PatientName {
                    expected.sort_by_key(|row| (row.patient.name.to_lowercase(), row.patient.id.clone()));
                }
                let page: Vec<u32> = expected.iter().skip(3).take(20).map(|row| row.number.0).collect();
                let keys = [(tag, value), (second_tag, second)];
                let asked = ListRequest { order, offset: 3, limit: 20, ..request(Level::Study, &keys, "") };
                let found = search(&registry, &asked);
                assert_eq!(studies(&found), page, "{asked:?}");
                assert_eq!(found.more, expected.len() > 23, "{asked:?}");
            }
        }
    }
}

#[test]
fn what_tells_of_a_further_row_names_one_itself() {
    let registry = registry();
    for offset in [0, 250, 498] {
        let found = search(&registry, &page(Order::NewestFirst, Level::Study, offset, 0));
        assert_eq!((found.studies.len(), found.more, found.listed_studies.len()), (1, true, 1), "{offset}");
    }
    let found = search(&registry, &page(Order::NewestFirst, Level::Study, 500, 0));
    assert_eq!((found.studies.len(), found.more), (0, false));
}
