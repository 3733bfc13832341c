//! `leadglass leaks load`: the list is read inside walls that leave this process the list and the folder it is loaded into.

use std::fs::File;
use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use leaks::{CHECKPOINT_BYTES, Folder, HashKind, Part, PlainFile, Progress, Source};
use serde_json::json;
use walls::Wall;

use crate::cli::Format;
use crate::control;
use crate::output::say;
use crate::owner::not_running;

/// Shards of a list, for the bar.
const SHARDS: u64 = 256;

pub(super) fn load(dir: &Path, format: Format, file: &Path, name: Option<&str>) -> Result<()> {
    if !dir.join("warden/root.json").exists() {
        return Err(not_running(dir));
    }
    let folder = std::path::absolute(dir.join(warden::LEAK_LISTS))?;
    control::own_files();
    std::fs::create_dir_all(&folder).context("the folder for lists cannot be made; run this as the owner of DIR")?;
    let file = file.canonicalize().with_context(|| format!("{} is not there; check the path", file.display()))?;
    let kind = kind_of(&file)?;
    let name = name.unwrap_or(kind.word());
    if !leaks::is_name(name) {
        bail!("a list's name is made of 1 to 32 lower-case letters, digits and dashes; choose another --name");
    }
    let mut source = source(&file)?;
    Wall { folders: vec![folder.clone()], read_only: vec![file], ..Wall::default() }.raise()?;
    let bar = bar(source.as_ref(), format);
    let work = folder.join(format!("{name}.loading"));
    let mut went_on = false;
    let loaded = leaks::load(source.as_mut(), &work, &leaks::path(&folder, name), CHECKPOINT_BYTES, &mut |progress| {
        went_on |= progress == Progress::GoesOn;
        show(&bar, progress);
        ControlFlow::Continue(())
    });
    bar.finish_and_clear();
    let loaded = loaded?;
    match format {
        Format::Json => say!(
            "{}",
            json!({
                "name": name, "hash": loaded.kind.word(), "hashes": loaded.hashes, "bytes": loaded.bytes,
                "missing_ranges": loaded.missing, "resumed": went_on,
            })
        ),
        Format::Text => {
            let bits = loaded.bytes as f64 * 8.0 / loaded.hashes as f64;
            say!("{name}: {} hashes in {} bytes, {bits:.1} bits a hash", loaded.hashes, loaded.bytes);
            if loaded.missing > 0 {
                say!("{} of 1048576 ranges were not in the folder: passwords of these are not known", loaded.missing);
            }
            say!("Every password is held against it from now on, when it is set and at each sign-in.");
        }
    }
    Ok(())
}

fn source(file: &Path) -> Result<Box<dyn Source>> {
    if file.is_dir() {
        return Ok(Box::new(Folder::new(file)?));
    }
    let mut beginning = [0; 4];
    let length = File::open(file).and_then(|mut file| file.read(&mut beginning));
    let length = length.with_context(|| format!("{} cannot be read; check the rights", file.display()))?;
    Ok(match &beginning[..length] {
        b"PK\x03\x04" => bail!("this is a zip archive; unpack it first, or load it as .gz or .zst"),
        [0x1f, 0x8b, ..] | [0x28, 0xb5, 0x2f, 0xfd] => Box::new(Packed { path: file.to_owned() }),
        _ => Box::new(PlainFile::new(file)?),
    })
}

/// Which hash the first lines hold, for the name.
fn kind_of(file: &Path) -> Result<HashKind> {
    let mut beginning = Vec::new();
    if file.is_dir() {
        let mut names = std::fs::read_dir(file)?.filter_map(|entry| Some(entry.ok()?.path()));
        let first = names.find(|path| path.is_file());
        let first = first.context("there is no file in this folder; name one with range files, 00000 to FFFFF")?;
        beginning.extend(b"00000");
        File::open(first)?.take(64).read_to_end(&mut beginning)?;
    } else {
        dumps::unpacked_file(File::open(file)?)?.take(64).read_to_end(&mut beginning)?;
    }
    let digits =
        beginning.iter().skip_while(|byte| !byte.is_ascii_hexdigit()).take_while(|byte| byte.is_ascii_hexdigit());
    let digits = digits.count();
    HashKind::ALL.into_iter().find(|kind| kind.digits() == digits).context(
        "this does not begin with HASH:COUNT, a SHA-1 or NTLM hash in hexadecimal digits; load a list in the Pwned Passwords format, and \
         look through a raw dump with `leadglass leaks check`",
    )
}

/// A list in gzip or Zstandard: going on means unpacking again up to there.
struct Packed {
    path: PathBuf,
}

impl Source for Packed {
    fn identity(&self) -> io::Result<String> {
        leaks::identity("packed", &self.path)
    }

    fn parts(&self) -> u32 {
        1
    }

    fn open(&mut self, _: u32, from: u64) -> io::Result<Option<Part>> {
        let mut text = dumps::unpacked_file(File::open(&self.path)?)?;
        let passed = io::copy(&mut text.by_ref().take(from), &mut io::sink())?;
        if passed < from {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(Some(Part { prefix: String::new(), text }))
    }

    fn bytes(&self) -> Option<u64> {
        None
    }
}

fn bar(source: &dyn Source, format: Format) -> ProgressBar {
    if format == Format::Json {
        return ProgressBar::hidden();
    }
    let length = source.bytes().unwrap_or(if source.parts() > 1 { u64::from(source.parts()) } else { 0 });
    let bar = if length > 0 { ProgressBar::new(length) } else { ProgressBar::no_length() };
    let style = ProgressStyle::with_template("{msg} {wide_bar} {percent}% {elapsed} (left {eta})");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_message("reading");
    bar
}

fn show(bar: &ProgressBar, progress: Progress) {
    match progress {
        Progress::GoesOn => bar.set_message("reading on"),
        Progress::Read { bytes, parts } => bar.set_position(if parts > 1 { u64::from(parts) } else { bytes }),
        Progress::Written { shards } => {
            bar.set_length(SHARDS);
            bar.set_message("writing");
            bar.set_position(shards as u64);
        }
    }
}
