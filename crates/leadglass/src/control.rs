//! What every role shares: when it ends, where it logs, what it keeps to itself.

use std::sync::mpsc::{Receiver, channel};

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Catches SIGTERM, SIGINT and SIGHUP from now on, on a thread of its own; the receiver hears of the first. A signal that comes before
/// somebody listens is not lost and ends nothing half-way.
pub fn ending() -> Receiver<()> {
    let (sender, receiver) = channel();
    let (caught, catching) = channel();
    std::thread::spawn(move || {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be made");
        runtime.block_on(async {
            let signals = Signals::catch();
            // an error here or below means that the main thread ended first
            let _ = caught.send(());
            signals.first(false, std::future::pending()).await;
        });
        let _ = sender.send(());
    });
    catching.recv().expect("the thread says when it catches");
    receiver
}

/// From now on SIGTERM, SIGINT and SIGHUP do nothing to this process: whoever started it ends it.
pub fn leave_ending_to_the_parent() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be made");
    // a handler stays when nobody listens to it any more
    runtime.block_on(async { drop(Signals::catch()) });
}

/// The signals that end a role.
pub struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hangup: Signal,
}

impl Signals {
    /// Catches them from now on. Inside a runtime.
    pub fn catch() -> Self {
        let catch = |kind| signal(kind).expect("a handler can be installed");
        Self {
            terminate: catch(SignalKind::terminate()),
            interrupt: catch(SignalKind::interrupt()),
            hangup: catch(SignalKind::hangup()),
        }
    }

    /// Returns at the first, or when `parent_gone` does. A child of `serve` is ended by its parent, which gets the same Ctrl-C or
    /// hangup from the terminal.
    pub async fn first(mut self, is_child: bool, parent_gone: impl Future<Output = ()>) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            () = async { loop { self.interrupt.recv().await; if !is_child { break } } } => {}
            () = async { loop { self.hangup.recv().await; if !is_child { break } } } => {}
            () = parent_gone => {}
        }
    }
}

/// Returns when standard input closes: the parent is gone.
pub async fn stdin_closes() {
    // the runtime's own standard input reads on a thread that would keep the process alive; this thread is left behind
    let (sender, receiver) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        let mut byte = [0];
        while std::io::Read::read(&mut std::io::stdin(), &mut byte).is_ok_and(|count| count > 0) {}
        // an error here means that the process is ending already
        let _ = sender.send(());
    });
    let _ = receiver.await;
}

/// Returns at the first signal, and for a child when its parent is gone.
pub async fn ended(signals: Signals, is_child: bool) {
    if is_child {
        signals.first(true, stdin_closes()).await;
    } else {
        signals.first(false, std::future::pending()).await;
    }
}

/// Logs to standard error: `LEADGLASS_LOG` sets the level, `info` when absent.
pub fn log_to_stderr(role: &'static str) {
    let filter = std::env::var("LEADGLASS_LOG").unwrap_or_else(|_| "info,tarpc=warn".to_owned());
    // an error here means that logging was set up before, as in tests
    let _ = tracing_subscriber::fmt()
        .with_env_filter(tracing_subscriber::EnvFilter::new(filter))
        .with_writer(std::io::stderr)
        .with_target(false)
        .try_init();
    tracing::debug!(role, "log");
}

/// Files and sockets are made for their owner only, whatever the shell says.
pub fn own_files() {
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
}

/// What a role does before it holds a secret. Its memory is written into no core dump, no other process of the same user may look
/// into it, and a panic says where it happened and nothing else: its message may quote what was being read, a name for instance.
pub fn keep_to_itself(role: &'static str) {
    let kept = walls::no_core_dumps();
    if let Err(error) = kept {
        tracing::warn!(role, %error, "core dumps could not be turned off");
    }
    std::panic::set_hook(Box::new(move |panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(role, place, "a panic; this is a mistake in the program, please report the place");
        if role == "warden" {
            // whoever held a lock left what it guards half done: `serve` starts the warden again from the disk
            std::process::abort();
        }
    }));
}
