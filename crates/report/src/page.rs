//! Lines, tables and boxes on pages, as a list of drawing steps. Nothing here knows PDF.

use crate::fonts::{Fonts, Weight};

/// A4, in points.
pub(crate) const WIDTH: f32 = 595.276;
pub(crate) const HEIGHT: f32 = 841.89;
pub(crate) const LEFT: f32 = 56.0;
pub(crate) const RIGHT: f32 = WIDTH - 56.0;
const TOP: f32 = 64.0;
const BOTTOM: f32 = HEIGHT - 70.0;
const LEADING: f32 = 1.42;

/// A colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Colour(pub u8, pub u8, pub u8);

pub(crate) const INK: Colour = Colour(24, 28, 36);
pub(crate) const SOFT: Colour = Colour(92, 100, 114);
pub(crate) const LINE: Colour = Colour(206, 211, 219);
pub(crate) const FIELD: Colour = Colour(244, 246, 249);
pub(crate) const ACCENT: Colour = Colour(17, 82, 147);
pub(crate) const PALE: Colour = Colour(150, 180, 214);
pub(crate) const WARN: Colour = Colour(150, 60, 16);

/// One step of drawing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    /// Text from its baseline's left end.
    Text { x: f32, y: f32, weight: Weight, size: f32, colour: Colour, text: String },
    /// A filled rectangle.
    Fill { x: f32, y: f32, width: f32, height: f32, colour: Colour },
}

/// A column of a table.
pub(crate) struct Column {
    pub title: &'static str,
    pub width: f32,
    pub right: bool,
}

/// One cell's text.
pub(crate) struct Cell {
    pub text: String,
    pub weight: Weight,
    pub colour: Colour,
}

impl Cell {
    pub fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), weight: Weight::Regular, colour: INK }
    }

    pub fn bold(text: impl Into<String>) -> Self {
        Self { text: text.into(), weight: Weight::Bold, colour: INK }
    }

    pub fn soft(text: impl Into<String>) -> Self {
        Self { text: text.into(), weight: Weight::Regular, colour: SOFT }
    }
}

/// Pages while they are filled.
pub(crate) struct Pages {
    pub fonts: Fonts,
    pages: Vec<Vec<Step>>,
    pub y: f32,
}

impl Pages {
    pub fn new() -> Self {
        Self { fonts: Fonts::load(), pages: vec![Vec::new()], y: TOP }
    }

    pub fn finish(self) -> (Fonts, Vec<Vec<Step>>) {
        (self.fonts, self.pages)
    }

    pub fn step(&mut self, step: Step) {
        self.pages.last_mut().expect("there is a first page").push(step);
    }

    /// Begins a new page when `height` does not fit any more; says whether it did.
    pub fn room(&mut self, height: f32) -> bool {
        let full = self.y + height > BOTTOM;
        if full {
            self.pages.push(Vec::new());
            self.y = TOP;
        }
        full
    }

    pub fn gap(&mut self, height: f32) {
        self.y += height;
    }

    pub fn text_at(&mut self, x: f32, y: f32, weight: Weight, size: f32, colour: Colour, text: &str) {
        self.step(Step::Text { x, y, weight, size, colour, text: text.to_owned() });
    }

    pub fn text_right(&mut self, right: f32, y: f32, weight: Weight, size: f32, colour: Colour, text: &str) {
        let x = right - self.fonts.width(weight, size, text);
        self.text_at(x, y, weight, size, colour, text);
    }

    /// Lines of text over the whole width.
    pub fn paragraph(&mut self, weight: Weight, size: f32, colour: Colour, text: &str) {
        self.paragraph_in(LEFT, RIGHT, weight, size, colour, text);
    }

    pub fn paragraph_in(&mut self, left: f32, right: f32, weight: Weight, size: f32, colour: Colour, text: &str) {
        for line in self.fonts.lines(weight, size, text, right - left) {
            self.room(size * LEADING);
            let y = self.y + size;
            self.text_at(left, y, weight, size, colour, &line);
            self.y += size * LEADING;
        }
    }

    /// A heading, kept with what follows.
    pub fn heading(&mut self, text: &str) {
        self.gap(16.0);
        self.room(70.0);
        self.paragraph(Weight::Bold, 13.0, INK, text);
        self.gap(4.0);
    }

    /// A label and its text beside each other.
    pub fn fact(&mut self, label: &str, text: &str) {
        const LABEL: f32 = 112.0;
        let size = 9.5;
        let lines = self.fonts.lines(Weight::Regular, size, text, RIGHT - LEFT - LABEL);
        self.room(size * LEADING * lines.len().min(3) as f32);
        let y = self.y + size;
        self.text_at(LEFT, y, Weight::Regular, size, SOFT, label);
        self.paragraph_in(LEFT + LABEL, RIGHT, Weight::Regular, size, INK, text);
        self.gap(2.0);
    }

    pub fn rule(&mut self, colour: Colour) {
        let (y, width) = (self.y, RIGHT - LEFT);
        self.step(Step::Fill { x: LEFT, y, width, height: 0.7, colour });
        self.gap(0.7);
    }

    /// The head of a table.
    pub fn table_head(&mut self, columns: &[Column]) {
        let size = 8.0;
        let lines: Vec<Vec<String>> = columns
            .iter()
            .map(|column| self.fonts.lines(Weight::Bold, size, column.title, column.width - 6.0))
            .collect();
        let height = lines.iter().map(Vec::len).max().unwrap_or(1) as f32 * size * LEADING + 6.0;
        let y = self.y;
        self.step(Step::Fill { x: LEFT, y, width: RIGHT - LEFT, height, colour: FIELD });
        let mut x = LEFT;
        for (column, lines) in columns.iter().zip(lines) {
            for (place, line) in lines.iter().enumerate() {
                let y = y + 3.0 + size + place as f32 * size * LEADING;
                if column.right {
                    self.text_right(x + column.width - 3.0, y, Weight::Bold, size, SOFT, line);
                } else {
                    self.text_at(x + 3.0, y, Weight::Bold, size, SOFT, line);
                }
            }
            x += column.width;
        }
        self.y += height;
    }

    /// One row; the head is repeated on a new page. `with` is how much room the rows that belong to it take.
    pub fn table_row(&mut self, columns: &[Column], cells: &[Cell], size: f32, with: f32, ruled: bool) {
        let lines: Vec<Vec<String>> = columns
            .iter()
            .zip(cells)
            .map(|(column, cell)| self.fonts.lines(cell.weight, size, &cell.text, column.width - 6.0))
            .collect();
        let height = lines.iter().map(Vec::len).max().unwrap_or(1) as f32 * size * LEADING + 4.0;
        if self.room(height + with) {
            self.table_head(columns);
        }
        if ruled {
            self.rule(LINE);
        }
        let (y, mut x) = (self.y, LEFT);
        for ((column, cell), lines) in columns.iter().zip(cells).zip(lines) {
            for (place, line) in lines.iter().enumerate() {
                let y = y + 2.0 + size + place as f32 * size * LEADING;
                if column.right {
                    self.text_right(x + column.width - 3.0, y, cell.weight, size, cell.colour, line);
                } else {
                    self.text_at(x + 3.0, y, cell.weight, size, cell.colour, line);
                }
            }
            x += column.width;
        }
        self.y += height;
    }
}
