//! What an instance is filed by, and what rendering it takes, picked up while the data set passes.

use dicom_core::VR;
use model::Uid;
use protocol::{InstanceAttributes, PatientAttributes, SeriesAttributes, StudyAttributes};

use crate::ScanError;
use crate::charset::Charset;
use crate::element::Syntax;
use crate::lut::{LUT_BYTES_MAX, RawLut, palette};
use crate::metadata::{ImageDescription, Photometric, VoiFunction, Window};
use crate::value::text;

/// Where in the data set an element stands, as far as that matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Path {
    /// Not in any sequence.
    Root,
    /// In the first item of the Modality LUT Sequence (0028,3000).
    ModalityLut,
    /// In the first item of the VOI LUT Sequence (0028,3010).
    VoiLut,
    /// In a Pixel Value Transformation (0028,9145) or Frame VOI LUT Sequence (0028,9132) of functional groups.
    FunctionalGroup,
    /// Anywhere else.
    Elsewhere,
}

/// The most windows that are kept.
const WINDOWS_MAX: usize = 64;

/// What was picked up so far. Of several elements with one tag the last counts, as in the JSON.
#[derive(Default)]
pub(crate) struct Attributes {
    sop_class: Option<Uid>,
    sop_instance: Option<Uid>,
    study_uid: Option<Uid>,
    series_uid: Option<Uid>,
    patient: PatientAttributes,
    study_date: String,
    study_time: String,
    accession_number: String,
    study_id: String,
    study_description: String,
    referring_physician: String,
    modality: String,
    series_number: String,
    series_description: String,
    body_part: String,
    series_date: String,
    series_time: String,
    step_date: String,
    step_time: String,
    instance_number: String,
    pub(crate) frames: Option<u32>,
    image: ImageDescription,
    photometric_said: bool,
    rescale: [Option<f64>; 2],
    functional_rescale: [Option<f64>; 2],
    windows: [Vec<f64>; 2],
    functional_windows: [Vec<f64>; 2],
    modality_lut: RawLut,
    voi_lut: RawLut,
    palette: [RawLut; 3],
}

/// What comes of them at the end of the data set.
pub(crate) struct Filed {
    pub(crate) patient: PatientAttributes,
    pub(crate) study: StudyAttributes,
    pub(crate) series: SeriesAttributes,
    pub(crate) instance: InstanceAttributes,
    pub(crate) image: ImageDescription,
}

/// One value as it is encoded.
#[derive(Clone, Copy)]
pub(crate) struct Raw<'a> {
    pub(crate) tag: u32,
    pub(crate) vr: VR,
    pub(crate) bytes: &'a [u8],
    pub(crate) syntax: Syntax,
    pub(crate) charset: Charset,
}

impl Raw<'_> {
    fn text(self) -> String {
        text(self.vr, self.bytes, self.charset).into_owned()
    }

    fn uid(self) -> Option<Uid> {
        std::str::from_utf8(self.bytes).ok().and_then(|text| Uid::parse(text).ok())
    }

    /// `YYYYMMDD`, also from the `YYYY.MM.DD` of ACR-NEMA (PS3.5 6.2).
    fn date(self) -> String {
        let text = self.text();
        let dotted = text.len() == 10 && text.as_bytes()[4] == b'.' && text.as_bytes()[7] == b'.';
        if dotted { text.replace('.', "") } else { text }
    }

    /// The first of the numbers, whatever the VR.
    fn number(self) -> Option<f64> {
        self.numbers().first().copied()
    }

    fn numbers(self) -> Vec<f64> {
        let Self { bytes, syntax, .. } = self;
        let chunks = |size| bytes.chunks_exact(size).take(WINDOWS_MAX);
        match self.vr {
            VR::US => chunks(2).map(|value| syntax.u16(value).into()).collect(),
            VR::SS => chunks(2).map(|value| f64::from(syntax.u16(value) as i16)).collect(),
            VR::UL => chunks(4).map(|value| syntax.u32(value).into()).collect(),
            VR::SL => chunks(4).map(|value| f64::from(syntax.u32(value) as i32)).collect(),
            VR::FL => chunks(4).map(|value| f32::from_bits(syntax.u32(value)).into()).collect(),
            VR::FD => chunks(8).map(|value| f64::from_bits(syntax.u64(value))).collect(),
            // UN or OW in place of US
            VR::UN | VR::OW | VR::OB if bytes.len() == 2 => vec![syntax.u16(bytes).into()],
            _ => {
                let text = String::from_utf8_lossy(bytes);
                let numbers = text.split('\\').take(WINDOWS_MAX);
                numbers.filter_map(|number| number.trim_matches([' ', '\0']).parse().ok()).collect()
            }
        }
    }

    fn u16(self) -> u16 {
        self.number().map_or(0, |number| number as u16)
    }
}

