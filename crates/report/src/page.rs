//! Lines, tables and boxes on pages, as a list of drawing steps, each with the element that it belongs to. Nothing here knows PDF.

use crate::fonts::{Fonts, Weight};
use crate::reading::{Element, Kind, Reading};

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

/// A step, and the element that it belongs to; none for what is there for the eye alone.
pub(crate) struct Placed {
    pub step: Step,
    pub of: Option<usize>,
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
    /// Whether it says what its row is about.
    pub names_row: bool,
}

impl Cell {
    pub fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), weight: Weight::Regular, colour: INK, names_row: false }
    }

    pub fn bold(text: impl Into<String>) -> Self {
        Self { weight: Weight::Bold, ..Self::plain(text) }
    }

    pub fn soft(text: impl Into<String>) -> Self {
        Self { colour: SOFT, ..Self::plain(text) }
    }

    pub fn naming_row(self) -> Self {
        Self { names_row: true, ..self }
    }
}

/// Pages while they are filled.
pub(crate) struct Pages {
    pub fonts: Fonts,
    pages: Vec<Vec<Placed>>,
    reading: Reading,
    pub y: f32,
}

/// Pages that are full.
pub(crate) struct Finished {
    pub fonts: Fonts,
    pub pages: Vec<Vec<Placed>>,
    pub elements: Vec<Element>,
}

impl Pages {
    pub fn new() -> Self {
        Self { fonts: Fonts::load(), pages: vec![Vec::new()], reading: Reading::default(), y: TOP }
    }

    pub fn finish(self) -> Finished {
        Finished { fonts: self.fonts, pages: self.pages, elements: self.reading.elements() }
    }

    pub fn step(&mut self, step: Step) {
        let page = self.pages.len() - 1;
        let of = match step {
            Step::Text { y, .. } => self.reading.of_text(page, y),
            Step::Fill { .. } => self.reading.of_form(),
        };
        self.pages[page].push(Placed { step, of });
    }

    /// What is drawn inside is one element.
    pub fn element(&mut self, kind: Kind, draw: impl FnOnce(&mut Self)) {
        let outer = self.reading.begin(kind, self.pages.len() - 1, self.y);
        draw(self);
        self.reading.end(outer);
    }

    /// What is drawn inside was said before.
    fn again(&mut self, draw: impl FnOnce(&mut Self)) {
        let before = self.reading.silence(true);
        draw(self);
        self.reading.silence(before);
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
        let x = right - self.fonts.width(weight, size, text.trim_end());
        self.text_at(x, y, weight, size, colour, text);
    }

    /// Lines of text over the whole width.
    pub fn paragraph(&mut self, weight: Weight, size: f32, colour: Colour, text: &str) {
        self.element(Kind::Paragraph, |pages| pages.lines_in(LEFT, RIGHT, weight, size, colour, text));
    }

    fn lines_in(&mut self, left: f32, right: f32, weight: Weight, size: f32, colour: Colour, text: &str) {
        for line in self.fonts.lines(weight, size, text, right - left) {
            self.room(size * LEADING);
            let y = self.y + size;
            self.text_at(left, y, weight, size, colour, &line);
            self.y += size * LEADING;
        }
    }

    /// The title of the document.
    pub fn title(&mut self, size: f32, text: &str) {
        let kind = Kind::Heading(1, text.to_owned());
        self.element(kind, |pages| pages.lines_in(LEFT, RIGHT, Weight::Bold, size, INK, text));
    }

    /// A heading, kept with what follows.
    pub fn heading(&mut self, text: &str) {
        self.gap(16.0);
        self.room(70.0);
        let kind = Kind::Heading(2, text.to_owned());
        self.element(kind, |pages| pages.lines_in(LEFT, RIGHT, Weight::Bold, 13.0, INK, text));
        self.gap(4.0);
    }

    /// A label and its text beside each other.
    pub fn fact(&mut self, label: &str, text: &str) {
        const LABEL: f32 = 112.0;
        let size = 9.5;
        let lines = self.fonts.lines(Weight::Regular, size, text, RIGHT - LEFT - LABEL);
        self.room(size * LEADING * lines.len().min(3) as f32);
        self.element(Kind::Paragraph, |pages| {
            let y = pages.y + size;
            pages.text_at(LEFT, y, Weight::Regular, size, SOFT, &format!("{label} "));
            pages.lines_in(LEFT + LABEL, RIGHT, Weight::Regular, size, INK, text);
        });
        self.gap(2.0);
    }

    pub fn rule(&mut self, colour: Colour) {
        let (y, width) = (self.y, RIGHT - LEFT);
        self.step(Step::Fill { x: LEFT, y, width, height: 0.7, colour });
        self.gap(0.7);
    }

    /// A table: its head, and what `rows` adds to it.
    pub fn table(&mut self, columns: &[Column], rows: impl FnOnce(&mut Self)) {
        self.element(Kind::Table, |pages| {
            pages.element(Kind::TableHead, |pages| pages.table_head(columns));
            pages.element(Kind::TableBody, rows);
        });
    }

    fn table_head(&mut self, columns: &[Column]) {
        let size = 8.0;
        let lines: Vec<Vec<String>> = columns
            .iter()
            .map(|column| self.fonts.lines(Weight::Bold, size, column.title, column.width - 6.0))
            .collect();
        let height = lines.iter().map(Vec::len).max().unwrap_or(1) as f32 * size * LEADING + 6.0;
        let y = self.y;
        self.step(Step::Fill { x: LEFT, y, width: RIGHT - LEFT, height, colour: FIELD });
        self.element(Kind::Row, |pages| {
            let mut x = LEFT;
            for (column, lines) in columns.iter().zip(&lines) {
                let text = Lines { lines, weight: Weight::Bold, size, colour: SOFT };
                pages.element(Kind::ColumnHeader, |pages| pages.cell(x, y + 3.0, column, &text));
                x += column.width;
            }
        });
        self.y += height;
    }

    /// The lines of one cell, from its top.
    fn cell(&mut self, x: f32, top: f32, column: &Column, text: &Lines<'_>) {
        for (place, line) in text.lines.iter().enumerate() {
            let y = top + text.size + place as f32 * text.size * LEADING;
            if column.right {
                self.text_right(x + column.width - 3.0, y, text.weight, text.size, text.colour, line);
            } else {
                self.text_at(x + 3.0, y, text.weight, text.size, text.colour, line);
            }
        }
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
            self.again(|pages| pages.table_head(columns));
        }
        if ruled {
            self.rule(LINE);
        }
        let y = self.y;
        self.element(Kind::Row, |pages| {
            let mut x = LEFT;
            for ((column, cell), lines) in columns.iter().zip(cells).zip(&lines) {
                let text = Lines { lines, weight: cell.weight, size, colour: cell.colour };
                let kind = if cell.names_row { Kind::RowHeader } else { Kind::Cell };
                pages.element(kind, |pages| pages.cell(x, y + 2.0, column, &text));
                x += column.width;
            }
        });
        self.y += height;
    }
}

/// Text of a cell, broken into lines.
struct Lines<'l> {
    lines: &'l [String],
    weight: Weight,
    size: f32,
    colour: Colour,
}
