//! A line over loopback: known keys talk, others do not.
#![allow(clippy::unwrap_used, missing_docs)]
#![allow(clippy::disallowed_macros, clippy::disallowed_methods, reason = "tests print and write what they like")]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use line::{Key, KnownFront, Pin, Pins};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener, UnixStream};

fn key(number: u8) -> Key {
    Key::from_seed(&[number; 32]).unwrap()
}

fn pin(number: u8) -> Pin {
    key(number).pin().unwrap()
}

/// A warden that says everything back, behind a line that knows the fronts of the file.
async fn warden(folder: &Path) -> SocketAddr {
    let socket = folder.join("warden.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut reads, mut writes) = stream.split();
                let _ = tokio::io::copy(&mut reads, &mut writes).await;
            });
        }
    });
    let far = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = far.local_addr().unwrap();
    let pins = Pins::in_folder(folder);
    tokio::spawn(async move {
        line::listen(far, &key(1), pins, move || UnixStream::connect(socket.clone())).await.unwrap();
    });
    address
}

/// The socket of a front whose key is this one and who expects that warden.
fn front(folder: &Path, far: SocketAddr, own: u8, expected: Pin) -> PathBuf {
    let socket = folder.join(format!("front-{own}.sock"));
    let near = UnixListener::bind(&socket).unwrap();
    tokio::spawn(async move { line::dial(near, far, &key(own), expected).await.unwrap() });
    socket
}

/// What comes back; nothing when the line closes instead.
async fn echo(socket: &Path, said: &[u8]) -> Vec<u8> {
    let mut stream = UnixStream::connect(socket).await.unwrap();
    let _ = stream.write_all(said).await;
    let mut heard = vec![0; said.len()];
    match stream.read_exact(&mut heard).await {
        Ok(_) => heard,
        Err(_) => Vec::new(),
    }
}

#[tokio::test]
async fn a_known_front_talks_to_the_warden_and_a_large_message_arrives_whole() {
    let folder = tempfile::tempdir().unwrap();
    let far = warden(folder.path()).await;
    Pins::in_folder(folder.path()).add(KnownFront { pin: pin(2), name: "front".into() }).unwrap();
    let socket = front(folder.path(), far, 2, pin(1));
    assert_eq!(echo(&socket, b"hello").await, b"hello");
    let mut stream = UnixStream::connect(&socket).await.unwrap();
    let large: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    let (mut reads, mut writes) = stream.split();
    let sending = async { writes.write_all(&large).await.unwrap() };
    let mut heard = vec![0; large.len()];
    let hearing = async { reads.read_exact(&mut heard).await.unwrap() };
    tokio::join!(sending, hearing);
    assert!(heard == large);
}

#[tokio::test]
async fn a_front_with_another_key_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let far = warden(folder.path()).await;
    Pins::in_folder(folder.path()).add(KnownFront { pin: pin(2), name: "front".into() }).unwrap();
    assert_eq!(echo(&front(folder.path(), far, 3, pin(1)), b"hello").await, b"");
}

#[tokio::test]
async fn a_warden_with_another_key_hears_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let far = warden(folder.path()).await;
    Pins::in_folder(folder.path()).add(KnownFront { pin: pin(2), name: "front".into() }).unwrap();
    assert_eq!(echo(&front(folder.path(), far, 2, pin(9)), b"hello").await, b"");
}

#[tokio::test]
async fn a_warden_that_knows_no_front_lets_nobody_in() {
    let folder = tempfile::tempdir().unwrap();
    let far = warden(folder.path()).await;
    let socket = front(folder.path(), far, 2, pin(1));
    assert_eq!(echo(&socket, b"hello").await, b"");
    std::fs::write(folder.path().join("fronts.json"), "[{]").unwrap();
    assert_eq!(echo(&socket, b"hello").await, b"");
}

#[tokio::test]
async fn a_removed_pin_ends_the_connection_that_is_open() {
    let folder = tempfile::tempdir().unwrap();
    let far = warden(folder.path()).await;
    let pins = Pins::in_folder(folder.path());
    pins.add(KnownFront { pin: pin(2), name: "front".into() }).unwrap();
    let socket = front(folder.path(), far, 2, pin(1));
    let mut stream = UnixStream::connect(&socket).await.unwrap();
    stream.write_all(b"a").await.unwrap();
    stream.read_exact(&mut [0]).await.unwrap();
    pins.remove(pin(2)).unwrap();
    assert_eq!(stream.read(&mut [0]).await.unwrap_or(0), 0, "the line closes");
    assert_eq!(echo(&socket, b"hello").await, b"");
}

#[tokio::test]
async fn one_front_that_takes_every_connection_keeps_no_other_front_out() {
    let folder = tempfile::tempdir().unwrap();
    let far = warden(folder.path()).await;
    let pins = Pins::in_folder(folder.path());
    pins.add(KnownFront { pin: pin(2), name: "taken over".into() }).unwrap();
    pins.add(KnownFront { pin: pin(3), name: "another".into() }).unwrap();
    let greedy = front(folder.path(), far, 2, pin(1));
    let mut held = Vec::new();
    for _ in 0..line::CONNECTIONS_OF_ONE_MAX {
        let mut stream = UnixStream::connect(&greedy).await.unwrap();
        stream.write_all(b"a").await.unwrap();
        stream.read_exact(&mut [0]).await.unwrap();
        held.push(stream);
    }
    assert_eq!(echo(&greedy, b"one more").await, b"");
    assert_eq!(echo(&front(folder.path(), far, 3, pin(1)), b"hello").await, b"hello");
    // a place that is given back may be taken again
    drop(held);
    for _ in 0..200 {
        if echo(&greedy, b"again").await == b"again" {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("no place was given back");
}

#[tokio::test]
async fn a_stranger_without_any_key_and_one_who_is_silent_are_closed() {
    let folder = tempfile::tempdir().unwrap();
    let far = warden(folder.path()).await;
    let mut stranger = tokio::net::TcpStream::connect(far).await.unwrap();
    stranger.write_all(b"GET / HTTP/1.0\r\n\r\n").await.unwrap();
    let mut heard = Vec::new();
    let _ = stranger.read_to_end(&mut heard).await;
    assert!(heard.len() < 16, "an alert at most: {heard:?}");
    let mut silent = tokio::net::TcpStream::connect(far).await.unwrap();
    assert_eq!(silent.read(&mut [0; 16]).await.unwrap_or(0), 0);
}

#[test]
fn fronts_are_known_by_name_and_up_to_a_number() {
    let folder = tempfile::tempdir().unwrap();
    let pins = Pins::in_folder(folder.path());
    assert!(pins.read().unwrap().is_empty());
    for bad in ["", "  ", "two\nlines", &"x".repeat(101)] {
        assert!(pins.add(KnownFront { pin: pin(1), name: bad.into() }).is_err(), "{bad}");
    }
    for number in 0..line::FRONTS_MAX as u8 {
        pins.add(KnownFront { pin: pin(number), name: format!("front {number}") }).unwrap();
    }
    assert!(pins.add(KnownFront { pin: pin(200), name: "one more".into() }).is_err());
    pins.add(KnownFront { pin: pin(3), name: "renamed".into() }).unwrap();
    assert_eq!(pins.read().unwrap().len(), line::FRONTS_MAX);
    pins.remove(pin(3)).unwrap();
    assert!(pins.remove(pin(3)).is_err());
    assert!(!pins.knows(pin(3)) && pins.knows(pin(4)));
}
