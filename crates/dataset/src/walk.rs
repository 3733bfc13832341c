//! Walks a data set once, element by element, without recursion, writing JSON as it goes (PS3.5 section 7).

mod fragments;

use dicom_core::VR;
use model::Uid;

use crate::attributes::{Attributes, Path, Raw};
use crate::charset::Charset;
use crate::edit::Editor;
use crate::element::{
    AVAILABLE_TRANSFER_SYNTAX, DOUBLE_PIXEL_DATA, EXTENDED_LENGTHS, EXTENDED_OFFSETS, FLOAT_PIXEL_DATA, Header, ITEM,
    ITEM_DELIMITATION, PIXEL_DATA, PIXEL_REPRESENTATION, ROWS, SEQUENCE_DELIMITATION, SPECIFIC_CHARACTER_SET, Syntax,
    TRAILING_PADDING, dictionary_vr,
};
use crate::json::Json;
use crate::pixel::Encapsulated;
use crate::source::Source;
use crate::value;
use crate::{FramePart, Limits, PatientEdit, ScanError};

/// While the JSON takes more than this many times what was read, names and values longer than [`SMALL_VALUE_BYTES`] are
/// bulk data, so that no stream costs more than a small multiple of its size in memory.
const JSON_PER_STREAM_BYTE: u64 = 4;
/// What the JSON may take before that rule begins.
const JSON_FREE_BYTES: u64 = 256 << 10;
const SMALL_VALUE_BYTES: u64 = 8;

/// The pixel data of the instance itself (not of an icon inside it).
pub(crate) enum PixelData {
    None,
    /// Native, of this VR, where it is.
    Native {
        tag: u32,
        vr: VR,
        part: FramePart,
    },
    Encapsulated(Encapsulated),
}

/// What came of a walk.
pub(crate) struct Walked {
    pub(crate) attributes: Attributes,
    pub(crate) pixel_data: PixelData,
    pub(crate) patient: PatientEdit,
    pub(crate) json: Vec<u8>,
}

/// A data set being walked.
pub(crate) struct Walk<'w, 'r, 's> {
    source: &'w mut Source<'r, 's>,
    limits: &'w Limits,
    transfer_syntax: Uid,
    json: Json,
    levels: Vec<Level>,
    sequences: usize,
    begun_at: u64,
    /// The top level element that is being read, for messages.
    top: (u32, u64),
    available_written: bool,
    rows_seen: bool,
    padding_seen: bool,
    extended: [Vec<u64>; 2],
    editor: Editor,
    /// Where the last step at the top level began.
    root_at: u64,
    attributes: Attributes,
    pixel_data: PixelData,
}

/// What is open.
#[derive(Clone, Copy)]
enum Level {
    /// A data set: the root or an item.
    Object(Object),
    /// A sequence.
    Items(Items),
}

#[derive(Clone, Copy)]
struct Object {
    /// Where it ends; `None` when a delimiter says so.
    end: Option<u64>,
    syntax: Syntax,
    charset: Charset,
    path: Path,
    json_start: usize,
    last: u32,
    sorted: bool,
    signed: bool,
}

#[derive(Clone, Copy)]
struct Items {
    end: Option<u64>,
    tag: u32,
    syntax: Syntax,
    /// Whether its VR is UN, so that its items are implicit (PS3.5 6.2.2) or, from some senders, explicit.
    unknown: bool,
    count: u32,
}

impl<'w, 'r, 's> Walk<'w, 'r, 's> {
    /// Walks from the source's position to its end.
    pub(crate) fn run(
        source: &'w mut Source<'r, 's>,
        syntax: Syntax,
        transfer_syntax: &Uid,
        limits: &'w Limits,
    ) -> Result<Walked, ScanError> {
        let mut json = Json::new();
        let root = Object {
            end: None,
            syntax,
            charset: Charset::DEFAULT,
            path: Path::Root,
            json_start: json.open_object(),
            last: 0,
            sorted: true,
            signed: false,
        };
        let begun_at = source.position();
        let mut walk = Walk {
            source,
            limits,
            transfer_syntax: transfer_syntax.clone(),
            json,
            levels: vec![Level::Object(root)],
            sequences: 0,
            begun_at,
            top: (0, begun_at),
            available_written: false,
            rows_seen: false,
            padding_seen: false,
            extended: [Vec::new(), Vec::new()],
            editor: Editor::default(),
            root_at: begun_at,
            attributes: Attributes::default(),
            pixel_data: PixelData::None,
        };
        while walk.step()? {}
        walk.finish()
    }

