//! Character repertoires (PS3.5 6.1, PS3.3 C.12.1.1.2). Decoding never fails: what cannot be read becomes U+FFFD.

use std::borrow::Cow;

use encoding_rs::{
    EUC_JP, EUC_KR, Encoding, GB18030, GBK, ISO_8859_2, ISO_8859_3, ISO_8859_4, ISO_8859_5, ISO_8859_6, ISO_8859_7,
    ISO_8859_8, ISO_8859_15, UTF_8, WINDOWS_874, WINDOWS_1252, WINDOWS_1254,
};

/// What Specific Character Set (0008,0005) says of the text around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Charset {
    /// What bytes from 0x80 on mean before any escape sequence.
    initial: Upper,
    /// Whether the whole text is of one encoding that has no escape sequences (PS3.5 6.1.2.3 excludes them).
    whole: Option<&'static Encoding>,
}

/// What bytes from 0x80 on mean (ISO 2022's G1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Upper {
    /// Nothing was said. Read as UTF-8 when it is valid, else as Latin-1, which is what senders that say nothing mean.
    Unsaid,
    Latin1,
    Katakana,
    Encoded(&'static Encoding),
}

/// What bytes below 0x80 mean (ISO 2022's G0).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lower {
    Ascii,
    /// JIS X 0208, two bytes a character.
    Kanji,
    /// JIS X 0212, two bytes a character.
    SupplementaryKanji,
}

impl Charset {
    /// ISO 646 (the default repertoire).
    pub(crate) const DEFAULT: Self = Self { initial: Upper::Unsaid, whole: None };

    /// Reads the value of (0008,0005). Only its first term matters at the beginning of a text; what others announce is
    /// taken from the escape sequences themselves, announced or not.
    pub(crate) fn of_value(value: &[u8]) -> Self {
        let first = value.split(|&byte| byte == b'\\').next().unwrap_or_default().trim_ascii();
        let digits: Vec<u8> = match find(first, b"IR") {
            Some(at) => first[at + 2..].iter().copied().filter(u8::is_ascii_digit).collect(),
            None => Vec::new(),
        };
        let upper = |encoding| Self { initial: Upper::Encoded(encoding), whole: None };
        let whole = |encoding| Self { initial: Upper::Unsaid, whole: Some(encoding) };
        match digits.as_slice() {
            b"100" => Self { initial: Upper::Latin1, whole: None },
            b"101" => upper(ISO_8859_2),
            b"109" => upper(ISO_8859_3),
            b"110" => upper(ISO_8859_4),
            b"144" => upper(ISO_8859_5),
            b"127" => upper(ISO_8859_6),
            b"126" => upper(ISO_8859_7),
            b"138" => upper(ISO_8859_8),
            b"148" => upper(WINDOWS_1254),
            b"203" => upper(ISO_8859_15),
            b"166" => upper(WINDOWS_874),
            b"13" => Self { initial: Upper::Katakana, whole: None },
            b"149" => upper(EUC_KR),
            b"58" => upper(GBK),
            b"192" => whole(UTF_8),
            _ if first.eq_ignore_ascii_case(b"GB18030") => whole(GB18030),
            _ if first.eq_ignore_ascii_case(b"GBK") || first.eq_ignore_ascii_case(b"GB2312") => whole(GBK),
            _ if first.eq_ignore_ascii_case(b"UTF-8") || first.eq_ignore_ascii_case(b"UTF8") => whole(UTF_8),
            _ => Self::DEFAULT,
        }
    }

