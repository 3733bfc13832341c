//! What every role shares: when it ends, where it logs, what it keeps to itself.

use std::sync::mpsc::{Receiver, Sender, channel};

use tokio::signal::unix::{Signal, SignalKind, signal};

/// Catches SIGTERM, SIGINT and SIGHUP from now on, on a thread of its own; the receiver hears of the first. A signal that comes before
/// somebody listens is not lost and ends nothing half-way.
pub fn ending() -> Receiver<()> {
    on_a_thread(async |tell: Tell| {
        let signals = Signals::catch();
        tell.catching();
        signals.first(false, std::future::pending()).await;
        tell.caught();
    })
}

/// Catches SIGTERM and SIGINT from now on, on a thread of its own; the receiver hears of each. A hangup stays what the shell made it.
pub fn interruptions() -> Receiver<()> {
    on_a_thread(async |tell: Tell| {
        let (mut terminate, mut interrupt) = (caught(SignalKind::terminate()), caught(SignalKind::interrupt()));
        tell.catching();
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            tell.caught();
        }
    })
}

/// What a thread that catches signals says. Errors mean that nobody listens: the process ends.
struct Tell {
    catching: Sender<()>,
    caught: Sender<()>,
}

impl Tell {
    fn catching(&self) {
        let _ = self.catching.send(());
    }

    fn caught(&self) {
        let _ = self.caught.send(());
    }
}

/// Returns once signals are caught.
fn on_a_thread(catch: impl AsyncFnOnce(Tell) + Send + 'static) -> Receiver<()> {
    let (caught, receiver) = channel();
    let (catching, is_catching) = channel();
    std::thread::spawn(move || {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be made");
        runtime.block_on(catch(Tell { catching, caught }));
    });
    is_catching.recv().expect("the thread says when it catches");
    receiver
}

fn caught(kind: SignalKind) -> Signal {
    signal(kind).expect("a handler can be installed")
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
        Self {
            terminate: caught(SignalKind::terminate()),
            interrupt: caught(SignalKind::interrupt()),
            hangup: caught(SignalKind::hangup()),
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
