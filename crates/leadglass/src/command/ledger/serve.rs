//! `leadglass ledger serve`: the ledger's hashes over HTTP.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::json;

use crate::control;
use crate::output::say;

/// Serves until it is told to end.
pub fn serve(ledger: &Path, listen: SocketAddr) -> Result<()> {
    control::log_to_stderr("ledger");
    control::keep_to_itself("ledger");
    // a folder without a ledger is said at once
    audit::checkpoint(ledger)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let signals = control::Signals::catch();
        let listener = tokio::net::TcpListener::bind(listen).await;
        let listener = listener.context("the address cannot be listened on; choose another with --listen")?;
        say!("{}", json!({ "ready": true, "role": "ledger", "http": format!("http://{}", listener.local_addr()?) }));
        tokio::select! {
            served = witness::serve_tiles(ledger.to_owned(), listener) => {
                served.context("the listener failed; start it again")
            }
            () = control::ended(signals, false) => Ok(()),
        }
    })?;
    runtime.shutdown_timeout(std::time::Duration::from_secs(3));
    Ok(())
}
