//! What the machine itself can do: the measure of what an archive on it can reach.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// Appended before each sync, in bytes: a small record.
const SYNC_APPEND_BYTES: usize = 4096;
/// How long syncs are counted.
const SYNC_TIME: Duration = Duration::from_millis(700);
/// Written before one sync for the sequential rate, in MiB.
const SEQUENTIAL_MIB: usize = 512;

/// A disk, as it was at one moment, or the median of several.
#[derive(Clone, Copy, Debug)]
pub struct Disk {
    /// `fdatasync` after a 4 KiB append, in calls a second.
    pub syncs: f64,
    /// 1 MiB blocks and one `fsync` at the end, as `dd conv=fsync` does, in MB/s.
    pub sequential: f64,
}

/// A machine.
#[derive(Clone, Debug)]
pub struct Machine {
    /// The processor's name.
    pub processor: String,
    /// Cores that this program may use.
    pub cores: usize,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// The kernel.
    pub kernel: String,
    /// Its disk.
    pub disk: Disk,
    /// Load of the last minute when the run began: what else was going on.
    pub load_before: f64,
}

impl Machine {
    /// Looks at this one.
    pub fn of_now() -> Result<Self> {
        let processor = field("/proc/cpuinfo", "model name").unwrap_or_else(|| "unknown".to_owned());
        let kib: u64 = field("/proc/meminfo", "MemTotal")
            .and_then(|text| text.split(' ').next()?.parse().ok())
            .context("/proc/meminfo cannot be read; the measurement runs on Linux")?;
        Ok(Self {
            processor,
            cores: std::thread::available_parallelism()?.get(),
            memory_mib: kib / 1024,
            kernel: read("/proc/sys/kernel/osrelease"),
            load_before: load(),
            disk: Disk { syncs: 0.0, sequential: 0.0 },
        })
    }
}

impl Disk {
    /// Measures the disk that `folder` is on.
    pub fn measure(folder: &Path) -> Result<Self> {
        Ok(Self { syncs: syncs(folder)?, sequential: sequential(folder)? })
    }

    /// The median of what was measured between the rounds: a disk that is shared changes from minute to minute.
    pub fn median(measured: &[Self]) -> Self {
        let of = |figure: fn(&Self) -> f64| {
            let mut figures: Vec<f64> = measured.iter().map(figure).collect();
            figures.sort_by(f64::total_cmp);
            figures.get(figures.len() / 2).copied().unwrap_or_default()
        };
        Self { syncs: of(|disk| disk.syncs), sequential: of(|disk| disk.sequential) }
    }
}

/// Load of the last minute.
pub fn load() -> f64 {
    read("/proc/loadavg").split(' ').next().and_then(|text| text.parse().ok()).unwrap_or_default()
}

fn syncs(folder: &Path) -> Result<f64> {
    let mut file = tempfile::tempfile_in(folder)?;
    let block = [0x5a; SYNC_APPEND_BYTES];
    let (began, mut count) = (Instant::now(), 0);
    while began.elapsed() < SYNC_TIME {
        file.write_all(&block)?;
        file.sync_data()?;
        count += 1;
    }
    Ok(f64::from(count) / began.elapsed().as_secs_f64())
}

fn sequential(folder: &Path) -> Result<f64> {
    let mut file: File = tempfile::tempfile_in(folder)?;
    // no zeros: some disks make nothing of them
    let block: Vec<u8> = (0..1 << 20).map(|at: u32| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let began = Instant::now();
    for _ in 0..SEQUENTIAL_MIB {
        file.write_all(&block)?;
    }
    file.sync_all()?;
    Ok((SEQUENTIAL_MIB << 20) as f64 / 1e6 / began.elapsed().as_secs_f64())
}

fn field(path: &str, name: &str) -> Option<String> {
    let text = std::fs::read_to_string(path).ok()?;
    let (_, value) = text.lines().filter_map(|line| line.split_once(':')).find(|(own, _)| own.trim() == name)?;
    Some(value.trim().to_owned())
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}
