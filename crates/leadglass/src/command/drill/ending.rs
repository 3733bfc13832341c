//! Ctrl-C in a drill: what is being done ends with an error, and everything that was made goes with it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

use crate::control;

static ENDING: AtomicBool = AtomicBool::new(false);
/// How often somebody who waits looks whether the drill ends.
const LOOK: Duration = Duration::from_millis(20);

/// From now on SIGINT, SIGTERM and SIGHUP are heard by [`check`] and end nothing half-way.
pub fn watch() {
    let ending = control::ending();
    std::thread::spawn(move || {
        // an error here means that nobody catches signals any more
        if ending.recv().is_ok() {
            ENDING.store(true, Ordering::Relaxed);
        }
    });
}

/// Fails once the drill is to end.
pub fn check() -> Result<()> {
    if ENDING.load(Ordering::Relaxed) {
        bail!("the drill was interrupted; nothing of it is left, play it again");
    }
    Ok(())
}

/// Sleeps, or fails once the drill is to end.
pub fn sleep(time: Duration) -> Result<()> {
    let began = Instant::now();
    while began.elapsed() < time {
        check()?;
        std::thread::sleep(LOOK.min(time));
    }
    check()
}
