//! Messages about orders: whatever bytes come, in whatever parts, they are answered, and the answer is one frame.
#![no_main]

use libfuzzer_sys::fuzz_target;
use orders::{Answer, Deframer, acknowledge, frame, read};

fuzz_target!(|bytes: &[u8]| {
    let (cut, rest) = bytes.split_first().map_or((1, bytes), |(cut, rest)| (usize::from(*cut) + 1, rest));
    let mut deframer = Deframer::default();
    for mut part in rest.chunks(cut) {
        while !part.is_empty() {
            let Ok((taken, message)) = deframer.take(part) else { return answer(deframer.so_far()) };
            part = &part[taken..];
            if let Some(message) = message {
                answer(&message);
            }
        }
    }
    // and without a frame
    answer(rest);
});

fn answer(bytes: &[u8]) {
    let (header, answer) = match read(bytes) {
        Ok(read) => (Some(read.header), Answer::Taken(Vec::new())),
        Err(unread) => (unread.header, Answer::Refused(unread.problem)),
    };
    let acknowledgement = acknowledge(header.as_ref(), &answer, model::Instant(0), 1);
    let framed = frame(&acknowledgement);
    assert_eq!(Deframer::default().take(&framed), Ok((framed.len(), Some(acknowledgement))));
}
