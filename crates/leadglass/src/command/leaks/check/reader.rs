//! The process that reads a dump, as the one that asks has it: this program once more (`leadglass dump`), with the opened dump, one stream
//! to here, and nothing else. No folder is named to it, and it gets no variable of the environment.
//!
//! Inside its own walls this process ends no other, so the child ends itself: when the stream closes, and with its parent whatever it
//! does.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use dumps::{Told, Wanted};
use indicatif::{ProgressBar, ProgressStyle};
use serde::Deserialize;
use walls::Standing;

use super::ending::Ending;
use crate::cli::Format;

/// Who reads a file and says nothing for so long stands still. A stream may wait for whoever writes it.
const SILENCE: Duration = Duration::from_secs(600);
/// The longest line that says that it is ready, in bytes.
const READY_BYTES_MAX: u64 = 4096;

/// The process that will read a dump. It waits for what is wanted.
pub(super) struct Reader {
    stream: UnixStream,
    /// The dump's, in bytes.
    length: Option<u64>,
}

/// What it says inside its walls, before it reads the first byte.
#[derive(Deserialize)]
struct Ready {
    walls: Standing,
}

impl Reader {
    /// Opens the dump and starts it. Before the walls stand.
    pub(super) fn start(dump: &Path) -> Result<Self> {
        let mut command = Command::new("/proc/self/exe");
        command.arg0("leadglass").arg("dump").env_clear();
        let length = if dump == Path::new("-") {
            command.arg("--stream").stdin(Stdio::inherit());
            None
        } else {
            let (file, length) = opened(dump)?;
            command.stdin(file);
            Some(length)
        };
        let (stream, theirs) = UnixStream::pair()?;
        // what it says elsewhere nobody hears: a dump may have put it there
        command.stdout(OwnedFd::from(theirs)).stderr(Stdio::null());
        command
            .spawn()
            .context("the process that reads the dump cannot be started; look at the limits of processes")?;
        Ok(Self { stream, length })
    }

    /// Lets it read, and hears what it tells. Says which walls stand around it.
    pub(super) fn read(self, wanted: &Wanted, format: Format) -> Result<(Told, Standing)> {
        let Self { mut stream, length } = self;
        wanted.write_to(&mut stream).context(NOT_READY)?;
        let mut from = BufReader::new(stream);
        let mut line = String::new();
        from.by_ref().take(READY_BYTES_MAX).read_line(&mut line).context(NOT_READY)?;
        let Ready { walls } = serde_json::from_str(&line).context(NOT_READY)?;
        from.get_ref().set_read_timeout(length.map(|_| SILENCE))?;
        let ending = Ending::watch(from.get_ref().try_clone()?);
        let bar = bar(length, format);
        let mut told = dumps::hear(from, wanted, |told| {
            bar.set_position(told.read);
            bar.set_message(format!("{} lines", told.counts.lines));
        });
        told.cut_short = ending.over(told.cut_short);
        bar.finish_and_clear();
        Ok((told, walls))
    }
}

const NOT_READY: &str =
    "the process that reads the dump did not become ready; look at the limits of memory and processes of this shell";

fn opened(dump: &Path) -> Result<(File, u64)> {
    let file = File::open(dump)
        .with_context(|| format!("{} cannot be read; check the path and the rights", dump.display()))?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        bail!(
            "{} is a folder; name one file after the other, or give them as one stream: cat FOLDER/* | leadglass leaks check -",
            dump.display()
        );
    }
    Ok((file, metadata.len()))
}

fn bar(length: Option<u64>, format: Format) -> ProgressBar {
    let bar = match (format, length) {
        (Format::Json, _) => ProgressBar::hidden(),
        (Format::Text, Some(length)) => ProgressBar::new(length),
        (Format::Text, None) => ProgressBar::no_length(),
    };
    let style = ProgressStyle::with_template("{msg} {wide_bar} {percent}% {elapsed} (left {eta})");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}
