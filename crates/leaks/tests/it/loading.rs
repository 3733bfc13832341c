use std::fs;
use std::ops::ControlFlow;

use leaks::{FALSE_POSITIVES_ONE_IN, Filter, Folder, HashKind, Lists, LoadError, load, path};

use crate::{Generator, knows, list, loaded};

#[test]
fn every_hash_is_known_and_few_others_are() {
    for (kind, count) in
        [(HashKind::Sha1, 300_000), (HashKind::Ntlm, 70_000), (HashKind::Sha1, 1), (HashKind::Sha1, 257)]
    {
        let folder = tempfile::tempdir().unwrap();
        let source = folder.path().join("source");
        let (hashes, text) = list(kind, 1, count);
        fs::write(&source, text).unwrap();
        let loaded = loaded(&source, folder.path()).unwrap();
        assert_eq!((loaded.kind, loaded.missing), (kind, 0));
        let filter = Filter::open(&folder.path().join("list.leaks")).unwrap();
        filter.verify().unwrap();
        assert_eq!((filter.kind(), filter.hashes(), filter.bytes()), (kind, loaded.hashes, loaded.bytes));
        assert!(filter.hashes() >= count as u64 * 999 / 1000, "{}", filter.hashes());
        assert!(hashes.iter().all(|hash| knows(&filter, *hash)));
        let mut others = Generator(2);
        let wrong = (0..1_000_000).filter(|_| knows(&filter, others.number())).count() as u64;
        // the mean is below 61 in a million; 100 is five deviations off, and the generator is always the same
        assert!(wrong * 10_000 <= 1_000_000, "{wrong} of a million, of {count}");
        assert_eq!(FALSE_POSITIVES_ONE_IN, 16_384);
        if count > 100_000 {
            let bits = (loaded.bytes - 8288) as f64 * 8.0 / count as f64;
            assert!(bits < 27.0, "{bits} bits a hash, of which 24 are kept so that a short list is almost exact");
        }
        assert!(!folder.path().join("work").exists());
    }
}

#[test]
fn unsorted_lines_duplicates_padding_and_a_mark_come_to_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let (_, text) = list(HashKind::Sha1, 3, 5_000);
    let mut lines: Vec<&str> = text.lines().collect();
    let sorted = folder.path().join("sorted");
    fs::write(&sorted, &text).unwrap();
    loaded(&sorted, folder.path()).unwrap();
    let expected = fs::read(folder.path().join("list.leaks")).unwrap();
    lines.reverse();
    let padding = "00000000000000000000000000000000000000AB:0";
    let mut mixed = format!("\u{feff}{}\n\n{padding}\n{}", lines.join("\n"), lines[7].to_lowercase());
    let other = folder.path().join("other");
    fs::write(&other, &mixed).unwrap();
    loaded(&other, folder.path()).unwrap();
    assert_eq!(fs::read(folder.path().join("list.leaks")).unwrap().len(), expected.len());
    assert!(fs::read(folder.path().join("list.leaks")).unwrap() == expected);
    // one more hash is another list
    mixed.push_str("\nFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF:1\n");
    fs::write(&other, &mixed).unwrap();
    loaded(&other, folder.path()).unwrap();
    assert!(fs::read(folder.path().join("list.leaks")).unwrap() != expected);
}

#[test]
fn a_folder_of_ranges_is_the_same_list_and_missing_ranges_are_counted() {
    let folder = tempfile::tempdir().unwrap();
    let (hashes, text) = list(HashKind::Sha1, 4, 400);
    let ranges = folder.path().join("ranges");
    fs::create_dir(&ranges).unwrap();
    for (number, line) in text.lines().enumerate() {
        let name = if number % 2 == 0 { line[..5].to_owned() } else { format!("{}.txt", &line[..5]) };
        fs::write(ranges.join(name), format!("{}\r\n00000000000000000000000000000000000:0", &line[5..])).unwrap();
    }
    let target = folder.path().join("list.leaks");
    let mut source = Folder::new(&ranges).unwrap();
    let go_on = &mut |_| ControlFlow::Continue(());
    let loaded = load(&mut source, &folder.path().join("work"), &target, u64::MAX, go_on).unwrap();
    assert_eq!((loaded.hashes, loaded.missing), (400, (1 << 20) - 400));
    let filter = Filter::open(&target).unwrap();
    assert!(hashes.iter().all(|hash| knows(&filter, *hash)));
}