    fn finish(mut self) -> Result<Walked, ScanError> {
        let root = self.parent_object();
        if !self.available_written {
            self.write_available();
        }
        self.close_object(root)?;
        if let PixelData::Encapsulated(encapsulated) = &mut self.pixel_data {
            [encapsulated.extended_offsets, encapsulated.extended_lengths] = self.extended;
        }
        Ok(Walked {
            attributes: self.attributes,
            pixel_data: self.pixel_data,
            patient: self.editor.finish(self.root_at, root.syntax.explicit),
            json: self.json.into_bytes(),
        })
    }

    /// Reads one element, item or delimiter; false at the end of the data set.
    fn step(&mut self) -> Result<bool, ScanError> {
        self.close_ended()?;
        if self.levels.len() == 1 {
            self.root_at = self.source.position();
            self.editor.end(self.root_at);
        }
        if self.json.len() > self.limits.json_bytes {
            return Err(ScanError::TooMuchMetadata { max: self.limits.json_bytes });
        }
        if !self.source.need(8)? {
            return self.at_end_of_stream();
        }
        match *self.levels.last().expect("the root stays open") {
            Level::Items(items) => self.step_item(items),
            Level::Object(object) => self.step_element(object),
        }
    }

    /// Closes what ends here by its length.
    fn close_ended(&mut self) -> Result<(), ScanError> {
        while self.levels.len() > 1 {
            let end = match self.levels.last() {
                Some(Level::Object(object)) => object.end,
                Some(Level::Items(items)) => items.end,
                None => None,
            };
            if end.is_none_or(|end| self.source.position() < end) {
                break;
            }
            self.close_level()?;
        }
        Ok(())
    }

    /// Entries out of order are sorted in a copy, which a data set that swells is not given.
    fn close_object(&mut self, object: Object) -> Result<(), ScanError> {
        if !object.sorted && self.is_swollen() {
            return Err(ScanError::TooMuchMetadata { max: self.limits.json_bytes });
        }
        self.json.close_object(object.json_start, object.sorted);
        Ok(())
    }

    fn close_level(&mut self) -> Result<(), ScanError> {
        match self.levels.pop() {
            Some(Level::Object(object)) => self.close_object(object)?,
            Some(Level::Items(items)) => {
                self.sequences -= 1;
                if items.count > 0 {
                    self.json.close_values();
                }
                self.json.close_attribute();
            }
            None => {}
        }
        Ok(())
    }

    /// Fewer than 8 bytes are left. They may be padding; an open sequence is a cut one.
    fn at_end_of_stream(&mut self) -> Result<bool, ScanError> {
        let rest = self.source.peek();
        if self.levels.len() > 1 || !(self.pixels_seen() || rest.iter().all(|&byte| byte == 0)) {
            return Err(self.truncated());
        }
        self.source.advance(self.source.peek().len());
        Ok(false)
    }

    fn truncated(&self) -> ScanError {
        ScanError::Truncated { tag: self.top.0, offset: self.top.1 }
    }

    fn damaged(&self, what: &'static str) -> ScanError {
        ScanError::Damaged { offset: self.source.position(), what }
    }

    fn pixels_seen(&self) -> bool {
        !matches!(self.pixel_data, PixelData::None)
    }

    // Items

