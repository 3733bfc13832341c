//! A program that opens or seals a key: the sealed key on its standard input, the answer on its standard output, both bounded, in
//! bounded time. No shell: the words of a command are split at spaces and nothing else.

use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use thiserror::Error;
use zeroize::Zeroizing;

/// The most bytes of an answer that are read.
const OUTPUT_BYTES_MAX: u64 = 16 * 1024;
/// How long a program may take, in seconds: somebody may have to touch a token.
const SECONDS_MAX: u64 = 60;

/// What is run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    words: Vec<String>,
    seconds: u64,
    asks_on_terminal: bool,
}

/// Why there is no answer. What the program wrote on standard error stands above the message.
#[derive(Debug, Error)]
pub enum ProgramError {
    /// No word.
    #[error("the command is empty; name a program, such as `clevis decrypt`")]
    Empty,
    /// It is not there.
    #[error("the program {program} cannot be started; install it, or write its full path")]
    NotThere {
        /// Its name.
        program: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It takes too long.
    #[error(
        "the program {program} did not answer within {seconds} seconds and was ended; see whether the server or token that it asks is reachable"
    )]
    Hangs {
        /// Its name.
        program: String,
        /// How long it had.
        seconds: u64,
    },
    /// It prints too much.
    #[error(
        "the program {program} printed more than {OUTPUT_BYTES_MAX} bytes and was ended; it must print the key and nothing else"
    )]
    TooMuch {
        /// Its name.
        program: String,
    },
    /// It failed.
    #[error(
        "the program {program} ended with {status}; its message stands above, see whether the server or token that it asks is reachable"
    )]
    Failed {
        /// Its name.
        program: String,
        /// How it ended.
        status: std::process::ExitStatus,
    },
    /// What it printed is no key.
    #[error(
        "the program {program} did not give a key back; it must print the 64 digits that were sealed and nothing else"
    )]
    NoKey {
        /// Its name.
        program: String,
    },
    /// Talking to it failed.
    #[error("the program {program} could not be spoken to; try again")]
    Talk {
        /// Its name.
        program: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl Program {
    /// The words of a command line, split at spaces.
    pub fn parse(command: &str) -> Result<Self, ProgramError> {
        Self::of(command.split_whitespace().map(ToOwned::to_owned).collect())
    }

    /// A program and its arguments as they are.
    pub fn of(words: Vec<String>) -> Result<Self, ProgramError> {
        if words.is_empty() {
            Err(ProgramError::Empty)
        } else {
            Ok(Self { words, seconds: SECONDS_MAX, asks_on_terminal: false })
        }
    }

    /// It may ask for a PIN on the terminal.
    pub fn asking_on_terminal(self) -> Self {
        Self { asks_on_terminal: true, ..self }
    }

    /// Its name, without the arguments, which may say where a key lies.
    pub fn name(&self) -> String {
        self.words[0].clone()
    }

    /// Runs it to its end.
    pub fn run(&self, input: &[u8]) -> Result<Zeroizing<Vec<u8>>, ProgramError> {
        let talk = |source| ProgramError::Talk { program: self.name(), source };
        let mut command = Command::new(&self.words[0]);
        command.args(&self.words[1..]).stdin(Stdio::piped()).stdout(Stdio::piped());
        if !self.asks_on_terminal {
            // a group of its own, so that what it starts ends with it; the terminal stops such a group when it reads
            command.process_group(0);
        }
        let mut child = command.spawn().map_err(|source| ProgramError::NotThere { program: self.name(), source })?;
        let mut stdin = child.stdin.take().expect("standard input is piped");
        let stdout = child.stdout.take().expect("standard output is piped");
        let input = Zeroizing::new(input.to_vec());
        // a program that does not read its input must not block us: an error here means that it closed it
        std::thread::spawn(move || drop(stdin.write_all(&input)));
        let (sender, receiver) = channel();
        std::thread::spawn(move || {
            // room for all of it, so that no copy is left behind by growing
            let mut output = Zeroizing::new(Vec::with_capacity(OUTPUT_BYTES_MAX as usize + 1));
            let read = stdout.take(OUTPUT_BYTES_MAX + 1).read_to_end(&mut output);
            // an error here means that nobody waits any more
            let _ = sender.send(read.map(|_| output));
        });
        let read = match receiver.recv_timeout(Duration::from_secs(self.seconds)) {
            Ok(read) => read.map_err(talk),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                Err(ProgramError::Hangs { program: self.name(), seconds: self.seconds })
            }
        };
        let output = match read {
            Ok(output) if output.len() as u64 > OUTPUT_BYTES_MAX => Err(ProgramError::TooMuch { program: self.name() }),
            other => other,
        };
        if output.is_err() {
            end(&mut child);
        }
        // its output is closed; a program that goes on without it has a moment to end
        let status = wait(&mut child, self.seconds).map_err(talk)?;
        let output = output?;
        match status {
            None => Err(ProgramError::Hangs { program: self.name(), seconds: self.seconds }),
            Some(status) if !status.success() => Err(ProgramError::Failed { program: self.name(), status }),
            Some(_) => Ok(output),
        }
    }

    #[cfg(test)]
    fn within(mut self, seconds: u64) -> Self {
        self.seconds = seconds;
        self
    }
}

