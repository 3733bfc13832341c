//! Greyscale: modality LUT, VOI, presentation (PS3.3 C.11.1, C.11.2, PS3.4 N.2).

use dataset::{ImageDescription, Lut, Photometric, VoiFunction, Window};

use crate::RenderError;
use crate::decode::{Cells, Decoded};

/// One grey byte a pixel.
pub(crate) fn grey(
    description: &ImageDescription,
    decoded: &Decoded,
    window: Option<Window>,
) -> Result<Vec<u8>, RenderError> {
    Ok(match &decoded.cells {
        Cells::Bits8(cells) => by_table(description, cells, window),
        Cells::Bits16(cells) => by_table(description, cells, window),
        Cells::Bits32(cells) => {
            let modality = Modality::of(description);
            let values = cells.iter().map(|&cell| modality.apply(stored_32(description, cell)));
            by_value(description, &values.collect::<Vec<_>>(), window)
        }
        // Real World Value Mapping aside, floating point pixels are what they say
        Cells::Float32(cells) => {
            by_value(description, &cells.iter().map(|&value| value.into()).collect::<Vec<_>>(), window)
        }
        Cells::Float64(cells) => by_value(description, cells, window),
    })
}

/// Up to 16 bits: one table entry for each stored value that there can be.
fn by_table<T: Copy + Into<u32>>(description: &ImageDescription, cells: &[T], window: Option<Window>) -> Vec<u8> {
    let bits = u32::from(description.bits_stored.clamp(1, 16)).min(8 * size_of::<T>() as u32);
    // samples lie below the high bit (PS3.5 8.1.1)
    let shift = (u32::from(description.high_bit) + 1).saturating_sub(bits).min(15);
    let mask = (1u32 << bits) - 1;
    let index = |cell: &T| ((*cell).into() >> shift & mask) as usize;
    let modality = Modality::of(description);
    let value = |index: usize| modality.apply(f64::from(extended(index as u32, bits, description.signed)));
    let is_used = || {
        let mut used = vec![false; 1 << bits];
        cells.iter().for_each(|cell| used[index(cell)] = true);
        if let Some(padding) = description.pixel_padding {
            used[(padding as u32 & mask) as usize] = false;
        }
        used
    };
    let extremes = || {
        if bits <= 8 && bits > 1 && modality.is_linear() {
            return extremes_of([value(0), value(mask as usize), value(1 << (bits - 1)), value((1 << (bits - 1)) - 1)]);
        }
        extremes_of(is_used().iter().enumerate().filter(|(_, used)| **used).map(|(index, _)| value(index)))
    };
    let voi = Voi::of(description, window, extremes);
    let table: Vec<u8> = (0..1 << bits).map(|index| voi.apply(value(index))).collect();
    cells.iter().map(|cell| table[index(cell)]).collect()
}

fn by_value(description: &ImageDescription, values: &[f64], window: Option<Window>) -> Vec<u8> {
    let voi = Voi::of(description, window, || extremes_of(values.iter().copied().filter(|value| value.is_finite())));
    values.iter().map(|&value| voi.apply(value)).collect()
}

fn stored_32(description: &ImageDescription, cell: u32) -> f64 {
    let bits = u32::from(description.bits_stored.clamp(1, 32));
    let shift = (u32::from(description.high_bit) + 1).saturating_sub(bits).min(31);
    let value = u64::from(cell >> shift) & ((1 << bits) - 1);
    let negative = description.signed && value >> (bits - 1) & 1 == 1;
    value as f64 - if negative { (1u64 << bits) as f64 } else { 0.0 }
}

/// The stored value of `bits` bits as a number.
fn extended(value: u32, bits: u32, signed: bool) -> i32 {
    let negative = signed && value >> (bits - 1) & 1 == 1;
    value as i32 - if negative { 1 << bits } else { 0 }
}

fn extremes_of(values: impl IntoIterator<Item = f64>) -> (f64, f64) {
    values.into_iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)))
}

/// From stored to modality values (C.11.1).
enum Modality<'a> {
    Linear { slope: f64, intercept: f64 },
    Table(&'a Lut),
}

impl<'a> Modality<'a> {
    fn of(description: &'a ImageDescription) -> Self {
        match &description.modality_lut {
            Some(lut) => Self::Table(lut),
            None => Self::Linear { slope: description.rescale_slope, intercept: description.rescale_intercept },
        }
    }

    fn is_linear(&self) -> bool {
        matches!(self, Self::Linear { .. })
    }

    fn apply(&self, stored: f64) -> f64 {
        match self {
            Self::Linear { slope, intercept } => stored * slope + intercept,
            Self::Table(lut) => entry(lut, stored),
        }
    }
}

/// Values outside a table take its ends (C.11.1.1.1).
fn entry(lut: &Lut, value: f64) -> f64 {
    let last = lut.entries.len().saturating_sub(1);
    let at = (value - f64::from(lut.first)).clamp(0.0, last as f64) as usize;
    lut.entries.get(at).copied().unwrap_or(0).into()
}

/// From modality values to grey (C.11.2), dark to light or, for MONOCHROME1 or an inverse presentation LUT, light to
/// dark.
struct Voi<'a> {
    function: Function<'a>,
    inverted: bool,
}

enum Function<'a> {
    Window(VoiFunction, Window),
    Table(&'a Lut),
    /// From the smallest to the largest value.
    Stretch(f64, f64),
}