    /// Decodes a whole value, before it is split at `\`: a trailing byte of two may be 0x5C.
    pub(crate) fn decode(self, bytes: &[u8]) -> Cow<'_, str> {
        if bytes.is_ascii() && !bytes.contains(&ESCAPE) {
            return String::from_utf8_lossy(bytes);
        }
        if let Some(encoding) = self.whole {
            return encoding.decode_without_bom_handling(bytes).0;
        }
        let mut text = String::with_capacity(bytes.len() + bytes.len() / 2);
        self.decode_with_escapes(bytes, &mut text);
        Cow::Owned(text)
    }

    /// Encodes a value, with `?` for characters that the repertoire lacks. Code extensions are written only where
    /// bytes from 0x80 on mean something from the beginning.
    pub(crate) fn encode(self, text: &str) -> Vec<u8> {
        let encoding = match (self.whole, self.initial) {
            (Some(encoding), _) => encoding,
            (None, Upper::Encoded(encoding)) => encoding,
            (None, _) => return text.chars().map(|character| self.encode_alone(character)).collect(),
        };
        let mut bytes = Vec::with_capacity(text.len());
        let mut place = [0; 4];
        for character in text.chars() {
            let (encoded, _, unmappable) = encoding.encode(character.encode_utf8(&mut place));
            if unmappable { bytes.push(b'?') } else { bytes.extend_from_slice(&encoded) }
        }
        bytes
    }

    fn encode_alone(self, character: char) -> u8 {
        match (self.initial, u32::from(character)) {
            (_, code @ 0..0x80) => code as u8,
            (Upper::Latin1, code @ 0x80..0x100) => code as u8,
            (Upper::Katakana, code @ 0xFF61..=0xFF9F) => (code - 0xFF61 + 0xA1) as u8,
            _ => b'?',
        }
    }

    /// Code extensions (PS3.5 6.1.2.5).
    fn decode_with_escapes(self, mut bytes: &[u8], text: &mut String) {
        let (mut lower, mut upper) = (Lower::Ascii, self.initial);
        while let Some(&byte) = bytes.first() {
            let taken = match byte {
                ESCAPE => escape(bytes, &mut lower, &mut upper),
                0x80.. => {
                    let run = bytes.iter().take_while(|&&byte| byte >= 0x80).count();
                    decode_upper(upper, &bytes[..run], text);
                    run
                }
                0x21..=0x7E if lower != Lower::Ascii && matches!(bytes.get(1), Some(0x21..=0x7E)) => {
                    decode_kanji(lower, byte, bytes[1], text);
                    2
                }
                _ => {
                    // PS3.5 6.1.2.5.3: a delimiter brings back the beginning; where nothing was said for bytes from
                    // 0x80 on, the last designation stays, because senders forget to repeat it
                    if matches!(byte, b'\\' | b'^' | b'=' | b'\r' | b'\n' | b'\t' | 0x0C) {
                        lower = Lower::Ascii;
                        if self.initial != Upper::Unsaid {
                            upper = self.initial;
                        }
                    }
                    text.push(char::from(byte));
                    1
                }
            };
            bytes = &bytes[taken..];
        }
    }
}

const ESCAPE: u8 = 0x1B;

/// PS3.3 Tables C.12-3 and C.12-4. An unknown escape sequence is dropped.
fn escape(bytes: &[u8], lower: &mut Lower, upper: &mut Upper) -> usize {
    match bytes[1..] {
        [b'$', b'(', b'D', ..] => (*lower = Lower::SupplementaryKanji, 4).1,
        [b'$', b')', b'C', ..] => (*upper = Upper::Encoded(EUC_KR), 4).1,
        [b'$', b')', b'A', ..] => (*upper = Upper::Encoded(GBK), 4).1,
        [b'$', b'B' | b'@', ..] => (*lower = Lower::Kanji, 3).1,
        [b'(', b'B' | b'J', ..] => (*lower = Lower::Ascii, 3).1,
        [b')', b'I', ..] => (*upper = Upper::Katakana, 3).1,
        [b'-', set, ..] => {
            *upper = match set {
                b'A' => Upper::Latin1,
                b'B' => Upper::Encoded(ISO_8859_2),
                b'C' => Upper::Encoded(ISO_8859_3),
                b'D' => Upper::Encoded(ISO_8859_4),
                b'L' => Upper::Encoded(ISO_8859_5),
                b'G' => Upper::Encoded(ISO_8859_6),
                b'F' => Upper::Encoded(ISO_8859_7),
                b'H' => Upper::Encoded(ISO_8859_8),
                b'M' => Upper::Encoded(WINDOWS_1254),
                b'b' => Upper::Encoded(ISO_8859_15),
                b'T' => Upper::Encoded(WINDOWS_874),
                _ => *upper,
            };
            3
        }
        _ => 1,
    }
}

fn decode_upper(upper: Upper, bytes: &[u8], text: &mut String) {
    match upper {
        Upper::Unsaid => match std::str::from_utf8(bytes) {
            Ok(valid) => text.push_str(valid),
            Err(_) => text.push_str(&WINDOWS_1252.decode_without_bom_handling(bytes).0),
        },
        Upper::Latin1 => text.extend(bytes.iter().map(|&byte| char::from(byte))),
        Upper::Katakana => text.extend(bytes.iter().map(|&byte| match byte {
            0xA1..=0xDF => char::from_u32(0xFF61 + u32::from(byte) - 0xA1).expect("halfwidth katakana"),
            _ => char::REPLACEMENT_CHARACTER,
        })),
        Upper::Encoded(encoding) => text.push_str(&encoding.decode_without_bom_handling(bytes).0),
    }
}

