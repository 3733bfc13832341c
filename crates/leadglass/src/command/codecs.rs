//! `leadglass codecs`: decodes frames for the front, in a process that has nothing else.
//!
//! Its standard input is a stream to the front. It raises its walls before it reads the first byte of a frame. Inside them it reads
//! that stream and no other descriptor, opens no file, makes no socket, starts no thread and no program, and gets no more memory than its
//! limit. Signals that a terminal or a service manager sends to every process of the program do not end it: it ends with the front, or
//! its parent ends it. Its parent reads what it says until
//! it is ready and nothing afterwards, so that nothing which a frame brought into it reaches the log.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;

use anyhow::Result;
use rustix::process::Signal;
use serde_json::json;

use super::walled;
use crate::control;
use crate::output::say;

/// Runs until the front is gone.
pub fn codecs() -> Result<()> {
    // one that stands still, and so does not hear that the front is gone, ends with its parent
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    control::leave_ending_to_the_parent();
    control::log_to_stderr("codecs");
    control::keep_to_itself("codecs");
    let mut front = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let standing = walled::codecs(&front).raise()?;
    say!("{}", json!({ "ready": true, "role": "codecs", "pid": std::process::id(), "walls": standing }));
    // nobody hears it any more; the frame is refused as damaged
    std::panic::set_hook(Box::new(|_| ()));
    if ::codecs::work(&mut front).is_err() {
        std::process::exit(1);
    }
    Ok(())
}
