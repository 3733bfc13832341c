//! `leadglass wall-test`, in debug builds only: raises a role's own walls and then tries what somebody would who had taken it over.

use std::io::Read;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use anyhow::{Result, bail};
use serde_json::{Value, json};
use walls::Standing;

use super::walled;
use crate::cli::WallTestArgs;
use crate::control;
use crate::output::say;
use crate::owner::{OWNER_SOCKET, WARDEN_SOCKET};

static LEFT_OPEN: OnceLock<std::fs::File> = OnceLock::new();
static LISTENED: OnceLock<TcpListener> = OnceLock::new();

/// Prints what came of every attempt: `null`, or the error.
pub fn wall_test(dir: &Path, arguments: &WallTestArgs) -> Result<()> {
    control::keep_to_itself("wall-test");
    let dir = std::path::absolute(dir)?;
    let port = arguments.port;
    if arguments.role == "serve" {
        let wall = walled::parent(&dir, None, None, Vec::new());
        return told_of(
            arguments.without_walls,
            || Ok(wall.raise()?),
            || attempts(&dir, &dir.join("run"), Path::new("/etc/shadow"), port),
        );
    }
    if arguments.role == "codecs" || arguments.role == "dump" {
        let (own, other) = (dir.join("front"), dir.join("warden/warden.db"));
        return told_of(
            arguments.without_walls,
            || {
                Ok(match arguments.role.as_str() {
                    "dump" => walled::dump(&std::io::stdin(), &std::io::stdout()).raise()?,
                    _ => walled::codecs(&std::io::stdin()).raise()?,
                })
            },
            || attempts(&dir, &own, &other, port),
        );
    }
    let (wall, own, other) = match arguments.role.as_str() {
        "front" => (walled::front(&dir), dir.join("front"), dir.join("warden/warden.db")),
        "warden" => (walled::warden(&dir), dir.join("warden"), dir.join("front/front.db")),
        "line-that-dials" => (walled::line_that_dials(port), dir.join("none"), dir.join("warden/warden.db")),
        "line-that-listens" => (walled::line_that_listens(&dir), dir.join("none"), dir.join("warden/warden.db")),
        "ranges" => (walled::ranges(vec![port]), dir.join("none"), dir.join("warden/warden.db")),
        "courier" => {
            std::fs::create_dir_all(dir.join("witnesses").join(audit::TOLD))?;
            (walled::courier(&dir, vec![port]), dir.join("witnesses/told"), dir.join("warden/warden.db"))
        }
        role => bail!("there is no role {role}; try front, warden, courier, codecs, dump or serve"),
    };
    told_of(arguments.without_walls, || Ok(wall.raise()?), || attempts(&dir, &own, &other, port))
}

fn told_of(without_walls: bool, raise: impl FnOnce() -> Result<Standing>, tries: impl FnOnce() -> Value) -> Result<()> {
    // a socket that the role may have listened at
    let listened = TcpListener::bind("127.0.0.1:0")?;
    LISTENED.get_or_init(|| listened);
    let left_open = std::fs::File::open("/etc/passwd")?;
    LEFT_OPEN.get_or_init(|| left_open);
    let standing = if without_walls { Value::Null } else { json!(raise()?) };
    let tried = tries();
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
        "reserve two gibibytes": told(Vec::<u8>::new().try_reserve_exact(2 << 30)),
        "read what was left open": told(LEFT_OPEN.get().map(|mut file| file.read(&mut [0])).transpose()),
        "read /etc/passwd": told(std::fs::read("/etc/passwd")),
        "read another role's file": told(std::fs::File::open(other)),
        "write into another role's file": told(std::fs::File::options().append(true).open(other)),
        "read the sealed root": told(std::fs::read(dir.join("warden/root.json"))),
        "read the list of second folders": told(std::fs::read_dir(dir.join("witnesses"))),
        "name a second folder": told(std::fs::File::create(dir.join("witnesses/wall-test"))
            .and_then(|_| std::fs::remove_file(dir.join("witnesses/wall-test")))),
        "change the ledger": told(std::fs::File::options().append(true).open(dir.join("ledger/checkpoint"))),
        "list DIR": told(std::fs::read_dir(dir)),
        "put a socket in the owner's place": told(UnixListener::bind(dir.join("run/wall-test.sock"))
            .and_then(|_| std::fs::remove_file(dir.join("run/wall-test.sock")))),
        "connect to the owner's socket": told(UnixStream::connect(dir.join(OWNER_SOCKET))),
        "connect to the warden's socket": told(UnixStream::connect(dir.join(WARDEN_SOCKET))),
        "connect to a TCP port": told(TcpStream::connect(("127.0.0.1", port))),
        "connect to another TCP port": told(TcpListener::bind("127.0.0.1:0").and_then(|listener| TcpStream::connect(listener.local_addr()?))),
        "listen on a TCP port": told(TcpListener::bind("127.0.0.1:0")),
        "listen at a port of the kernel's choice": told(listen_unbound()),
        "send a datagram": told(UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.send_to(b"out", ("127.0.0.1", port)))),
        "connect with the first bytes": told(with_the_first_bytes(port)),
        "start the own program again": told(again()),
        "run a program": told(Command::new("true").status()),
        "read another process's memory": told(std::fs::File::open(of_parent("mem"))),
        "read another process's environment": told(std::fs::read(of_parent("environ"))),
        "signal another process": told(parent.map_or(Ok(()), rustix::process::test_kill_process)),
        "make a file in memory to run": told(rustix::fs::memfd_create("wall-test", rustix::fs::MemfdFlags::empty())),
        "allow core dumps again": told(rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::Dumpable)),
    })
}

/// Connects without a call to `connect`, from a socket that listened and was shut down (tcp(7), MSG_FASTOPEN).
fn with_the_first_bytes(port: u16) -> std::io::Result<()> {
    let Some(socket) = LISTENED.get() else { return Ok(()) };
    rustix::net::shutdown(socket, rustix::net::Shutdown::Read)?;
    let fast_open = rustix::net::SendFlags::from_bits_retain(0x2000_0000);
    let to = std::net::SocketAddr::from(([127, 0, 0, 1], port));
    rustix::net::sendto(socket, b"out", fast_open, &to)?;
    Ok(())
}

/// A socket that listens and was not bound gets a port from the kernel.
fn listen_unbound() -> std::io::Result<()> {
    let socket = rustix::net::socket(rustix::net::AddressFamily::INET, rustix::net::SocketType::STREAM, None)?;
    Ok(rustix::net::listen(&socket, 1)?)
}

fn again() -> Result<()> {
    let mut again = Command::new("/proc/self/exe");
    again.arg("--help").stdin(Stdio::inherit()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = again.output()?;
    if output.status.success() { Ok(()) } else { bail!("{}", String::from_utf8_lossy(&output.stderr)) }
}

fn told<T, E: std::fmt::Display>(result: Result<T, E>) -> Option<String> {
    result.err().map(|error| error.to_string())
}
