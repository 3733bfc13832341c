//! DICOM objects for tests: small, explicit VR little endian, made up.

/// One object.
#[derive(Clone)]
pub struct Object {
    pub study: String,
    pub series: String,
    pub instance: String,
    pub sop_class: String,
    pub patient_id: String,
    pub patient_name: String,
    pub number: u32,
    pub frames: u32,
    pub rows: u16,
    pub columns: u16,
    /// Fills the pixels.
    pub seed: u8,
    /// Bytes of a private value that becomes bulk data; 0 leaves it out.
    pub private_bytes: usize,
}

pub const CT: &str = "1.2.840.10008.5.1.4.1.1.2";
pub const EXPLICIT: &str = "1.2.840.10008.1.2.1";

impl Object {
    pub fn new(study: u32, series: u32, instance: u32) -> Self {
        Self {
            study: format!("1.2.826.0.1.{study}"),
            series: format!("1.2.826.0.1.{study}.{series}"),
            instance: format!("1.2.826.0.1.{study}.{series}.{instance}"),
            sop_class: CT.into(),
            patient_id: format!("P{study}"),
            patient_name: format!("Canary^Study{study}"),
            number: instance,
            frames: 1,
            rows: 16,
            columns: 16,
            seed: instance as u8,
            private_bytes: 0,
        }
    }

    pub fn frame_bytes(&self) -> usize {
        usize::from(self.rows) * usize::from(self.columns) * 2
    }

    pub fn frame(&self, number: u32) -> Vec<u8> {
        (0..self.frame_bytes()).map(|at| (at as u32 * 31 + number * 7 + u32::from(self.seed)) as u8).collect()
    }

    /// The data set up to the pixel data's header, included.
    pub fn head(&self) -> Vec<u8> {
        let mut out = Vec::new();
        text(&mut out, 0x0008, 0x0016, b"UI", &self.sop_class);
        text(&mut out, 0x0008, 0x0018, b"UI", &self.instance);
        text(&mut out, 0x0008, 0x0020, b"DA", "20240102");
        text(&mut out, 0x0008, 0x0060, b"CS", "CT");
        text(&mut out, 0x0010, 0x0010, b"PN", &self.patient_name);
        text(&mut out, 0x0010, 0x0020, b"LO", &self.patient_id);
        text(&mut out, 0x0010, 0x0030, b"DA", "19700203");
        text(&mut out, 0x0010, 0x0040, b"CS", "F");
        if self.private_bytes > 0 {
            text(&mut out, 0x0019, 0x0010, b"LO", "LEADGLASS TEST");
            long(&mut out, 0x0019, 0x1001, b"OB", &vec![0x5A; self.private_bytes]);
        }
        text(&mut out, 0x0020, 0x000D, b"UI", &self.study);
        text(&mut out, 0x0020, 0x000E, b"UI", &self.series);
        text(&mut out, 0x0020, 0x0013, b"IS", &self.number.to_string());
        short(&mut out, 0x0028, 0x0002, 1);
        text(&mut out, 0x0028, 0x0004, b"CS", "MONOCHROME2");
        text(&mut out, 0x0028, 0x0008, b"IS", &self.frames.to_string());
        short(&mut out, 0x0028, 0x0010, self.rows);
        short(&mut out, 0x0028, 0x0011, self.columns);
        short(&mut out, 0x0028, 0x0100, 16);
        short(&mut out, 0x0028, 0x0101, 16);
        short(&mut out, 0x0028, 0x0102, 15);
        short(&mut out, 0x0028, 0x0103, 0);
        out.extend_from_slice(&[0xE0, 0x7F, 0x10, 0x00]);
        out.extend_from_slice(b"OW\0\0");
        out.extend_from_slice(&(self.frame_bytes() as u32 * self.frames).to_le_bytes());
        out
    }

    pub fn data_set(&self) -> Vec<u8> {
        let mut out = self.head();
        (1..=self.frames).for_each(|number| out.extend_from_slice(&self.frame(number)));
        out
    }

    pub fn part10(&self) -> Vec<u8> {
        let mut out = meta(&self.sop_class, &self.instance, EXPLICIT);
        out.extend_from_slice(&self.data_set());
        out
    }
}

pub fn meta(sop_class: &str, instance: &str, transfer_syntax: &str) -> Vec<u8> {
    let mut group = Vec::new();
    long(&mut group, 2, 1, b"OB", &[0, 1]);
    text(&mut group, 2, 2, b"UI", sop_class);
    text(&mut group, 2, 3, b"UI", instance);
    text(&mut group, 2, 0x10, b"UI", transfer_syntax);
    text(&mut group, 2, 0x12, b"UI", "1.2.826.0.1.99");
    let mut out = vec![0; 128];
    out.extend_from_slice(b"DICM");
    out.extend_from_slice(&[2, 0, 0, 0]);
    out.extend_from_slice(b"UL\x04\0");
    out.extend_from_slice(&(group.len() as u32).to_le_bytes());
    out.extend_from_slice(&group);
    out
}

fn text(out: &mut Vec<u8>, group: u16, element: u16, vr: &[u8; 2], value: &str) {
    let mut value = value.as_bytes().to_vec();
    if value.len() % 2 == 1 {
        value.push(if vr == b"UI" { 0 } else { b' ' });
    }
    out.extend_from_slice(&group.to_le_bytes());
    out.extend_from_slice(&element.to_le_bytes());
    out.extend_from_slice(vr);
    out.extend_from_slice(&(value.len() as u16).to_le_bytes());
    out.extend_from_slice(&value);
}

fn short(out: &mut Vec<u8>, group: u16, element: u16, value: u16) {
    out.extend_from_slice(&group.to_le_bytes());
    out.extend_from_slice(&element.to_le_bytes());
    out.extend_from_slice(b"US\x02\0");
    out.extend_from_slice(&value.to_le_bytes());
}

fn long(out: &mut Vec<u8>, group: u16, element: u16, vr: &[u8; 2], value: &[u8]) {
    out.extend_from_slice(&group.to_le_bytes());
    out.extend_from_slice(&element.to_le_bytes());
    out.extend_from_slice(vr);
    out.extend_from_slice(&[0, 0]);
    out.extend_from_slice(&(value.len() as u32).to_le_bytes());
    out.extend_from_slice(value);
}
