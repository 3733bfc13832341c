//! Vectors of sealed objects.

use model::{KeyId, ObjectId, SiteId};
use seal::{HEADER_BYTES, ObjectContext, ObjectKind, OpenError, Opener, SealKey, open_blob};

use super::craft::Craft;
use super::file::{Outcome, Piece, Vector, text};
use super::{Files, sha256};

const ROW: u8 = 4;
const NOTE: u8 = 5;
const INSTANCE: u8 = 1;
const SEALED_SEGMENT: usize = 65_536 + 16;
const THREE: &str = "three-segments.sealed";

const KINDS: [ObjectKind; 9] = [
    ObjectKind::Instance,
    ObjectKind::Metadata,
    ObjectKind::MetadataChunk,
    ObjectKind::Row,
    ObjectKind::Note,
    ObjectKind::Registry,
    ObjectKind::Person,
    ObjectKind::LedgerPayload,
    ObjectKind::Secret,
];

pub(super) fn outcome(vector: &Vector) -> Outcome {
    let kind: u8 = vector.field("kind").parse().unwrap();
    let kind = *KINDS.iter().find(|known| **known as u8 == kind).expect("a kind that is known");
    let context = ObjectContext {
        site: SiteId(vector.bytes_of("site")),
        key: KeyId(vector.bytes_of("key-id")),
        object: ObjectId(vector.bytes_of("object")),
        kind,
    };
    let key = SealKey::from_bytes(&vector.bytes_of("key"));
    let opened =
        if vector.has("range") { open_range(vector, &key, context) } else { open_blob(&key, context, &vector.bytes) };
    match opened {
        Ok(plaintext) => Outcome::Opened(plaintext),
        Err(error) => Outcome::Refused(reason(&error)),
    }
}

/// Opens `range` of an object, of which `bytes` holds the header and then what a reader fetched for that range.
fn open_range(vector: &Vector, key: &SealKey, context: ObjectContext) -> Result<Vec<u8>, OpenError> {
    let (from, to) = vector.field("range").split_once('-').unwrap();
    let (from, to): (u64, u64) = (from.parse().unwrap(), to.parse().unwrap());
    let (header, fetched) = vector.bytes.split_at(HEADER_BYTES);
    let opener = Opener::new(key, context, header, vector.field("sealed-length").parse().unwrap())?;
    let mut out = Vec::new();
    opener.open_range(from..to, fetched, &mut out)?;
    Ok(out)
}

fn reason(error: &OpenError) -> String {
    match error {
        OpenError::NotSealed => "not sealed".to_owned(),
        OpenError::Version { found } => format!("version {found}"),
        OpenError::HeaderLength { .. } => "header length".to_owned(),
        OpenError::OtherKind { .. } => "other kind".to_owned(),
        OpenError::OtherKey { .. } => "other key id".to_owned(),
        OpenError::OtherObject { .. } => "other object".to_owned(),
        OpenError::KeyDoesNotFit => "key does not fit".to_owned(),
        OpenError::Length { .. } => "length".to_owned(),
        OpenError::Damaged { segment } => format!("segment {segment}"),
        OpenError::Range { .. } => "range".to_owned(),
        OpenError::RangeBytes { .. } => "bytes of the range".to_owned(),
    }
}

