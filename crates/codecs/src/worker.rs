//! What a worker does.

use std::io::{self, Read, Write};

use render::render_frame;

use crate::message::{self, Asked, MessageError, QUESTION_HEAD_BYTES};

/// Renders one frame after the other until the stream closes. It ends with an error at the first thing that is no question.
pub fn work(stream: &mut (impl Read + Write)) -> io::Result<()> {
    let mut head = [0; QUESTION_HEAD_BYTES];
    while begins(stream, &mut head)? {
        let lengths = message::question_head(&head).map_err(invalid)?;
        let asked = message::asked(&part(stream, lengths.asked)?).map_err(invalid)?;
        let frame = part(stream, lengths.frame)?;
        let Asked { description, transfer_syntax, first_bit, options } = asked;
        let answer = render_frame(&description, &transfer_syntax, &frame, first_bit, options);
        drop(frame);
        stream.write_all(&message::answer_head(&answer).map_err(invalid)?)?;
        stream.write_all(answer.as_deref().unwrap_or_default())?;
    }
    Ok(())
}

/// Reads the head of the next question; `false` when the stream is closed instead.
fn begins(stream: &mut impl Read, head: &mut [u8; QUESTION_HEAD_BYTES]) -> io::Result<bool> {
    let (first, rest) = head.split_at_mut(1);
    loop {
        match stream.read(first) {
            Ok(0) => return Ok(false),
            Ok(_) => return stream.read_exact(rest).map(|()| true),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn part(stream: &mut impl Read, length: usize) -> io::Result<Vec<u8>> {
    let mut part = vec![0; length];
    stream.read_exact(&mut part)?;
    Ok(part)
}

fn invalid(error: MessageError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
