//! A message as segments, fields, repetitions, components and subcomponents (HL7 v2 chapter 2.5 to 2.7).

use protocol::{ErrorCode, OrderProblem};

use crate::{FIELD_BYTES_MAX, SEGMENT_BYTES_MAX, SEGMENTS_MAX};

/// What separates, as MSH-1 and MSH-2 say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Separators {
    pub(crate) field: char,
    pub(crate) component: char,
    pub(crate) repetition: char,
    pub(crate) escape: char,
    pub(crate) subcomponent: char,
}

impl Separators {
    /// Of a text that begins with `MSH`.
    pub(crate) fn of(text: &str) -> Result<Self, OrderProblem> {
        let wrong = |field| {
            let why = "five different characters that are neither letters nor digits are expected, usually |^~\\&";
            OrderProblem::at(ErrorCode::DataType, "MSH", field, why)
        };
        let rest = text.strip_prefix("MSH").ok_or_else(|| {
            OrderProblem::at(ErrorCode::SegmentSequence, "MSH", 0, "the message does not begin with MSH")
        })?;
        let mut characters = rest.chars();
        let field = characters.next().ok_or_else(|| wrong(1))?;
        let coding: Vec<char> = characters.take_while(|c| *c != field).take(6).collect();
        // a fifth one is for truncation, from version 2.7 on
        let &[component, repetition, escape, subcomponent, ..] = coding.as_slice() else { return Err(wrong(2)) };
        let separators = Self { field, component, repetition, escape, subcomponent };
        let all = [field, component, repetition, escape, subcomponent];
        let each_once = all.iter().enumerate().all(|(position, c)| !all[..position].contains(c));
        if coding.len() > 5 || !each_once || !all.iter().all(char::is_ascii_punctuation) {
            return Err(wrong(2));
        }
        Ok(separators)
    }
}

/// A message whose segments have names.
pub(crate) struct Message {
    text: String,
    pub(crate) separators: Separators,
}

impl Message {
    /// Cuts a text into segments. Line feeds end a segment as well: they are no text in HL7.
    pub(crate) fn parse(text: String) -> Result<Self, OrderProblem> {
        let separators = Separators::of(&text)?;
        let mut count = 0;
        for line in lines(&text) {
            count += 1;
            let name = line.get(..3).unwrap_or_default();
            let named = name.bytes().enumerate().all(|(position, byte)| match position {
                0 => byte.is_ascii_uppercase(),
                _ => byte.is_ascii_uppercase() || byte.is_ascii_digit(),
            });
            let cut = line.get(3..).is_some_and(|rest| rest.is_empty() || rest.starts_with(separators.field));
            if name.len() != 3 || !named || !cut || (name == "MSH") != (count == 1) {
                let why = "each segment begins with its name of three letters and digits; MSH comes first, and once";
                return Err(OrderProblem::at(ErrorCode::SegmentSequence, "MSH", 0, why));
            }
            if line.len() > SEGMENT_BYTES_MAX || count > SEGMENTS_MAX {
                let why = format!(
                    "a segment has at most {SEGMENT_BYTES_MAX} bytes and a message at most {SEGMENTS_MAX} segments; send it without documents"
                );
                return Err(OrderProblem::at(ErrorCode::DataType, name, 0, &why));
            }
            if line.contains(|c: char| c.is_control() && c != '\t') {
                let why = "a segment holds a control character";
                return Err(OrderProblem::at(ErrorCode::DataType, name, 0, why));
            }
        }
        Ok(Self { text, separators })
    }

    /// Every segment, in order.
    pub(crate) fn segments(&self) -> impl Iterator<Item = Segment<'_>> {
        lines(&self.text).map(|line| Segment { line, separators: self.separators })
    }

    /// The first segment of this name.
    pub(crate) fn first(&self, name: &str) -> Option<Segment<'_>> {
        self.segments().find(|segment| segment.name() == name)
    }
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split(['\r', '\n']).filter(|line| !line.is_empty())
}

/// One segment.
#[derive(Clone, Copy)]
pub(crate) struct Segment<'m> {
    line: &'m str,
    separators: Separators,
}