/// Both Japanese sets stand in EUC-JP, with the top bits set and JIS X 0212 behind 0x8F.
fn decode_kanji(lower: Lower, first: u8, second: u8, text: &mut String) {
    let euc = [0x8F, first | 0x80, second | 0x80];
    let euc = if lower == Lower::SupplementaryKanji { &euc[..] } else { &euc[1..] };
    text.push_str(&EUC_JP.decode_without_bom_handling(euc).0);
}

fn find(text: &[u8], word: &[u8]) -> Option<usize> {
    text.windows(word.len()).position(|window| window == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(charset: &str, bytes: &[u8], text: &str) {
        assert_eq!(Charset::of_value(charset.as_bytes()).decode(bytes), text, "{charset}");
    }

    #[test]
    fn single_byte_repertoires_are_read() {
        check("ISO_IR 100", b"Buc^J\xE9r\xF4me", "Buc^Jérôme");
        check("ISO_IR 101", b"W\xB1\xB3", "Wął");
        check("ISO_IR 126", b"\xC4\xE9", "Δι");
        check("ISO_IR 127", b"\xE2\xC8", "قب");
        check("ISO_IR 138", b"\xF9\xF8", "שר");
        check("ISO_IR 144", b"\xBB\xEE", "Лю");
        check("ISO_IR 148", b"\xD0\xFE", "Ğş");
        check("ISO_IR 166", b"\xB9\xD2", "นา");
        check("ISO_IR 13", b"\xD4\xCF\xC0\xDE^\xC0\xDB\xB3", "ﾔﾏﾀﾞ^ﾀﾛｳ");
    }

    #[test]
    fn spellings_of_real_devices_are_read() {
        for charset in
            ["ISO_IR 100", "ISO_IR_100", "ISO-IR 100", "ISO 2022 IR 100", " ISO_IR 100 ", "ISO_IR 100\\ISO 2022 IR 126"]
        {
            check(charset, b"\xE9", "é");
        }
    }

    #[test]
    fn whole_encodings_have_no_escape_sequences() {
        check("ISO_IR 192", "Wang^小东".as_bytes(), "Wang^小东");
        check("GB18030", b"Wang^\xD0\xA1\xB6\xAB", "Wang^小东");
        // the trailing byte of this character is 0x5C, a backslash
        check("GBK", b"\x81\x5C", "乗");
    }

    #[test]
    fn code_extensions_switch_and_switch_back() {
        check("\\ISO 2022 IR 87", b"Yamada=\x1B$B;3ED\x1B(B^\x1B$BB@O:\x1B(B", "Yamada=山田^太郎");
        check("\\ISO 2022 IR 149", b"Hong=\x1B$)C\xFB\xF3^\x1B$)C\xD1\xCE\xD4\xD7", "Hong=洪^吉洞");
        check("\\ISO 2022 IR 149", b"\x1B$)C\xFB\xF3^\xD1\xCE", "洪^吉");
        check("\\ISO 2022 IR 58", b"\x1B$)A\xD0\xA1", "小");
        check("\\ISO 2022 IR 159", b"\x1B$(D0-\x1B(B", "丰");
        check("ISO 2022 IR 100\\ISO 2022 IR 144", b"\xE9\\\x1B-L\xBB\\\xE9", "é\\Л\\é");
    }

    #[test]
    fn damaged_text_becomes_replacement_characters() {
        check("ISO_IR 192", b"a\xFFb", "a\u{FFFD}b");
        check("ISO_IR 13", b"a\xF0b", "a\u{FFFD}b");
        check("\\ISO 2022 IR 87", b"\x1B", "");
        check("\\ISO 2022 IR 87", b"\x1B$", "$");
        check("\\ISO 2022 IR 87", b"\x1B$B;", ";");
    }

    #[test]
    fn undeclared_bytes_are_utf_8_or_latin_1() {
        check("", "é".as_bytes(), "é");
        check("", b"\xE9", "é");
        check("nonsense", b"\xE9", "é");
    }
}