impl<'a> Voi<'a> {
    fn of(description: &'a ImageDescription, asked: Option<Window>, extremes: impl Fn() -> (f64, f64)) -> Self {
        let usable = |window: &Window| window.width > 0.0 && window.width.is_finite() && window.center.is_finite();
        let own = || description.windows.iter().copied().find(usable);
        let function = match (asked.filter(usable).or_else(own), &description.voi_lut) {
            (Some(window), _) => Function::Window(description.voi_function, window),
            (None, Some(lut)) => Function::Table(lut),
            (None, None) => {
                let (low, high) = extremes();
                Function::Stretch(low, high)
            }
        };
        // images for presentation say it twice: MONOCHROME1 goes with INVERSE (C.8.11.3.1.2)
        let inverted = description.photometric == Photometric::Monochrome1 || description.inverse;
        Self { function, inverted }
    }

    fn apply(&self, value: f64) -> u8 {
        let light = match self.function {
            Function::Window(VoiFunction::Linear, window) => linear(window, value),
            Function::Window(VoiFunction::LinearExact, Window { center, width }) => (value - center) / width + 0.5,
            Function::Window(VoiFunction::Sigmoid, Window { center, width }) => {
                1.0 / (1.0 + (-4.0 * (value - center) / width).exp())
            }
            Function::Table(lut) => entry(lut, value) / f64::from((1u32 << lut.bits) - 1),
            Function::Stretch(low, high) if high > low => (value - low) / (high - low),
            Function::Stretch(..) => 0.0,
        };
        let grey = (light.clamp(0.0, 1.0) * 255.0).round() as u8;
        if self.inverted { 255 - grey } else { grey }
    }
}

/// C.11.2.1.2.1, to the letter.
fn linear(Window { center, width }: Window, value: f64) -> f64 {
    let (center, width) = (center - 0.5, width - 1.0);
    if value <= center - width / 2.0 {
        0.0
    } else if value > center + width / 2.0 {
        1.0
    } else {
        (value - center) / width + 0.5
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(bits: u16) -> ImageDescription {
        ImageDescription {
            rows: 1,
            columns: 4,
            samples: 1,
            bits_allocated: 16,
            bits_stored: bits,
            high_bit: bits - 1,
            rescale_slope: 1.0,
            frames: 1,
            ..ImageDescription::default()
        }
    }

    #[track_caller]
    fn check(description: &ImageDescription, cells: &[u16], expected: &[u8]) {
        assert_eq!(by_table(description, cells, None), expected);
    }

    #[test]
    fn a_window_is_applied_to_the_letter_of_the_standard() {
        // PS3.3 C.11.2.1.2.1, notes: width 1 is a threshold, center 2048 and width 4096 are the identity of 12 bits
        let mut description = image(12);
        description.windows = vec![Window { center: 100.0, width: 1.0 }];
        check(&description, &[0, 99, 100, 4095], &[0, 0, 255, 255]);
        description.windows = vec![Window { center: 2048.0, width: 4096.0 }];
        check(&description, &[0, 4095, 2048, 2047], &[0, 255, 128, 127]);
        description.windows = vec![Window { center: 0.5, width: 1.0 }];
        description.voi_function = VoiFunction::LinearExact;
        check(&description, &[0, 1, 2, 3], &[0, 255, 255, 255]);
        description.voi_function = VoiFunction::Sigmoid;
        description.windows = vec![Window { center: 100.0, width: 50.0 }];
        check(&description, &[100, 0, 200, 125], &[128, 0, 255, 225]);
    }

    #[test]
    fn signed_values_below_a_high_bit_are_found() {
        let mut description = image(12);
        description.signed = true;
        description.high_bit = 15;
        description.windows = vec![Window { center: 0.0, width: 2.0 }];
        description.voi_function = VoiFunction::LinearExact;
        check(&description, &[0xFFF0, 0x0000, 0x0010, 0x8000], &[0, 128, 255, 0]);
    }

    #[test]
    fn rescaling_comes_before_the_window() {
        let mut description = image(12);
        description.rescale_intercept = -1024.0;
        description.rescale_slope = 2.0;
        description.windows = vec![Window { center: 0.0, width: 1.0 }];
        check(&description, &[0, 511, 512, 4095], &[0, 0, 255, 255]);
    }

    #[test]
    fn monochrome1_and_inverse_presentation_are_one_inversion_together() {
        let mut description = image(2);
        description.photometric = Photometric::Monochrome1;
        check(&description, &[0, 3, 1, 2], &[255, 0, 170, 85]);
        description.inverse = true;
        check(&description, &[0, 3, 1, 2], &[255, 0, 170, 85]);
        description.photometric = Photometric::Monochrome2;
        check(&description, &[0, 3, 1, 2], &[255, 0, 170, 85]);
    }

    #[test]
    fn without_window_the_frame_is_stretched_and_padding_left_out() {
        let mut description = image(16);
        description.pixel_padding = Some(60_000);
        check(&description, &[1000, 2000, 60_000, 1500], &[0, 255, 255, 128]);
        check(&description, &[7, 7, 7, 7], &[0, 0, 0, 0]);
    }

    #[test]
    fn tables_take_the_place_of_rescaling_and_window() {
        let mut description = image(4);
        description.modality_lut = Some(Lut { first: 1, bits: 8, entries: vec![10, 20, 30] });
        description.voi_lut = Some(Lut { first: 10, bits: 8, entries: (0..21).map(|at| at * 10).collect() });
        check(&description, &[0, 1, 2, 15], &[0, 0, 100, 200]);
    }

    #[test]
    fn floating_point_that_is_no_number_is_black() {
        let description = image(16);
        assert_eq!(by_value(&description, &[0.0, f64::NAN, 1.0, f64::INFINITY], None), [0, 0, 255, 255]);
    }
}
