use std::fs::{self, OpenOptions};
use std::io::Write;
use std::ops::ControlFlow;

use leaks::{HashKind, LoadError, Progress};

use crate::{Generator, list, loaded, loaded_until};

/// Stops a load after so many steps, adds what a kill may leave, and loads again.
#[test]
fn a_load_that_was_stopped_anywhere_goes_on_and_comes_to_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source");
    // several reads of a MiB, so several checkpoints
    fs::write(&source, list(HashKind::Sha1, 6, 80_000).1).unwrap();
    loaded(&source, folder.path()).unwrap();
    let expected = fs::read(folder.path().join("list.leaks")).unwrap();
    fs::remove_file(folder.path().join("list.leaks")).unwrap();
    let mut generator = Generator(7);
    for stops in 0..4 {
        let (mut rounds, mut went_on) = (0, 0);
        loop {
            let mut left = generator.number() % 200;
            let stopped = loaded_until(&source, folder.path(), 2 << 20, &mut |progress| {
                went_on += usize::from(progress == Progress::GoesOn);
                left = left.saturating_sub(1);
                if left == 0 && rounds < 4 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
            rounds += 1;
            match stopped {
                Ok(_) => break,
                Err(LoadError::Stopped) => torn(&folder.path().join("work")),
                Err(other) => panic!("{other}"),
            }
        }
        assert!(rounds > 1 && went_on > 0, "{stops}: {rounds} rounds, of which {went_on} went on");
        assert!(fs::read(folder.path().join("list.leaks")).unwrap() == expected, "{stops}");
    }
}

/// What is written behind the last durable step: any file may be longer than the state says.
fn torn(work: &std::path::Path) {
    for entry in fs::read_dir(work).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with("shard-") {
            OpenOptions::new().append(true).open(path).unwrap().write_all(b"torn").unwrap();
        }
    }
    fs::write(work.join("state.new"), b"{\"torn").unwrap();
}

#[test]
fn another_source_begins_anew() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source");
    fs::write(&source, list(HashKind::Sha1, 8, 30_000).1).unwrap();
    let stop = &mut |progress| match progress {
        Progress::Written { shards: 100 } => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    };
    assert!(matches!(loaded_until(&source, folder.path(), 1 << 20, stop), Err(LoadError::Stopped)));
    fs::write(&source, list(HashKind::Ntlm, 9, 10_000).1).unwrap();
    let mut went_on = false;
    let loaded = loaded_until(&source, folder.path(), 1 << 20, &mut |progress| {
        went_on |= progress == Progress::GoesOn;
        ControlFlow::Continue(())
    });
    assert_eq!((loaded.unwrap().kind, went_on), (HashKind::Ntlm, false));
}