impl<'m> Segment<'m> {
    pub(crate) fn name(&self) -> &'m str {
        &self.line[..3]
    }

    /// A field by its number in the standard; empty when it is not there.
    pub(crate) fn field(&self, number: usize) -> Result<Part<'m>, OrderProblem> {
        // the separator itself is MSH-1
        let place = if self.name() == "MSH" { number - 1 } else { number };
        let text = self.line.split(self.separators.field).nth(place).unwrap_or_default();
        if text.len() > FIELD_BYTES_MAX {
            let why = format!("the field is longer than {FIELD_BYTES_MAX} bytes");
            return Err(OrderProblem::at(ErrorCode::DataType, self.name(), number as u8, &why));
        }
        Ok(Part { text, separators: self.separators })
    }

    /// The text of a field that has no parts.
    pub(crate) fn text(&self, number: usize) -> Result<String, OrderProblem> {
        Ok(self.field(number)?.component(1).text())
    }
}

/// A field, a repetition or a component.
#[derive(Clone, Copy)]
pub(crate) struct Part<'m> {
    text: &'m str,
    separators: Separators,
}

impl<'m> Part<'m> {
    fn of(self, text: &'m str) -> Self {
        Self { text, ..self }
    }

    /// The repetitions of a field.
    pub(crate) fn repetitions(self) -> impl Iterator<Item = Self> {
        self.text.split(self.separators.repetition).map(move |text| self.of(text))
    }

    /// A component of the first repetition, from 1.
    pub(crate) fn component(self, number: usize) -> Self {
        let first = self.text.split(self.separators.repetition).next().unwrap_or_default();
        self.of(first.split(self.separators.component).nth(number - 1).unwrap_or_default())
    }

    /// A subcomponent of a component, from 1.
    pub(crate) fn subcomponent(self, number: usize) -> Self {
        self.of(self.text.split(self.separators.subcomponent).nth(number - 1).unwrap_or_default())
    }

    /// The text of the first subcomponent, without escape sequences (chapter 2.7) and surrounding spaces. `""`, which deletes a value at the
    /// receiver, is no text.
    pub(crate) fn text(self) -> String {
        let text = self.subcomponent(1).text;
        if text == "\"\"" {
            return String::new();
        }
        unescape(text, self.separators).0.trim().to_owned()
    }

    /// The same for what names somebody or something: nothing where an escape sequence is not known, because what is left could be another
    /// name.
    pub(crate) fn name(self) -> Option<String> {
        unescape(self.subcomponent(1).text, self.separators).1.then(|| self.text())
    }
}

/// Replaces `\F\`, `\S\`, `\T\`, `\R\`, `\E\` and `\Xhh..\` of printable ASCII; what highlights or breaks lines goes, and so does
/// every sequence that is not known: no part of an identifier is guessed. Also whether all are known.
fn unescape(text: &str, separators: Separators) -> (String, bool) {
    let (mut out, mut known) = (String::with_capacity(text.len()), true);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(separators.escape) {
        out.push_str(before);
        let Some((sequence, behind)) = after.split_once(separators.escape) else {
            // a lone escape character
            out.push(separators.escape);
            rest = after;
            continue;
        };
        match sequence {
            "F" => out.push(separators.field),
            "S" => out.push(separators.component),
            "T" => out.push(separators.subcomponent),
            "R" => out.push(separators.repetition),
            "E" => out.push(separators.escape),
            _ => match hexadecimal(sequence) {
                Some(characters) => out.extend(characters),
                None => known = false,
            },
        }
        rest = behind;
    }
    out.push_str(rest);
    (out, known)
}