#[test]
fn what_is_no_list_is_refused_by_its_line_and_leaves_the_list_before_in_place() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source");
    let (_, text) = list(HashKind::Sha1, 5, 100);
    fs::write(&source, &text).unwrap();
    loaded(&source, folder.path()).unwrap();
    let before = fs::read(folder.path().join("list.leaks")).unwrap();
    let long = "A".repeat(10_000);
    for (damaged, line) in [("someone@example.org:letmein", 101), (long.as_str(), 101), ("FFFF:1", 101)] {
        fs::write(&source, format!("{text}{damaged}\n")).unwrap();
        let error = loaded(&source, folder.path()).unwrap_err();
        assert!(matches!(error, LoadError::Line { line: found, .. } if found == line), "{error}");
        assert!(!error.to_string().contains("letmein"), "a line may be somebody's password");
    }
    let (_, ntlm) = list(HashKind::Ntlm, 5, 1);
    fs::write(&source, format!("{text}{ntlm}")).unwrap();
    assert!(matches!(loaded(&source, folder.path()), Err(LoadError::Kinds { line: 101 })));
    fs::write(&source, "\n\n").unwrap();
    assert!(matches!(loaded(&source, folder.path()), Err(LoadError::Empty)));
    let alike: String = (0..20_000).map(|n| format!("0000000000{n:030X}:1\n")).collect();
    fs::write(&source, alike).unwrap();
    // they are one hash as far as 40 bits tell
    assert_eq!(loaded(&source, &folder.path().join("work")).unwrap().hashes, 1);
    let alike: String = (0..20_000).map(|n| format!("0000{n:06X}{:030X}:1\n", 0)).collect();
    fs::write(&source, alike).unwrap();
    assert!(matches!(loaded(&source, folder.path()), Err(LoadError::Skewed)));
    assert!(fs::read(folder.path().join("list.leaks")).unwrap() == before);
}

#[test]
fn passwords_are_known_by_either_hash_in_lists_side_by_side() {
    let folder = tempfile::tempdir().unwrap();
    let mut lists = Lists::open(folder.path());
    let knows = |lists: &Lists, password: &str| lists.knows(password, |name, error| panic!("{name}: {error}"));
    assert!(!knows(&lists, "password"));
    // `password`, and as Windows has `Küchentisch7`
    for (name, hash) in [("public", "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8"), ("windows", "")] {
        let source = folder.path().join("source");
        let hash = if hash.is_empty() { ntlm("Küchentisch7") } else { hash.to_owned() };
        fs::write(&source, format!("{hash}:5\n")).unwrap();
        let go_on = &mut |_| ControlFlow::Continue(());
        let mut source = leaks::PlainFile::new(&source).unwrap();
        load(&mut source, &folder.path().join("work"), &path(folder.path(), name), u64::MAX, go_on).unwrap();
    }
    assert!(lists.renew() && !lists.renew(), "once, and then nothing has changed");
    assert!(knows(&lists, "password") && knows(&lists, "Küchentisch7") && knows(&lists, "Ku\u{308}chentisch7"));
    assert!(!knows(&lists, "Password") && !knows(&lists, ""));
    // a damaged one is left out, and said
    fs::write(path(folder.path(), "windows"), b"LGLEAK01 and no more").unwrap();
    assert!(lists.renew());
    assert!(lists.all()[1].filter.is_err() && knows(&lists, "password") && !knows(&lists, "Küchentisch7"));
    fs::remove_file(path(folder.path(), "public")).unwrap();
    assert!(lists.renew() && !knows(&lists, "password"));
}

fn ntlm(password: &str) -> String {
    use md4::Digest;
    let units: Vec<u8> = password.encode_utf16().flat_map(u16::to_le_bytes).collect();
    hex::encode_upper(md4::Md4::digest(&units))
}
