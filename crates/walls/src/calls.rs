//! The wall around system calls, made of seccomp filters: a list of what a running role needs; the rest is refused with `EPERM`.

use std::collections::BTreeMap;
use std::os::fd::RawFd;

use libc::c_long;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
};
use thiserror::Error;

use crate::{State, Wall, WorkerWall};

/// Reading and writing what Landlock leaves open.
const FILES: &[c_long] = &[
    libc::SYS_read,
    libc::SYS_write,
    libc::SYS_readv,
    libc::SYS_writev,
    libc::SYS_pread64,
    libc::SYS_pwrite64,
    libc::SYS_preadv,
    libc::SYS_pwritev,
    libc::SYS_preadv2,
    libc::SYS_pwritev2,
    libc::SYS_openat,
    libc::SYS_close,
    libc::SYS_fstat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_statfs,
    libc::SYS_fstatfs,
    libc::SYS_lseek,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_readlinkat,
    libc::SYS_getdents64,
    libc::SYS_getcwd,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_mkdirat,
    libc::SYS_unlinkat,
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    // SQLite keeps the owner of its files when it runs as root
    libc::SYS_fchown,
    libc::SYS_truncate,
    libc::SYS_ftruncate,
    libc::SYS_fallocate,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_sync_file_range,
    libc::SYS_fadvise64,
    libc::SYS_flock,
    libc::SYS_fcntl,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_pipe2,
    libc::SYS_copy_file_range,
    libc::SYS_sendfile,
    libc::SYS_splice,
    libc::SYS_umask,
];

/// The same under the older names that only this processor has.
#[cfg(target_arch = "x86_64")]
const OLD_NAMES: &[c_long] = &[
    libc::SYS_open,
    libc::SYS_stat,
    libc::SYS_lstat,
    libc::SYS_access,
    libc::SYS_readlink,
    libc::SYS_rename,
    libc::SYS_mkdir,
    libc::SYS_rmdir,
    libc::SYS_unlink,
    libc::SYS_chmod,
    libc::SYS_dup2,
    libc::SYS_pipe,
    libc::SYS_poll,
    libc::SYS_select,
    libc::SYS_epoll_wait,
    libc::SYS_epoll_create,
    libc::SYS_eventfd,
    libc::SYS_time,
];
#[cfg(not(target_arch = "x86_64"))]
const OLD_NAMES: &[c_long] = &[];

/// Memory, threads, time, randomness, waiting.
const RUNNING: &[c_long] = &[
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_brk,
    libc::SYS_msync,
    libc::SYS_mincore,
    libc::SYS_mlock,
    libc::SYS_munlock,
    libc::SYS_membarrier,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_futex,
    libc::SYS_set_robust_list,
    libc::SYS_set_tid_address,
    libc::SYS_rseq,
    libc::SYS_gettid,
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_getuid,
    libc::SYS_geteuid,
    libc::SYS_getgid,
    libc::SYS_getegid,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_nanosleep,
    libc::SYS_clock_nanosleep,
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_gettimeofday,
    libc::SYS_getrandom,
    libc::SYS_getrusage,
    libc::SYS_times,
    libc::SYS_sysinfo,
    libc::SYS_uname,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    libc::SYS_epoll_create1,
    libc::SYS_epoll_ctl,
    libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2,
    libc::SYS_ppoll,
    libc::SYS_pselect6,
    libc::SYS_eventfd2,
    libc::SYS_timerfd_create,
    libc::SYS_timerfd_settime,
];

/// Talking over sockets that are there: accepted ones, and those that the parent connects.
const TALKING: &[c_long] = &[
    libc::SYS_accept,
    libc::SYS_accept4,
    libc::SYS_recvfrom,
    libc::SYS_recvmsg,
    libc::SYS_getsockname,
    libc::SYS_getpeername,
    libc::SYS_getsockopt,
    libc::SYS_setsockopt,
    libc::SYS_shutdown,
];

/// Computing. No file, no socket, no thread, no process.
const COMPUTING: &[c_long] = &[
    libc::SYS_close,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_madvise,
    libc::SYS_brk,
    libc::SYS_futex,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_gettid,
    libc::SYS_getpid,
    libc::SYS_getppid,
    libc::SYS_sched_yield,
    libc::SYS_clock_gettime,
    libc::SYS_getrandom,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
];

/// What may be asked of a descriptor: blocking or not, closed on exec or not, how much waits, whether it is a terminal.
const IOCTLS: [u64; 5] = [libc::FIONBIO, libc::FIOCLEX, libc::FIONREAD, libc::TCGETS, libc::TIOCGWINSZ];

/// What a process may set about itself: names of threads and of memory areas.
const PRCTLS: [u64; 3] = [libc::PR_SET_NAME as u64, libc::PR_GET_NAME as u64, libc::PR_SET_VMA as u64];

