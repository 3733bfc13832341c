//! How much memory there is for further processes: of the machine, and of the control group that this process is in.

use std::path::{Path, PathBuf};

const KIB: u64 = 1024;
/// What the second version of control groups calls its tree, under [`GROUPS`].
const GROUPS: &str = "/sys/fs/cgroup";

/// Bytes that may be taken now; nothing where the system does not say.
pub fn available() -> Option<u64> {
    let machine = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| of_machine(&text));
    let own = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let groups = folders(&own, Path::new(GROUPS)).into_iter().filter_map(|folder| of_group(&folder));
    machine.into_iter().chain(groups).min()
}

/// `MemAvailable` of `/proc/meminfo`, in bytes.
fn of_machine(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(KIB)
}

/// The folders of the control groups that this process is in, and of those around them: each may have a limit. `own` is
/// `/proc/self/cgroup`.
fn folders(own: &str, groups: &Path) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for line in own.lines() {
        // hierarchy:controllers:path; the second version has no controllers
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
        let tree = match controllers {
            "" => groups.to_owned(),
            "memory" => groups.join("memory"),
            _ => continue,
        };
        let path = Path::new(path.trim_start_matches('/'));
        // inside a container the group's own folder may be the top of the tree, whatever its path says
        folders.extend(path.ancestors().map(|path| tree.join(path)));
    }
    folders
}

/// What is left to a control group, in bytes; nothing where it has no limit. What it holds of files counts as left.
fn of_group(folder: &Path) -> Option<u64> {
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).ok();
    let number = |names: [&str; 2]| names.into_iter().find_map(|name| read(name)?.trim().parse::<u64>().ok());
    // the second version says `max`, the first a number near 2^63
    let limit = number(["memory.max", "memory.limit_in_bytes"]).filter(|limit| *limit < 1 << 60)?;
    let used = number(["memory.current", "memory.usage_in_bytes"])?;
    let stat = read("memory.stat").unwrap_or_default();
    let of_files = stat.lines().find_map(|line| line.strip_prefix("inactive_file ")?.parse::<u64>().ok()).unwrap_or(0);
    Some(limit.saturating_sub(used.saturating_sub(of_files)))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const GIB: u64 = 1 << 30;

    #[test]
    fn the_machine_says_what_is_available() {
        let text = "MemTotal:       24684424 kB\nMemFree:         1042332 kB\nMemAvailable:    2097152 kB\n";
        assert_eq!(of_machine(text), Some(2 * GIB));
        assert_eq!(of_machine("MemTotal: 5 kB\n"), None);
        assert_eq!(of_machine("MemAvailable: a lot\n"), None);
        assert!(available().is_some(), "this machine says it");
    }

    #[test]
    fn a_limit_of_any_group_around_counts() {
        let tree = tempfile::tempdir().unwrap();
        let write = |folder: &str, files: &[(&str, &str)]| {
            let folder = tree.path().join(folder);
            std::fs::create_dir_all(&folder).unwrap();
            for (name, text) in files {
                writeln!(std::fs::File::create(folder.join(name)).unwrap(), "{text}").unwrap();
            }
        };
        let left = |own: &str| folders(own, tree.path()).iter().filter_map(|folder| of_group(folder)).min();
        let [one, two, three] = [GIB, 2 * GIB, 3 * GIB].map(|bytes| bytes.to_string());
        write("system.slice/leadglass", &[("memory.max", "max"), ("memory.current", &one)]);
        assert_eq!(left("0::/system.slice/leadglass\n"), None);
        // the slice has 3 GiB, of which 2 are used, one of these for files that can be let go
        let stat = format!("anon 5\ninactive_file {one}");
        write("system.slice", &[("memory.max", &three), ("memory.current", &two), ("memory.stat", &stat)]);
        assert_eq!(left("0::/system.slice/leadglass\n"), Some(2 * GIB));
        // the first version beside it
        write("memory/jobs/7", &[("memory.limit_in_bytes", &two), ("memory.usage_in_bytes", &one)]);
        write("memory", &[("memory.limit_in_bytes", "9223372036854771712"), ("memory.usage_in_bytes", &one)]);
        assert_eq!(left("9:cpu:/jobs/7\n4:memory:/jobs/7\n0::/system.slice/leadglass\n"), Some(GIB));
        // more is used than is allowed now
        write("memory/jobs/7", &[("memory.limit_in_bytes", &one), ("memory.usage_in_bytes", &two)]);
        assert_eq!(left("4:memory:/jobs/7\n"), Some(0));
    }
}
