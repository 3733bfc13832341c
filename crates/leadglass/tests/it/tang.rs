//! A real Tang server on loopback, and a real software TPM with its state in a folder.

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tempfile::TempDir;

/// `tangd` serves one connection on its standard streams, as socket activation runs it.
pub struct Tang {
    keys: TempDir,
    port: u16,
    reachable: Arc<AtomicBool>,
}

impl Tang {
    pub fn start() -> Self {
        let keys = tempfile::tempdir().unwrap();
        let made = Command::new(program("tangd-keygen")).arg(keys.path()).stderr(Stdio::null()).status().unwrap();
        assert!(made.success());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let reachable = Arc::new(AtomicBool::new(true));
        let (answers, folder) = (Arc::clone(&reachable), keys.path().to_owned());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let Ok(stream) = stream else { return };
                if !answers.load(Ordering::SeqCst) {
                    continue;
                }
                let input: OwnedFd = stream.into();
                let output = input.try_clone().unwrap();
                let mut command = Command::new(program("tangd"));
                command.arg(&folder).stdin(input).stdout(output).stderr(Stdio::null());
                let served = command.status();
                assert!(served.is_ok(), "tangd cannot be started");
            }
        });
        Self { keys, port, reachable }
    }

    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// It stays behind in the practice: connections are closed without an answer.
    pub fn out_of_reach(&self) {
        self.reachable.store(false, Ordering::SeqCst);
    }

    pub fn within_reach(&self) {
        assert!(self.keys.path().is_dir());
        self.reachable.store(true, Ordering::SeqCst);
    }
}

/// Debian keeps these beside the library, not in PATH.
fn program(name: &str) -> String {
    ["/usr/libexec", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/bin"]
        .iter()
        .map(|folder| format!("{folder}/{name}"))
        .find(|path| Path::new(path).exists())
        .unwrap_or_else(|| panic!("{name} is not installed (Debian: apt-get install tang)"))
}

/// `swtpm`, a TPM 2.0 whose state lies in a folder: who carries the folder away carries the chip away.
pub struct Tpm {
    child: Child,
    port: u16,
}

impl Tpm {
    /// Starts one with the state in `state`, new or carried there.
    pub fn start(state: &Path) -> Self {
        std::fs::create_dir_all(state).unwrap();
        // the port of commands and the next one for control, both free
        for _ in 0..100 {
            let first = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = first.local_addr().unwrap().port();
            let Ok(second) = TcpListener::bind(("127.0.0.1", port.saturating_add(1))) else { continue };
            drop((first, second));
            let mut child = Command::new("swtpm")
                .args(["socket", "--tpm2", "--tpmstate", &format!("dir={}", state.display())])
                .args(["--server", &format!("type=tcp,port={port}")])
                .args(["--ctrl", &format!("type=tcp,port={}", port + 1)])
                .args(["--flags", "not-need-init,startup-clear"])
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("swtpm is not installed (Debian: apt-get install swtpm)");
            for _ in 0..1000 {
                if std::net::TcpStream::connect(("127.0.0.1", port + 1)).is_ok() {
                    return Self { child, port };
                }
                if child.try_wait().unwrap().is_some() {
                    break;
                }
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
            let _ = child.kill();
            let _ = child.wait();
        }
        panic!("swtpm does not start");
    }

    /// What tpm2-tools read it by.
    pub fn environment(&self) -> (String, String) {
        ("TPM2TOOLS_TCTI".to_owned(), format!("swtpm:host=127.0.0.1,port={}", self.port))
    }
}

impl Drop for Tpm {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