/// The socket type without its flags.
const SOCKET_TYPE: u64 = 0xF;

/// What no process of an archive does, its unsealing programs neither: looking into others, other views of the machine, the kernel.
const NEVER: &[c_long] = &[
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    libc::SYS_open_by_handle_at,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_io_uring_setup,
    libc::SYS_io_uring_enter,
    libc::SYS_io_uring_register,
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_adjtimex,
    libc::SYS_clock_adjtime,
    libc::SYS_personality,
    // what lies in no folder could be run from memory
    libc::SYS_memfd_create,
];

/// Views of the machine that a new process could be given.
const NAMESPACES: [i32; 7] = [
    libc::CLONE_NEWNS,
    libc::CLONE_NEWUSER,
    libc::CLONE_NEWNET,
    libc::CLONE_NEWPID,
    libc::CLONE_NEWIPC,
    libc::CLONE_NEWUTS,
    libc::CLONE_NEWCGROUP,
];

/// The wall around system calls could not be raised.
#[derive(Debug, Error)]
pub enum CallsError {
    /// The filter cannot be built for this processor.
    #[error("no wall around system calls is known for this processor; run on x86-64 or 64-bit ARM")]
    Processor(#[source] seccompiler::BackendError),
    /// The filter cannot be built.
    #[error("the wall around system calls cannot be built; report this with the program's version")]
    Filter(#[from] seccompiler::BackendError),
}

pub(crate) fn raise(wall: &Wall) -> Result<State, CallsError> {
    // of two refusals the later filter's counts, so what is in `not_there` is on the list as well
    apply(&[not_there()?, filter(wall)?])
}

/// The wall around a worker.
pub(crate) fn raise_around_computing(wall: &WorkerWall) -> Result<State, CallsError> {
    apply(&[computing(wall)?])
}

/// The wall around a parent, which all that it starts stands in as well.
pub(crate) fn raise_around() -> Result<State, CallsError> {
    apply(&[not_there()?, never()?])
}

fn apply(programs: &[BpfProgram]) -> Result<State, CallsError> {
    for program in programs {
        if let Err(error) = seccompiler::apply_filter(program) {
            tracing::warn!(%error, "a seccomp filter was not taken");
            return Ok(State::Absent);
        }
    }
    Ok(State::Stands)
}

/// The C library falls back to `clone`, whose flags a filter can see, when `clone3` is not there.
fn not_there() -> Result<BpfProgram, CallsError> {
    let rules = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    built(rules, SeccompAction::Allow, SeccompAction::Errno(libc::ENOSYS as u32))
}

fn filter(wall: &Wall) -> Result<BpfProgram, CallsError> {
    let plain = [FILES, OLD_NAMES, RUNNING, TALKING].into_iter().flatten();
    let mut rules: BTreeMap<c_long, Vec<SeccompRule>> = plain.map(|call| (*call, Vec::new())).collect();
    rules.insert(libc::SYS_clone3, Vec::new());
    // a socket that listened and was shut down would connect with its first bytes, past `connect` and past Landlock (tcp(7), fast open)
    for (call, flags) in [(libc::SYS_sendto, 3), (libc::SYS_sendmsg, 2)] {
        rules.insert(call, vec![all(vec![masked(flags, libc::MSG_FASTOPEN as u64, 0)?])?]);
    }
    // a thread, not a process
    rules.insert(libc::SYS_clone, vec![all(vec![has(0, libc::CLONE_THREAD as u64)?])?]);
    // abort and panics signal their own process
    for call in [libc::SYS_tgkill, libc::SYS_kill] {
        rules.insert(call, vec![all(vec![is(0, std::process::id().into())?])?]);
    }
    // reading one's own limits, not setting them and not another's
    rules.insert(libc::SYS_prlimit64, vec![all(vec![is(0, 0)?, nowhere(2)?])?]);
    for call in [libc::SYS_mmap, libc::SYS_mprotect] {
        rules.insert(call, vec![all(vec![masked(2, libc::PROT_EXEC as u64, 0)?])?]);
    }
    rules.insert(libc::SYS_ioctl, IOCTLS.into_iter().map(|ask| all(vec![is(1, ask)?])).collect::<Result<_, _>>()?);
    rules.insert(libc::SYS_prctl, PRCTLS.into_iter().map(|set| all(vec![is(0, set)?])).collect::<Result<_, _>>()?);
    // a pair that only this process has; a datagram socket of a pair could be sent elsewhere
    rules.insert(libc::SYS_socketpair, vec![all(vec![is(0, libc::AF_UNIX as u64)?, stream(1)?])?]);
    if !wall.connects_to.is_empty() {
        let families = [libc::AF_INET, libc::AF_INET6].into_iter();
        let sockets = families.map(|family| all(vec![is(0, family as u64)?, stream(1)?])).collect::<Result<_, _>>()?;
        rules.insert(libc::SYS_socket, sockets);
        rules.insert(libc::SYS_connect, Vec::new());
    } else {
        // a new socket that listens without being bound gets a port from the kernel, past Landlock: who makes sockets listens at none
        rules.insert(libc::SYS_listen, Vec::new());
    }
    built(rules, SeccompAction::Errno(libc::EPERM as u32), SeccompAction::Allow)
}

fn computing(wall: &WorkerWall) -> Result<BpfProgram, CallsError> {
    let mut rules: BTreeMap<c_long, Vec<SeccompRule>> = COMPUTING.iter().map(|call| (*call, Vec::new())).collect();
    rules.insert(libc::SYS_tgkill, vec![all(vec![is(0, std::process::id().into())?])?]);
    // what else whoever started it had left open is not read, not written and not mapped
    let of = |descriptor: RawFd| all(vec![is(0, descriptor as u64)?]);
    let WorkerWall { stream, file, .. } = *wall;
    rules.insert(libc::SYS_read, [Some(stream), file].into_iter().flatten().map(of).collect::<Result<_, _>>()?);
    if let Some(file) = file {
        rules.insert(libc::SYS_lseek, vec![of(file)?]);
    }
    rules.insert(
        libc::SYS_write,
        [stream, libc::STDOUT_FILENO, libc::STDERR_FILENO].map(of).into_iter().collect::<Result<_, _>>()?,
    );
    let plain = masked(2, libc::PROT_EXEC as u64, 0)?;
    rules.insert(libc::SYS_mmap, vec![all(vec![plain.clone(), has(3, libc::MAP_ANONYMOUS as u64)?])?]);
    rules.insert(libc::SYS_mprotect, vec![all(vec![plain])?]);
    built(rules, SeccompAction::Errno(libc::EPERM as u32), SeccompAction::Allow)
}

fn never() -> Result<BpfProgram, CallsError> {
    let mut rules: BTreeMap<c_long, Vec<SeccompRule>> = NEVER.iter().map(|call| (*call, Vec::new())).collect();
    let views = NAMESPACES.into_iter().map(|view| all(vec![has(0, view as u64)?])).collect::<Result<_, _>>()?;
    rules.insert(libc::SYS_clone, views);
    // names are looked up over datagrams and netlink; nothing else is spoken but TCP and Unix sockets
    let families = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK].into_iter();
    let others = families.map(|family| is_not(0, family as u64)).collect::<Result<_, _>>()?;
    let raw = masked(1, SOCKET_TYPE, libc::SOCK_RAW as u64)?;
    rules.insert(libc::SYS_socket, vec![all(others)?, all(vec![raw, is_not(0, libc::AF_NETLINK as u64)?])?]);
    for (call, flags) in [(libc::SYS_sendto, 3), (libc::SYS_sendmsg, 2)] {
        rules.insert(call, vec![all(vec![has(flags, libc::MSG_FASTOPEN as u64)?])?]);
    }
    built(rules, SeccompAction::Allow, SeccompAction::Errno(libc::EPERM as u32))
}

fn built(
    rules: BTreeMap<c_long, Vec<SeccompRule>>,
    otherwise: SeccompAction,
    on_match: SeccompAction,
) -> Result<BpfProgram, CallsError> {
    let processor = TargetArch::try_from(std::env::consts::ARCH).map_err(CallsError::Processor)?;
    let filter = SeccompFilter::new(rules, otherwise, on_match, processor)?;
    Ok(BpfProgram::try_from(filter)?)
}

fn all(conditions: Vec<SeccompCondition>) -> Result<SeccompRule, CallsError> {
    Ok(SeccompRule::new(conditions)?)
}

/// The argument is this value. The kernel reads 32 bits of the arguments that are asked for here.
fn is(argument: u8, value: u64) -> Result<SeccompCondition, CallsError> {
    Ok(SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)?)
}

fn is_not(argument: u8, value: u64) -> Result<SeccompCondition, CallsError> {
    Ok(SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, value)?)
}

/// The argument is a null pointer.
fn nowhere(argument: u8) -> Result<SeccompCondition, CallsError> {
    Ok(SeccompCondition::new(argument, SeccompCmpArgLen::Qword, SeccompCmpOp::Eq, 0)?)
}

fn masked(argument: u8, mask: u64, value: u64) -> Result<SeccompCondition, CallsError> {
    Ok(SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(mask), value)?)
}

fn has(argument: u8, bit: u64) -> Result<SeccompCondition, CallsError> {
    masked(argument, bit, bit)
}

fn stream(argument: u8) -> Result<SeccompCondition, CallsError> {
    masked(argument, SOCKET_TYPE, libc::SOCK_STREAM as u64)
}
