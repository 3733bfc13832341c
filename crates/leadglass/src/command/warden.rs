//! `leadglass warden`: the process that decides and remembers.
//!
//! It binds its sockets, raises the walls, and only then opens the database and the ledger. Inside them it reads and writes `DIR/warden`
//! and `DIR/ledger`, and makes no socket at all.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use serde_json::json;
use tokio::net::UnixListener;
use warden::{Channel, Settings, Unseal, Warden};

use super::serve::{start_courier, warden_recipe, watch, with_port};
use super::supervise::{Recipe, Roles, SECRET};
use super::{pin, ranges, walled};
use crate::cli::WardenArgs;
use crate::output::say;
use crate::owner::{HOLDER_SOCKET, OWNER_SOCKET, RANGES_SOCKET, WARDEN_SOCKET};
use crate::sockets::Bound;
use crate::unseal::{Method, unseal, warn_of_what_lies_beside};
use crate::{control, time};

/// Runs until SIGTERM or SIGINT: the role itself as a child of `serve`, or a parent that starts the role again.
pub fn warden(dir: &Path, arguments: &WardenArgs) -> Result<()> {
    if arguments.until_stdin_closes { role(dir, arguments) } else { supervised(dir, arguments) }
}

fn supervised(dir: &Path, arguments: &WardenArgs) -> Result<()> {
    control::log_to_stderr("warden");
    control::keep_to_itself("serve");
    let dir = std::path::absolute(dir)?;
    if !dir.join("warden/root.json").exists() {
        return Err(crate::owner::not_running(&dir));
    }
    warn_of_what_lies_beside(&dir, &arguments.unseal);
    let unseal = Method::read(&dir, &arguments.unseal)?;
    let listen = arguments.listen.map(|address| with_port(&address.to_string(), &mut Vec::new())).transpose()?;
    let ports = listen.iter().filter_map(|address| Some(address.parse::<SocketAddr>().ok()?.port())).collect();
    // everything that is started from here on is inside as well
    let standing = walled::parent(&dir, Some(&unseal), None, ports).raise()?;
    let ending = control::ending();
    let mut recipe = warden_recipe(&dir, None, &unseal, &arguments.origin, arguments.leak_range.is_some());
    if arguments.listen.is_some() {
        recipe.arguments.push("--with-line".into());
    }
    let mut roles = Roles::default();
    start_courier(&dir, None, &mut roles);
    let warden = roles.start(recipe)?;
    let (mut ready, secret) = (warden.ready().clone(), warden.told());
    if let Some(address) = listen {
        std::fs::create_dir_all(dir.join(pin::FOLDER))?;
        let arguments = vec!["--listen".into(), address.into()];
        let reaches = Some(dir.join(WARDEN_SOCKET));
        let recipe = Recipe { name: "line", dir: dir.clone(), log: None, arguments, secret, reaches, workers: 0 };
        ready["listen"] = roles.start(recipe)?.ready()["listen"].clone();
    }
    ranges::start(&dir, None, arguments.leak_range.as_deref(), &mut roles);
    roles.stand_in(&dir, standing);
    if let Err(error) = crate::disk::register(&dir) {
        tracing::warn!(%error, "which disks this installation lies on is not recorded; exposure of a disk may miss one");
    }
    ready["pids"] = json!(roles.pids());
    ready["walls"] = roles.walls();
    say!("{ready}");
    watch(&mut roles, &ending, |roles| {
        start_courier(&dir, None, roles);
        ranges::start(&dir, None, arguments.leak_range.as_deref(), roles);
    });
    roles.end();
    Ok(())
}

fn role(dir: &Path, arguments: &WardenArgs) -> Result<()> {
    control::log_to_stderr("warden");
    control::keep_to_itself("warden");
    let memory = walls::lock_memory();
    // before the walls: a method may need a program or the network
    let unsealed = unseal(dir, &Method::read(dir, &arguments.unseal)?)?;
    let unseal = Unseal::Root { root: unsealed.root, by: unsealed.by };
    std::fs::create_dir_all(dir.join("run"))?;
    std::fs::create_dir_all(dir.join("witnesses"))?;
    let bound = |name: &str| {
        Bound::unix(&dir.join(name)).with_context(|| {
            format!("the socket {name} cannot be made in {}; is another warden running there?", dir.display())
        })
    };
    let (front, owner, holder) = (bound(WARDEN_SOCKET)?, bound(OWNER_SOCKET)?, bound(HOLDER_SOCKET)?);
    let ranges = arguments.with_ranges.then(|| bound(RANGES_SOCKET)).transpose()?;
    let standing = walled::warden(dir).raise()?;

    // from here on nothing outside of the two folders is opened and nothing is connected to
    let settings = Settings { dir: dir.to_owned(), unseal, origin: arguments.origin.clone(), clock: time::now };
    let warden = Arc::new(Warden::start(settings)?);
    pin::keep_own(dir, &warden)?;
    if let Some(ranges) = ranges {
        warden.ask_for_ranges(ranges.listen_unix()?)?;
    }
    // the sockets and the pulse have a thread of their own, so that work never looks like standing still
    let doors = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let workers = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    doors.block_on(async {
        let signals = control::Signals::catch();
        let (front, owner, holder) = (listening(front)?, listening(owner)?, listening(holder)?);
        let walls = json!({ "files": standing.files, "calls": standing.calls, "memory": memory });
        let mut line = json!({ "ready": true, "role": "warden", "pid": std::process::id(), "walls": walls });
        if arguments.with_line {
            line[SECRET] = pin::hex(warden.line_seed()).as_str().into();
        }
        say!("{line}");
        let ended = signals.first(true, control::stdin_closes());
        let serve = |socket, channel| warden::serve(Arc::clone(&warden), socket, channel, workers.handle().clone());
        let house = workers.spawn(warden::keep_house(Arc::clone(&warden)));
        tokio::select! {
            served = serve(front, Channel::Front) => served.context("the front's socket failed"),
            served = serve(owner, Channel::Owner) => served.context("the owner's socket failed"),
            served = serve(holder, Channel::Holder) => served.context("the holders' socket failed"),
            _ = house => Ok(()),
            () = ended => Ok(()),
        }
    })?;
    drop(doors);
    workers.shutdown_timeout(std::time::Duration::from_secs(3));
    Ok(())
}

fn listening(bound: Bound) -> Result<UnixListener> {
    let listener = bound.listen_unix()?;
    listener.set_nonblocking(true)?;
    Ok(UnixListener::from_std(listener)?)
}
