//! `leadglass witness`: cosigning for other sites.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use serde_json::json;
use witness::Witness;

use crate::cli::{Format, WitnessCommand};
use crate::control;
use crate::output::say;

/// `leadglass witness`
pub fn witness(dir: &Path, format: Format, command: WitnessCommand) -> Result<()> {
    match command {
        WitnessCommand::Init { name } => {
            let cosigners = Witness::init(dir, &name)?.map(|cosigner| cosigner.to_text());
            match format {
                Format::Json => say!("{}", json!({ "name": name, "vkeys": cosigners })),
                Format::Text => {
                    say!("Made the witness {name}. Sites add it with both keys:");
                    cosigners.iter().for_each(|vkey| say!("  --vkey {vkey}"));
                }
            }
        }
        WitnessCommand::AddLog { vkey } => {
            let origin = Witness::add_log(dir, &vkey)?;
            match format {
                Format::Json => say!("{}", json!({ "origin": origin })),
                Format::Text => say!("Cosigns for {origin} from now on."),
            }
        }
        WitnessCommand::Status => status(dir, format)?,
        WitnessCommand::Serve { listen, until_stdin_closes } => serve(dir, listen, until_stdin_closes)?,
    }
    Ok(())
}

fn status(dir: &Path, format: Format) -> Result<()> {
    let witness = Witness::open(dir)?;
    let vkeys = witness.cosigners().map(|cosigner| cosigner.to_text());
    let logs: Vec<_> = witness
        .status()
        .into_iter()
        .map(|(origin, note)| {
            let size: u64 = note.lines().nth(1).and_then(audit::decimal).unwrap_or_default();
            json!({ "origin": origin, "size": size, "note": note })
        })
        .collect();
    match format {
        Format::Json => say!("{}", json!({ "vkeys": vkeys, "logs": logs })),
        Format::Text => {
            vkeys.iter().for_each(|vkey| say!("{vkey}"));
            for log in logs {
                say!("{}\t{} entries cosigned", log["origin"].as_str().unwrap_or_default(), log["size"]);
            }
        }
    }
    Ok(())
}

fn serve(dir: &Path, listen: SocketAddr, until_stdin_closes: bool) -> Result<()> {
    control::log_to_stderr("witness");
    control::keep_to_itself("witness");
    let witness = Arc::new(Witness::open(dir)?);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let signals = control::Signals::catch();
        let listener = tokio::net::TcpListener::bind(listen).await;
        let listener = listener.context("the address cannot be listened on; choose another with --listen")?;
        say!("{}", json!({ "ready": true, "role": "witness", "http": format!("http://{}", listener.local_addr()?) }));
        tokio::select! {
            served = witness::serve(witness, listener) => served.context("the listener failed; start it again"),
            () = control::ended(signals, until_stdin_closes) => Ok(()),
        }
    })?;
    runtime.shutdown_timeout(std::time::Duration::from_secs(3));
    Ok(())
}
