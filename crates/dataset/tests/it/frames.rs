//! Where frames are, and what rendering is told.

use dataset::{FrameIndex, Photometric, VoiFunction, Window};

use crate::stream::{Encoding, PIXEL_DATA, encapsulated, part10, scan};

const E: Encoding = Encoding::Explicit;

fn us(tag: u32, number: u16) -> Vec<u8> {
    E.element(tag, "US", &number.to_le_bytes())
}

fn bytes_of(stream: &[u8], frame: u32) -> Option<Vec<u8>> {
    let scanned = scan(stream).unwrap();
    let place = scanned.metadata.frames.place(frame)?;
    let parts = place.parts.iter();
    Some(parts.flat_map(|part| stream[part.offset as usize..][..part.length as usize].to_vec()).collect())
}

#[test]
fn native_frames_lie_one_behind_another() {
    let pixels: Vec<u8> = (0..24).collect();
    let stream = E.file(&[E.image(2, 2, "3"), E.element(PIXEL_DATA, "OW", &pixels)]);
    for frame in 1..=3 {
        assert_eq!(bytes_of(&stream, frame).unwrap(), pixels[(frame as usize - 1) * 8..][..8]);
    }
    assert_eq!((bytes_of(&stream, 0), bytes_of(&stream, 4)), (None, None));
}

#[test]
fn only_frames_that_are_there_whole_are_counted() {
    let stream = E.file(&[E.image(2, 2, "3"), E.element(PIXEL_DATA, "OW", &[1; 20])]);
    assert_eq!(scan(&stream).unwrap().metadata.frames.count(), 2);
    let stream = E.file(&[E.image(2, 2, "1"), E.element(PIXEL_DATA, "OW", &[1; 6])]);
    assert_eq!(scan(&stream).unwrap().metadata.frames, FrameIndex::None);
}

#[test]
fn frames_of_one_bit_begin_inside_a_byte() {
    let stream = E.file(&[
        us(0x0028_0002, 1),
        E.element(0x0028_0008, "IS", b"3 "),
        us(0x0028_0010, 3),
        us(0x0028_0011, 5),
        us(0x0028_0100, 1),
        us(0x0028_0101, 1),
        us(0x0028_0102, 0),
        E.element(PIXEL_DATA, "OB", &[0xFF; 6]),
    ]);
    let frames = scan(&stream).unwrap().metadata.frames;
    let place = |number| {
        let place = frames.place(number).unwrap();
        (place.parts[0].length, place.first_bit, place.bits)
    };
    assert_eq!((place(1), place(2), place(3)), ((2, 0, 15), (3, 7, 15), (3, 6, 15)));
}

#[test]
fn fragments_are_gathered_into_frames() {
    let jpeg = |tail: u8| [0xFF, 0xD8, 0xFF, tail];
    let table: Vec<u8> = [0u32, 24].iter().flat_map(|offset| offset.to_le_bytes()).collect();
    let file = |frames: &str, fragments: &[&[u8]]| {
        part10("1.2.840.10008.1.2.4.50", &E.dataset(&[E.image(2, 2, frames), encapsulated(fragments)]))
    };
    // by the offset table: the second frame begins at the third fragment, behind two items of 12 bytes
    let stream = file("2 ", &[&table, &jpeg(1), &[2; 4], &jpeg(3)]);
    assert_eq!(bytes_of(&stream, 1).unwrap(), [&jpeg(1)[..], &[2; 4]].concat());
    assert_eq!(bytes_of(&stream, 2).unwrap(), jpeg(3));
    // by start markers
    let stream = file("2 ", &[&[], &jpeg(1), &jpeg(2), &[9; 4]]);
    assert_eq!(bytes_of(&stream, 2).unwrap(), [&jpeg(2)[..], &[9; 4]].concat());
    // all for one
    let stream = file("1 ", &[&[], &jpeg(1), &[2; 4], &[3; 4]]);
    assert_eq!(bytes_of(&stream, 1).unwrap().len(), 12);
    // not to be told apart
    let stream = file("2 ", &[&[], &jpeg(1), &[2; 4], &[3; 4]]);
    assert_eq!(scan(&stream).unwrap().metadata.frames, FrameIndex::None);
    assert!(scan(&stream).unwrap().metadata.image.is_none());
}

#[test]
fn an_extended_offset_table_gathers_frames_and_cuts_padding() {
    let words = |numbers: [u64; 2]| numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<u8>>();
    let stream = part10(
        "1.2.840.10008.1.2.4.90",
        &E.dataset(&[
            E.image(2, 2, "2"),
            E.element(0x7FE0_0001, "OV", &words([0, 12])),
            E.element(0x7FE0_0002, "OV", &words([3, 4])),
            encapsulated(&[&[], &[1, 1, 1, 0], &[2; 4]]),
        ]),
    );
    assert_eq!(bytes_of(&stream, 1).unwrap(), [1; 3]);
    assert_eq!(bytes_of(&stream, 2).unwrap(), [2; 4]);
}

#[test]
fn pixels_of_an_icon_are_not_the_instances_own() {
    let icon = [E.image(1, 1, "1"), E.element(PIXEL_DATA, "OW", &[7; 2])].concat();
    let stream = E.file(&[E.sequence(0x0088_0200, &[icon], false)]);
    let metadata = scan(&stream).unwrap().metadata;
    assert_eq!((metadata.frames, metadata.image), (FrameIndex::None, None));
}

