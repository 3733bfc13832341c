//! A plain HTTP client: a request, a connection, an answer.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, socket_with};
use serde_json::Value;

use super::ending;

/// One answer may take so long.
const ANSWER_TIME: Duration = Duration::from_secs(60);

/// What was answered.
pub struct Answer {
    pub status: u16,
    headers: String,
    body: Vec<u8>,
}

impl Answer {
    /// The body; null when it is no JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }
}

/// Where a front listens, from the line that `serve` prints.
pub fn front(ready: &Value) -> Result<SocketAddr> {
    let port =
        ready["http"].as_str().and_then(|origin| origin.rsplit_once(':')).and_then(|(_, port)| port.parse().ok());
    Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port.context("the front serves no HTTP; play the drill again")?)))
}

/// Asks, from an address of this machine.
pub fn ask(
    (from, to): (Ipv4Addr, SocketAddr),
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Result<Answer> {
    ending::check()?;
    let stream = socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    bind(&stream, &SocketAddr::from((from, 0)))?;
    connect(&stream, &to)?;
    let mut stream = TcpStream::from(stream);
    stream.set_read_timeout(Some(ANSWER_TIME))?;
    let mut request =
        format!("{method} {path} HTTP/1.0\r\nHost: localhost:{}\r\nContent-Length: {}\r\n", to.port(), body.len());
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes())?;
    stream.write_all(body)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n");
    let end = end.context("the front answered no HTTP; play the drill again")?;
    let headers = String::from_utf8_lossy(&answer[..end]).into_owned();
    let status = headers.split(' ').nth(1).and_then(|status| status.parse().ok());
    let status = status.context("the front answered no HTTP; play the drill again")?;
    Ok(Answer { status, headers, body: answer.split_off(end + 4) })
}
