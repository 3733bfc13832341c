//! `leadglass line`: the line between a front and a warden on two machines, a process of its own on both sides.
//!
//! It is told its key over its lifeline, opens its sockets, raises the walls and only then talks. On the warden's machine its parent
//! connects it to the front's socket of the warden; on the front's machine it is that socket.

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::Path;

use anyhow::{Context, Result, bail};
use line::{Key, Pins};
use serde_json::json;
use tokio::net::{TcpListener, UnixListener};

use super::init::read_passphrase;
use super::{pin, walled};
use crate::cli::LineArgs;
use crate::control;
use crate::output::say;
use crate::owner::WARDEN_SOCKET;
use crate::parent::Parent;
use crate::sockets::Bound;

/// Runs until the parent's end.
pub fn line(dir: &Path, arguments: &LineArgs) -> Result<()> {
    control::log_to_stderr("line");
    control::keep_to_itself("line");
    let key = Key::from_text(&read_passphrase(Path::new("-"))?)?;
    match (&arguments.listen, &arguments.to) {
        (Some(address), _) => listen(dir, *address, &key),
        (None, Some(address)) => dial(dir, address, &key),
        (None, None) => bail!("it is not said which end of the line this is; give --listen or --to"),
    }
}

fn listen(dir: &Path, address: SocketAddr, key: &Key) -> Result<()> {
    let bound = Bound::tcp(address).with_context(|| {
        format!("fronts cannot connect at {address}; is another program there? Choose another with --listen")
    })?;
    let address = bound.address()?;
    let standing = walled::line_that_listens(dir).raise()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let signals = control::Signals::catch();
        let parent = Parent::on_stdin()?;
        let listener = bound.listen_tcp()?;
        listener.set_nonblocking(true)?;
        let asked = parent.clone();
        let pins = Pins::in_folder(&dir.join(pin::FOLDER));
        let serving = line::listen(TcpListener::from_std(listener)?, key, pins, move || asked.clone().connect());
        say!("{}", json!({ "ready": true, "role": "line", "listen": address, "walls": standing }));
        tokio::select! {
            served = serving => Ok(served?),
            () = signals.first(true, parent.gone()) => Ok(()),
        }
    })
}

fn dial(dir: &Path, address: &str, key: &Key) -> Result<()> {
    let far = address
        .to_socket_addrs()
        .ok()
        .and_then(|mut addresses| addresses.next())
        .with_context(|| format!("{address} is no address that can be found; give it as ADDRESS:PORT"))?;
    let warden = pin::warden_of(dir)?;
    let bound = Bound::unix(&dir.join(WARDEN_SOCKET))
        .context("DIR/run/warden.sock cannot be made; does a warden run in this folder, too?")?;
    // inside its walls it makes sockets to connect with, and none to listen at
    let listener = bound.listen_unix()?;
    let standing = walled::line_that_dials(far.port()).raise()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let signals = control::Signals::catch();
        listener.set_nonblocking(true)?;
        let serving = line::dial(UnixListener::from_std(listener)?, far, key, warden);
        say!("{}", json!({ "ready": true, "role": "line", "to": far, "walls": standing }));
        tokio::select! {
            served = serving => Ok(served?),
            () = signals.first(true, control::stdin_closes()) => Ok(()),
        }
    })
}
