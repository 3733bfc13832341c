//! A sender of HL7 messages in MLLP frames, byte by byte where a test wants that.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long a test waits for an answer.
const WAIT: Duration = Duration::from_secs(60);

pub struct Sender {
    pub stream: TcpStream,
}

impl Sender {
    pub fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(WAIT)).unwrap();
        Self { stream }
    }

    /// Sends a message in its frame; the acknowledgement.
    pub fn send(&mut self, message: &[u8]) -> String {
        self.stream.write_all(&orders::frame(message)).unwrap();
        self.answer().expect("an answer")
    }

    /// MSA-1 of the acknowledgement.
    pub fn code(&mut self, message: &[u8]) -> String {
        let answer = self.send(message);
        answer.split('\r').find_map(|segment| segment.strip_prefix("MSA|")).unwrap()[..2].to_owned()
    }

    /// The next message; nothing when the other side closes.
    pub fn answer(&mut self) -> Option<String> {
        let (mut deframer, mut byte) = (orders::Deframer::default(), [0]);
        loop {
            match self.stream.read(&mut byte) {
                Ok(0) => return None,
                Ok(_) => {}
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("{error}"),
            }
            if let (_, Some(message)) = deframer.take(&byte).unwrap() {
                return Some(String::from_utf8(message).unwrap());
            }
        }
    }

    /// Whether the other side closes without a word.
    pub fn is_closed(&mut self) -> bool {
        self.answer().is_none()
    }
}

/// A message with these segments behind MSH.
pub fn message(kind: &str, control_id: &str, segments: &[&str]) -> Vec<u8> {
    let mut text =
        format!("MSH|^~\\&|RIS|NORTH|LEADGLASS||20261127093000||{kind}|{control_id}|P|2.5.1||||||UNICODE UTF-8");
    for segment in segments {
        text.push('\r');
        text.push_str(segment);
    }
    text.push('\r');
    text.into_bytes()
}
