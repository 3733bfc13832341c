//! `leadglass warden`: the process that decides and remembers.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use seal::RecoveryKit;
use serde_json::json;
use warden::{Channel, Settings, Unseal, Warden};

use super::init::read_passphrase;
use crate::cli::WardenArgs;
use crate::output::say;
use crate::owner::{OWNER_SOCKET, WARDEN_SOCKET};
use crate::{control, time};

/// Runs until SIGTERM, SIGINT, or the parent's end.
pub fn warden(dir: &Path, arguments: &WardenArgs) -> Result<()> {
    control::log_to_stderr("warden");
    control::keep_to_itself("warden");
    let unseal = match (&arguments.passphrase_file, &arguments.recovery_kit) {
        (Some(path), _) => Unseal::Passphrase(read_passphrase(path)?.to_string()),
        (None, Some(path)) => Unseal::Kit(RecoveryKit::parse(&read_passphrase(path)?)?),
        (None, None) => anyhow::bail!("nothing unseals the root; give --passphrase-file or --recovery-kit"),
    };
    let settings = Settings { dir: dir.to_owned(), unseal, origin: arguments.origin.clone(), clock: time::now };
    let warden = Arc::new(Warden::start(settings)?);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let signals = control::Signals::catch();
        std::fs::create_dir_all(dir.join("run"))?;
        let socket = |name: &str| {
            protocol::bind(&dir.join(name)).with_context(|| format!("the socket {name} cannot be made in {}", dir.display()))
        };
        let (front, owner) = (socket(WARDEN_SOCKET)?, socket(OWNER_SOCKET)?);
        say!("{}", json!({ "ready": true, "role": "warden", "pid": std::process::id() }));
        let ended = signals.first(arguments.until_stdin_closes);
        tokio::select! {
            served = warden::serve(Arc::clone(&warden), front, Channel::Front) => served.context("the front's socket failed"),
            served = warden::serve(Arc::clone(&warden), owner, Channel::Owner) => served.context("the owner's socket failed"),
            () = warden::keep_house(Arc::clone(&warden)) => Ok(()),
            () = ended => Ok(()),
        }
    })?;
    runtime.shutdown_timeout(std::time::Duration::from_secs(3));
    Ok(())
}
