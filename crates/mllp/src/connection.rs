//! One connection: message after message, each answered before the next one is read.

use std::time::Duration;

use archive::Caller;
use model::Origin;
use orders::{Answer, Deframer, Header, MllpError, acknowledge, frame, read};
use protocol::{ErrorCode, OrderAsk, OrderCaller, OrderProblem, OrderReply, Refusal, UntakenMessage};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::watch,
    time::{Instant, sleep_until, timeout},
};

use crate::server::{ANSWER_SECONDS_MAX, MllpLimits, Shared};

/// Bytes that are read at a time.
const BUFFER_BYTES: usize = 64 * 1024;
/// How long a sender that was told that the conversation ended is listened to, so that it hears it.
const CLOSE_TIME: Duration = Duration::from_millis(500);

/// The longest kind of a message that is remembered, in characters.
const KIND_CHARACTERS_MAX: usize = 40;

/// What comes next on a connection.
enum Next {
    Message(Vec<u8>),
    Wrong(MllpError),
    Ended(&'static str),
}

pub(crate) struct Connection<S> {
    stream: S,
    limits: MllpLimits,
    stopped: watch::Receiver<bool>,
    deframer: Deframer,
    buffer: Box<[u8]>,
    start: usize,
    end: usize,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    pub(crate) fn new(stream: S, limits: MllpLimits, stopped: watch::Receiver<bool>) -> Self {
        let buffer = vec![0; BUFFER_BYTES].into();
        Self { stream, limits, stopped, deframer: Deframer::default(), buffer, start: 0, end: 0 }
    }

    async fn next(&mut self) -> Next {
        // bytes between frames do not move it, nor does a message that comes byte by byte
        let mut deadline = Instant::now() + self.limits.idle_time;
        let mut began = false;
        loop {
            if self.start < self.end {
                match self.deframer.take(&self.buffer[self.start..self.end]) {
                    Err(error) => return Next::Wrong(error),
                    Ok((taken, message)) => {
                        self.start += taken;
                        if let Some(message) = message {
                            return Next::Message(message);
                        }
                    }
                }
                if !began && self.deframer.is_inside() {
                    (began, deadline) = (true, Instant::now() + self.limits.message_time);
                }
                continue;
            }
            if *self.stopped.borrow() {
                return Next::Ended("the server is stopping");
            }
            tokio::select! {
                count = self.stream.read(&mut self.buffer) => match count {
                    Ok(0) => return Next::Ended("the sender closed it"),
                    Ok(count) => (self.start, self.end) = (0, count),
                    Err(_) => return Next::Ended("it broke"),
                },
                () = sleep_until(deadline) => return Next::Ended("the sender was too slow"),
                _ = self.stopped.changed() => return Next::Ended("the server is stopping"),
            }
        }
    }

    async fn answer(&mut self, message: &[u8]) -> Result<(), &'static str> {
        let framed = frame(message);
        let sent = async {
            self.stream.write_all(&framed).await?;
            self.stream.flush().await
        };
        match timeout(Duration::from_secs(ANSWER_SECONDS_MAX), sent).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err("it broke"),
            Err(_) => Err("the sender did not take its answer"),
        }
    }

    /// Says that nothing more comes, and waits a little for the sender to say the same, so that what was sent last is not lost to a reset.
    pub(crate) async fn close(&mut self) {
        let _ = timeout(CLOSE_TIME, async {
            let _ = self.stream.shutdown().await;
            while matches!(self.stream.read(&mut self.buffer).await, Ok(1..)) {}
        })
        .await;
    }
}

/// Until the connection ends; why it did.
pub(crate) async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
    connection: &mut Connection<S>,
    caller: Caller,
    shared: &Shared,
) -> &'static str {
    loop {
        let (answer, header, last) = match connection.next().await {
            Next::Ended(why) => return why,
            // where the next message begins is not known any more
            Next::Wrong(error) => {
                let header = Header::of(connection.deframer.so_far());
                let problem = OrderProblem::at(ErrorCode::DataType, "MSH", 0, &error.to_string());
                tracing::warn!(peer = %caller.address, %error, "a message about an order is no message");
                (Answer::Refused(problem), header, true)
            }
            Next::Message(bytes) => match decide(bytes, caller, shared).await {
                Some((answer, header, last)) => (answer, header, last),
                None => return "the warden did not decide",
            },
        };
        let acknowledgement = acknowledge(header.as_ref(), &answer, shared.clock.now(), shared.next_answer());
        if let Err(why) = connection.answer(&acknowledgement).await {
            return why;
        }
        if last {
            return "what came was no message";
        }
    }
}

/// The answer to one message, with its header, and whether the conversation ends with it. Nothing when nobody decided: without an answer the
/// sender sends it again.
async fn decide(bytes: Vec<u8>, caller: Caller, shared: &Shared) -> Option<(Answer, Option<Header>, bool)> {
    let read = read(&bytes);
    let header = match &read {
        Ok(read) => Some(&read.header),
        Err(unread) => unread.header.as_ref(),
    };
    let name = header.map(|header| header.application.as_str());
    let device = match shared.link.admit_order_sender(Some(name.unwrap_or_default()), caller).await {
        Ok(device) => device,
        Err(why) => {
            shared.refused(name, caller, why);
            let problem = OrderProblem::at(ErrorCode::TableValue, "MSH", 3, "this application may tell no orders here");
            return Some((Answer::Refused(problem), header.cloned(), true));
        }
    };
    let origin = Origin(caller.address.to_string());
    let named = OrderCaller::Named { device, origin };
    let (header, problem) = match read {
        Ok(read) => match shared.link.order(&named, OrderAsk::Decide(read.message)).await {
            Ok(OrderReply::Taken(said)) => return Some((Answer::Taken(said), Some(read.header), false)),
            Ok(OrderReply::Refused(problem)) => (Some(read.header), problem),
            Ok(OrderReply::Kept(_)) => return None,
            Err(refusal) => return undecided(refusal, read.header),
        },
        Err(unread) => (unread.header, unread.problem),
    };
    if !problem.code.rejects() {
        keep(bytes, &named, header.as_ref(), &problem, shared).await?;
    }
    Some((Answer::Refused(problem), header, false))
}

/// The warden did not decide. Where it cannot now, there is no answer and the sender comes again; where it never will, it is told.
fn undecided(refusal: Refusal, header: Header) -> Option<(Answer, Option<Header>, bool)> {
    tracing::warn!(%refusal, "an order was not decided on");
    match refusal {
        Refusal::NotAllowed => {
            let problem = OrderProblem::at(ErrorCode::Internal, "MSH", 0, "this device may not tell this here");
            Some((Answer::Refused(problem), Some(header), true))
        }
        _ => None,
    }
}

/// Has the warden keep a message for repair. Nothing when it does not answer.
async fn keep(
    bytes: Vec<u8>,
    named: &OrderCaller,
    header: Option<&Header>,
    problem: &OrderProblem,
    shared: &Shared,
) -> Option<()> {
    let untaken = UntakenMessage {
        control_id: header.map(|header| header.control_id.clone()).unwrap_or_default(),
        kind: header.map(|header| header.kind().chars().take(KIND_CHARACTERS_MAX).collect()).unwrap_or_default(),
        problem: problem.clone(),
        bytes,
    };
    match shared.link.order(named, OrderAsk::Keep(untaken)).await {
        Ok(_) => Some(()),
        Err(refusal) => {
            tracing::warn!(%refusal, "a message that was not taken could not be kept; its sender comes again");
            None
        }
    }
}
