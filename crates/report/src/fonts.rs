//! The two fonts that every report is set in, and how wide a text is in them.
//!
//! Basic Latin, Latin-1, Latin Extended-A and -B and Additional, Greek, Cyrillic, punctuation. What they lack is written as
//! `{U+XXXX}`: readable, and nothing is dropped in silence.

use std::collections::HashMap;

use krilla::text::{Font, GlyphId, KrillaGlyph};
use skrifa::instance::{LocationRef, Size};
use skrifa::{FontRef, MetadataProvider};
use unicode_normalization::UnicodeNormalization;

static REGULAR: &[u8] = include_bytes!("../fonts/NotoSans-Regular.ttf");
static BOLD: &[u8] = include_bytes!("../fonts/NotoSans-Bold.ttf");

/// Which font.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Weight {
    Regular,
    Bold,
}

/// Both fonts, ready to measure and to draw.
pub(crate) struct Fonts {
    regular: Face,
    bold: Face,
}

struct Face {
    font: Font,
    /// The glyph of each letter that the font has, and its width at size 1.
    glyphs: HashMap<char, (GlyphId, f32)>,
}

/// A text with its glyphs.
pub(crate) struct Run {
    pub text: String,
    pub glyphs: Vec<KrillaGlyph>,
}

impl Fonts {
    pub fn load() -> Self {
        Self { regular: Face::load(REGULAR), bold: Face::load(BOLD) }
    }

    /// How wide a text is, in points.
    pub fn width(&self, weight: Weight, size: f32, text: &str) -> f32 {
        let face = self.face(weight);
        face.shown(text).chars().map(|character| face.glyph(character).1 * size).sum()
    }

    /// What a text is drawn with.
    pub fn run(&self, weight: Weight, text: &str) -> Run {
        let face = self.face(weight);
        let text = face.shown(text);
        Run { glyphs: face.glyphs(&text), text }
    }

    pub fn font(&self, weight: Weight) -> Font {
        self.face(weight).font.clone()
    }

    /// Breaks a text into lines of at most `width` points: at spaces, and inside words that are longer than a line. Where words end with
    /// a line, the space stays at its end, past the width, so that they are two words for who copies or hears the lines.
    pub fn lines(&self, weight: Weight, size: f32, text: &str, width: f32) -> Vec<String> {
        let mut lines = Vec::new();
        for paragraph in text.split('\n') {
            let mut line = String::new();
            for word in paragraph.split(' ') {
                let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
                if self.width(weight, size, &longer) <= width {
                    line = longer;
                    continue;
                }
                if !line.is_empty() {
                    lines.push(std::mem::take(&mut line) + " ");
                }
                for character in word.chars() {
                    let mut longer = line.clone();
                    longer.push(character);
                    if !line.is_empty() && self.width(weight, size, &longer) > width {
                        lines.push(std::mem::take(&mut line));
                    }
                    line.push(character);
                }
            }
            lines.push(line + " ");
        }
        if let Some(last) = lines.last_mut() {
            last.pop();
        }
        lines
    }

    fn face(&self, weight: Weight) -> &Face {
        match weight {
            Weight::Regular => &self.regular,
            Weight::Bold => &self.bold,
        }
    }
}

impl Face {
    fn load(bytes: &'static [u8]) -> Self {
        let face = FontRef::new(bytes).expect("the font that ships with the program is a font");
        let font = Font::new(bytes.into(), 0).expect("the font that ships with the program is a font");
        let units_per_em = f32::from(face.metrics(Size::unscaled(), LocationRef::default()).units_per_em);
        let metrics = face.glyph_metrics(Size::unscaled(), LocationRef::default());
        let glyphs = face.charmap().mappings().filter_map(|(code, glyph)| {
            let advance = metrics.advance_width(glyph).unwrap_or_default() / units_per_em;
            Some((char::from_u32(code)?, (GlyphId::new(glyph.to_u32()), advance)))
        });
        Self { font, glyphs: glyphs.collect() }
    }

    /// The text with escapes for what the font lacks.
    fn shown(&self, text: &str) -> String {
        let mut shown = String::with_capacity(text.len());
        for character in text.nfc() {
            if is_readable(character) && self.glyphs.contains_key(&character) {
                shown.push(character);
            } else if character == '\t' {
                shown.push(' ');
            } else {
                shown.push_str(&format!("{{U+{:04X}}}", u32::from(character)));
            }
        }
        shown
    }

    fn glyph(&self, character: char) -> (GlyphId, f32) {
        self.glyphs.get(&character).copied().unwrap_or((GlyphId::new(0), 0.0))
    }

    fn glyphs(&self, shown: &str) -> Vec<KrillaGlyph> {
        let glyph = |(start, character): (usize, char)| {
            let (glyph, advance) = self.glyph(character);
            KrillaGlyph::new(glyph, advance, 0.0, 0.0, 0.0, start..start + character.len_utf8(), None)
        };
        shown.char_indices().map(glyph).collect()
    }
}

/// Whether a letter means the same to every reader: no control, none of private use, no mark of byte order.
fn is_readable(character: char) -> bool {
    !character.is_control()
        && !matches!(character, '\u{feff}' | '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..='\u{ffffd}' | '\u{100000}'..='\u{10fffd}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn european_names_have_their_letters_and_others_are_escaped() {
        let fonts = Fonts::load();
        for name in [
            "Müller-Lüdenscheidt",
            "Łukasz Žižka",
            "Ægir Þórsson",
            "Ștefan Țuțea",
            "Παπαδόπουλος",
            "Наталія Ґалаґан",
            "Nguyễn",
        ] {
            for weight in [Weight::Regular, Weight::Bold] {
                assert_eq!(fonts.run(weight, name).text, name);
            }
        }
        // a letter and its accent apart are one
        assert_eq!(fonts.run(Weight::Regular, "Mu\u{308}ller").text, "Müller");
        assert_eq!(fonts.run(Weight::Regular, "\u{e001}\u{feff}").text, "{U+E001}{U+FEFF}");
        assert_eq!(fonts.run(Weight::Regular, "山\u{1b}[2J\u{202e}").text, "{U+5C71}{U+001B}[2J{U+202E}");
    }

    #[test]
    fn lines_are_as_wide_as_they_may_be_and_nothing_is_lost() {
        let fonts = Fonts::load();
        let text = "Words of some length and aVeryLongWordThatDoesNotFitIntoOneLineAtAll, then others.";
        let lines = fonts.lines(Weight::Regular, 10.0, text, 90.0);
        assert!(lines.len() > 5, "{lines:?}");
        assert!(lines.iter().all(|line| fonts.width(Weight::Regular, 10.0, line.trim_end()) <= 90.0));
        assert_eq!(lines.concat(), text, "words stay apart, and a word stays whole");
        assert_eq!(fonts.lines(Weight::Regular, 10.0, "one\ntwo", 90.0), ["one ", "two"]);
        let letters = |text: &str| text.chars().filter(|character| *character != ' ').collect::<String>();
        assert_eq!(letters(&lines.concat()), letters(text));
    }
}
