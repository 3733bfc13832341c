//! What is on disk and in memory is the owner's alone.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use phantom::ct_instance;

use crate::installation::{Installation, store};

fn check(path: &Path, seen: &mut usize) {
    let metadata = std::fs::symlink_metadata(path).unwrap();
    let mode = metadata.permissions().mode();
    assert_eq!(mode & 0o077, 0, "{} is {:o}", path.display(), mode & 0o777);
    *seen += 1;
    if metadata.is_dir() {
        std::fs::read_dir(path).unwrap().for_each(|entry| check(&entry.unwrap().path(), seen));
    }
}

#[test]
fn every_file_and_socket_is_for_the_owner_only() {
    let site = Installation::new();
    site.with_devices();
    assert_eq!(store(site.dicom(), vec![ct_instance(1, 1, 1, 1, 64, 64)]).unwrap(), [0]);
    site.ok(&["settle"]);
    let mut seen = 0;
    check(&site.dir(), &mut seen);
    check(Path::new(&site.path("kit")), &mut seen);
    assert!(seen > 15, "{seen} files and folders");
}

#[test]
fn no_role_leaves_a_core_dump() {
    let site = Installation::new();
    let roles = ["serve", "warden", "front"].map(|role| (role, site.pid(role).unwrap()));
    let workers = site.workers();
    assert!(!workers.is_empty());
    for (role, pid) in roles.into_iter().chain(workers.into_iter().map(|pid| ("codecs", pid))) {
        let Ok(limits) = std::fs::read_to_string(format!("/proc/{pid}/limits")) else { continue };
        let line = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
        let values: Vec<_> = line["Max core file size".len()..].split_whitespace().take(2).collect();
        assert_eq!(values, ["0", "0"], "{role}");
    }
}
