//! `leadglass ranges`: asks a service for ranges of leaked passwords, where `serve --leak-range` or `warden --leak-range` names one.
//!
//! It looks the service's name up, raises the walls and only then talks. Inside them it has no file and connects to one port; its parent
//! connects it to the one socket at which the warden asks. It sees five digits of a hash, never a password, and reads the answer, so
//! that nobody who has keys parses what came from elsewhere.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::Notify;
use witness::{RANGE_DIGITS, RangeError, Ranges};

use super::supervise::{Recipe, Roles};
use super::walled;
use crate::cli::RangesArgs;
use crate::control;
use crate::output::say;
use crate::owner::RANGES_SOCKET;
use crate::parent::Parent;

/// Streams to the warden: as many as passwords are checked at once.
const STREAMS: usize = identity::PASSWORD_CHECKS_AT_ONCE_MAX;
/// How long it waits before it is connected again.
const AGAIN: Duration = Duration::from_millis(250);
/// The length that says that there is no answer.
const NO_ANSWER: u32 = u32::MAX;

/// Runs until its parent is gone.
pub fn ranges(arguments: &RangesArgs) -> Result<()> {
    control::log_to_stderr("ranges");
    control::keep_to_itself("ranges");
    let ranges = Arc::new(Ranges::at(&arguments.url).context("--leak-range names no service of ranges")?);
    let standing = walled::ranges(ranges.ports()).raise()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let signals = control::Signals::catch();
        let parent = Parent::on_stdin()?;
        let moved = Arc::new(Notify::new());
        for _ in 0..STREAMS {
            tokio::spawn(answer(parent.clone(), Arc::clone(&ranges), Arc::clone(&moved)));
        }
        say!("{}", json!({ "ready": true, "role": "ranges", "walls": standing }));
        tokio::select! {
            () = moved.notified() => tracing::info!("the service of ranges is looked for anew"),
            () = signals.first(true, parent.gone()) => {}
        }
        anyhow::Ok(())
    })?;
    runtime.shutdown_timeout(Duration::from_secs(1));
    Ok(())
}

/// Starts it where the site names a service. One that does not start is tried again, and keeps nobody from signing in.
pub fn start(dir: &Path, log: Option<&'static str>, url: Option<&str>, roles: &mut Roles) {
    let Some(url) = url else { return };
    if roles.role("ranges").is_some() {
        return;
    }
    let recipe = Recipe {
        name: "ranges",
        dir: dir.to_owned(),
        log,
        arguments: vec!["--url".into(), url.into()],
        secret: None,
        reaches: Some(dir.join(RANGES_SOCKET)),
        workers: 0,
    };
    if let Err(error) = roles.start(recipe) {
        tracing::error!(%error, "no range of leaked passwords is asked for");
    }
}

/// An address that `--leak-range` may name.
pub fn service(url: &str) -> Result<String, String> {
    Ranges::is_address(url).then(|| url.to_owned()).ok_or_else(|| RangeError::Address.to_string())
}

/// Answers the warden, over one stream after the other.
async fn answer(parent: Parent, ranges: Arc<Ranges>, moved: Arc<Notify>) {
    loop {
        match parent.clone().connect().await {
            Ok(stream) => {
                if let Err(error) = answer_over(stream, &ranges, &moved).await {
                    tracing::debug!(%error, "the warden asks over another stream");
                }
            }
            Err(error) => tracing::debug!(%error, "the warden does not ask yet"),
        }
        tokio::time::sleep(AGAIN).await;
    }
}

async fn answer_over(mut stream: UnixStream, ranges: &Ranges, moved: &Notify) -> std::io::Result<()> {
    let mut digits = [0; RANGE_DIGITS];
    loop {
        stream.read_exact(&mut digits).await?;
        let range = match std::str::from_utf8(&digits) {
            Ok(digits) => range(ranges, digits, moved).await,
            Err(_) => None,
        };
        let length = range.as_ref().and_then(|range| u32::try_from(range.len()).ok()).unwrap_or(NO_ANSWER);
        stream.write_all(&length.to_be_bytes()).await?;
        stream.write_all(&range.unwrap_or_default()).await?;
    }
}

/// A range in the one form; nothing where there is none.
async fn range(ranges: &Ranges, digits: &str, moved: &Notify) -> Option<Vec<u8>> {
    let text = match ranges.lines(digits).await {
        Ok(text) => text,
        Err(error) => {
            tracing::warn!(%error, "a range of leaked passwords is not there");
            if ranges.has_moved(&error) {
                moved.notify_one();
            }
            return None;
        }
    };
    match leaks::range_of(&text) {
        Ok(range) => Some(range),
        Err(error) => {
            tracing::warn!(%error, "what the service of ranges answered is no range");
            None
        }
    }
}
