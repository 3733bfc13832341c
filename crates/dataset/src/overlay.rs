//! What changes on output: patient attributes of moved studies, places of bulk data. Stored bytes never change.

use std::io::{self, Read};

use dicom_core::VR;
use protocol::PatientAttributes;

use crate::charset::Charset;
use crate::deflate::Inflate;
use crate::element::{
    Header, ITEM, ITEM_DELIMITATION, PIXEL_DATA, SEQUENCE_DELIMITATION, SPECIFIC_CHARACTER_SET, Syntax, dictionary_vr,
};
use crate::json::{Json, entries};
use crate::source::Source;
use crate::transfer_syntax::{EXPLICIT_LITTLE_ENDIAN, settle};
use crate::value;
use crate::{FileMeta, MetadataObject, Region, ScanError, file_meta};

/// The JSON of one instance with the patient's attributes replaced by those of the patient that the study is filed
/// under. Other identifiers of the former patient, (0010,0024) and (0010,1000) to (0010,1002), are left out.
#[must_use]
pub fn apply_overlay(json: &[u8], patient: &PatientAttributes) -> Vec<u8> {
    let mut out = Vec::with_capacity(json.len() + 256);
    out.push(b'{');
    let mut add = |entry: &[u8]| {
        if out.len() > 1 {
            out.push(b',');
        }
        out.extend_from_slice(entry);
    };
    let mut overlay = overlay_values(patient).into_iter().peekable();
    for (digits, entry) in entries(json) {
        let tag = std::str::from_utf8(digits).ok().and_then(|digits| u32::from_str_radix(digits, 16).ok());
        let Some(tag) = tag else { continue };
        while let Some((tag, vr, text)) = overlay.next_if(|(new, ..)| *new < tag) {
            add(&json_entry(tag, vr, text));
        }
        if !is_replaced(tag) {
            add(entry);
        }
    }
    overlay.for_each(|(tag, vr, text)| add(&json_entry(tag, vr, text)));
    out.push(b'}');
    out
}

/// Appends the JSON to `out` with `leadglass:` in every BulkDataURI replaced by `prefix`, which must need no escapes
/// in JSON. Takes one object or several joined by commas.
pub fn rewrite_bulk_uris(json: &[u8], prefix: &str, out: &mut Vec<u8>) {
    // inside a string every quotation mark is escaped, so this cannot stand in a value
    const MARK: &str = "\"BulkDataURI\":\"leadglass:";
    const KEPT: usize = MARK.len() - "leadglass:".len();
    let Ok(text) = std::str::from_utf8(json) else {
        return out.extend_from_slice(json);
    };
    out.reserve(text.len());
    let mut from = 0;
    for (at, _) in text.match_indices(MARK) {
        out.extend_from_slice(&json[from..at + KEPT]);
        out.extend_from_slice(prefix.as_bytes());
        from = at + MARK.len();
    }
    out.extend_from_slice(&json[from..]);
}

/// The header to send instead of the first [`MetadataObject::dataset_offset`] bytes of the stored stream: those bytes
/// themselves when they are a Part 10 header, a new one when not.
#[must_use]
pub fn output_header(metadata: &MetadataObject, stored: &[u8]) -> Vec<u8> {
    if metadata.part10 { stored.to_vec() } else { new_header(metadata, metadata.transfer_syntax.clone()) }
}