/// What the reader asks for.
fn fields(asked: &Craft, about: &str, end: (&'static str, String)) -> Vec<(&'static str, String)> {
    vec![
        ("about", about.to_owned()),
        ("what", "object".to_owned()),
        ("site", hex::encode(asked.site)),
        ("key-id", hex::encode(asked.key_id)),
        ("object", hex::encode(asked.object)),
        ("kind", asked.kind.to_string()),
        ("key", hex::encode(asked.key)),
        end,
    ]
}

fn accept(files: &mut Files, name: &str, about: &str, asked: &Craft, plaintext: &[u8], pieces: &[Piece]) {
    let fields = fields(asked, about, ("plaintext-sha256", hex::encode(sha256(plaintext))));
    files.insert(format!("accepted/object-{name}.txt"), text(&fields, pieces));
}

fn refuse(files: &mut Files, name: &str, reason: &str, about: &str, asked: &Craft, pieces: &[Piece]) {
    let fields = fields(asked, about, ("refused-as", reason.to_owned()));
    files.insert(format!("refused/object-{name}.txt"), text(&fields, pieces));
}

fn whole(sealed: &[u8]) -> Vec<Piece> {
    vec![Piece::Hex(sealed.to_vec())]
}

fn changed(sealed: &[u8], at: usize, mask: u8) -> Vec<Piece> {
    let mut changed = sealed.to_vec();
    changed[at] ^= mask;
    whole(&changed)
}

pub(super) fn generate(files: &mut Files) {
    let plain = b"a row of forty bytes, which is one segment";
    let small = Craft::new(plain, ROW);
    let sealed = small.sealed();
    for (kind, name) in [(1, "instance"), (2, "metadata"), (3, "metadata-chunk"), (4, "row"), (5, "note")]
        .into_iter()
        .chain([(6, "registry"), (7, "person"), (8, "ledger-payload"), (9, "secret")])
    {
        let craft = Craft::new(plain, kind);
        accept(files, &format!("kind-{name}"), "one segment of this kind", &craft, plain, &whole(&craft.sealed()));
    }
    let nothing = Craft::new(b"", ROW);
    accept(
        files,
        "empty-plaintext",
        "no byte of plaintext: one empty final segment",
        &nothing,
        b"",
        &whole(&nothing.sealed()),
    );
    header(files, &small, &sealed);
    context(files, &small, &sealed);
    lengths(files, &small, &sealed);
    segments(files, &small, plain);
    large(files);
}

/// A flipped bit in every field, and fields that lie.
fn header(files: &mut Files, asked: &Craft, sealed: &[u8]) {
    let fields = [
        ("magic", 0, "not sealed"),
        ("kind", 5, "other kind"),
        ("key-id-first", 6, "other key id"),
        ("key-id-last", 21, "other key id"),
        ("object-id-first", 22, "other object"),
        ("object-id-last", 37, "other object"),
        ("salt-first", 38, "key does not fit"),
        ("salt-last", 69, "key does not fit"),
        ("commitment-first", 70, "key does not fit"),
        ("commitment-last", 101, "key does not fit"),
        ("ciphertext-first", 102, "segment 0"),
        ("ciphertext-last", sealed.len() - 17, "segment 0"),
        ("tag-first", sealed.len() - 16, "segment 0"),
        ("tag-last", sealed.len() - 1, "segment 0"),
    ];
    for (field, at, reason) in fields {
        let name = format!("flipped-bit-in-{field}");
        refuse(files, &name, reason, &format!("bit 0 of byte {at} is flipped"), asked, &changed(sealed, at, 1));
    }
    for (name, version) in [("version-zero", 0), ("version-from-the-future", 2), ("version-255", 255)] {
        let reason = format!("version {version}");
        refuse(files, name, &reason, "the version byte is another one", asked, &changed(sealed, 4, 1 ^ version));
    }
    let future = Craft { version: 2, ..asked.clone() };
    let about = "a whole object of version 2, bound and derived as such";
    refuse(files, "of-version-2-throughout", "version 2", about, asked, &whole(&future.sealed()));
    let zero = Craft { commitment: Some([0; 32]), ..asked.clone() };
    refuse(
        files,
        "commitment-of-zeros",
        "key does not fit",
        "the commitment is all zeros",
        asked,
        &whole(&zero.sealed()),
    );
    let other_salt = Craft { salt: [0x56; 32], ..asked.clone() };
    let about = "the header is that of the same object sealed again, with another salt";
    let mixed = [other_salt.header(), sealed[HEADER_BYTES..].to_vec()].concat();
    refuse(files, "header-of-another-sealing", "segment 0", about, asked, &whole(&mixed));
    let other_key = Craft { key: [0x45; 32], ..asked.clone() };
    let about = "the header commits to the reader's key, the segment is sealed under another";
    let mixed = [other_key.header(), sealed[HEADER_BYTES..].to_vec()].concat();
    refuse(files, "committed-to-a-second-key", "segment 0", about, &other_key, &whole(&mixed));
    let about = "the header commits to a key that the reader does not hold";
    refuse(files, "commitment-of-another-key", "key does not fit", about, asked, &whole(&other_key.sealed()));
}

/// A sound object, and a reader who asks for something else.
fn context(files: &mut Files, honest: &Craft, sealed: &[u8]) {
    let asks = [
        ("wrong-key", "key does not fit", Craft { key: [0x46; 32], ..honest.clone() }),
        ("wrong-site", "key does not fit", Craft { site: [0x12; 16], ..honest.clone() }),
        ("wrong-key-id", "other key id", Craft { key_id: [0x23; 16], ..honest.clone() }),
        ("wrong-object", "other object", Craft { object: [0x34; 16], ..honest.clone() }),
        ("wrong-kind", "other kind", Craft { kind: NOTE, ..honest.clone() }),
    ];
    for (name, reason, asked) in asks {
        refuse(files, name, reason, "a sound object, asked for as another one", &asked, &whole(sealed));
    }
    // the header was rewritten to what the reader asks for
    let rewritten = [
        ("kind-rewritten", Craft { kind: NOTE, ..honest.clone() }, 5..6),
        ("key-id-rewritten", Craft { key_id: [0x23; 16], ..honest.clone() }, 6..22),
        ("object-id-rewritten", Craft { object: [0x34; 16], ..honest.clone() }, 22..38),
    ];
    for (name, asked, place) in rewritten {
        let mut lying = sealed.to_vec();
        lying[place.clone()].copy_from_slice(&asked.header()[place]);
        let about = "the header names what the reader asks for, the object is another one";
        refuse(files, name, "key does not fit", about, &asked, &whole(&lying));
        let mut whole_header = sealed.to_vec();
        whole_header[..HEADER_BYTES].copy_from_slice(&asked.header());
        let about = "the whole header, commitment included, is made for what the reader asks for; the segment is not";
        refuse(files, &format!("{name}-with-commitment"), "segment 0", about, &asked, &whole(&whole_header));
    }
}

/// Cut short and extended.
fn lengths(files: &mut Files, asked: &Craft, sealed: &[u8]) {
    let cuts = [
        ("empty", 0, "header length"),
        ("cut-in-magic", 3, "header length"),
        ("cut-behind-version", 5, "header length"),
        ("truncated-header", HEADER_BYTES - 1, "header length"),
        ("header-alone", HEADER_BYTES, "length"),
        ("cut-in-tag-of-nothing", HEADER_BYTES + 15, "length"),
        ("cut-to-a-tag", HEADER_BYTES + 16, "segment 0"),
        ("last-byte-missing", sealed.len() - 1, "segment 0"),
        ("tag-missing", sealed.len() - 16, "segment 0"),
    ];
    for (name, length, reason) in cuts {
        let about = format!("cut to {length} bytes");
        refuse(files, name, reason, &about, asked, &whole(&sealed[..length]));
    }
    for (name, extra) in [("one-byte-appended", 1), ("a-tag-of-zeros-appended", 16), ("hundred-bytes-appended", 100)] {
        let extended = [sealed, &vec![0; extra]].concat();
        refuse(
            files,
            name,
            "segment 0",
            &format!("{extra} zero bytes stand behind the object"),
            asked,
            &whole(&extended),
        );
    }
    let twice = [sealed, sealed].concat();
    refuse(files, "twice", "segment 0", "the whole object stands there twice", asked, &whole(&twice));
    let doubled = [&sealed[..HEADER_BYTES], sealed].concat();
    refuse(files, "header-twice", "segment 0", "the header stands there twice", asked, &whole(&doubled));
    refuse(files, "plaintext", "not sealed", "what was to be sealed, in the clear", asked, &whole(&[b'x'; 200]));
    let mut dicom = vec![0; 128];
    dicom.extend(b"DICM");
    refuse(files, "part-10-file", "not sealed", "the beginning of a DICOM file", asked, &whole(&dicom));
}

/// Segments that are sealed with wrong numbers and flags under the right key.
fn segments(files: &mut Files, honest: &Craft, plain: &[u8]) {
    let with = |segments: Vec<(Vec<u8>, u64, u8)>| whole(&Craft { segments, ..honest.clone() }.sealed());
    let cases = [
        ("final-flag-cleared", "the only segment is not marked as the last", 0, 0),
        ("final-flag-of-two", "the only segment is marked with 2", 0, 2),
        ("numbered-from-one", "the only segment has number 1", 1, 1),
        ("number-of-all-ones", "the only segment has the highest number", u64::MAX, 1),
    ];
    for (name, about, number, last) in cases {
        refuse(files, name, "segment 0", about, honest, &with(vec![(plain.to_vec(), number, last)]));
    }
    let about = "a short first segment and a second one: only the last may be short";
    let short = with(vec![(plain.to_vec(), 0, 0), (plain.to_vec(), 1, 1)]);
    refuse(files, "short-first-segment", "segment 0", about, honest, &short);
}

/// Three segments: two full ones and a short one. Refused vectors copy from the accepted file.
fn large(files: &mut Files) {
    let plain = crate::plaintext(2 * 65_536 + 40);
    let honest = Craft::new(&plain, INSTANCE);
    let sealed = honest.sealed();
    let end = sealed.len();
    files.insert(format!("accepted/{THREE}"), sealed.clone());
    let copy = |from: usize, to: usize| Piece::Copy(THREE, from, to);
    let start = |place: usize| HEADER_BYTES + place * SEALED_SEGMENT;
    let segment = |place: usize| copy(start(place), if place == 2 { end } else { start(place + 1) });
    let header = || copy(0, HEADER_BYTES);
    accept(files, "three-segments", "two full segments and 40 bytes", &honest, &plain, &[copy(0, end)]);
    let cases: [(&str, &str, &str, Vec<Piece>); 13] = [
        ("last-segment-missing", "segment 1", "cut at the border of a segment", vec![copy(0, start(2))]),
        ("two-segments-missing", "segment 0", "only the first segment is left", vec![copy(0, start(1))]),
        ("first-segment-missing", "segment 0", "the first segment is left out", vec![header(), segment(1), segment(2)]),
        (
            "middle-segment-missing",
            "segment 1",
            "the second segment is left out",
            vec![header(), segment(0), segment(2)],
        ),
        (
            "segments-swapped",
            "segment 0",
            "first and second segment have changed places",
            vec![header(), segment(1), segment(0), segment(2)],
        ),
        (
            "segment-duplicated",
            "segment 1",
            "the first segment stands there twice",
            vec![header(), segment(0), segment(0), segment(1), segment(2)],
        ),
        (
            "segment-in-place-of-another",
            "segment 1",
            "the first segment stands in the second's place too",
            vec![header(), segment(0), segment(0), segment(2)],
        ),
        ("last-segment-duplicated", "segment 2", "the last segment stands there twice", vec![copy(0, end), segment(2)]),
        ("last-segment-cut-by-a-byte", "segment 2", "the last byte is missing", vec![copy(0, end - 1)]),
        (
            "last-segment-cut-to-its-tag",
            "length",
            "16 bytes of the last segment are left",
            vec![copy(0, start(2) + 16)],
        ),
        ("last-segment-cut-to-a-byte", "length", "one byte of the last segment is left", vec![copy(0, start(2) + 1)]),
        ("byte-left-out", "segment 0", "one byte of the first segment is left out", vec![copy(0, 500), copy(501, end)]),
        (
            "byte-put-in",
            "segment 1",
            "one byte stands at the beginning of the second segment",
            vec![copy(0, start(1)), Piece::Hex(vec![0]), copy(start(1), end)],
        ),
    ];
    for (name, reason, about, pieces) in cases {
        refuse(files, name, reason, about, &honest, &pieces);
    }
    let flagged = |name: &str, reason: &str, about: &str, segments: Vec<(Vec<u8>, u64, u8)>, files: &mut Files| {
        // only the crafted segment differs; what it shares with the accepted file is copied
        let craft = Craft { segments, ..honest.clone() };
        let mut pieces = vec![header(), segment(0), segment(1)];
        pieces.extend((2..craft.segments.len()).map(|place| Piece::Hex(craft.segment(place))));
        refuse(files, name, reason, about, &honest, &pieces);
    };
    let mut cleared = honest.segments.clone();
    cleared[2].2 = 0;
    flagged("final-flag-cleared-on-the-last", "segment 2", "the last segment is not marked as such", cleared, files);
    let mut renumbered = honest.segments.clone();
    renumbered[2].1 = 3;
    flagged("segment-number-skipped", "segment 2", "the last segment has number 3", renumbered, files);
    let mut empty = honest.segments[..2].to_vec();
    empty.push((Vec::new(), 2, 1));
    flagged("empty-last-segment", "length", "an empty segment is marked as the last behind full ones", empty, files);
    let mut more = honest.segments.clone();
    more.push((b"more".to_vec(), 3, 1));
    flagged("segment-behind-the-last", "segment 2", "a fourth segment follows behind the last", more, files);
    let other = Craft { object: [0x35; 16], ..honest.clone() };
    let pieces = [header(), segment(0), segment(1), Piece::Hex(other.segment(2))];
    let about = "the last segment belongs to another object under the same key";
    refuse(files, "segment-of-another-object", "segment 2", about, &honest, &pieces);

    let range =
        |files: &mut Files, name: &str, range: &str, length: usize, result: Result<&[u8], &str>, pieces: &[Piece]| {
            let (folder, end) = match result {
                Ok(plain) => ("accepted", ("plaintext-sha256", hex::encode(sha256(plain)))),
                Err(reason) => ("refused", ("refused-as", reason.to_owned())),
            };
            let mut fields = fields(&honest, "a range; the bytes are the header and what was fetched", end);
            fields.extend([("range", range.to_owned()), ("sealed-length", length.to_string())]);
            files.insert(format!("{folder}/range-{name}.txt"), text(&fields, pieces));
        };
    let inside = &plain[70_000..70_100];
    range(files, "inside-the-second-segment", "70000-70100", end, Ok(inside), &[header(), segment(1)]);
    range(files, "over-a-border", "65530-65540", end, Ok(&plain[65_530..65_540]), &[header(), segment(0), segment(1)]);
    range(files, "to-the-end", "131072-131112", end, Ok(&plain[131_072..]), &[header(), segment(2)]);
    range(files, "of-another-segment", "70000-70100", end, Err("segment 1"), &[header(), segment(0)]);
    range(files, "of-the-last-as-if-cut", "70000-70100", start(2), Err("segment 1"), &[header(), segment(1)]);
    range(files, "behind-the-end", "131112-131113", end, Err("range"), &[header(), segment(2)]);
    range(files, "with-too-few-bytes", "70000-70100", end, Err("bytes of the range"), &[header(), segment(2)]);
    range(
        files,
        "with-too-many-bytes",
        "70000-70100",
        end,
        Err("bytes of the range"),
        &[header(), segment(1), segment(2)],
    );
    range(files, "of-a-length-that-cannot-be", "70000-70100", start(2) + 16, Err("length"), &[header(), segment(1)]);
}
