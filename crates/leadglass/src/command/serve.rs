//! `leadglass serve`: starts warden and front as children, restarts whichever ends, ends both with itself.
//!
//! The passphrase goes to the warden over its lifeline and to nobody else. The front is connected to the warden's socket by this
//! process, because it can connect to nothing itself. It reads what it was given, picks its ports and raises the outer walls, and only
//! then starts anything: every child is inside of them as well.

use std::ffi::OsString;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use anyhow::{Context, Result};
use serde_json::{Value, json};
use walls::Standing;
use zeroize::Zeroizing;

use super::supervise::{Recipe, Roles};
use super::{ranges, walled, workers};
use crate::cli::{ListenArgs, ServeArgs};
use crate::control;
use crate::output::say;
use crate::owner::WARDEN_SOCKET;
use crate::unseal::{Method, warn_of_what_lies_beside};

/// How often a start is tried when its port is picked.
const PICKS_MAX: usize = 4;

/// Runs until SIGTERM or SIGINT.
pub fn serve(dir: &Path, arguments: &ServeArgs) -> Result<()> {
    control::log_to_stderr("serve");
    control::keep_to_itself("serve");
    warn_of_what_lies_beside(dir, &arguments.unseal);
    let plan = Plan::read(dir, arguments)?;
    let standing = plan.raise_walls()?;
    let ending = control::ending();
    let mut installation = Installation::start(&plan, None)?;
    installation.roles.stand_in(&plan.dir, standing);
    if let Err(error) = crate::disk::register(dir) {
        tracing::warn!(%error, "which disks this installation lies on is not recorded; exposure of a disk may miss one");
    }
    say!("{}", installation.ready_line());
    while let Err(RecvTimeoutError::Timeout) = ending.recv_timeout(Duration::from_millis(100)) {
        installation.look_after();
    }
    installation.end();
    Ok(())
}

/// What is read before anything is started.
pub struct Plan {
    dir: PathBuf,
    unseal: Method,
    /// One after the other, until nobody else has taken the picked ports.
    listens: Vec<ListenArgs>,
    /// Codec workers.
    workers: u8,
    /// The service that is asked for ranges of leaked passwords.
    leak_range: Option<String>,
}

impl Plan {
    /// Reads what the options name, and picks ports.
    pub fn read(dir: &Path, arguments: &ServeArgs) -> Result<Self> {
        let dir = std::path::absolute(dir)?;
        if !dir.join("warden/root.json").exists() {
            return Err(crate::owner::not_running(&dir));
        }
        let unseal = Method::read(&dir, &arguments.unseal)?;
        let leak_range = arguments.leak_range.clone();
        Ok(Self { dir, unseal, listens: settled(&arguments.listen)?, workers: workers::count(), leak_range })
    }

    fn raise_walls(&self) -> Result<Standing> {
        let ports = self.listens.iter().flat_map(ports).collect();
        Ok(walled::parent(&self.dir, Some(&self.unseal), self.listens.first(), ports).raise()?)
    }
}

/// Both roles as children.
pub struct Installation {
    dir: PathBuf,
    log: Option<&'static str>,
    listen: ListenArgs,
    origin: String,
    leak_range: Option<String>,
    roles: Roles,
}

