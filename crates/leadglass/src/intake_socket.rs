//! The front's own socket: importing files for the owner, and waiting until everything is handed over.
//!
//! A client says one byte, [`IMPORT`] or [`SETTLE`]. For an import it then sends files, each as its length (8 bytes, big-endian)
//! and its bytes, and gets one line of JSON for each, in order. One connection is one batch.

use std::io::{BufReader, BufWriter, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result};
use archive::{Handover, Intake, IntakeActor, Source};
use model::Origin;
use serde_json::json;

/// Files follow.
pub const IMPORT: u8 = b'i';
/// Answers when everything that is durable here is recorded by the warden.
pub const SETTLE: u8 = b's';

/// The most connections at a time.
const CONNECTIONS_MAX: usize = 16;

/// Serves the socket on threads of its own until the process ends.
pub fn serve(socket: &Path, intake: Intake, handover: Arc<Handover>, runtime: tokio::runtime::Handle) -> Result<()> {
    match std::fs::remove_file(socket) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    let listener =
        UnixListener::bind(socket).with_context(|| format!("the socket {} cannot be made", socket.display()))?;
    std::fs::set_permissions(socket, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    let connections = Arc::new(AtomicUsize::new(0));
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(std::io::Result::ok) {
            if connections.fetch_add(1, Ordering::Relaxed) >= CONNECTIONS_MAX {
                connections.fetch_sub(1, Ordering::Relaxed);
                continue;
            }
            let (intake, handover, runtime, connections) =
                (intake.clone(), Arc::clone(&handover), runtime.clone(), Arc::clone(&connections));
            std::thread::spawn(move || {
                if let Err(error) = connection(&stream, &intake, &handover, &runtime) {
                    tracing::debug!(%error, "an import ended early");
                }
                connections.fetch_sub(1, Ordering::Relaxed);
            });
        }
    });
    Ok(())
}

fn connection(
    stream: &UnixStream,
    intake: &Intake,
    handover: &Handover,
    runtime: &tokio::runtime::Handle,
) -> Result<()> {
    let mut reader = BufReader::with_capacity(1 << 20, stream);
    let mut writer = BufWriter::new(stream);
    let mut order = [0];
    reader.read_exact(&mut order)?;
    match order[0] {
        SETTLE => {
            let line = match runtime.block_on(handover.handover_idle()) {
                Ok(()) => json!({ "settled": true }),
                Err(error) => json!({ "error": error.to_string() }),
            };
            writeln!(writer, "{line}")?;
            writer.flush()?;
        }
        IMPORT => {
            let mut batch = intake.begin_batch(IntakeActor { device: None, origin: Origin::default() });
            let mut length = [0; 8];
            while reader.read_exact(&mut length).is_ok() {
                let mut file = (&mut reader).take(u64::from_be_bytes(length));
                let stored = batch.store(&Source::Part10 { study: None }, &mut file);
                // what a refusal left unread
                std::io::copy(&mut file, &mut std::io::sink())?;
                let line = match stored {
                    Ok(accepted) => json!({ "object": accepted.object.to_string() }),
                    Err(error) => json!({ "refused": error.to_string() }),
                };
                writeln!(writer, "{line}")?;
                writer.flush()?;
            }
            batch.finish();
        }
        _ => {}
    }
    Ok(())
}