    fn step_item(&mut self, items: Items) -> Result<bool, ScanError> {
        let header = self.header(items.syntax)?;
        match header.tag {
            ITEM => {
                let syntax = self.item_syntax(items)?;
                self.source.advance(header.bytes);
                let parent = self.parent_object();
                let path = match (items.tag, parent.path) {
                    (0x0028_3000, Path::Root) if items.count == 0 => Path::ModalityLut,
                    (0x0028_3010, Path::Root) if items.count == 0 => Path::VoiLut,
                    (0x0028_9145 | 0x0028_9132, _) => Path::FunctionalGroup,
                    _ => Path::Elsewhere,
                };
                if items.count == 0 {
                    self.json.open_values();
                }
                if let Some(Level::Items(items)) = self.levels.last_mut() {
                    items.count += 1;
                    items.syntax = syntax;
                    items.unknown = false;
                }
                let object = Object {
                    end: header.length.map(|length| self.source.position() + u64::from(length)),
                    syntax,
                    charset: parent.charset,
                    path,
                    json_start: self.json.open_object(),
                    last: 0,
                    sorted: true,
                    signed: parent.signed,
                };
                self.levels.push(Level::Object(object));
            }
            SEQUENCE_DELIMITATION => {
                self.source.advance(header.bytes);
                if items.end.is_none() {
                    self.close_level()?;
                }
            }
            // the sequence delimitation item is missing
            _ if items.end.is_none() => self.close_level()?,
            // what is in the sequence is no item: pass over it
            _ => {
                self.skip(items.end.unwrap_or_default().saturating_sub(self.source.position()))?;
            }
        }
        Ok(true)
    }

    /// Items of a UN sequence are implicit little endian by PS3.5 6.2.2; some senders keep the data set's encoding.
    fn item_syntax(&mut self, items: Items) -> Result<Syntax, ScanError> {
        if !items.unknown {
            return Ok(items.syntax);
        }
        let parent = self.parent_object().syntax;
        self.source.need(14)?;
        let explicit = parent.explicit
            && self.source.peek().get(12..14).is_some_and(|vr| VR::from_binary([vr[0], vr[1]]).is_some());
        Ok(if explicit { parent } else { Syntax::IMPLICIT })
    }

    fn parent_object(&self) -> Object {
        let objects = self.levels.iter().rev();
        let mut objects =
            objects.filter_map(|level| if let Level::Object(object) = level { Some(*object) } else { None });
        objects.next().expect("the root stays open")
    }

    // Elements

    fn step_element(&mut self, object: Object) -> Result<bool, ScanError> {
        let at = self.source.position();
        let is_root = self.levels.len() == 1;
        let header = self.header(object.syntax)?;
        if is_root {
            if self.is_trailing(&header)? {
                return Ok(false);
            }
            self.top = (header.tag, at);
            self.editor.begin(header.tag, at);
        }
        match header.tag {
            ITEM_DELIMITATION => {
                self.source.advance(header.bytes);
                if !is_root && object.end.is_none() {
                    self.close_level()?;
                }
            }
            SEQUENCE_DELIMITATION | ITEM if !is_root => self.close_level()?,
            SEQUENCE_DELIMITATION => self.source.advance(header.bytes),
            _ => {
                self.source.advance(header.bytes);
                self.element(header, object, is_root)?;
            }
        }
        Ok(true)
    }

    fn header(&mut self, syntax: Syntax) -> Result<Header, ScanError> {
        self.source.need(Header::BYTES_MAX)?;
        Header::read(self.source.peek(), syntax).ok_or_else(|| self.truncated())
    }

    /// What stands behind a data set and is no element of it. Behind pixel data anything may; without, only zeros, and
    /// only when no image was announced: an image whose tail is lost must not pass for whole.
    fn is_trailing(&mut self, header: &Header) -> Result<bool, ScanError> {
        let plausible = !matches!(header.tag >> 16, 0x0000 | 0xFFFF) && header.tag != ITEM;
        if plausible {
            return Ok(false);
        }
        if !self.pixels_seen() && !self.padding_seen {
            if self.rows_seen {
                return Err(self.damaged("an image ends without its pixel data"));
            }
            if header.tag != 0 {
                return Err(self.damaged("no attribute can have this tag"));
            }
        }
        let zeros_only = !self.pixels_seen() && !self.padding_seen;
        while self.source.need(1)? {
            let count = self.source.peek().len();
            if zeros_only && self.source.peek().iter().any(|&byte| byte != 0) {
                return Err(self.damaged("no attribute can have this tag"));
            }
            self.source.advance(count);
        }
        Ok(true)
    }