impl Installation {
    /// Starts both and returns when both answer. `log` is how much they say; as the environment has it when absent.
    pub fn start(plan: &Plan, log: Option<&'static str>) -> Result<Self> {
        let mut left = plan.listens.iter().peekable();
        loop {
            let listen = left.next().expect("there is one to begin with, and one was seen");
            match Self::try_start(plan, listen, log)? {
                Ok(installation) => return Ok(installation),
                // a picked port is free for a moment only: somebody else may have taken it before the front could
                Err(error) if left.peek().is_some() => {
                    tracing::warn!(%error, "the front is started again on another port");
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Fails when the warden does not start; answers with the front's failure when only that does not, and nothing runs any more.
    fn try_start(plan: &Plan, listen: &ListenArgs, log: Option<&'static str>) -> Result<Result<Self>> {
        let (dir, origin) = (plan.dir.clone(), origin_of(listen));
        let mut roles = Roles::default();
        // the courier comes first: when a witness has seen more than the ledger holds, the warden must know
        start_courier(&dir, log, &mut roles);
        let leak_range = plan.leak_range.clone();
        roles.start(warden_recipe(&dir, log, &plan.unseal, &origin, leak_range.is_some()))?;
        ranges::start(&dir, log, leak_range.as_deref(), &mut roles);
        // where only the front does not start, what runs ends with `roles`
        let front = roles.start(front_recipe(&dir, log, listen, plan.workers)).map(drop);
        Ok(front.map(|()| Self { dir, log, listen: listen.clone(), origin, leak_range, roles }))
    }

    /// The line that says that it answers.
    pub fn ready_line(&self) -> Value {
        json!({
            "ready": true,
            "http": self.http(),
            "dicom": self.dicom(),
            "dicom_tls": self.front_says("dicom_tls"),
            "hl7": self.front_says("hl7"),
            "hl7_tls": self.front_says("hl7_tls"),
            "pids": self.roles.pids(),
            "walls": self.roles.walls(),
        })
    }

    /// The origin of the pages, or nothing when there is no HTTP.
    pub fn http(&self) -> Option<&str> {
        (self.listen.http != "none").then_some(self.origin.as_str())
    }

    /// The DICOM address.
    pub fn dicom(&self) -> Option<&str> {
        self.front_says("dicom")
    }

    fn front_says(&self, what: &str) -> Option<&str> {
        self.roles.role("front").and_then(|front| front.ready()[what].as_str())
    }

    /// Starts a role again when it ended.
    pub fn look_after(&mut self) {
        self.roles.look_after();
        start_courier(&self.dir, self.log, &mut self.roles);
        ranges::start(&self.dir, self.log, self.leak_range.as_deref(), &mut self.roles);
    }

    /// Ends both in order.
    pub fn end(&mut self) {
        self.roles.end();
    }
}

/// Restarts what ends, and does what else is due, until told to stop.
pub fn watch(roles: &mut Roles, stop: &Receiver<()>, due: impl Fn(&mut Roles)) {
    loop {
        match stop.recv_timeout(Duration::from_millis(100)) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
        }
        roles.look_after();
        due(roles);
    }
}

/// Starts the courier once there are witnesses to ask. One that does not start is tried again, and stops nobody.
pub fn start_courier(dir: &Path, log: Option<&'static str>, roles: &mut Roles) {
    let witnesses = audit::read_witnesses(&dir.join("witnesses")).is_ok_and(|witnesses| !witnesses.is_empty());
    if !witnesses || roles.role("courier").is_some() {
        return;
    }
    let recipe = Recipe {
        name: "courier",
        dir: dir.to_owned(),
        log,
        arguments: Vec::new(),
        secret: None,
        reaches: None,
        workers: 0,
    };
    if let Err(error) = roles.start(recipe) {
        tracing::error!(%error, "the courier does not start; no witness is asked");
    }
}

/// The origin of pages that are served like this.
pub fn origin_of(listen: &ListenArgs) -> String {
    let scheme = if listen.plain_http { "http" } else { "https" };
    match (&listen.origin, listen.http.rsplit_once(':')) {
        (Some(origin), _) => origin.clone(),
        (None, Some((_, port))) => format!("{scheme}://localhost:{port}"),
        (None, None) => format!("{scheme}://localhost"),
    }
}

/// The warden of this machine, and whether it asks for ranges of leaked passwords.
pub fn warden_recipe(
    dir: &Path,
    log: Option<&'static str>,
    unseal: &Method,
    origin: &str,
    with_ranges: bool,
) -> Recipe {
    let with_ranges = with_ranges.then(|| "--with-ranges".into());
    Recipe {
        name: "warden",
        dir: dir.to_owned(),
        log,
        arguments: [unseal.arguments(), vec!["--origin".into(), origin.into()], with_ranges.into_iter().collect()]
            .concat(),
        secret: unseal.line().map(|line| Zeroizing::new(line.to_owned())),
        reaches: None,
        workers: 0,
    }
}

/// The front of this machine, and so many codec workers.
pub fn front_recipe(dir: &Path, log: Option<&'static str>, listen: &ListenArgs, workers: u8) -> Recipe {
    let places = [
        ("--http", &listen.http),
        ("--dicom", &listen.dicom),
        ("--dicom-tls", &listen.dicom_tls),
        ("--hl7", &listen.hl7),
        ("--hl7-tls", &listen.hl7_tls),
    ];
    let mut arguments: Vec<OsString> =
        places.into_iter().flat_map(|(option, place)| [option.into(), place.into()]).collect();
    if let Some(ae) = &listen.ae {
        arguments.extend(["--ae".into(), ae.into()]);
    }
    if let Some(origin) = &listen.origin {
        arguments.extend(["--origin".into(), origin.into()]);
    }
    if let (Some(certificate), Some(key)) = (&listen.tls_cert, &listen.tls_key) {
        arguments.extend(["--tls-cert".into(), certificate.into(), "--tls-key".into(), key.into()]);
    }
    if listen.plain_http {
        arguments.push("--plain-http".into());
    }
    arguments.extend(["--codecs".into(), workers.to_string().into()]);
    let reaches = Some(dir.join(WARDEN_SOCKET));
    Recipe { name: "front", dir: dir.to_owned(), log, arguments, secret: None, reaches, workers }
}

/// Where to listen, with the ports and the origin picked that are left open; several times, as another program may take a picked port.
pub fn settled(asked: &ListenArgs) -> Result<Vec<ListenArgs>> {
    let picked = places(asked).into_iter().any(|address| address.ends_with(":0"));
    // held until all are picked, so that no two are the same
    let mut held = Vec::new();
    (0..if picked { PICKS_MAX } else { 1 })
        .map(|_| {
            let mut listen = asked.clone();
            // the origin is part of every passkey, so a port that is picked is picked before the warden starts
            listen.http = with_port(&asked.http, &mut held)?;
            listen.dicom = with_port(&asked.dicom, &mut held)?;
            listen.dicom_tls = with_port(&asked.dicom_tls, &mut held)?;
            listen.hl7 = with_port(&asked.hl7, &mut held)?;
            listen.hl7_tls = with_port(&asked.hl7_tls, &mut held)?;
            listen.origin = Some(origin_of(&listen));
            Ok(listen)
        })
        .collect()
}

/// Every place to listen at; some are `none`.
fn places(listen: &ListenArgs) -> [&String; 5] {
    [&listen.http, &listen.dicom, &listen.dicom_tls, &listen.hl7, &listen.hl7_tls]
}

/// The TCP ports that are listened at.
pub fn ports(listen: &ListenArgs) -> Vec<u16> {
    places(listen).into_iter().filter_map(|address| Some(address.parse::<SocketAddr>().ok()?.port())).collect()
}

/// An address with its port picked when it is 0.
pub fn with_port(address: &str, held: &mut Vec<TcpListener>) -> Result<String> {
    if address == "none" {
        return Ok(address.to_owned());
    }
    let parsed: SocketAddr =
        address.parse().map_err(|_| anyhow::anyhow!("{address} is no address; give it as 127.0.0.1:8443, or none"))?;
    if parsed.port() != 0 {
        return Ok(address.to_owned());
    }
    let listener = TcpListener::bind(parsed).context("no port is free on this address")?;
    let picked = listener.local_addr()?.to_string();
    held.push(listener);
    Ok(picked)
}
