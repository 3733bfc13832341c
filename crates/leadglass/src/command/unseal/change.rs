//! A changed envelope on its way to the warden: over the owner's socket when it runs, else in this process.

use std::path::Path;

use anyhow::{Result, anyhow, bail};
use protocol::{PageReply, PageRequest, ProposalRow, UnsealChange, UnsealReply, UnsealRequest};
use seal::{RootEnvelope, RootSecret};
use serde_json::{Value, json};
use warden::Warden;

use crate::cli::Format;
use crate::command::approve::told;
use crate::output::say;
use crate::owner::Owner;
use crate::time;
use crate::unseal::Unsealed;

/// What is to become different.
pub struct Change {
    /// The envelope as it shall be.
    pub envelope: RootEnvelope,
    /// Names of the holders of a new share set.
    pub holders: Vec<String>,
    /// Whether only methods may stay that are lost with one machine.
    pub leave_only_machines: bool,
}

/// What became of it.
pub enum Outcome {
    /// It is in force.
    Made,
    /// It waits for two persons.
    Waits(Box<ProposalRow>),
}

impl Outcome {
    /// Prints what was done, or what waits.
    pub fn say(self, format: Format, value: &Value, text: &str) -> Result<()> {
        match (self, format) {
            (Self::Made, format) => done(format, value, text),
            (Self::Waits(row), Format::Json) => {
                say!("{}", json!({ "proposal": row.proposal, "words": row.words, "proposed": value }));
            }
            (Self::Waits(row), Format::Text) => {
                told(format, PageReply::Proposed(row))?;
                say!("Until it is carried out the methods stay as they are, and what was made for it opens nothing.");
            }
        }
        Ok(())
    }
}

impl Change {
    /// Signs it with the root and lets the warden record and write it, or propose it once officers are enrolled. The one way for every
    /// change.
    pub fn submit(self, dir: &Path, unsealed: &Unsealed) -> Result<Outcome> {
        let mut change = UnsealChange {
            envelope: self.envelope.to_json(),
            based_on: seal::sha256(&unsealed.json),
            holders: self.holders,
            leave_only_machines: self.leave_only_machines,
            signature: Vec::new(),
        };
        change.signature = unsealed.root.unseal_signing_key().sign(&change.message()).to_vec();
        let request = PageRequest::Unseal(UnsealRequest::Change(Box::new(change)));
        let reply = match Owner::connect(dir) {
            Ok(owner) => owner.ask(request)?,
            Err(_) => Stopped::start(dir, &unsealed.root, unsealed.by)?.ask(request)?,
        };
        match reply {
            PageReply::Unseal(UnsealReply::Changed { .. }) => Ok(Outcome::Made),
            PageReply::Proposed(row) => Ok(Outcome::Waits(row)),
            _ => bail!("the warden answered something else; run commands and serve from the same version"),
        }
    }
}

/// The same warden, without sockets, for as long as one change takes.
pub struct Stopped {
    /// It serves nobody.
    pub warden: Warden,
}

impl Stopped {
    /// Starts it with a root that is unsealed already.
    pub fn start(dir: &Path, root: &RootSecret, by: &'static str) -> Result<Self> {
        let origin =
            std::fs::read_to_string(dir.join("run/origin")).unwrap_or_else(|_| "https://localhost:8443".to_owned());
        let settings = warden::Settings {
            dir: dir.to_owned(),
            unseal: warden::Unseal::Root { root: root.clone(), by },
            origin,
            clock: time::now,
        };
        Ok(Self { warden: Warden::start(settings)? })
    }

    /// Asks as the owner.
    pub fn ask(&self, request: PageRequest) -> Result<PageReply> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(self.warden.ask_as_owner(request)).map_err(|refusal| anyhow!(refusal.to_string()))
    }
}

/// Prints what was done.
pub fn done(format: Format, value: &Value, text: &str) {
    match format {
        Format::Json => say!("{value}"),
        Format::Text => say!("{text}"),
    }
}
