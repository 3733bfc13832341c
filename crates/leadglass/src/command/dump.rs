//! `leadglass dump`: reads a dump of stolen logins for `leaks check`, in a process that has nothing else.
//!
//! Its standard input is the dump, opened by whoever asks; its standard output is a stream to them. It hears what is wanted, raises its
//! walls, says which stand, and only then reads the first byte of the dump. Inside them it reads the dump and that stream and no other
//! descriptor, opens no file, makes no socket, starts no thread and no program, and gets no more memory than its limit. It has digests
//! of the people's logins and no connection to the warden: whoever takes it over can say who stands in a dump, as whoever makes one can.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;

use anyhow::{Context, Result};
use dumps::{Input, Wanted};
use rustix::process::Signal;
use serde_json::json;

use super::walled;
use crate::control;

/// Runs until the dump is read or whoever asked is gone.
pub fn dump(stream: bool) -> Result<()> {
    // one that stands still, and so does not hear that its parent is gone, ends with it
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    control::keep_to_itself("dump");
    let dump = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut asker = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let wanted =
        Wanted::read_from(&mut asker).context("this command is started by another; use leadglass leaks check")?;
    let standing = walled::dump(&dump, &asker).raise()?;
    writeln!(asker, "{}", json!({ "ready": true, "role": "dump", "walls": standing }))?;
    // nobody hears it any more; who asked hears that it ended
    std::panic::set_hook(Box::new(|_| ()));
    let input = if stream { Input::stream(Box::new(dump)) } else { Input::file(dump) };
    if dumps::tell(input, wanted, asker).is_err() {
        std::process::exit(1);
    }
    Ok(())
}