    fn element(&mut self, header: Header, object: Object, is_root: bool) -> Result<(), ScanError> {
        let Header { tag, length, .. } = header;
        let mut syntax = object.syntax;
        let mut vr = header.vr.unwrap_or_else(|| dictionary_vr(tag, object.signed));
        if vr == VR::UN && object.syntax.explicit && length.is_some() {
            // an attribute that PS3.6 knows, sent as UN: its value is implicit little endian (PS3.5 6.2.2)
            let known = dictionary_vr(tag, object.signed);
            if known != VR::SQ || self.is_item_next()? {
                vr = known;
                syntax = Syntax { explicit: false, big_endian: false };
            }
        }
        if is_root {
            self.rows_seen |= tag == ROWS;
            self.padding_seen |= tag == TRAILING_PADDING;
            if !self.available_written && tag >= AVAILABLE_TRANSFER_SYNTAX {
                self.write_available();
            }
        }
        let Some(length) = length else {
            return self.undefined_length(tag, vr, object, is_root);
        };
        if vr == VR::SQ {
            let end = Some(self.source.position() + u64::from(length));
            return self.open_sequence(tag, Items { end, tag, syntax, unknown: false, count: 0 });
        }
        self.value(tag, vr, length, object, syntax, is_root)
    }

    fn undefined_length(&mut self, tag: u32, vr: VR, object: Object, is_root: bool) -> Result<(), ScanError> {
        let items = |unknown| Items { end: None, tag, syntax: object.syntax, unknown, count: 0 };
        match vr {
            _ if tag == PIXEL_DATA => self.fragments(tag, object, is_root),
            VR::SQ => self.open_sequence(tag, items(false)),
            VR::UN => self.open_sequence(tag, items(object.syntax.explicit)),
            VR::OB | VR::OW => self.fragments(tag, object, is_root),
            _ => Err(self.damaged("a value has no length")),
        }
    }

    fn is_item_next(&mut self) -> Result<bool, ScanError> {
        Ok(self.source.need(4)? && Syntax::IMPLICIT.tag(self.source.peek()) == ITEM)
    }

    fn open_sequence(&mut self, tag: u32, items: Items) -> Result<(), ScanError> {
        if self.sequences == self.limits.nesting {
            return Err(ScanError::TooDeep { max: self.limits.nesting });
        }
        self.sequences += 1;
        self.open_attribute(tag, VR::SQ);
        self.levels.push(Level::Items(items));
        Ok(())
    }

    /// Begins an attribute in the innermost object, remembering whether tags ascend.
    fn open_attribute(&mut self, tag: u32, vr: VR) {
        note_order(&mut self.levels, tag);
        self.json.open_attribute(tag, vr);
    }

    /// Available Transfer Syntax UID (0008,3002): what WADO-RS can give without transcoding (PS3.18 10.6.1.2.5).
    fn write_available(&mut self) {
        self.available_written = true;
        self.json.open_attribute(AVAILABLE_TRANSFER_SYNTAX, VR::UI);
        self.json.open_values();
        self.json.string(self.transfer_syntax.as_str());
        self.json.close_values();
        self.json.close_attribute();
    }