impl Attributes {
    /// Whether a value is wanted even when it is longer than what stands in the JSON.
    pub(crate) fn wants_long(path: Path, tag: u32, length: usize) -> bool {
        length <= LUT_BYTES_MAX
            && match path {
                Path::Root => matches!(tag, 0x0028_1201..=0x0028_1203 | 0x0028_1221..=0x0028_1223),
                Path::ModalityLut | Path::VoiLut => tag == 0x0028_3006,
                Path::FunctionalGroup | Path::Elsewhere => false,
            }
    }

    /// Looks at one element.
    pub(crate) fn take(&mut self, path: Path, raw: Raw<'_>) {
        match path {
            Path::Root => self.take_root(raw),
            Path::ModalityLut => take_lut(&mut self.modality_lut, raw),
            Path::VoiLut => take_lut(&mut self.voi_lut, raw),
            Path::FunctionalGroup => self.take_functional(raw),
            Path::Elsewhere => {}
        }
    }

    fn take_root(&mut self, raw: Raw<'_>) {
        match raw.tag >> 16 {
            0x0028 => self.take_image(raw),
            0x0008 | 0x0010 | 0x0018 | 0x0020 | 0x0040 | 0x2050 => self.take_identification(raw),
            _ => {}
        }
    }

    fn take_identification(&mut self, raw: Raw<'_>) {
        match raw.tag {
            0x0008_0016 => self.sop_class = raw.uid(),
            0x0008_0018 => self.sop_instance = raw.uid(),
            0x0008_0020 => self.study_date = raw.date(),
            0x0008_0021 => self.series_date = raw.date(),
            0x0008_0030 => self.study_time = raw.text(),
            0x0008_0031 => self.series_time = raw.text(),
            0x0008_0050 => self.accession_number = raw.text(),
            0x0008_0060 => self.modality = raw.text(),
            0x0008_0090 => self.referring_physician = raw.text(),
            0x0008_1030 => self.study_description = raw.text(),
            0x0008_103E => self.series_description = raw.text(),
            0x0008_2144 => self.frame_rate(raw),
            0x0010_0010 => self.patient.name = raw.text(),
            0x0010_0020 => self.patient.id = raw.text(),
            0x0010_0021 => self.patient.issuer = raw.text(),
            0x0010_0030 => self.patient.birth_date = raw.date(),
            0x0010_0040 => self.patient.sex = raw.text(),
            0x0018_0015 => self.body_part = raw.text(),
            0x0018_0040 => self.frame_rate(raw),
            0x0018_1063 => self.image.frame_time = raw.number().filter(|&time| time > 0.0),
            0x0020_000D => self.study_uid = raw.uid(),
            0x0020_000E => self.series_uid = raw.uid(),
            0x0020_0010 => self.study_id = raw.text(),
            0x0020_0011 => self.series_number = raw.text(),
            0x0020_0013 => self.instance_number = raw.text(),
            0x0040_0244 => self.step_date = raw.date(),
            0x0040_0245 => self.step_time = raw.text(),
            0x2050_0020 => self.image.inverse = raw.text() == "INVERSE",
            _ => {}
        }
    }

