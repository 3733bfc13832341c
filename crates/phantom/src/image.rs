//! Pictures: ellipsoids in millimetres, as CT, MR, projection and ultrasound would show them.

use crate::DataSet;

/// Noise from a small linear generator: the same every time.
#[derive(Clone, Debug)]
pub struct Noise(u64);

impl Noise {
    /// Begins at a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    /// The next value, roughly normal, with a standard deviation near 1.
    pub fn value(&mut self) -> f64 {
        let mut sum = 0.0;
        for _ in 0..3 {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            sum += (self.0 >> 40) as f64 / f64::from(1 << 24) - 0.5;
        }
        sum * 2.0
    }
}

/// An ellipsoid: centre and half axes in parts of the half width, turn in degrees, and what it is made of.
struct Ellipsoid {
    centre: [f64; 3],
    half: [f64; 3],
    turn: f64,
    hounsfield: f64,
    mr: f64,
}

const fn part(centre: [f64; 3], half: [f64; 3], turn: f64, hounsfield: f64, mr: f64) -> Ellipsoid {
    Ellipsoid { centre, half, turn, hounsfield, mr }
}

/// A head: skin, skull, brain, ventricles, eyes, a small lesion. Later parts cover earlier ones.
const HEAD: [Ellipsoid; 11] = [
    part([0.0, 0.0, 0.0], [0.74, 0.92, 0.95], 0.0, 40.0, 620.0),
    part([0.0, 0.0, 0.0], [0.70, 0.88, 0.91], 0.0, 1100.0, 60.0),
    part([0.0, 0.0, 0.0], [0.64, 0.81, 0.85], 0.0, 12.0, 180.0),
    part([0.0, 0.0, 0.0], [0.62, 0.78, 0.82], 0.0, 36.0, 520.0),
    part([-0.30, 0.0, 0.0], [0.24, 0.60, 0.60], 4.0, 31.0, 700.0),
    part([0.30, 0.0, 0.0], [0.24, 0.60, 0.60], -4.0, 31.0, 700.0),
    part([-0.12, -0.08, 0.1], [0.07, 0.26, 0.28], 14.0, 8.0, 170.0),
    part([0.12, -0.08, 0.1], [0.07, 0.26, 0.28], -14.0, 8.0, 170.0),
    part([-0.28, 0.80, -0.45], [0.13, 0.13, 0.13], 0.0, 15.0, 240.0),
    part([0.28, 0.80, -0.45], [0.13, 0.13, 0.13], 0.0, 15.0, 240.0),
    part([0.34, -0.32, 0.2], [0.07, 0.06, 0.08], 20.0, 68.0, 980.0),
];

fn material(x: f64, y: f64, z: f64) -> Option<&'static Ellipsoid> {
    HEAD.iter().rev().find(|ellipsoid| {
        let (sin, cos) = ellipsoid.turn.to_radians().sin_cos();
        let (dx, dy, dz) = (x - ellipsoid.centre[0], y - ellipsoid.centre[1], z - ellipsoid.centre[2]);
        let (u, v) = (dx * cos + dy * sin, dy * cos - dx * sin);
        (u / ellipsoid.half[0]).powi(2) + (v / ellipsoid.half[1]).powi(2) + (dz / ellipsoid.half[2]).powi(2) <= 1.0
    })
}

fn slice(rows: u16, columns: u16, noise: f64, seed: u64, value: impl Fn(f64, f64) -> f64) -> Vec<i16> {
    let mut noise_source = Noise::new(seed);
    let mut pixels = Vec::with_capacity(usize::from(rows) * usize::from(columns));
    for row in 0..rows {
        let y = 1.0 - 2.0 * f64::from(row) / f64::from(rows);
        for column in 0..columns {
            let x = 2.0 * f64::from(column) / f64::from(columns) - 1.0;
            pixels.push((value(x, y) + noise * noise_source.value()).clamp(-32_768.0, 32_767.0) as i16);
        }
    }
    pixels
}

/// An axial CT slice at height `z` (-1 to 1), stored values 1024 above Hounsfield units.
#[must_use]
pub fn ct_slice(rows: u16, columns: u16, z: f64, seed: u64) -> Vec<i16> {
    slice(rows, columns, 9.0, seed, |x, y| 1024.0 + material(x, y, z).map_or(-1000.0, |m| m.hounsfield))
        .into_iter()
        .map(|v| v.max(0))
        .collect()
}

