//! The front's own socket: importing files for the owner, and waiting until everything is handed over.
//!
//! A client says one byte, [`IMPORT`], [`SETTLE`] or [`SNAPSHOT`]. For an import it then sends files, each as its length (8 bytes, big-endian)
//! and its bytes, and gets one line of JSON for each, in order. One connection is one batch.

use std::io::{BufReader, BufWriter, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::Result;
use archive::{Handover, Intake, IntakeActor, Source};
use model::Origin;
use serde_json::json;

/// Files follow.
pub const IMPORT: u8 = b'i';
/// Answers when everything that is durable here is recorded by the warden.
pub const SETTLE: u8 = b's';

/// The front's part of a vault's next generation is written into a folder: its path follows, with its length before it.
pub const SNAPSHOT: u8 = b'v';

/// The longest path of a snapshot, in bytes.
const PATH_BYTES_MAX: u64 = 4096;
/// How long the socket waits after a connection that could not be accepted.
const ACCEPT_RETRY: std::time::Duration = std::time::Duration::from_millis(100);
/// The most connections at a time.
const CONNECTIONS_MAX: usize = 16;

/// What the socket serves.
#[derive(Clone)]
pub struct Served {
    /// Takes in.
    pub intake: Intake,
    /// Hands over.
    pub handover: Arc<Handover>,
    /// Is copied.
    pub store: store::Store,
    /// Where waiting happens.
    pub runtime: tokio::runtime::Handle,
}

/// Serves the socket on threads of its own until the process ends.
pub fn serve(listener: UnixListener, served: Served) {
    let connections = Arc::new(AtomicUsize::new(0));
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = match stream {
                Ok(stream) => stream,
                Err(error) => {
                    // out of file descriptors, or a caller who went away: the next one may be served
                    tracing::warn!(%error, "a connection was not accepted");
                    std::thread::sleep(ACCEPT_RETRY);
                    continue;
                }
            };
            if connections.fetch_add(1, Ordering::Relaxed) >= CONNECTIONS_MAX {
                connections.fetch_sub(1, Ordering::Relaxed);
                continue;
            }
            let (served, connections) = (served.clone(), Arc::clone(&connections));
            std::thread::spawn(move || {
                if let Err(error) = connection(&stream, &served) {
                    tracing::debug!(%error, "an import ended early");
                }
                connections.fetch_sub(1, Ordering::Relaxed);
            });
        }
    });
}

fn connection(stream: &UnixStream, served: &Served) -> Result<()> {
    let mut reader = BufReader::with_capacity(1 << 20, stream);
    let mut writer = BufWriter::new(stream);
    let mut order = [0];
    reader.read_exact(&mut order)?;
    match order[0] {
        SETTLE => {
            let line = match served.runtime.block_on(served.handover.handover_idle()) {
                Ok(()) => json!({ "settled": true }),
                Err(error) => json!({ "error": error.to_string() }),
            };
            writeln!(writer, "{line}")?;
            writer.flush()?;
        }
        IMPORT => {
            let mut batch = served.intake.begin_batch(IntakeActor { device: None, origin: Origin::default() });
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
        SNAPSHOT => {
            let mut length = [0; 8];
            reader.read_exact(&mut length)?;
            let mut path = String::new();
            (&mut reader).take(u64::from_be_bytes(length).min(PATH_BYTES_MAX)).read_to_string(&mut path)?;
            let line = match served.store.snapshot_into(Path::new(&path)) {
                Ok(_) => json!({ "snapshot": true }),
                Err(error) => json!({ "error": error.to_string() }),
            };
            writeln!(writer, "{line}")?;
            writer.flush()?;
        }
        _ => {}
    }
    Ok(())
}