    fn frame_rate(&mut self, raw: Raw<'_>) {
        if let (None, Some(rate)) = (self.image.frame_time, raw.number().filter(|&rate| rate > 0.0)) {
            self.image.frame_time = Some(1000.0 / rate);
        }
    }

    fn take_image(&mut self, raw: Raw<'_>) {
        let image = &mut self.image;
        match raw.tag {
            0x0028_0002 => image.samples = raw.u16(),
            0x0028_0004 => {
                image.photometric = photometric(&raw.text());
                self.photometric_said = true;
            }
            0x0028_0006 => image.planar = raw.u16(),
            0x0028_0008 => self.frames = frames(&raw.text()),
            0x0028_0010 => image.rows = raw.u16(),
            0x0028_0011 => image.columns = raw.u16(),
            0x0028_0100 => image.bits_allocated = raw.u16(),
            0x0028_0101 => image.bits_stored = raw.u16(),
            0x0028_0102 => image.high_bit = raw.u16(),
            0x0028_0103 => image.signed = raw.u16() == 1,
            0x0028_0120 => image.pixel_padding = raw.number().map(|number| number as i32),
            0x0028_1050 => self.windows[0] = raw.numbers(),
            0x0028_1051 => self.windows[1] = raw.numbers(),
            0x0028_1052 => self.rescale[0] = raw.number(),
            0x0028_1053 => self.rescale[1] = raw.number(),
            0x0028_1056 => image.voi_function = voi_function(&raw.text()),
            0x0028_1101..=0x0028_1103 => {
                self.palette[raw.tag as usize - 0x0028_1101].descriptor(raw.bytes, raw.syntax);
            }
            0x0028_1201..=0x0028_1203 => self.palette[raw.tag as usize - 0x0028_1201].data(raw.bytes, raw.syntax),
            0x0028_1221..=0x0028_1223 => self.palette[raw.tag as usize - 0x0028_1221].segments(raw.bytes, raw.syntax),
            _ => {}
        }
    }

    /// The first frame's values stand for all.
    fn take_functional(&mut self, raw: Raw<'_>) {
        let [intercept, slope] = &mut self.functional_rescale;
        let [centers, widths] = &mut self.functional_windows;
        match raw.tag {
            0x0028_1052 => *intercept = intercept.or(raw.number()),
            0x0028_1053 => *slope = slope.or(raw.number()),
            0x0028_1050 if centers.is_empty() => *centers = raw.numbers(),
            0x0028_1051 if widths.is_empty() => *widths = raw.numbers(),
            _ => {}
        }
    }

    /// What the instance is; the SOP class falls back to what the meta group says.
    pub(crate) fn finish(mut self, meta_sop_class: Option<Uid>) -> Result<Filed, ScanError> {
        let needed = |uid: Option<Uid>, keyword| uid.ok_or(ScanError::Unidentified { keyword });
        let sop_class = needed(self.sop_class.take().or(meta_sop_class), "SOPClassUID")?;
        let sop_instance = needed(self.sop_instance.take(), "SOPInstanceUID")?;
        let study = needed(self.study_uid.take(), "StudyInstanceUID")?;
        let series = needed(self.series_uid.take(), "SeriesInstanceUID")?;
        let frames = self.frames.unwrap_or(1);
        let or =
            |first: &mut String, second: &mut String| std::mem::take(if first.is_empty() { second } else { first });
        Ok(Filed {
            study: StudyAttributes {
                uid: study,
                date: std::mem::take(&mut self.study_date),
                time: std::mem::take(&mut self.study_time),
                accession_number: std::mem::take(&mut self.accession_number),
                id: std::mem::take(&mut self.study_id),
                description: std::mem::take(&mut self.study_description),
                referring_physician: std::mem::take(&mut self.referring_physician),
            },
            series: SeriesAttributes {
                uid: series,
                modality: std::mem::take(&mut self.modality),
                number: std::mem::take(&mut self.series_number),
                description: std::mem::take(&mut self.series_description),
                body_part: std::mem::take(&mut self.body_part),
                date: or(&mut self.step_date, &mut self.series_date),
                time: or(&mut self.step_time, &mut self.series_time),
            },
            instance: InstanceAttributes {
                uid: sop_instance,
                sop_class,
                number: std::mem::take(&mut self.instance_number),
                frames,
            },
            patient: std::mem::take(&mut self.patient),
            image: self.finish_image(frames),
        })
    }

