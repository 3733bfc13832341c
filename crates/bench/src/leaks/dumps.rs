//! How fast dumps are looked through: by a thread that reads and tells, as the process of its own does, and one that hears.
//!
//! What counts is from the first byte to the end that was heard, so the stream between them is in it, and so are looking for tokens of
//! devices, some of which stand in every dump, and for people, of whom some do.

use std::fmt::Write as _;
use std::io::Cursor;
use std::os::unix::net::UnixStream;
use std::time::Instant;

use anyhow::{Context, Result, anyhow, ensure};
use dumps::{Input, Wanted, folded, hear, tell};
use leaks::LoginKey;

use super::mixed;

/// People of the site that a dump is held against.
const PEOPLE: u64 = 20_000;
/// One of them stands in so many lines.
const LINES_PER_PERSON: u64 = 100_000;
/// A token stands in so many lines.
const LINES_PER_TOKEN: u64 = 1_000;
/// What each shape must come to, in lines a second.
const BAR: f64 = 1e6;

/// A dump that is generated.
struct Shape {
    name: &'static str,
    header: &'static str,
    /// Writes a line made from a number.
    line: fn(&mut String, u64),
    /// Writes a line of one of the people.
    person: fn(&mut String, &str),
}

/// Measures each shape. Says whether all of them hold the bar.
pub fn of_every_shape(lines: u64) -> Result<bool> {
    let key = LoginKey::new([7; 32]);
    let addresses = (0..PEOPLE).map(|person| key.digest(&folded(&address(person)))).collect();
    let names = (0..PEOPLE).map(|person| key.digest(&name(person))).collect();
    let wanted = Wanted { key, addresses, names };
    let mut held = true;
    for shape in SHAPES {
        held &= looked_through(&shape, lines, &wanted)?;
    }
    Ok(held)
}

fn looked_through(shape: &Shape, lines: u64, wanted: &Wanted) -> Result<bool> {
    let text = text(shape, lines);
    let (ours, theirs) = UnixStream::pair()?;
    let input = Input::stream(Box::new(Cursor::new(text)));
    let (began, spent) = (Instant::now(), processor_seconds()?);
    let (told, seconds, spent) = std::thread::scope(|scope| {
        let heard = scope.spawn(|| hear(ours, wanted, |_| {}));
        tell(input, wanted.clone(), theirs)?;
        let spent = processor_seconds()? - spent;
        let told = heard.join().map_err(|_| anyhow!("the thread that hears has ended"))?;
        anyhow::Ok((told, began.elapsed().as_secs_f64(), spent))
    })?;
    ensure!(told.cut_short.is_none(), "a generated dump was not read to its end");
    let (found, tokens, counts) = (told.found.into_sorted().len() as u64, told.tokens.len() as u64, told.counts);
    let rate = counts.lines as f64 / seconds;
    eprintln!(
        "{:<26} {:.2} million lines a second, {:.0} MB/s ({:.2} million by processor time), {found} logins and {tokens} tokens found (bar: 1 million)",
        shape.name,
        rate / 1e6,
        counts.bytes as f64 / seconds / 1e6,
        counts.lines as f64 / spent / 1e6,
    );
    ensure!(found == lines.div_ceil(LINES_PER_PERSON), "{found} of the people were found");
    ensure!(tokens == lines.div_ceil(LINES_PER_TOKEN), "{tokens} tokens were found");
    Ok(rate >= BAR)
}

const SHAPES: [Shape; 5] = [
    Shape {
        name: "email:password",
        header: "",
        line: |out, n| {
            let _ = writeln!(out, "{:x}.{}@mail{}.example:{:x}", n >> 40, n % 9973, n % 53, n >> 16 & 0xff_ffff_ffff);
        },
        person: |out, address| {
            let _ = writeln!(out, "{address}:geheim");
        },
    },
    Shape {
        name: "url:login:password",
        header: "",
        line: |out, n| {
            let (shop, login, password) = (n % 997, n >> 36, n & 0xff_ffff_ffff);
            let _ = writeln!(out, "https://www.shop{shop}.example/account/login:{login:x}@mail.example:{password:x}");
        },
        person: |out, address| {
            let _ = writeln!(out, "https://portal.klinik.example:8443/login:{address}:geheim");
        },
    },
    Shape {
        name: "CSV with a header",
        header: "id,email,username,password\n",
        line: |out, n| {
            let (login, password) = (n >> 36, n & 0xff_ffff_ffff);
            let _ = writeln!(out, "{},{login:x}@mail.example,user{},\"{password:x}\"", n % 99991, n % 7919);
        },
        person: |out, address| {
            let _ = writeln!(out, "7,{address},,geheim");
        },
    },
    Shape {
        name: "JSON lines",
        header: "",
        line: |out, n| {
            let (id, login, password) = (n % 99991, n >> 36, n & 0xff_ffff_ffff);
            let _ = writeln!(out, r#"{{"id":{id},"email":"{login:x}@mail.example","password":"{password:x}"}}"#);
        },
        person: |out, address| {
            let _ = writeln!(out, r#"{{"email":"{address}","password":"geheim"}}"#);
        },
    },
    Shape {
        name: "JSON lines of a database",
        header: "",
        line: |out, n| {
            let (login, password) = (n >> 36, n & 0xff_ffff_ffff);
            let _ = writeln!(
                out,
                r#"{{"_id":{{"$oid":"{n:024x}"}},"user":{{"login":"{login:x}@mail.example","roles":["buyer",{}]}},"url":"https:\/\/shop.example\/{}","active":true,"password":"{password:x}\u00e4"}}"#,
                n % 7,
                n % 997
            );
        },
        person: |out, address| {
            let _ = writeln!(out, r#"{{"user":{{"login":"{address}"}},"password":"geheim"}}"#);
        },
    },
];

fn text(shape: &Shape, lines: u64) -> String {
    let mut text = shape.header.to_owned();
    for number in 0..lines {
        (shape.line)(&mut text, mixed(number));
        if number % LINES_PER_PERSON == 7 {
            (shape.person)(&mut text, &address(number / LINES_PER_PERSON % PEOPLE));
        }
        if number % LINES_PER_TOKEN == 9 {
            let _ = writeln!(text, "GET /dicom-web/studies 200 Authorization: Bearer lgd_{number:049x}");
        }
    }
    text
}

fn name(person: u64) -> String {
    format!("vorname.nachname{person}")
}

fn address(person: u64) -> String {
    format!("{}@klinik.example", name(person))
}

/// For how long a processor has worked for this thread, in seconds.
fn processor_seconds() -> Result<f64> {
    let spent = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds = spent.split(' ').next().and_then(|first| first.parse::<u64>().ok());
    Ok(nanoseconds.context("the system does not say how long this thread has worked")? as f64 / 1e9)
}
