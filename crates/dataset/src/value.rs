//! Values in the DICOM JSON Model (PS3.18 F.2.3, Table F.2.3-1).

use std::borrow::Cow;

use dicom_core::VR;

use crate::charset::Charset;
use crate::element::Syntax;
use crate::json::Json;

/// Whether values of this VR are binary in JSON (`InlineBinary` or bulk).
pub(crate) fn is_binary(vr: VR) -> bool {
    matches!(vr, VR::OB | VR::OD | VR::OF | VR::OL | VR::OV | VR::OW | VR::UN)
}

/// Whether values of this VR are text in the data set's repertoire (PS3.5 6.1.2.2).
pub(crate) fn is_extensible_text(vr: VR) -> bool {
    matches!(vr, VR::LO | VR::LT | VR::PN | VR::SH | VR::ST | VR::UC | VR::UT)
}

/// Whether a value of this VR is one text, in which `\` is a character and leading spaces count (PS3.5 6.2).
fn is_long_text(vr: VR) -> bool {
    matches!(vr, VR::LT | VR::ST | VR::UT | VR::UR)
}

/// A text value decoded, without padding; several values are still joined by `\`.
pub(crate) fn text(vr: VR, raw: &[u8], charset: Charset) -> Cow<'_, str> {
    let charset = if is_extensible_text(vr) { charset } else { Charset::DEFAULT };
    match charset.decode(raw) {
        Cow::Borrowed(text) => Cow::Borrowed(trim(vr, text)),
        Cow::Owned(text) => Cow::Owned(trim(vr, &text).to_owned()),
    }
}

/// PS3.5 6.2: what is padding and what belongs to the value.
fn trim(vr: VR, text: &str) -> &str {
    let text = text.trim_end_matches([' ', '\0']);
    if is_long_text(vr) || vr == VR::UC { text } else { text.trim_start_matches(' ') }
}

/// Writes the value of one attribute behind its `"vr"`, nothing when it is empty.
pub(crate) fn write(json: &mut Json, vr: VR, raw: &[u8], syntax: Syntax, charset: Charset) {
    if raw.is_empty() {
        return;
    }
    if is_binary(vr) {
        json.inline_binary(raw, unit_bytes(vr), syntax.big_endian);
        return;
    }
    let start = json.len();
    json.open_values();
    let empty = json.len();
    match vr {
        VR::AT => numbers(raw, 4, |value| json.tag(syntax.tag(value))),
        VR::US => numbers(raw, 2, |value| json.number(syntax.u16(value).into())),
        VR::SS => numbers(raw, 2, |value| json.number((syntax.u16(value) as i16).into())),
        VR::UL => numbers(raw, 4, |value| json.number(syntax.u32(value).into())),
        VR::SL => numbers(raw, 4, |value| json.number((syntax.u32(value) as i32).into())),
        VR::UV => numbers(raw, 8, |value| wide(json, syntax.u64(value).into())),
        VR::SV => numbers(raw, 8, |value| wide(json, (syntax.u64(value) as i64).into())),
        VR::FL => numbers(raw, 4, |value| float32(json, f32::from_bits(syntax.u32(value)))),
        VR::FD => numbers(raw, 8, |value| float64(json, f64::from_bits(syntax.u64(value)))),
        _ => strings(json, vr, &text(vr, raw, charset)),
    }
    if json.len() == empty {
        // padding only: an empty value has no "Value"
        json.truncate(start);
    } else {
        json.close_values();
    }
}

fn numbers(raw: &[u8], bytes: usize, write: impl FnMut(&[u8])) {
    raw.chunks_exact(bytes).for_each(write);
}

fn strings(json: &mut Json, vr: VR, text: &str) {
    if text.is_empty() {
        return;
    }
    if is_long_text(vr) {
        json.string(text);
        return;
    }
    for value in text.split('\\') {
        let value = trim(vr, value);
        match vr {
            _ if value.is_empty() => json.null(),
            VR::PN => person_name(json, value),
            VR::DS | VR::IS => match number(value) {
                Some(number) => json.raw(&number),
                None => json.string(value),
            },
            _ => json.string(value),
        }
    }
}

/// PS3.18 F.2.2: component groups of a person's name.
fn person_name(json: &mut Json, value: &str) {
    let start = json.open_object();
    for (name, group) in ["Alphabetic", "Ideographic", "Phonetic"].into_iter().zip(value.split('=')) {
        let group = group.trim_matches(' ');
        if !group.is_empty() {
            json.member(name, group);
        }
    }
    json.close_object(start, true);
}

/// A DS or IS as JSON number: the same digits, in the form that JSON asks for. `None` when it is no number.
pub(crate) fn number(text: &str) -> Option<Cow<'_, str>> {
    let bytes = text.as_bytes();
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.find(['e', 'E']) {
        Some(at) => (&unsigned[..at], Some(&unsigned[at + 1..])),
        None => (unsigned, None),
    };
    let (whole, fraction) = mantissa.split_once('.').map_or((mantissa, None), |(whole, rest)| (whole, Some(rest)));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let some = |part: &str| !part.is_empty() && digits(part);
    let exponent_fits = exponent.is_none_or(|exponent| some(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)));
    if !digits(whole) || !fraction.is_none_or(digits) || !exponent_fits || !(some(whole) || fraction.is_some_and(some))
    {
        return None;
    }
    let canonical = bytes[0] != b'+'
        && !whole.is_empty()
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(|fraction| !fraction.is_empty());
    if canonical {
        return Some(Cow::Borrowed(text));
    }
    let mut number = String::with_capacity(text.len() + 2);
    if bytes[0] == b'-' {
        number.push('-');
    }
    let whole = whole.trim_start_matches('0');
    number.push_str(if whole.is_empty() { "0" } else { whole });
    if let Some(fraction) = fraction.filter(|fraction| !fraction.is_empty()) {
        number.push('.');
        number.push_str(fraction);
    }
    if let Some(exponent) = exponent {
        number.push('e');
        number.push_str(exponent);
    }
    Some(Cow::Owned(number))
}

