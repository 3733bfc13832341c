//! `leadglass wall-test`, in debug builds only: raises a role's own walls and then tries what somebody would who had taken it over.

use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};
use serde_json::{Value, json};

use super::walled;
use crate::cli::WallTestArgs;
use crate::control;
use crate::output::say;
use crate::owner::{OWNER_SOCKET, WARDEN_SOCKET};

/// Prints what came of every attempt: `null`, or the error.
pub fn wall_test(dir: &Path, arguments: &WallTestArgs) -> Result<()> {
    control::keep_to_itself("wall-test");
    let dir = std::path::absolute(dir)?;
    let (wall, own, other) = match arguments.role.as_str() {
        "front" => (walled::front(&dir), dir.join("front"), dir.join("warden/warden.db")),
        "warden" => (walled::warden(&dir), dir.join("warden"), dir.join("front/front.db")),
        "line-that-dials" => (walled::line_that_dials(arguments.port), dir.join("none"), dir.join("warden/warden.db")),
        "line-that-listens" => (walled::line_that_listens(&dir), dir.join("none"), dir.join("warden/warden.db")),
        role => bail!("there is no role {role}; try front or warden"),
    };
    let standing = match arguments.without_walls {
        true => Value::Null,
        false => json!(wall.raise()?),
    };
    let tried = attempts(&dir, &own, &other, arguments.port);
    say!("{}", json!({ "standing": standing, "tried": tried }));
    Ok(())
}

fn attempts(dir: &Path, own: &Path, other: &Path, port: u16) -> Value {
    let parent = rustix::process::getppid();
    let of_parent = |file: &str| format!("/proc/{}/{file}", parent.map_or(1, rustix::process::Pid::as_raw_pid));
    json!({
        "write in the own folder": told(std::fs::File::create(own.join("wall-test"))),
        "remove from the own folder": told(std::fs::remove_file(own.join("wall-test"))),
        "start a thread": told(std::thread::Builder::new().spawn(|| ()).map(std::thread::JoinHandle::join)),
        "read /etc/passwd": told(std::fs::read("/etc/passwd")),
        "read another role's file": told(std::fs::File::open(other)),
        "write into another role's file": told(std::fs::File::options().append(true).open(other)),
        "read the sealed root": told(std::fs::read(dir.join("warden/root.json"))),
        "list DIR": told(std::fs::read_dir(dir)),
        "put a socket in the owner's place": told(UnixListener::bind(dir.join("run/wall-test.sock"))
            .and_then(|_| std::fs::remove_file(dir.join("run/wall-test.sock")))),
        "connect to the owner's socket": told(UnixStream::connect(dir.join(OWNER_SOCKET))),
        "connect to the warden's socket": told(UnixStream::connect(dir.join(WARDEN_SOCKET))),
        "connect to a TCP port": told(TcpStream::connect(("127.0.0.1", port))),
        "connect to another TCP port": told(TcpListener::bind("127.0.0.1:0").and_then(|listener| TcpStream::connect(listener.local_addr()?))),
        "listen on a TCP port": told(TcpListener::bind("127.0.0.1:0")),
        "send a datagram": told(UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.send_to(b"out", ("127.0.0.1", port)))),
        "run a program": told(Command::new("true").status()),
        "read another process's memory": told(std::fs::File::open(of_parent("mem"))),
        "read another process's environment": told(std::fs::read(of_parent("environ"))),
        "signal another process": told(parent.map_or(Ok(()), rustix::process::test_kill_process)),
        "make a file in memory to run": told(rustix::fs::memfd_create("wall-test", rustix::fs::MemfdFlags::empty())),
        "allow core dumps again": told(rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::Dumpable)),
    })
}

fn told<T, E: std::fmt::Display>(result: Result<T, E>) -> Option<String> {
    result.err().map(|error| error.to_string())
}
