//! `leadglass import`: files, folders, zip archives, DICOMDIR.

use std::io::{BufRead, BufReader, Read, Seek, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use crate::cli::Format;
use crate::intake_socket::{IMPORT, SETTLE};
use crate::output::say;
use crate::owner::{FRONT_SOCKET, Owner, not_running};

/// The most files in one zip archive.
const ZIP_ENTRIES_MAX: usize = 1_000_000;
/// The largest file in a zip archive, unpacked, in bytes.
const ZIP_ENTRY_BYTES_MAX: u64 = 8 << 30;
/// Folders in folders, at most.
const FOLDER_DEPTH_MAX: usize = 64;

/// What became of everything.
#[derive(Default)]
pub(super) struct Report {
    pub(super) stored: u64,
    refused: Vec<(String, String)>,
}

/// Sends everything to the front, waits until the warden has recorded it, and reports.
pub fn import(dir: &Path, format: Format, paths: &[PathBuf]) -> Result<()> {
    let owner = Owner::connect(dir)?;
    let duplicates_before = owner.duplicates()?;
    let mut files = Vec::new();
    for path in paths {
        let metadata = std::fs::metadata(path)
            .with_context(|| format!("{} cannot be read; check the path and the rights", path.display()))?;
        if metadata.is_dir() {
            collect(path, 0, &mut files)?;
        } else if is_dicomdir(path) {
            // the index of a medium: the files that it lists lie beside and below it
            collect(path.parent().unwrap_or(Path::new(".")), 0, &mut files)?;
        } else {
            files.push(path.clone());
        }
    }
    let bar = progress(files.len() as u64, format);
    let mut link = Link::connect(dir)?;
    let mut report = Report::default();
    for path in files {
        let shown = path.display().to_string();
        match std::fs::File::open(&path) {
            Ok(file) if is_zip(&file) => link.send_zip(file, &shown, &mut report)?,
            Ok(mut file) => {
                let length = file.metadata()?.len();
                link.send(&mut file, length, &shown, &mut report)?;
            }
            Err(error) => report.refused.push((shown, format!("cannot be read ({})", error.kind()))),
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    drop(link);
    settle(dir)?;
    let duplicates = owner.duplicates()?.saturating_sub(duplicates_before).min(report.stored);
    let stored = report.stored - duplicates;
    match format {
        Format::Json => {
            let refused: Vec<Value> =
                report.refused.iter().map(|(path, reason)| json!({ "path": path, "reason": reason })).collect();
            say!("{}", json!({ "stored": stored, "duplicates": duplicates, "refused": refused }));
        }
        Format::Text => {
            say!("{stored} stored, {duplicates} were there already, {} refused", report.refused.len());
            for (path, reason) in &report.refused {
                say!("  {path}: {reason}");
            }
        }
    }
    if stored + duplicates == 0 && !report.refused.is_empty() {
        bail!("nothing was stored; each refusal above says why");
    }
    Ok(())
}

/// `leadglass settle`
pub fn settle_command(dir: &Path, format: Format) -> Result<()> {
    settle(dir)?;
    match format {
        Format::Json => say!("{}", json!({ "settled": true })),
        Format::Text => say!("Everything that was taken in is recorded."),
    }
    Ok(())
}

/// Waits until everything that is durable in the front is recorded by the warden.
pub fn settle(dir: &Path) -> Result<()> {
    let mut stream = UnixStream::connect(dir.join(FRONT_SOCKET)).map_err(|_| not_running(dir))?;
    stream.write_all(&[SETTLE])?;
    let mut line = String::new();
    BufReader::new(&stream).read_line(&mut line)?;
    let answer: Value = serde_json::from_str(&line).context("the front went away; see its log")?;
    match answer["error"].as_str() {
        Some(error) => bail!("{error}"),
        None => Ok(()),
    }
}

/// One connection to the front: one batch.
pub(super) struct Link {
    reader: BufReader<UnixStream>,
    writer: UnixStream,
}

impl Link {
    pub(super) fn connect(dir: &Path) -> Result<Self> {
        let mut writer = UnixStream::connect(dir.join(FRONT_SOCKET)).map_err(|_| not_running(dir))?;
        writer.write_all(&[IMPORT])?;
        Ok(Self { reader: BufReader::new(writer.try_clone()?), writer })
    }

    pub(super) fn send(&mut self, file: &mut impl Read, length: u64, shown: &str, report: &mut Report) -> Result<()> {
        self.writer.write_all(&length.to_be_bytes())?;
        let sent = std::io::copy(&mut file.take(length), &mut self.writer)
            .context("the front went away in the middle; start it and import again, nothing is stored twice")?;
        if sent < length {
            // the file got shorter under our hands: fill up, so that the conversation stays in step; it is refused or kept as it is
            std::io::copy(&mut std::io::repeat(0).take(length - sent), &mut self.writer)?;
        }
        let mut line = String::new();
        self.reader.read_line(&mut line)?;
        let answer: Value = serde_json::from_str(&line)
            .context("the front went away in the middle; start it and import again, nothing is stored twice")?;
        match answer["refused"].as_str() {
            Some(reason) => report.refused.push((shown.to_owned(), reason.to_owned())),
            None => report.stored += 1,
        }
        Ok(())
    }

    fn send_zip(&mut self, file: std::fs::File, shown: &str, report: &mut Report) -> Result<()> {
        let mut archive = match zip::ZipArchive::new(file) {
            Ok(archive) if archive.len() <= ZIP_ENTRIES_MAX => archive,
            Ok(_) => {
                report.refused.push((shown.to_owned(), format!("holds more than {ZIP_ENTRIES_MAX} files; split it")));
                return Ok(());
            }
            Err(_) => {
                report.refused.push((shown.to_owned(), "is a damaged zip archive; copy it again".to_owned()));
                return Ok(());
            }
        };
        for index in 0..archive.len() {
            let Ok(mut entry) = archive.by_index(index) else {
                report
                    .refused
                    .push((format!("{shown}#{index}"), "cannot be unpacked; copy the archive again".to_owned()));
                continue;
            };
            // the name is shown and never used as a path
            let inside = entry.name().map(std::borrow::Cow::into_owned).unwrap_or_else(|_| format!("#{index}"));
            let name = format!("{shown}/{inside}");
            if entry.is_dir() || is_dicomdir(Path::new(&inside)) {
                continue;
            }
            let length = entry.size();
            if length > ZIP_ENTRY_BYTES_MAX {
                report.refused.push((name, "is larger than 8 GiB; import it as a file".to_owned()));
                continue;
            }
            self.send(&mut entry, length, &name, report)?;
        }
        Ok(())
    }
}

fn collect(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<()> {
    if depth > FOLDER_DEPTH_MAX {
        bail!("{} lies more than {FOLDER_DEPTH_MAX} folders deep; import a folder further down", folder.display());
    }
    let mut entries: Vec<_> = std::fs::read_dir(folder)
        .with_context(|| format!("{} cannot be read; check the rights", folder.display()))?
        .collect::<std::io::Result<_>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        // links are not followed: a medium must not lead out of itself
        let kind = entry.file_type()?;
        if kind.is_dir() {
            collect(&entry.path(), depth + 1, files)?;
        } else if kind.is_file() && !is_dicomdir(&entry.path()) {
            files.push(entry.path());
        }
    }
    Ok(())
}

fn is_dicomdir(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.eq_ignore_ascii_case("DICOMDIR"))
}

fn is_zip(mut file: &std::fs::File) -> bool {
    let mut magic = [0; 4];
    let read = file.read_exact(&mut magic);
    let rewound = file.rewind();
    read.is_ok() && rewound.is_ok() && magic == *b"PK\x03\x04"
}

fn progress(files: u64, format: Format) -> ProgressBar {
    if format == Format::Json {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} files, {per_sec}, {eta} left")
        .expect("the template is right");
    ProgressBar::new(files).with_style(style)
}
