//! Standard output.

use std::fmt::Arguments;
use std::io::Write;

/// Prints a line. Whoever reads may stop reading (`| head`): then there is nobody left to tell, and the program ends.
pub fn line(text: Arguments<'_>) {
    if writeln!(std::io::stdout().lock(), "{text}").is_err() {
        std::process::exit(0);
    }
}

/// Prints a line on standard output.
macro_rules! say {
    ($($text:tt)*) => { crate::output::line(format_args!($($text)*)) };
}

pub(crate) use say;

/// Writes a file that must not be there yet.
pub fn write_new(path: &std::path::Path, bytes: &[u8]) -> anyhow::Result<()> {
    use anyhow::Context;
    let written = std::fs::File::create_new(path).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    written.with_context(|| format!("{} cannot be written; name a new file in a folder that is yours", path.display()))
}
