//! Ctrl-C while a dump is looked through: it ends the reading, and what was told until then counts. One after that ends the command.

use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use dumps::CutShort;

use crate::control;

/// A terminal interrupts both processes. When the other is gone first, word of it is waited for so long.
const WORD: Duration = Duration::from_secs(1);
/// What a shell calls a command that was interrupted.
const INTERRUPTED: i32 = 130;

/// Hears of interruptions for as long as somebody reads.
pub(super) struct Ending {
    reading: Arc<AtomicBool>,
    interrupted: Receiver<()>,
}

impl Ending {
    /// From now on an interruption closes the stream from which is read. Inside the walls, since it starts a thread.
    pub(super) fn watch(stream: UnixStream) -> Self {
        let reading = Arc::new(AtomicBool::new(true));
        let (tell, interrupted) = channel();
        let caught = control::interruptions();
        let reads = Arc::clone(&reading);
        std::thread::spawn(move || {
            for () in caught {
                if !reads.swap(false, Ordering::AcqRel) {
                    std::process::exit(INTERRUPTED);
                }
                // errors here mean that the reading is over as it is
                let _ = tell.send(());
                let _ = stream.shutdown(Shutdown::Both);
            }
        });
        Self { reading, interrupted }
    }

    /// The reading is over: why it was not all, now that this is known.
    pub(super) fn over(self, cut_short: Option<CutShort>) -> Option<CutShort> {
        let interrupted = cut_short == Some(CutShort::WentAway) && self.interrupted.recv_timeout(WORD).is_ok();
        self.reading.store(false, Ordering::Release);
        if interrupted { Some(CutShort::Interrupted) } else { cut_short }
    }
}
