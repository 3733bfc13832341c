//! A plain HTTP/1.0 client: a request, a connection, an answer.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;

use crate::document;

pub struct Answer {
    pub status: u16,
    pub headers: String,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }
}

/// Asks; an error of the connection is an answer with status 0.
pub fn ask(address: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Answer {
    let nothing = || Answer { status: 0, headers: String::new(), body: Vec::new() };
    let Ok(mut stream) = TcpStream::connect(address) else { return nothing() };
    let mut request =
        format!("{method} {path} HTTP/1.0\r\nHost: localhost:{}\r\nContent-Length: {}\r\n", address.port(), body.len());
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str("\r\n");
    if stream.write_all(request.as_bytes()).and_then(|()| stream.write_all(body)).is_err() {
        return nothing();
    }
    let mut answer = Vec::new();
    if stream.read_to_end(&mut answer).is_err() {
        return nothing();
    }
    let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") else { return nothing() };
    let headers = String::from_utf8_lossy(&answer[..end]).into_owned();
    let status = headers.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    let answer = Answer { status, headers, body: answer[end + 4..].to_vec() };
    document::hold(method, path, &answer);
    answer
}

pub fn get(address: SocketAddr, token: &str, path: &str) -> Answer {
    ask(address, "GET", path, &[("Authorization", &format!("Bearer {token}"))], &[])
}

/// The bytes of one stored instance.
pub fn instance(address: SocketAddr, token: &str, study: &str, series: &str, instance: &str) -> Answer {
    let path = format!("/dicom-web/studies/{study}/series/{series}/instances/{instance}");
    let bearer = format!("Bearer {token}");
    ask(address, "GET", &path, &[("Authorization", &bearer), ("Accept", "application/dicom; transfer-syntax=*")], &[])
}
