//! DICOM of the tests' own: Part 10, explicit VR little endian (or encapsulated), with what the archive files by.

/// What a test varies.
#[derive(Clone)]
pub struct Image {
    pub name: String,
    pub patient_id: String,
    pub study: String,
    pub series: String,
    pub instance: String,
    pub number: u32,
    pub date: String,
    pub modality: String,
    pub rows: u16,
    pub columns: u16,
    /// Native frames, or `None` with `encapsulated`.
    pub frames: u32,
    /// Transfer syntax and the fragments, one for each frame.
    pub encapsulated: Option<(&'static str, Vec<Vec<u8>>)>,
    pub seed: u8,
}

pub const CT: &str = "1.2.840.10008.5.1.4.1.1.2";
pub const EXPLICIT: &str = "1.2.840.10008.1.2.1";

pub fn image(study: &str, series: u32, number: u32) -> Image {
    Image {
        name: "Doe^Jane".into(),
        patient_id: "P1".into(),
        study: study.into(),
        series: format!("{study}.{series}"),
        instance: format!("{study}.{series}.{number}"),
        number,
        date: "20260102".into(),
        modality: "CT".into(),
        rows: 16,
        columns: 16,
        frames: 1,
        encapsulated: None,
        seed: u8::try_from(number % 251).unwrap(),
    }
}

impl Image {
    pub fn transfer_syntax(&self) -> &str {
        self.encapsulated.as_ref().map_or(EXPLICIT, |(syntax, _)| syntax)
    }

    /// The value of one native frame, 16 bits a pixel.
    pub fn frame(&self, number: u32) -> Vec<u8> {
        let pixels = usize::from(self.rows) * usize::from(self.columns);
        let value = |index: usize| {
            (index as u16).wrapping_mul(7).wrapping_add(u16::from(self.seed) * 100 + number as u16) & 0x0fff
        };
        (0..pixels).flat_map(|index| value(index).to_le_bytes()).collect()
    }

    pub fn to_bytes(&self) -> Vec<u8> {
        let mut meta = Vec::new();
        element(&mut meta, 0x0002, 0x0001, b"OB", &[0, 1]);
        text(&mut meta, 0x0002, 0x0002, b"UI", CT);
        text(&mut meta, 0x0002, 0x0003, b"UI", &self.instance);
        text(&mut meta, 0x0002, 0x0010, b"UI", self.transfer_syntax());
        text(&mut meta, 0x0002, 0x0012, b"UI", "1.2.3.4");

        let mut file = vec![0; 128];
        file.extend_from_slice(b"DICM");
        element(&mut file, 0x0002, 0x0000, b"UL", &u32::try_from(meta.len()).unwrap().to_le_bytes());
        file.extend_from_slice(&meta);

        text(&mut file, 0x0008, 0x0005, b"CS", "ISO_IR 192");
        text(&mut file, 0x0008, 0x0016, b"UI", CT);
        text(&mut file, 0x0008, 0x0018, b"UI", &self.instance);
        text(&mut file, 0x0008, 0x0020, b"DA", &self.date);
        text(&mut file, 0x0008, 0x0030, b"TM", "101112");
        text(&mut file, 0x0008, 0x0050, b"SH", "A1");
        text(&mut file, 0x0008, 0x0060, b"CS", &self.modality);
        text(&mut file, 0x0008, 0x0090, b"PN", "");
        text(&mut file, 0x0008, 0x1030, b"LO", "Thorax");
        text(&mut file, 0x0008, 0x103e, b"LO", "Lung");
        text(&mut file, 0x0010, 0x0010, b"PN", &self.name);
        text(&mut file, 0x0010, 0x0020, b"LO", &self.patient_id);
        text(&mut file, 0x0010, 0x0030, b"DA", "19700101");
        text(&mut file, 0x0010, 0x0040, b"CS", "F");
        text(&mut file, 0x0020, 0x000d, b"UI", &self.study);
        text(&mut file, 0x0020, 0x000e, b"UI", &self.series);
        text(&mut file, 0x0020, 0x0010, b"SH", "S1");
        text(&mut file, 0x0020, 0x0011, b"IS", "1");
        text(&mut file, 0x0020, 0x0013, b"IS", &self.number.to_string());
        short(&mut file, 0x0028, 0x0002, 1);
        text(&mut file, 0x0028, 0x0004, b"CS", "MONOCHROME2");
        if self.frames != 1 {
            text(&mut file, 0x0028, 0x0008, b"IS", &self.frames.to_string());
        }
        short(&mut file, 0x0028, 0x0010, self.rows);
        short(&mut file, 0x0028, 0x0011, self.columns);
        short(&mut file, 0x0028, 0x0100, 16);
        short(&mut file, 0x0028, 0x0101, 12);
        short(&mut file, 0x0028, 0x0102, 11);
        short(&mut file, 0x0028, 0x0103, 0);
        text(&mut file, 0x0028, 0x1050, b"DS", "2048");
        text(&mut file, 0x0028, 0x1051, b"DS", "4096");
        match &self.encapsulated {
            None => {
                let pixels: Vec<u8> = (1..=self.frames).flat_map(|number| self.frame(number)).collect();
                element(&mut file, 0x7fe0, 0x0010, b"OW", &pixels);
            }
            Some((_, fragments)) => {
                file.extend_from_slice(&[0xe0, 0x7f, 0x10, 0x00]);
                file.extend_from_slice(b"OB\0\0");
                file.extend_from_slice(&u32::MAX.to_le_bytes());
                item(&mut file, 0xe000, &[]);
                fragments.iter().for_each(|fragment| item(&mut file, 0xe000, fragment));
                item(&mut file, 0xe0dd, &[]);
            }
        }
        file
    }
}

fn item(file: &mut Vec<u8>, element: u16, value: &[u8]) {
    file.extend_from_slice(&0xfffe_u16.to_le_bytes());
    file.extend_from_slice(&element.to_le_bytes());
    file.extend_from_slice(&u32::try_from(value.len()).unwrap().to_le_bytes());
    file.extend_from_slice(value);
}

fn short(file: &mut Vec<u8>, group: u16, number: u16, value: u16) {
    element(file, group, number, b"US", &value.to_le_bytes());
}

fn text(file: &mut Vec<u8>, group: u16, number: u16, vr: &[u8; 2], value: &str) {
    let mut value = value.as_bytes().to_vec();
    if value.len() % 2 == 1 {
        value.push(if vr == b"UI" { 0 } else { b' ' });
    }
    element(file, group, number, vr, &value);
}

fn element(file: &mut Vec<u8>, group: u16, number: u16, vr: &[u8; 2], value: &[u8]) {
    file.extend_from_slice(&group.to_le_bytes());
    file.extend_from_slice(&number.to_le_bytes());
    file.extend_from_slice(vr);
    if matches!(vr, b"OB" | b"OW") {
        file.extend_from_slice(&[0, 0]);
        file.extend_from_slice(&u32::try_from(value.len()).unwrap().to_le_bytes());
    } else {
        file.extend_from_slice(&u16::try_from(value.len()).unwrap().to_le_bytes());
    }
    file.extend_from_slice(value);
}