#[test]
fn video_is_not_cut_into_frames() {
    let stream = part10("1.2.840.10008.1.2.4.102", &E.dataset(&[E.image(2, 2, "9"), encapsulated(&[&[], &[1; 30]])]));
    assert_eq!(scan(&stream).unwrap().metadata.frames, FrameIndex::None);
}

#[test]
fn what_rendering_takes_is_described() {
    let stream = E.file(&[
        E.element(0x0018_1063, "DS", b"33.3"),
        E.image(2, 2, "1"),
        E.element(0x0028_0120, "US", &7u16.to_le_bytes()),
        E.element(0x0028_1050, "DS", b"40\\50 "),
        E.element(0x0028_1051, "DS", b"400\\350"),
        E.element(0x0028_1052, "DS", b"-1024 "),
        E.element(0x0028_1053, "DS", b"2.5 "),
        E.element(0x0028_1056, "CS", b"SIGMOID "),
        E.sequence(
            0x0028_3010,
            &[[E.element(0x0028_3002, "US", &[2, 0, 0xFF, 0xFF, 12, 0]), E.element(0x0028_3006, "US", &[1, 0, 2, 0])]
                .concat()],
            true,
        ),
        E.element(PIXEL_DATA, "OW", &[0; 8]),
    ]);
    let image = scan(&stream).unwrap().metadata.image.unwrap();
    assert_eq!((image.rows, image.columns, image.samples, image.frames), (2, 2, 1, 1));
    assert_eq!((image.bits_allocated, image.bits_stored, image.high_bit, image.signed), (16, 12, 11, false));
    assert_eq!(image.photometric, Photometric::Monochrome2);
    assert_eq!((image.rescale_slope, image.rescale_intercept, image.frame_time), (2.5, -1024.0, Some(33.3)));
    assert_eq!(image.windows, [Window { center: 40.0, width: 400.0 }, Window { center: 50.0, width: 350.0 }]);
    assert_eq!((image.voi_function, image.pixel_padding), (VoiFunction::Sigmoid, Some(7)));
    let lut = image.voi_lut.unwrap();
    assert_eq!((lut.first, lut.bits, lut.entries), (-1, 12, vec![1, 2]));
}

#[test]
fn functional_groups_speak_where_the_image_does_not() {
    let groups = E.sequence(
        0x5200_9229,
        &[[
            E.sequence(
                0x0028_9132,
                &[[E.element(0x0028_1050, "DS", b"10"), E.element(0x0028_1051, "DS", b"20")].concat()],
                false,
            ),
            E.sequence(
                0x0028_9145,
                &[[E.element(0x0028_1052, "DS", b"5 "), E.element(0x0028_1053, "DS", b"3 ")].concat()],
                false,
            ),
        ]
        .concat()],
        false,
    );
    let stream = E.file(&[E.image(2, 2, "1"), groups, E.element(PIXEL_DATA, "OW", &[0; 8])]);
    let image = scan(&stream).unwrap().metadata.image.unwrap();
    assert_eq!(image.windows, [Window { center: 10.0, width: 20.0 }]);
    assert_eq!((image.rescale_slope, image.rescale_intercept), (3.0, 5.0));
}

#[test]
fn a_palette_comes_along() {
    let stream = E.file(&[
        E.image(2, 2, "1"),
        E.element(0x0028_1101, "US", &[2, 0, 0, 0, 16, 0]),
        E.element(0x0028_1102, "US", &[2, 0, 0, 0, 16, 0]),
        E.element(0x0028_1103, "US", &[2, 0, 0, 0, 16, 0]),
        E.element(0x0028_1201, "OW", &[0, 0, 0xFF, 0xFF]),
        E.element(0x0028_1202, "OW", &[1, 0, 2, 0]),
        E.element(0x0028_1203, "OW", &[3, 0, 4, 0]),
        E.element(PIXEL_DATA, "OW", &[0; 8]),
    ]);
    let palette = scan(&stream).unwrap().metadata.image.unwrap().palette.unwrap();
    assert_eq!(palette.red.entries, [0, 0xFFFF]);
    assert_eq!((palette.green.entries, palette.blue.entries), (vec![1, 2], vec![3, 4]));
}

#[test]
fn frames_of_big_endian_data_sets_can_be_turned() {
    let frame_of = |e: Encoding, pixels: &[u8]| {
        let stream = e.file(&[e.image(1, 2, "1"), e.element(PIXEL_DATA, "OW", pixels)]);
        let mut frame = bytes_of(&stream, 1).unwrap();
        scan(&stream).unwrap().metadata.frame_to_little_endian(&mut frame);
        frame
    };
    assert_eq!(frame_of(Encoding::Big, &[1, 2, 3, 4]), [2, 1, 4, 3]);
    assert_eq!(frame_of(Encoding::Explicit, &[1, 2, 3, 4]), [1, 2, 3, 4]);
    assert_eq!(frame_of(Encoding::Implicit, &[1, 2, 3, 4]), [1, 2, 3, 4]);
}
