//! A stretch of network between two machines: it can be cut without a word, and be slow.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

#[derive(Default)]
struct State {
    cut: AtomicBool,
    delay: AtomicU64,
    ended: AtomicBool,
}

pub struct Relay {
    address: SocketAddr,
    state: Arc<State>,
}

impl Relay {
    pub fn new(to: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, state) = (listener.local_addr().unwrap(), Arc::new(State::default()));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if shared.ended.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(far) = TcpStream::connect(to) else { continue };
                for (from, into) in [(&stream, &far), (&far, &stream)] {
                    let (from, into) = (from.try_clone().unwrap(), into.try_clone().unwrap());
                    carry(from, into, Arc::clone(&shared));
                }
            }
        });
        Self { address, state }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Nothing passes any more, and nobody is told; or it passes again.
    pub fn cut(&self, cut: bool) {
        self.state.cut.store(cut, Ordering::Relaxed);
    }

    /// Everything takes so many milliseconds longer, each way.
    pub fn delay(&self, milliseconds: u64) {
        self.state.delay.store(milliseconds, Ordering::Relaxed);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.state.ended.store(true, Ordering::Relaxed);
        self.state.cut.store(false, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
    }
}

/// One direction: read at once, written when its time has come and the line is whole.
fn carry(mut from: TcpStream, mut into: TcpStream, state: Arc<State>) {
    let (sender, receiver) = mpsc::channel::<(Instant, Vec<u8>)>();
    let shared = Arc::clone(&state);
    std::thread::spawn(move || {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(count @ 1..) = from.read(&mut buffer) {
            let due = Instant::now() + Duration::from_millis(shared.delay.load(Ordering::Relaxed));
            if sender.send((due, buffer[..count].to_vec())).is_err() {
                break;
            }
        }
    });
    std::thread::spawn(move || {
        for (due, bytes) in receiver {
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            while state.cut.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(5));
            }
            if into.write_all(&bytes).is_err() {
                break;
            }
        }
        let _ = into.shutdown(std::net::Shutdown::Both);
    });
}
