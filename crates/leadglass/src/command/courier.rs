//! `leadglass courier`: takes the ledger's checkpoints to its witnesses. It holds no key; `serve` starts it before the warden, so
//! that a ledger that was rolled back is known before anything is released.
//!
//! It looks the witnesses' names up, raises the walls and only then talks. Inside them it reads the ledger and the list of witnesses,
//! writes in DIR/witnesses/told, and connects to the witnesses' ports. When the list changes it ends, and its parent starts it again.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use serde_json::json;
use witness::Courier;

use super::serve::{start_courier, watch};
use super::supervise::Roles;
use super::walled;
use crate::output::say;
use crate::{control, time};

/// How often it looks for a new checkpoint.
const ROUND: Duration = Duration::from_secs(1);

/// Runs until SIGTERM or SIGINT: the role itself as a child of `serve`, or a parent that starts the role again.
pub fn courier(dir: &Path, until_stdin_closes: bool) -> Result<()> {
    if until_stdin_closes { role(dir) } else { supervised(dir) }
}

fn supervised(dir: &Path) -> Result<()> {
    control::log_to_stderr("courier");
    control::keep_to_itself("courier");
    let dir = std::path::absolute(dir)?;
    std::fs::create_dir_all(dir.join("run"))?;
    let standing = walled::parent(&dir, None, None, Vec::new()).raise()?;
    let ending = control::ending();
    let mut roles = Roles::default();
    roles.stand_in(&dir, standing);
    start_courier(&dir, None, &mut roles);
    say!("{}", json!({ "ready": true, "role": "courier", "pids": roles.pids(), "walls": roles.walls() }));
    watch(&mut roles, &ending, |roles| start_courier(&dir, None, roles));
    roles.end();
    Ok(())
}

fn role(dir: &Path) -> Result<()> {
    control::log_to_stderr("courier");
    control::keep_to_itself("courier");
    let dir = std::path::absolute(dir)?;
    let mut courier = Courier::new(&dir);
    let standing = walled::courier(&dir, courier.ports()).raise()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let signals = control::Signals::catch();
        let first = courier.round(seconds()).await;
        say!(
            "{}",
            json!({ "ready": true, "role": "courier", "witnesses": first.witnesses, "reached": first.reached, "walls": standing })
        );
        let rounds = async {
            loop {
                tokio::time::sleep(ROUND).await;
                if courier.round(seconds()).await.outdated {
                    tracing::info!("the witnesses changed, or their addresses; the courier begins again");
                    return;
                }
            }
        };
        tokio::select! {
            () = rounds => {}
            () = control::ended(signals, true) => {}
        }
    });
    runtime.shutdown_timeout(Duration::from_secs(1));
    Ok(())
}

fn seconds() -> u64 {
    u64::try_from(time::now().0 / model::SECOND).unwrap_or_default()
}
