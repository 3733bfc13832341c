//! Dumps of stolen logins: streams of any size and many shapes, in which known logins are looked for.
//!
//! The input is hostile. It is read once, in constant memory, whatever it is packed in; a login is looked up by a keyed digest, so that
//! whoever reads a dump has no list of the people, and only what stands beside a known login is kept at all, in memory that is wiped.
//! Nothing is written anywhere.
//!
//! Shapes: `email:password` and the same with `;`, `,`, tab, `|`, spaces or dashes; `url:login:password` and `login:password:url` of
//! malware logs; blocks of `Username:` and `Password:` lines; CSV with a header or quotes; JSON objects, one or more in a line. Encodings:
//! UTF-8, UTF-16 of both orders with or without a mark, Latin-1. Lines end with LF, CR or NUL.

mod columns;
mod few;
mod found;
mod json;
mod line;
mod packed;
mod scan;
mod text;
mod token;
mod told;

pub use found::{Found, Login, Match, PASSWORDS_PER_LOGIN_MAX};
pub use packed::{Input, PackedError, unpacked, unpacked_file};
pub use scan::{Counts, Scanner, Wanted};
pub use told::{CutShort, Told, hear, tell};

use unicode_normalization::UnicodeNormalization;

/// A login name as it is compared: NFKC, lower case, without surrounding space. The same as at sign-in.
#[must_use]
pub fn folded(text: &str) -> String {
    let text = text.trim();
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.nfkc().collect::<String>().to_lowercase().nfkc().collect()
}
