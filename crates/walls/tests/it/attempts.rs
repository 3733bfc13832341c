//! What an intruder tries, and what a role must be able to do.

use std::io::{IoSliceMut, Read, Seek, SeekFrom, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsRawFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use nix::sys::socket::{
    AddressFamily, MsgFlags, Shutdown, SockFlag, SockType, SockaddrIn, sendto, shutdown, socket, socketpair,
};
use nix::sys::uio::{RemoteIoVec, process_vm_readv};
use nix::unistd::Pid;

use crate::inside::Plan;

/// A socket of the role's own, made before the walls.
pub static LISTENING: OnceLock<TcpListener> = OnceLock::new();

/// What somebody opened before the walls.
pub static LEFT_OPEN: OnceLock<std::fs::File> = OnceLock::new();

type Attempt = fn(&Plan) -> Result<(), String>;

pub const ALL: &[(&str, Attempt)] = &[
    ("write an own file", |plan| told(std::fs::write(plan.own.join("a"), "b"))),
    ("read an own file", |plan| told(std::fs::read(plan.own.join("a")))),
    ("rename an own file", |plan| told(std::fs::rename(plan.own.join("a"), plan.own.join("c")))),
    ("start a thread", |_| {
        let thread = std::thread::Builder::new().spawn(|| ()).map_err(|error| error.to_string())?;
        thread.join().map_err(|_| "no thread".to_owned())
    }),
    ("reserve two gibibytes", |_| told(Vec::<u8>::new().try_reserve_exact(2 << 30))),
    ("a pair of sockets", |_| told(UnixStream::pair())),
    ("read what was left open", |_| told(LEFT_OPEN.get().unwrap().read(&mut [0]))),
    ("read another place of what was left open", |_| told(LEFT_OPEN.get().unwrap().seek(SeekFrom::Start(0)))),
    ("write into what was left open", |_| told(LEFT_OPEN.get().unwrap().write(b"x"))),
    ("read what is shown", |plan| told(std::fs::read(&plan.shown))),
    ("read /etc/passwd", |_| told(std::fs::read("/etc/passwd"))),
    ("read another's file", |plan| told(std::fs::read(&plan.secret))),
    ("write beside the own folder", |plan| told(std::fs::write(plan.secret.with_extension("new"), "x"))),
    ("list the folder above", |plan| told(std::fs::read_dir(plan.secret.parent().unwrap()))),
    ("write what is only shown", |plan| told(std::fs::OpenOptions::new().append(true).open(&plan.shown))),
    ("make a link to another's file", |plan| told(std::os::unix::fs::symlink(&plan.secret, plan.own.join("link")))),
    ("run a program", |_| told(Command::new("true").status())),
    ("start the own program again", |_| {
        let mut again = Command::new("/proc/self/exe");
        again.arg("--list").env_clear().stdin(Stdio::inherit()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let output = again.output().map_err(|error| error.to_string())?;
        if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
    }),
    ("trace another process", |plan| {
        told(nix::sys::ptrace::attach(victim(plan)))?;
        told(nix::sys::wait::waitpid(victim(plan), None))?;
        told(nix::sys::ptrace::detach(victim(plan), None))
    }),
    ("read another's memory by process_vm_readv", |plan| {
        let mut byte = [0];
        let remote = [RemoteIoVec { base: mapped_at(plan), len: 1 }];
        told(process_vm_readv(victim(plan), &mut [IoSliceMut::new(&mut byte)], &remote))
    }),
    ("read another's memory by /proc", |plan| told(std::fs::File::open(format!("/proc/{}/mem", plan.victim)))),
    ("signal another process", |plan| told(nix::sys::signal::kill(victim(plan), None))),
    ("let others look in", |_| told(nix::sys::prctl::set_dumpable(true))),
    ("connect to the owner's socket", |plan| told(UnixStream::connect(&plan.owner_socket))),
    ("connect to a TCP port", |plan| told(TcpStream::connect(("127.0.0.1", plan.port)))),
    ("listen on a TCP port", |_| told(TcpListener::bind("127.0.0.1:0"))),
    ("send a datagram", |plan| {
        let socket = UdpSocket::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
        told(socket.send_to(b"out", ("127.0.0.1", plan.port)))
    }),
    ("connect with the first bytes", |plan| {
        // it listened; shut down, it may connect again, and no `connect` is called
        let socket = LISTENING.get().unwrap();
        shutdown(socket.as_raw_fd(), Shutdown::Read).map_err(|error| error.to_string())?;
        let fast_open = MsgFlags::from_bits_retain(nix::libc::MSG_FASTOPEN);
        told(sendto(socket.as_raw_fd(), b"out", &SockaddrIn::new(127, 0, 0, 1, plan.port), fast_open))
    }),
    ("listen at a port of the kernel's choice", |_| {
        let socket = socket(AddressFamily::Inet, SockType::Stream, SockFlag::empty(), None);
        let socket = socket.map_err(|error| error.to_string())?;
        told(nix::sys::socket::listen(&socket, nix::sys::socket::Backlog::new(1).unwrap()))
    }),
    ("a Unix socket", |_| told(socket(AddressFamily::Unix, SockType::Stream, SockFlag::empty(), None))),
    ("a Unix datagram pair", |_| told(socketpair(AddressFamily::Unix, SockType::Datagram, None, SockFlag::empty()))),
    ("a netlink socket", |_| told(socket(AddressFamily::Netlink, SockType::Raw, SockFlag::empty(), None))),
    ("a raw socket", |_| told(socket(AddressFamily::Inet, SockType::Raw, SockFlag::empty(), None))),
    ("listen on a Unix socket", |plan| told(UnixListener::bind(plan.own.join("own.sock")))),
    // last, because without walls they change what the others find
    ("mount", |plan| {
        let none: Option<&str> = None;
        told(nix::mount::mount(Some("none"), &plan.own, Some("tmpfs"), nix::mount::MsFlags::MS_RDONLY, none))?;
        told(nix::mount::umount(&plan.own))
    }),
    ("new namespaces", |_| told(nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNET))),
    ("change the root folder", |plan| told(nix::unistd::chroot(&plan.own))),
];

fn told<T, E: std::fmt::Display>(result: Result<T, E>) -> Result<(), String> {
    result.map(|_| ()).map_err(|error| error.to_string())
}

fn victim(plan: &Plan) -> Pid {
    Pid::from_raw(plan.victim as i32)
}

/// Where the first area of the victim's memory lies; anywhere when that is not shown.
fn mapped_at(plan: &Plan) -> usize {
    let maps = std::fs::read_to_string(format!("/proc/{}/maps", plan.victim)).unwrap_or_default();
    maps.split('-').next().and_then(|start| usize::from_str_radix(start, 16).ok()).unwrap_or(4096)
}