fn wait(child: &mut Child, seconds: u64) -> std::io::Result<Option<std::process::ExitStatus>> {
    for _ in 0..seconds * 100 {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    end(child);
    child.wait()?;
    Ok(None)
}

fn end(child: &mut Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // an error here means that it ended by itself
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.kill();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Program {
        Program::of(vec!["sh".to_owned(), "-c".to_owned(), script.to_owned()]).expect("three words")
    }

    #[test]
    fn a_program_gets_the_input_and_gives_the_output() {
        let output = shell("cat; echo done").run(b"sealed\n").expect("cat answers");
        assert_eq!(output.as_slice(), b"sealed\ndone\n");
        // one that does not read its input
        assert_eq!(shell("echo key").run(&[7; 100_000]).expect("answers").as_slice(), b"key\n");
    }

    #[test]
    fn a_program_that_hangs_is_ended_with_its_children() {
        let marker = format!("{}", 60_000 + std::process::id());
        let error = shell(&format!("sleep {marker} & sleep {marker}")).within(1).run(b"").expect_err("hangs");
        assert!(matches!(error, ProgramError::Hangs { seconds: 1, .. }), "{error}");
        let left = || {
            std::fs::read_dir("/proc").expect("Linux").filter_map(Result::ok).any(|entry| {
                let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
                line == format!("sleep\0{marker}\0").as_bytes()
            })
        };
        // nobody here waits for a grandchild, and one that was killed may not have ended yet
        let since = std::time::Instant::now();
        while left() && since.elapsed() < Duration::from_secs(30) {
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(!left(), "a child is left behind");
        // one that closes its output and goes on
        let error = shell("exec >&-; sleep 60000").within(1).run(b"").expect_err("hangs");
        assert!(matches!(error, ProgramError::Hangs { .. }), "{error}");
    }

    #[test]
    fn a_program_that_prints_too_much_fails_or_is_not_there_is_named() {
        let error = shell("yes").run(b"").expect_err("prints without end");
        assert!(matches!(error, ProgramError::TooMuch { .. }), "{error}");
        let error = shell("exit 3").run(b"").expect_err("fails");
        assert!(error.to_string().contains("exit status: 3"), "{error}");
        let error =
            Program::parse("leadglass-no-such-program x").expect("two words").run(b"").expect_err("is not there");
        assert!(matches!(error, ProgramError::NotThere { .. }), "{error}");
        assert!(matches!(Program::parse("  "), Err(ProgramError::Empty)));
    }
}
