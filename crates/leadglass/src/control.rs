//! What every role shares: when it ends, where it logs.

use tokio::signal::unix::{SignalKind, signal};

/// Returns at SIGTERM or SIGINT, and, when asked, when standard input closes: the parent is gone.
pub async fn ended(until_stdin_closes: bool) {
    let mut terminate = signal(SignalKind::terminate()).expect("a handler can be installed once");
    let mut interrupt = signal(SignalKind::interrupt()).expect("a handler can be installed once");
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