/// An axial MR slice at height `z` (-1 to 1), with a gentle shading across the coil.
#[must_use]
pub fn mr_slice(rows: u16, columns: u16, z: f64, seed: u64) -> Vec<i16> {
    slice(rows, columns, 14.0, seed, |x, y| material(x, y, z).map_or(8.0, |m| m.mr * (1.0 + 0.08 * x - 0.05 * y)))
        .into_iter()
        .map(|v| v.max(0))
        .collect()
}

/// A projection from the front, as a DX shows it: the sum along the line of sight, 12 bit.
#[must_use]
pub fn dx_projection(rows: u16, columns: u16, seed: u64) -> Vec<i16> {
    const STEPS: i32 = 48;
    slice(rows, columns, 6.0, seed, |x, z| {
        let along: f64 = (0..STEPS)
            .map(|step| f64::from(step) * 2.0 / f64::from(STEPS) - 1.0)
            .map(|y| material(x, y, z).map_or(0.0, |m| 1.0 + m.hounsfield / 1000.0))
            .sum();
        4000.0 * (-along / f64::from(STEPS) * 1.6).exp()
    })
    .into_iter()
    .map(|v| v.clamp(0, 4095))
    .collect()
}

/// One frame of an ultrasound sector, 8 bit, with something that beats.
#[must_use]
pub fn us_frame(rows: u16, columns: u16, frame: u32, frames: u32) -> Vec<u8> {
    let phase = f64::from(frame) / f64::from(frames) * std::f64::consts::TAU;
    let chamber = 0.16 + 0.05 * phase.sin();
    let pixels = slice(rows, columns, 0.0, u64::from(frame) + 77, |x, y| {
        let (depth, angle) = ((x * x + (1.0 - y) * (1.0 - y)).sqrt() / 2.0, x.atan2(1.0 - y));
        if depth > 0.97 || angle.abs() > 0.7 || depth < 0.03 {
            return 0.0;
        }
        let inside = (x / 1.25).powi(2) + (y + 0.15).powi(2) < chamber;
        if inside { 14.0 } else { 120.0 * (1.0 - 0.55 * depth) }
    });
    let mut noise = Noise::new(u64::from(frame) * 31 + 5);
    pixels.into_iter().map(|value| (f64::from(value) * (1.0 + 0.35 * noise.value())).clamp(0.0, 255.0) as u8).collect()
}

/// Image pixel and plane attributes of a CT slice (PS3.3 C.7.6.2, C.7.6.3, C.8.2.1).
pub(crate) fn describe_ct(data: &mut DataSet, rows: u16, columns: u16, position: f64, thickness: f64) {
    describe_grey(data, rows, columns, 16, 12);
    data.text(0x0018_0050, "DS", &thickness.to_string());
    data.text(0x0020_0032, "DS", &format!("-120\\-120\\{position}"));
    data.text(0x0020_0037, "DS", "1\\0\\0\\0\\1\\0");
    data.text(0x0020_0052, "UI", "2.25.297441826412394518240617934805.1");
    data.text(0x0028_0030, "DS", &format!("{0}\\{0}", 240.0 / f64::from(rows)));
    data.text(0x0028_1050, "DS", "40\\400");
    data.text(0x0028_1051, "DS", "80\\2000");
    data.text(0x0028_1052, "DS", "-1024");
    data.text(0x0028_1053, "DS", "1");
    data.text(0x0028_1054, "LO", "HU");
}

/// Image pixel attributes of one grey sample.
pub(crate) fn describe_grey(data: &mut DataSet, rows: u16, columns: u16, allocated: u16, stored: u16) {
    data.number(0x0028_0002, 1);
    data.text(0x0028_0004, "CS", "MONOCHROME2");
    data.number(0x0028_0010, rows);
    data.number(0x0028_0011, columns);
    data.number(0x0028_0100, allocated);
    data.number(0x0028_0101, stored);
    data.number(0x0028_0102, stored - 1);
    data.number(0x0028_0103, 0);
}
