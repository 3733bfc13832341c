//! What changes on output: patient attributes of moved studies, places of bulk data. Stored bytes never change.

use std::io::{self, Read};

use dicom_core::VR;
use protocol::PatientAttributes;

use crate::charset::Charset;
use crate::deflate::Inflate;
use crate::edit::{WRITTEN, is_replaced};
use crate::element::{SPECIFIC_CHARACTER_SET, Syntax};
use crate::json::{Json, entries};
use crate::source::from_io;
use crate::transfer_syntax::EXPLICIT_LITTLE_ENDIAN;
use crate::value;
use crate::{FileMeta, FramePart, MetadataObject, ScanError, file_meta};

/// The JSON of one instance with the patient's attributes replaced by those of the patient that the study is filed
/// under. What else says who the former patient is, such as other identifiers, birth name, address and telephone, is left out.
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
    reader.read_exact(&mut header).map_err(from_io)?;
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

fn json_entry(tag: u32, vr: VR, text: &str) -> Vec<u8> {
    let mut json = Json::new();
    json.open_attribute(tag, vr);
    value::write(&mut json, vr, text.as_bytes(), Syntax::EXPLICIT, Charset::of_value(b"ISO_IR 192"));
    json.close_attribute();
    json.into_bytes()
}

/// One change of a data set: `cut` bytes go, `written` comes in their place.
struct Change {
    offset: u64,
    cut: u64,
    written: Vec<u8>,
}

/// The changes in the order of the stream; what is written at a place stands before what is cut there.
fn changes(metadata: &MetadataObject, patient: &PatientAttributes) -> Vec<Change> {
    let edit = &metadata.patient;
    let syntax = Syntax { explicit: edit.explicit, big_endian: metadata.big_endian };
    let values = overlay_values(patient);
    let mut charset = Charset::of_value(&edit.charset);
    let mut changes = Vec::new();
    let mut write = |place: usize, written| changes.push(Change { offset: edit.places[place], cut: 0, written });
    let mut cuts: Vec<FramePart> = edit.cuts.clone();
    if charset == Charset::DEFAULT && !values.iter().all(|(_, _, text)| text.is_ascii()) {
        charset = Charset::of_value(b"ISO_IR 192");
        cuts.extend_from_slice(&edit.charset_cuts);
        write(0, encode(SPECIFIC_CHARACTER_SET, VR::CS, b"ISO_IR 192", syntax));
    }
    for (tag, vr, text) in values {
        let place = WRITTEN.iter().position(|written| *written == tag).expect("every overlay attribute has a place");
        write(place, encode(tag, vr, &charset.encode(text), syntax));
    }
    changes.extend(cuts.iter().map(|cut| Change { offset: cut.offset, cut: cut.length, written: Vec::new() }));
    // stable, so that elements written at one place stay ascending
    changes.sort_by_key(|change| (change.offset, change.cut > 0));
    changes
}

/// Copies the data set, which begins at `metadata.dataset_offset`, with its changes.
fn overlay_dataset(
    reader: &mut dyn Read,
    metadata: &MetadataObject,
    patient: &PatientAttributes,
    out: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> Result<(), ScanError> {
    let mut buffer = vec![0; COPY_BYTES];
    let mut position = metadata.dataset_offset;
    for Change { offset, cut, written } in changes(metadata, patient) {
        copy(reader, offset.saturating_sub(position), &mut buffer, out)?;
        position = position.max(offset);
        out(&written).map_err(ScanError::Sink)?;
        copy(reader, cut, &mut buffer, &mut |_| Ok(()))?;
        position += cut;
    }
    copy(reader, u64::MAX, &mut buffer, out)
}

/// Bytes that are copied at a time.
const COPY_BYTES: usize = 64 << 10;

/// Hands on up to `count` bytes, fewer when the stream ends.
fn copy(
    reader: &mut dyn Read,
    mut count: u64,
    buffer: &mut [u8],
    out: &mut dyn FnMut(&[u8]) -> io::Result<()>,
) -> Result<(), ScanError> {
    while count > 0 {
        let wanted = usize::try_from(count).unwrap_or(usize::MAX).min(buffer.len());
        let read = match reader.read(&mut buffer[..wanted]) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(from_io(error)),
        };
        out(&buffer[..read]).map_err(ScanError::Sink)?;
        count -= read as u64;
    }
    Ok(())
}

/// One element with a short value, padded to an even length.
fn encode(tag: u32, vr: VR, value: &[u8], syntax: Syntax) -> Vec<u8> {
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