    fn value(
        &mut self,
        tag: u32,
        vr: VR,
        length: u32,
        object: Object,
        syntax: Syntax,
        is_root: bool,
    ) -> Result<(), ScanError> {
        let offset = self.source.position();
        let part = FramePart { offset, length: length.into() };
        if is_root && matches!(tag, PIXEL_DATA | FLOAT_PIXEL_DATA | DOUBLE_PIXEL_DATA) {
            if self.skip(part.length)? {
                self.write_bulk(tag, vr, part);
                self.pixel_data = PixelData::Native { tag, vr, part };
            }
            return Ok(());
        }
        if is_root && matches!(tag, EXTENDED_OFFSETS | EXTENDED_LENGTHS) {
            self.extended[(tag - EXTENDED_OFFSETS) as usize] = self.offsets(length.into(), 8, syntax)?;
            self.write_bulk(tag, vr, part);
            return Ok(());
        }
        let inline =
            if value::is_binary(vr) { self.limits.inline_binary_bytes } else { self.limits.inline_value_bytes };
        let is_small = part.length <= if vr == VR::PN { 2 } else { SMALL_VALUE_BYTES };
        let stands_inline = length as usize <= inline && (is_small || !self.is_swollen());
        if !stands_inline && !Attributes::wants_long(object.path, tag, length as usize) {
            if self.skip(part.length)? {
                self.write_bulk(tag, vr, part);
            }
            return Ok(());
        }
        if !self.source.need(length as usize)? {
            return self.value_past_the_end();
        }
        self.settle_in_object(tag, length as usize, syntax);
        if is_root && tag == SPECIFIC_CHARACTER_SET {
            self.editor.charset(&self.source.peek()[..length as usize]);
        }
        let charset = self.parent_object().charset;
        let bytes = &self.source.peek()[..length as usize];
        self.attributes.take(object.path, Raw { tag, vr, bytes, syntax, charset });
        // group lengths and padding are no attributes of the model (PS3.18 F.2.2); our own entry stands for its tag
        let is_ours = is_root && tag == AVAILABLE_TRANSFER_SYNTAX;
        if tag & 0xFFFF != 0 && tag != TRAILING_PADDING && !is_ours {
            if stands_inline {
                note_order(&mut self.levels, tag);
                self.json.open_attribute(tag, vr);
                if tag == SPECIFIC_CHARACTER_SET {
                    // the model is UTF-8 throughout (PS3.18 F.2.1)
                    self.json.open_values();
                    self.json.string("ISO_IR 192");
                    self.json.close_values();
                } else {
                    value::write(&mut self.json, vr, bytes, syntax, charset);
                }
                self.json.close_attribute();
            } else {
                self.write_bulk(tag, vr, part);
            }
        }
        self.source.advance(length as usize);
        Ok(())
    }

    /// What later elements of the same object depend on.
    fn settle_in_object(&mut self, tag: u32, length: usize, syntax: Syntax) {
        let bytes = &self.source.peek()[..length];
        if let Some(Level::Object(object)) = self.levels.last_mut() {
            match tag {
                SPECIFIC_CHARACTER_SET => object.charset = Charset::of_value(bytes),
                PIXEL_REPRESENTATION if length == 2 => object.signed = syntax.u16(bytes) == 1,
                _ => {}
            }
        }
    }

    /// Whether the JSON has outgrown what was read of the stream.
    fn is_swollen(&self) -> bool {
        let read = self.source.position() - self.begun_at;
        self.json.len() as u64 > read * JSON_PER_STREAM_BYTE + JSON_FREE_BYTES
    }

    fn write_bulk(&mut self, tag: u32, vr: VR, part: FramePart) {
        if tag & 0xFFFF == 0 || tag == TRAILING_PADDING {
            return;
        }
        self.open_attribute(tag, vr);
        if part.length > 0 {
            self.json.bulk(part.offset, part.length);
        }
        self.json.close_attribute();
    }

    /// Passes over a value; false when the stream ended inside it and that does not matter.
    fn skip(&mut self, count: u64) -> Result<bool, ScanError> {
        Ok(self.source.skip(count)? || self.value_past_the_end().map(|()| false)?)
    }

    /// The stream ended inside a value. Behind the pixel data of the instance that is padding, else the object is cut.
    fn value_past_the_end(&mut self) -> Result<(), ScanError> {
        if self.levels.len() == 1 && (self.pixels_seen() || self.top.0 == TRAILING_PADDING) {
            self.source.advance(self.source.peek().len());
            return Ok(());
        }
        Err(self.truncated())
    }
}

/// Remembers whether the tags of the innermost object ascend.
fn note_order(levels: &mut [Level], tag: u32) {
    if let Some(Level::Object(object)) = levels.last_mut() {
        object.sorted &= tag > object.last;
        object.last = object.last.max(tag);
    }
}
