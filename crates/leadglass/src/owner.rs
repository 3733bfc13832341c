//! Talking to a running installation over the socket that only its owner may open.

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use protocol::{Credential, PROTOCOL_VERSION, PageReply, PageRequest, Refusal, WardenClient};
use tokio::runtime::Runtime;

/// Name of the socket in DIR.
pub const OWNER_SOCKET: &str = "run/owner.sock";
/// Name of the front's socket in DIR, for imports.
pub const FRONT_SOCKET: &str = "run/front.sock";
/// Name of the warden's socket in DIR, for fronts.
pub const WARDEN_SOCKET: &str = "run/warden.sock";
/// Where the warden asks for ranges of leaked passwords, for the one process that fetches them.
pub const RANGES_SOCKET: &str = "run/ranges.sock";

/// Name of the socket in DIR for programs that hold shares of cold studies.
pub const HOLDER_SOCKET: &str = "run/holder.sock";

/// A conversation with the warden.
pub struct Owner {
    runtime: Runtime,
    client: WardenClient,
}

impl Owner {
    /// Connects, or says that nothing runs.
    pub fn connect(dir: &Path) -> Result<Self> {
        Self::connect_to(&dir.join(OWNER_SOCKET)).map_err(|error| error.unwrap_or_else(|| not_running(dir)))
    }

    /// Connects to a socket by its path; `None` when nobody answers.
    pub fn connect_to(socket: &Path) -> Result<Self, Option<anyhow::Error>> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Some(error.into()))?;
        let client = runtime.block_on(protocol::connect(socket)).map_err(|_| None)?;
        let hello = runtime.block_on(client.hello(context(10), PROTOCOL_VERSION)).map_err(|_| None)?;
        hello.map_err(|refusal| Some(anyhow!(refusal.to_string())))?;
        Ok(Self { runtime, client })
    }

    /// Asks.
    pub fn ask(&self, request: PageRequest) -> Result<PageReply> {
        self.runtime
            .block_on(self.client.ask(context(3600), Credential::Owner, request))
            .context("the warden went away in the middle; see its log, start it and try again")?
            .map_err(|refusal| anyhow!(sentence(&refusal)))
    }

    /// How many duplicates the ledger has counted in all.
    pub fn duplicates(&self) -> Result<u64> {
        match self.ask(PageRequest::Health)? {
            PageReply::Health(health) => Ok(health.duplicates),
            _ => bail!("the warden answered something else; run commands and serve from the same version"),
        }
    }

    /// Asks and is told that it is done.
    pub fn tell(&self, request: PageRequest) -> Result<()> {
        match self.ask(request)? {
            PageReply::Done => Ok(()),
            _ => bail!("the warden answered something else; run commands and serve from the same version"),
        }
    }
}

/// What happened; what to do.
fn sentence(refusal: &Refusal) -> String {
    let said = refusal.to_string();
    if said.contains("; ") {
        return said;
    }
    match said.split_once(": ") {
        Some((what, expected)) => format!("{what}; {expected}"),
        None => format!("{said}; check the number, name or UID that the command was given"),
    }
}

fn context(seconds: u64) -> tarpc_context::Context {
    let mut context = tarpc_context::current();
    context.deadline = std::time::Instant::now() + std::time::Duration::from_secs(seconds);
    context
}

use protocol::context as tarpc_context;

/// What to say when nothing runs in DIR.
pub fn not_running(dir: &Path) -> anyhow::Error {
    if dir.join("warden/root.json").exists() {
        anyhow!("the installation in {} is not running; start it with `leadglass serve`", dir.display())
    } else {
        anyhow!(
            "there is no installation in {}; make one with `leadglass init`, or name its folder with --dir",
            dir.display()
        )
    }
}
