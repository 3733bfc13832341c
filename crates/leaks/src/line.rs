//! One line of a list: `HASH:COUNT`, or the rest of the hash where the file's name has its beginning.

use crate::HashKind;

/// What a line says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// A hash: its kind by its length, and its first 64 bits.
    Hash(HashKind, u64),
    /// Nothing: an empty line, or a hash that was seen zero times, which pads an answer of the range API.
    Nothing,
    /// Something else.
    Other,
}

/// Reads a line without its end.
pub(crate) fn read(prefix: &[u8], line: &[u8]) -> Line {
    let line = line.trim_ascii();
    if line.is_empty() {
        return Line::Nothing;
    }
    let end = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
    let (digits, count) = line.split_at(end);
    let kind = HashKind::ALL.into_iter().find(|kind| kind.digits() == prefix.len() + digits.len());
    let Some(kind) = kind else { return Line::Other };
    let (mut hash, mut wrong) = (0_u64, 0_u8);
    for (place, byte) in prefix.iter().chain(digits).enumerate() {
        let digit = DIGITS[*byte as usize];
        wrong |= digit;
        if place < 16 {
            hash = hash << 4 | u64::from(digit & 0xf);
        }
    }
    let count = count.get(1..).unwrap_or(b"1");
    if wrong & 0x80 != 0 || count.is_empty() || !count.iter().all(u8::is_ascii_digit) {
        return Line::Other;
    }
    if count.iter().all(|digit| *digit == b'0') { Line::Nothing } else { Line::Hash(kind, hash) }
}

/// The value of each hexadecimal digit; 0x80 for everything else.
const DIGITS: [u8; 256] = {
    let mut digits = [0x80; 256];
    let mut value = 0;
    while value < 16 {
        digits[b"0123456789abcdef"[value] as usize] = value as u8;
        digits[b"0123456789ABCDEF"[value] as usize] = value as u8;
        value += 1;
    }
    digits
};

#[cfg(test)]
mod tests {
    use super::*;

    const SHA1: &[u8] = b"5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8";
    const FIRST: u64 = 0x5BAA_61E4_C9B9_3F3F;

    #[track_caller]
    fn check(prefix: &str, line: &[u8], expected: Line) {
        assert_eq!(read(prefix.as_bytes(), line), expected, "{}", String::from_utf8_lossy(line));
    }

    #[test]
    fn lines_of_both_kinds_are_read() {
        check("", &[SHA1, b":10434004"].concat(), Line::Hash(HashKind::Sha1, FIRST));
        check("", &[SHA1, b":3\r"].concat(), Line::Hash(HashKind::Sha1, FIRST));
        check("", SHA1, Line::Hash(HashKind::Sha1, FIRST));
        check("", &SHA1.to_ascii_lowercase(), Line::Hash(HashKind::Sha1, FIRST));
        check("5BAA6", &SHA1[5..], Line::Hash(HashKind::Sha1, FIRST));
        check("", b"8846F7EAEE8FB117AD06BDD830B7586C:1", Line::Hash(HashKind::Ntlm, 0x8846_F7EA_EE8F_B117));
        check("8846F", b"7EAEE8FB117AD06BDD830B7586C:1", Line::Hash(HashKind::Ntlm, 0x8846_F7EA_EE8F_B117));
    }

    #[test]
    fn empty_lines_and_padding_say_nothing() {
        for line in [&b""[..], b"\r", b"  ", &[SHA1, b":0"].concat(), &[SHA1, b":00"].concat()] {
            check("", line, Line::Nothing);
        }
    }

    #[test]
    fn everything_else_is_refused() {
        let mut damaged = SHA1.to_vec();
        damaged[39] = b'G';
        for line in [
            &b"someone@example.org:letmein"[..],
            &SHA1[1..],
            &damaged,
            &[SHA1, b":"].concat(),
            &[SHA1, b":-1"].concat(),
            &[SHA1, b";1"].concat(),
            b":1",
        ] {
            check("", line, Line::Other);
        }
        check("5BAA6", SHA1, Line::Other);
    }
}