/// Copies a stored stream with the patient's attributes replaced (for moved studies). Only top level patient attributes
/// change; every other byte passes through. The values take the data set's own character repertoire; characters that
/// it lacks become `?`; where it is not said and needed, it becomes UTF-8. A deflated data set leaves as explicit VR
/// little endian, with a new header.
pub fn overlay_part10(
    reader: &mut dyn Read,
    metadata: &MetadataObject,
    patient: &PatientAttributes,
    out: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> Result<(), ScanError> {
    let mut header = vec![0; usize::try_from(metadata.dataset_offset).expect("a header fits in memory")];
    reader.read_exact(&mut header).map_err(ScanError::Read)?;
    if metadata.deflated {
        let explicit = model::Uid::parse(EXPLICIT_LITTLE_ENDIAN).expect("a constant UID");
        out(&new_header(metadata, explicit)).map_err(ScanError::Sink)?;
        return overlay_dataset(&mut Inflate::new(reader), metadata, patient, out);
    }
    out(&output_header(metadata, &header)).map_err(ScanError::Sink)?;
    overlay_dataset(reader, metadata, patient, out)
}

fn new_header(metadata: &MetadataObject, transfer_syntax: model::Uid) -> Vec<u8> {
    file_meta(&FileMeta {
        sop_class: metadata.sop_class.clone(),
        sop_instance: metadata.sop_instance.clone(),
        transfer_syntax,
        source_ae: None,
    })
}

/// What stands in the place of the former patient, ascending by tag.
fn overlay_values(patient: &PatientAttributes) -> Vec<(u32, VR, &str)> {
    let mut values = vec![(0x0010_0010, VR::PN, patient.name.as_str()), (0x0010_0020, VR::LO, patient.id.as_str())];
    if !patient.issuer.is_empty() {
        values.push((0x0010_0021, VR::LO, patient.issuer.as_str()));
    }
    values.push((0x0010_0030, VR::DA, patient.birth_date.as_str()));
    values.push((0x0010_0040, VR::CS, patient.sex.as_str()));
    values
}

fn is_replaced(tag: u32) -> bool {
    matches!(
        tag,
        0x0010_0010
            | 0x0010_0020
            | 0x0010_0021
            | 0x0010_0024
            | 0x0010_0030
            | 0x0010_0040
            | 0x0010_1000
            | 0x0010_1001
            | 0x0010_1002
    )
}

fn json_entry(tag: u32, vr: VR, text: &str) -> Vec<u8> {
    let mut json = Json::new();
    json.open_attribute(tag, vr);
    value::write(&mut json, vr, text.as_bytes(), Syntax::EXPLICIT, Charset::of_value(b"ISO_IR 192"));
    json.close_attribute();
    json.into_bytes()
}

/// What is dropped goes to the sink as this, and stops there.
const DROPPED: Region = Region::Preamble;
const PASSED: Region = Region::DataSet;

fn overlay_dataset(
    reader: &mut dyn Read,
    metadata: &MetadataObject,
    patient: &PatientAttributes,
    out: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> Result<(), ScanError> {
    let mut sink = |bytes: &[u8], region: Region| if region == DROPPED { Ok(()) } else { out(bytes) };
    let mut source = Source::new(reader, Some(&mut sink), 0, u64::MAX, |max| ScanError::TooLong { max });
    source.need(8)?;
    let encoding = settle(Some(metadata.transfer_syntax.clone()), source.peek(), true).ok_or(ScanError::NotDicom)?;
    let syntax = encoding.syntax;
    let values = overlay_values(patient);
    let needs_charset = !values.iter().all(|(_, _, text)| text.is_ascii());
    let mut values = values.into_iter().peekable();
    // the repertoire, once it is known; before that no value can be written
    let mut charset: Option<Charset> = None;
    loop {
        source.enter(PASSED)?;
        source.need(Header::BYTES_MAX)?;
        let header = Header::read(source.peek(), syntax);
        let header = header.filter(|header| header.tag >> 16 != 0);
        let tag = header.map_or(u32::MAX, |header| header.tag);
        if tag == SPECIFIC_CHARACTER_SET
            && let Some(header) = header
            && let Some(length) = header.length
        {
            source.need(header.bytes + length as usize)?;
            let value = source.peek().get(header.bytes..header.bytes + length as usize).unwrap_or_default();
            charset = Some(Charset::of_value(value)).filter(|&charset| charset != Charset::DEFAULT || !needs_charset);
            if charset.is_none() {
                source.enter(DROPPED)?;
            }
        }
        if tag > SPECIFIC_CHARACTER_SET && charset.is_none() {
            charset = Some(Charset::DEFAULT);
            if needs_charset {
                charset = Some(Charset::of_value(b"ISO_IR 192"));
                source.insert(&encode(SPECIFIC_CHARACTER_SET, VR::CS, b"ISO_IR 192", syntax))?;
            }
        }
        if let Some(charset) = charset {
            while let Some((tag, vr, text)) = values.next_if(|(new, ..)| *new < tag || tag >= PIXEL_DATA) {
                source.insert(&encode(tag, vr, &charset.encode(text), syntax))?;
            }
        }
        let Some(header) = header.filter(|header| header.tag < PIXEL_DATA) else { break };
        if is_replaced(tag) || matches!(tag, 0x0008_0000 | 0x0010_0000) {
            source.enter(DROPPED)?;
        }
        skip_element(&mut source, header, syntax)?;
    }
    source.enter(PASSED)?;
    source.skip(u64::MAX)?;
    source.flush()
}

/// Passes over one element with everything nested in it. A stream that was scanned whole is not cut.
fn skip_element(source: &mut Source<'_, '_>, header: Header, syntax: Syntax) -> Result<(), ScanError> {
    source.advance(header.bytes);
    let Some(length) = header.length else {
        let is_unknown = header.vr == Some(VR::UN);
        return skip_items(source, if is_unknown { Syntax::IMPLICIT } else { syntax });
    };
    source.skip(length.into()).map(|_| ())
}

/// Passes over items up to the delimiter of their sequence.
fn skip_items(source: &mut Source<'_, '_>, syntax: Syntax) -> Result<(), ScanError> {
    let mut depth = 1u32;
    while depth > 0 && source.need(8)? {
        source.need(Header::BYTES_MAX)?;
        let Some(header) = Header::read(source.peek(), syntax) else { break };
        source.advance(header.bytes);
        match (header.tag, header.length) {
            // an item of undefined length ends with a delimiter of its own
            (ITEM_DELIMITATION | SEQUENCE_DELIMITATION, _) => depth -= 1,
            (ITEM, Some(length)) => drop(source.skip(length.into())?),
            (_, None) => depth += 1,
            (_, Some(length)) => drop(source.skip(length.into())?),
        }
    }
    Ok(())
}

/// One element with a short value, padded to an even length.
fn encode(tag: u32, vr: VR, value: &[u8], syntax: Syntax) -> Vec<u8> {
    debug_assert_eq!(dictionary_vr(tag, false), vr, "only attributes of the standard are written");
    let u16 = |number: u16| if syntax.big_endian { number.to_be_bytes() } else { number.to_le_bytes() };
    let mut value = value.to_vec();
    // 16 bits of length; the registry holds no value that long
    value.truncate(usize::from(u16::MAX) - 1);
    if value.len() % 2 == 1 {
        value.push(b' ');
    }
    let length = value.len() as u16;
    let mut element = Vec::with_capacity(8 + value.len());
    element.extend_from_slice(&u16((tag >> 16) as u16));
    element.extend_from_slice(&u16(tag as u16));
    if syntax.explicit {
        element.extend_from_slice(vr.to_string().as_bytes());
        element.extend_from_slice(&u16(length));
    } else {
        element.extend_from_slice(&u32::from(length).to_le_bytes());
    }
    element.extend_from_slice(&value);
    element
}
