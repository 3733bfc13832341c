//! `leadglass courier`: takes the ledger's checkpoints to its witnesses. It holds no key; `serve` starts it before the warden, so
//! that a ledger that was rolled back is known before anything is released.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use serde_json::json;
use witness::Courier;

use crate::output::say;
use crate::{control, time};

/// How often it looks for a new checkpoint.
const ROUND: Duration = Duration::from_secs(1);

/// Runs until SIGTERM, SIGINT, or the parent's end.
pub fn courier(dir: &Path, until_stdin_closes: bool) -> Result<()> {
    control::log_to_stderr("courier");
    control::keep_to_itself("courier");
    let mut courier = Courier::new(dir);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let signals = control::Signals::catch();
        let first = courier.round(seconds()).await;
        say!("{}", json!({ "ready": true, "role": "courier", "witnesses": first.witnesses, "reached": first.reached }));
        let rounds = async {
            loop {
                tokio::time::sleep(ROUND).await;
                courier.round(seconds()).await;
            }
        };
        tokio::select! {
            () = rounds => {}
            () = control::ended(signals, until_stdin_closes) => {}
        }
    });
    runtime.shutdown_timeout(Duration::from_secs(1));
    Ok(())
}

fn seconds() -> u64 {
    u64::try_from(time::now().0 / model::SECOND).unwrap_or_default()
}
