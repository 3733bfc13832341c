//! What every role shares: when it ends, where it logs, what it keeps to itself.

use rustix::process::{DumpableBehavior, Resource, Rlimit};
use tokio::signal::unix::{SignalKind, signal};

/// Returns at SIGTERM, SIGINT or SIGHUP, and, when asked, when standard input closes: the parent is gone.
pub async fn ended(until_stdin_closes: bool) {
    let mut terminate = signal(SignalKind::terminate()).expect("a handler can be installed once");
    let mut interrupt = signal(SignalKind::interrupt()).expect("a handler can be installed once");
    let mut hangup = signal(SignalKind::hangup()).expect("a handler can be installed once");
    let closed = async {
        if until_stdin_closes {
            // the runtime's own standard input reads on a thread that would keep the process alive; this thread is left behind
            let (sender, receiver) = tokio::sync::oneshot::channel();
            std::thread::spawn(move || {
                let mut byte = [0];
                while std::io::Read::read(&mut std::io::stdin(), &mut byte).is_ok_and(|count| count > 0) {}
                // an error here means that the process is ending already
                let _ = sender.send(());
            });
            let _ = receiver.await;
        } else {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        _ = terminate.recv() => {}
        // the terminal was closed: its roles are ended by `serve`, as at Ctrl-C
        () = async { loop { hangup.recv().await; if !until_stdin_closes { break } } } => {}
        // a child of `serve` is ended by its parent, which gets the same Ctrl-C from the terminal
        () = async { loop { interrupt.recv().await; if !until_stdin_closes { break } } } => {}
        () = closed => {}
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
    let nothing = Rlimit { current: Some(0), maximum: Some(0) };
    let kept = rustix::process::setrlimit(Resource::Core, nothing)
        .and_then(|()| rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable));
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