    fn finish_image(self, frames: u32) -> ImageDescription {
        let mut image = self.image;
        let signed = image.signed;
        image.frames = frames;
        image.samples = image.samples.max(1);
        if !self.photometric_said && image.samples == 3 {
            image.photometric = Photometric::Rgb;
        }
        if image.bits_stored == 0 || image.bits_stored > image.bits_allocated {
            image.bits_stored = image.bits_allocated;
        }
        if image.high_bit >= image.bits_allocated || image.high_bit + 1 < image.bits_stored {
            image.high_bit = image.bits_stored.saturating_sub(1);
        }
        image.rescale_intercept = self.rescale[0].or(self.functional_rescale[0]).unwrap_or(0.0);
        let slope = self.rescale[1].or(self.functional_rescale[1]).unwrap_or(1.0);
        image.rescale_slope = if slope == 0.0 { 1.0 } else { slope };
        let [centers, widths] = if self.windows[0].is_empty() { self.functional_windows } else { self.windows };
        image.windows = centers
            .into_iter()
            .zip(widths)
            .filter(|(center, width)| center.is_finite() && width.is_finite())
            .map(|(center, width)| Window { center, width })
            .collect();
        image.modality_lut = self.modality_lut.finish(signed);
        // C.11.2.1.1: input of the VOI LUT is signed when the modality transformation may give negative values
        let voi_signed = signed || image.rescale_intercept < 0.0;
        image.voi_lut = self.voi_lut.finish(voi_signed && image.modality_lut.is_none());
        image.palette = palette(self.palette, signed);
        image
    }
}

fn take_lut(lut: &mut RawLut, raw: Raw<'_>) {
    match raw.tag {
        0x0028_3002 => lut.descriptor(raw.bytes, raw.syntax),
        0x0028_3006 => lut.data(raw.bytes, raw.syntax),
        _ => {}
    }
}

/// Number of Frames: leading digits count ("1A" is 1); nothing or 0 is not said.
fn frames(text: &str) -> Option<u32> {
    let text = text.trim_start_matches(['+', ' ']);
    let digits = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    text[..digits].parse().ok().filter(|&frames| frames > 0)
}

fn photometric(text: &str) -> Photometric {
    match text {
        "MONOCHROME1" => Photometric::Monochrome1,
        "MONOCHROME2" => Photometric::Monochrome2,
        "PALETTE COLOR" => Photometric::PaletteColor,
        "RGB" => Photometric::Rgb,
        "YBR_FULL" => Photometric::YbrFull,
        "YBR_FULL_422" => Photometric::YbrFull422,
        "YBR_PARTIAL_420" => Photometric::YbrPartial420,
        "YBR_PARTIAL_422" => Photometric::YbrPartial422,
        "YBR_ICT" => Photometric::YbrIct,
        "YBR_RCT" => Photometric::YbrRct,
        _ => Photometric::Other,
    }
}

fn voi_function(text: &str) -> VoiFunction {
    match text {
        "LINEAR_EXACT" => VoiFunction::LinearExact,
        "SIGMOID" => VoiFunction::Sigmoid,
        _ => VoiFunction::Linear,
    }
}
