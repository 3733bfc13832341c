//! Attributes in few bytes: identifiers at two characters a byte, dates and times as numbers, shared texts by number.
//!
//! Nothing is lost: what does not fit a short form is kept as text. This is a form in memory only, never stored.

use model::Uid;

/// Appends values.
#[derive(Default)]
pub(crate) struct Packer(pub(crate) Vec<u8>);

/// Reads them back in the same order. It reads what [`Packer`] wrote in this process, so it does not expect damage.
#[derive(Clone, Copy)]
pub(crate) struct Unpacker<'a>(pub(crate) &'a [u8]);

const SYMBOLS: &[u8; 11] = b"0123456789.";

impl Packer {
    pub(crate) fn number(&mut self, mut number: u32) {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.number(u32::try_from(text.len()).expect("an attribute is shorter than 4 GiB"));
        self.0.extend_from_slice(text.as_bytes());
    }

    /// Count of characters, then two a byte.
    pub(crate) fn uid(&mut self, uid: &str) {
        self.0.push(uid.len() as u8);
        self.nibbles(uid);
    }

    /// How many characters are as in `base`, then the rest.
    pub(crate) fn uid_after(&mut self, base: &str, uid: &str) {
        let shared = base.bytes().zip(uid.bytes()).take_while(|(one, two)| one == two).count();
        self.0.push(shared as u8);
        self.uid(&uid[shared..]);
    }

    fn nibbles(&mut self, characters: &str) {
        let nibble = |character: u8| if character == b'.' { 10 } else { character - b'0' };
        for pair in characters.as_bytes().chunks(2) {
            self.0.push(nibble(pair[0]) << 4 | pair.get(1).map_or(0xf, |&second| nibble(second)));
        }
    }

    /// 0 when empty, 1 and the text when out of shape, the number plus 2 otherwise.
    pub(crate) fn date(&mut self, date: &str) {
        self.shaped(date, if date.len() == 8 { date_number(date) } else { None });
    }

    /// As [`Packer::date`], for `HHMMSS`.
    pub(crate) fn time(&mut self, time: &str) {
        let whole = time.len() == 6 && time.bytes().all(|byte| byte.is_ascii_digit());
        self.shaped(time, if whole { time.parse().ok() } else { None });
    }

    fn shaped(&mut self, text: &str, number: Option<u32>) {
        match number {
            _ if text.is_empty() => self.0.push(0),
            Some(number) => self.number(number + 2),
            None => {
                self.0.push(1);
                self.text(text);
            }
        }
    }
}

impl<'a> Unpacker<'a> {
    pub(crate) fn bytes(&mut self, length: usize) -> &'a [u8] {
        let (bytes, rest) = self.0.split_at(length);
        self.0 = rest;
        bytes
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.bytes(1)[0]
    }

    pub(crate) fn number(&mut self) -> u32 {
        let mut number = 0;
        for shift in (0..).step_by(7) {
            let byte = self.byte();
            number |= u32::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
        number
    }

    pub(crate) fn text(&mut self) -> &'a str {
        let length = self.number() as usize;
        std::str::from_utf8(self.bytes(length)).expect("texts are packed whole")
    }

    pub(crate) fn skip_text(&mut self) {
        let length = self.number() as usize;
        self.bytes(length);
    }

    /// The packed form: equal for equal identifiers, in some fixed order for others.
    pub(crate) fn uid_packed(&mut self) -> &'a [u8] {
        let length = 1 + usize::from(self.0[0]).div_ceil(2);
        self.bytes(length)
    }

    pub(crate) fn uid(&mut self) -> Uid {
        let mut text = String::with_capacity(Uid::CHARACTERS_MAX);
        self.uid_into(&mut text);
        Uid::parse(&text).expect("an identifier was packed")
    }

    pub(crate) fn uid_after(&mut self, base: &str) -> Uid {
        let mut text = String::with_capacity(Uid::CHARACTERS_MAX);
        text.push_str(&base[..usize::from(self.byte())]);
        self.uid_into(&mut text);
        Uid::parse(&text).expect("an identifier was packed")
    }

    fn uid_into(&mut self, text: &mut String) {
        let packed = self.uid_packed();
        for at in 0..usize::from(packed[0]) {
            let byte = packed[1 + at / 2];
            let nibble = if at % 2 == 0 { byte >> 4 } else { byte & 0xf };
            text.push(char::from(SYMBOLS[usize::from(nibble)]));
        }
    }

    pub(crate) fn date(&mut self) -> String {
        self.shaped(|number| format!("{number:08}"))
    }

    pub(crate) fn time(&mut self) -> String {
        self.shaped(|number| format!("{number:06}"))
    }

    fn shaped(&mut self, write: impl Fn(u32) -> String) -> String {
        match self.number() {
            0 => String::new(),
            1 => self.text().to_owned(),
            number => write(number - 2),
        }
    }
}

/// `YYYYMMDD`, or the `YYYY.MM.DD` of ACR-NEMA that old files hold, as a number that orders like the date.
pub(crate) fn date_number(date: &str) -> Option<u32> {
    let digits = match date.as_bytes() {
        [year @ .., b'.', m1, m2, b'.', d1, d2] if year.len() == 4 => {
            [year[0], year[1], year[2], year[3], *m1, *m2, *d1, *d2]
        }
        _ => date.as_bytes().try_into().ok()?,
    };
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = digits.iter().fold(0, |number, digit| number * 10 + u32::from(digit - b'0'));
    let (month, day) = (number / 100 % 100, number % 100);
    ((1..=12).contains(&month) && (1..=31).contains(&day)).then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_as_they_were() {
        let uids = ["1", "1.2", "1.2.840.10008.5.1.4.1.1.2", "2.25.336187217461892374619827364918273645123", "0.0..1"];
        let dates = ["", "20260730", "2026.07.30", "20261399", "garbage", "0", "00000101"];
        let times = ["", "101112", "101112.123", "10", "240000", "x", "999999"];
        let base = "1.2.840.10008.1";
        let mut packer = Packer::default();
        for uid in uids {
            packer.uid(uid);
            packer.uid_after(base, uid);
        }
        packer.uid_after(base, base);
        dates.iter().for_each(|date| packer.date(date));
        times.iter().for_each(|time| packer.time(time));
        for text in ["", "山田", "a\\b"] {
            packer.text(text);
        }
        for number in [0, 127, 128, u32::MAX] {
            packer.number(number);
        }
        let mut unpacker = Unpacker(&packer.0);
        for uid in uids {
            assert_eq!(unpacker.uid().as_str(), uid);
            assert_eq!(unpacker.uid_after(base).as_str(), uid);
        }
        assert_eq!(unpacker.uid_after(base).as_str(), base);
        assert_eq!(dates.map(|_| unpacker.date()), dates);
        assert_eq!(times.map(|_| unpacker.time()), times);
        for text in ["", "山田", "a\\b"] {
            assert_eq!(unpacker.text(), text);
        }
        assert_eq!([0; 4].map(|_| unpacker.number()), [0, 127, 128, u32::MAX]);
        assert!(unpacker.0.is_empty());
    }

    #[test]
    fn dates_out_of_shape_have_no_number() {
        for date in ["", "2026", "20261301", "20260732", "20260700", "2026-07-30", "2026073a", "２０２６０７３０"]
        {
            assert_eq!(date_number(date), None, "{date}");
        }
        assert_eq!(date_number("2026.07.30"), Some(20_260_730));
    }
}
