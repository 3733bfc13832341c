//! The answer to a message: MSH, MSA and an ERR segment for each thing to say (HL7 v2 chapter 2.9.2, original mode).

use model::Instant;
use protocol::OrderProblem;

use crate::Header;
use crate::time::text_of;

/// How a message is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// `AA`: taken, with what is worth knowing.
    Taken(Vec<OrderProblem>),
    /// `AE` or `AR`: nothing of it was done.
    Refused(OrderProblem),
}

impl Answer {
    fn code(&self) -> &'static str {
        match self {
            Self::Taken(_) => "AA",
            Self::Refused(problem) if problem.code.rejects() => "AR",
            Self::Refused(_) => "AE",
        }
    }
}

/// The acknowledgement, without its frame. `number` is by which it is known; `header` is the message's, as far as it was read.
#[must_use]
pub fn acknowledge(header: Option<&Header>, answer: &Answer, at: Instant, number: u64) -> Vec<u8> {
    let unknown = Header::default();
    let header = header.unwrap_or(&unknown);
    let version = if header.version.starts_with("2.") { header.version.as_str() } else { "2.5.1" };
    let processing = if header.processing.is_empty() { "P" } else { header.processing.as_str() };
    let mut text = format!(
        "MSH|^~\\&|LEADGLASS||{}|{}|{}||ACK^{}^ACK|LG{number}|{}|{}||||||{}\rMSA|{}|{}",
        escaped(&header.application),
        escaped(&header.facility),
        text_of(at),
        escaped(&header.event),
        escaped(processing),
        escaped(version),
        header.encoding.name(),
        answer.code(),
        escaped(&header.control_id),
    );
    let (problems, severity) = match answer {
        Answer::Taken(problems) => (problems.as_slice(), "W"),
        Answer::Refused(problem) => (std::slice::from_ref(problem), "E"),
    };
    // before 2.5 there is no text but in MSA-3, and the place is a component of ERR-1
    let old = matches!(version, "2.1" | "2.2" | "2.3" | "2.3.1" | "2.4");
    if let (true, Some(problem)) = (old, problems.first()) {
        text.push_str(&format!("|{}", escaped(&problem.text)));
    }
    for OrderProblem { code, place, text: why } in problems {
        let (segment, field) = (escaped(&place.segment), place.field);
        let place = if field == 0 { format!("{segment}^1") } else { format!("{segment}^1^{field}") };
        let (number, words) = (code.number(), code.words());
        text.push_str(&if old {
            let field = if field == 0 { String::new() } else { field.to_string() };
            format!("\rERR|{segment}^1^{field}^{number}&{words}&HL70357")
        } else {
            format!("\rERR||{place}|{number}^{words}^HL70357|{severity}||||{}", escaped(why))
        });
    }
    text.push('\r');
    header.encoding.encode(&text)
}

/// A text inside a field; control characters become spaces, so that nothing that was echoed begins a segment.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '|' => out.push_str("\\F\\"),
            '^' => out.push_str("\\S\\"),
            '&' => out.push_str("\\T\\"),
            '~' => out.push_str("\\R\\"),
            '\\' => out.push_str("\\E\\"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use protocol::ErrorCode;

    use super::*;
    use crate::Encoding;

    fn header(version: &str) -> Header {
        Header {
            application: "RIS|X".into(),
            facility: "Süd".into(),
            event: "O01".into(),
            control_id: "a^1\r".into(),
            processing: "P".into(),
            version: version.into(),
            encoding: Encoding::Utf8,
            ..Header::default()
        }
    }

    fn text(header: Option<&Header>, answer: &Answer) -> String {
        String::from_utf8(acknowledge(header, answer, Instant(0), 7)).unwrap()
    }

    #[test]
    fn an_answer_names_the_message_and_echoes_nothing_that_cuts_it() {
        let all = Answer::Taken(Vec::new());
        let expected = "MSH|^~\\&|LEADGLASS||RIS\\F\\X|Süd|19700101000000+0000||ACK^O01^ACK|LG7|P|2.5.1||||||UNICODE UTF-8\rMSA|AA|a\\S\\1 \r";
        assert_eq!(text(Some(&header("2.5.1")), &all), expected);
    }

    #[test]
    fn what_is_wrong_stands_in_an_err_segment_of_the_messages_version() {
        let problem = OrderProblem::at(ErrorCode::UnknownKey, "ORC", 12, "nobody");
        let refused = Answer::Refused(problem.clone());
        let said = text(Some(&header("2.5.1")), &refused);
        assert!(
            said.ends_with("MSA|AE|a\\S\\1 \rERR||ORC^1^12|204^Unknown key identifier^HL70357|E||||nobody\r"),
            "{said}"
        );
        let said = text(Some(&header("2.3.1")), &refused);
        assert!(said.ends_with("MSA|AE|a\\S\\1 |nobody\rERR|ORC^1^12^204&Unknown key identifier&HL70357\r"), "{said}");
        let said = text(Some(&header("2.5.1")), &Answer::Taken(vec![problem]));
        assert!(said.contains("MSA|AA|") && said.contains("HL70357|W|"), "{said}");
        let rejected = OrderProblem::at(ErrorCode::UnsupportedVersion, "MSH", 0, "no");
        let said = text(None, &Answer::Refused(rejected));
        assert!(said.contains("MSA|AR|\rERR||MSH^1|203^"), "{said}");
    }
}