/// 64-bit integers that a double cannot hold are strings (PS3.18 Table F.2.3-1).
fn wide(json: &mut Json, number: i128) {
    if number.unsigned_abs() <= 1 << 53 { json.number(number) } else { json.string(&number.to_string()) }
}

fn float32(json: &mut Json, value: f32) {
    let plain = value == 0.0 || (1e-5..1e16).contains(&value.abs());
    float(json, value.into(), if plain { value.to_string() } else { format!("{value:e}") });
}

fn float64(json: &mut Json, value: f64) {
    let plain = value == 0.0 || (1e-5..1e16).contains(&value.abs());
    float(json, value, if plain { value.to_string() } else { format!("{value:e}") });
}

/// JSON has no number for these; they are named as readers of the model name them.
fn float(json: &mut Json, value: f64, text: String) {
    if value.is_nan() {
        json.string("NaN");
    } else if value.is_infinite() {
        json.string(if value > 0.0 { "Infinity" } else { "-Infinity" });
    } else {
        json.raw(&text);
    }
}

/// What is swapped as one in big endian (PS3.5 7.3).
pub(crate) fn unit_bytes(vr: VR) -> usize {
    match vr {
        VR::OW => 2,
        VR::OF | VR::OL => 4,
        VR::OD | VR::OV => 8,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(vr: VR, raw: &[u8], expected: &str) {
        let mut json = Json::new();
        write(&mut json, vr, raw, Syntax::EXPLICIT, Charset::of_value(b"ISO_IR 192"));
        assert_eq!(String::from_utf8_lossy(&json.into_bytes()), expected, "{vr} {raw:?}");
    }

    #[test]
    fn text_becomes_strings() {
        check(VR::CS, b"ORIGINAL\\PRIMARY\\\\AXIAL ", r#","Value":["ORIGINAL","PRIMARY",null,"AXIAL"]"#);
        check(VR::UI, b"1.2.3\0", r#","Value":["1.2.3"]"#);
        check(VR::LT, b" a\\b  ", r#","Value":[" a\\b"]"#);
        check(VR::LO, b" a ", r#","Value":["a"]"#);
        check(VR::LO, b"  ", "");
        check(VR::LO, b"", "");
        check(VR::DA, b"20200101-", r#","Value":["20200101-"]"#);
    }

    #[test]
    fn names_become_component_groups() {
        check(
            VR::PN,
            "Yamada^Tarou=山田^太郎=やまだ^たろう".as_bytes(),
            r#","Value":[{"Alphabetic":"Yamada^Tarou","Ideographic":"山田^太郎","Phonetic":"やまだ^たろう"}]"#,
        );
        check(VR::PN, "==やまだ".as_bytes(), r#","Value":[{"Phonetic":"やまだ"}]"#);
        check(VR::PN, b"A^B\\C^D", r#","Value":[{"Alphabetic":"A^B"},{"Alphabetic":"C^D"}]"#);
        check(VR::PN, b"a=b=c=d", r#","Value":[{"Alphabetic":"a","Ideographic":"b","Phonetic":"c"}]"#);
    }

    #[test]
    fn decimal_and_integer_strings_become_numbers_where_they_are_some() {
        check(VR::DS, b"1.50\\-2\\+3 \\.5\\5.\\007\\1e-6\\ 4", r#","Value":[1.50,-2,3,0.5,5,7,1e-6,4]"#);
        check(VR::DS, b"-0.0\\00\\-.25\\1.E5", r#","Value":[-0.0,0,-0.25,1e5]"#);
        check(VR::DS, b"1,5\\NaN\\-\\.\\e5\\1e\\--1", r#","Value":["1,5","NaN","-",".","e5","1e","--1"]"#);
        check(VR::IS, b"12\\1A\\", r#","Value":[12,"1A",null]"#);
    }

    #[test]
    fn binary_numbers_become_numbers() {
        check(VR::US, &[1, 0, 0xFF, 0xFF, 9], r#","Value":[1,65535]"#);
        check(VR::SS, &[0xFF, 0xFF], r#","Value":[-1]"#);
        check(VR::SL, &[0xFE, 0xFF, 0xFF, 0xFF], r#","Value":[-2]"#);
        check(VR::AT, &[0x28, 0, 0x63, 0x10], r#","Value":["00281063"]"#);
        check(VR::FL, &0.1f32.to_le_bytes(), r#","Value":[0.1]"#);
        check(VR::FD, &1e300f64.to_le_bytes(), r#","Value":[1e300]"#);
        check(VR::FD, &f64::NAN.to_le_bytes(), r#","Value":["NaN"]"#);
        check(VR::FD, &f64::NEG_INFINITY.to_le_bytes(), r#","Value":["-Infinity"]"#);
        check(VR::UV, &u64::MAX.to_le_bytes(), r#","Value":["18446744073709551615"]"#);
        check(VR::SV, &(-5i64).to_le_bytes(), r#","Value":[-5]"#);
        check(VR::US, &[1], "");
    }

    #[test]
    fn opaque_bytes_become_base64() {
        check(VR::OB, &[0, 1], r#","InlineBinary":"AAE=""#);
        check(VR::UN, b"abc", r#","InlineBinary":"YWJj""#);
    }
}