fn hexadecimal(sequence: &str) -> Option<Vec<char>> {
    let digits = sequence.strip_prefix('X')?;
    if digits.is_empty() || digits.len() % 2 != 0 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let bytes = digits.as_bytes().chunks_exact(2);
    let characters = bytes.map(|pair| {
        let byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        (b' '..=b'~').contains(&byte).then_some(char::from(byte))
    });
    characters.collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn parsed(text: &str) -> Result<Message, OrderProblem> {
        Message::parse(text.to_owned())
    }

    #[test]
    fn fields_have_the_numbers_of_the_standard() {
        let message = parsed("MSH|^~\\&|RIS|NORTH\rPID|1||17^^^A&1.2&ISO~18^^^B\r").unwrap();
        let msh = message.first("MSH").unwrap();
        assert_eq!((msh.text(3).unwrap().as_str(), msh.text(4).unwrap().as_str()), ("RIS", "NORTH"));
        let ids: Vec<_> = message.first("PID").unwrap().field(3).unwrap().repetitions().collect();
        let parts = ids.iter().map(|id| (id.component(1).text(), id.component(4).subcomponent(2).text()));
        assert_eq!(parts.collect::<Vec<_>>(), [("17".into(), "1.2".into()), ("18".into(), String::new())]);
        assert_eq!(message.first("PID").unwrap().text(40).unwrap(), "");
    }

    #[test]
    fn other_separators_are_taken_as_the_message_says() {
        let message = parsed("MSH*:+!%*RIS\nPID***17:::A%1.2\n").unwrap();
        let id = message.first("PID").unwrap().field(3).unwrap();
        assert_eq!(id.component(4).subcomponent(2).text(), "1.2");
    }

    #[test]
    fn escapes_are_read_and_unknown_ones_leave_nothing() {
        let message =
            parsed("MSH|^~\\&|\\T\\x\\F\\y\\E\\z\\R\\\\S\\|\\X4142\\\\X0A\\\\.br\\\\Zfoo\\c|a\\b|\"\"\r").unwrap();
        let field = |number| message.first("MSH").unwrap().text(number).unwrap();
        assert_eq!(field(3), "&x|y\\z~^");
        assert_eq!(field(4), "ABc");
        assert_eq!(field(5), "a\\b");
        assert_eq!(field(6), "");
    }

    #[test]
    fn what_is_no_message_says_so() {
        for (text, code) in [
            ("", ErrorCode::SegmentSequence),
            ("PID|1\r", ErrorCode::SegmentSequence),
            ("MSH", ErrorCode::DataType),
            ("MSH|^~\\\r", ErrorCode::DataType),
            ("MSH|^^\\&|\r", ErrorCode::DataType),
            ("MSHabcde|\r", ErrorCode::DataType),
            ("MSH|^~\\&|\rpid|1\r", ErrorCode::SegmentSequence),
            ("MSH|^~\\&|\rPI\r", ErrorCode::SegmentSequence),
            ("MSH|^~\\&|\rPIDX|1\r", ErrorCode::SegmentSequence),
            ("MSH|^~\\&|\rMSH|^~\\&|\r", ErrorCode::SegmentSequence),
            ("MSH|^~\\&|\rPID|\u{7}\r", ErrorCode::DataType),
            ("MSH|^~\\&|\rÄPI|1\r", ErrorCode::SegmentSequence),
            ("MSH|^~\\&|\rPIÄ|1\r", ErrorCode::SegmentSequence),
        ] {
            assert_eq!(parsed(text).err().map(|problem| problem.code), Some(code), "{text:?}");
        }
    }

    #[test]
    fn a_segment_just_past_its_limit_and_a_segment_too_many_are_refused() {
        let head = "MSH|^~\\&|RIS\r";
        let longest = format!("{head}OBX|{}\r", "x".repeat(SEGMENT_BYTES_MAX - 4));
        assert!(parsed(&longest).is_ok());
        assert!(parsed(&longest.replace("OBX|", "OBX|x")).is_err());
        let most = format!("{head}{}", "NTE|\r".repeat(SEGMENTS_MAX - 1));
        assert!(parsed(&most).is_ok());
        assert!(parsed(&format!("{most}NTE|\r")).is_err());
        let field = format!("{head}PID|{}\r", "x".repeat(FIELD_BYTES_MAX + 1));
        assert!(
            parsed(&field).unwrap().first("PID").unwrap().field(1).is_err(),
            "what is not wanted is not in the way"
        );
    }
}
