//! What is read where: the elements of a document in the order in which they are heard.

/// What an element is to somebody who hears the pages.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    /// A heading with its level, from 1, and its text.
    Heading(u16, String),
    Paragraph,
    Table,
    TableHead,
    TableBody,
    Row,
    /// A cell that says what its column holds.
    ColumnHeader,
    /// A cell that says what its row is about.
    RowHeader,
    Cell,
    /// A picture, with what it shows in words, and its place on its page: x, y, width, height.
    Figure(String, [f32; 4]),
}

/// One element.
#[derive(Clone, Debug)]
pub(crate) struct Element {
    pub kind: Kind,
    /// The element around it.
    pub within: Option<usize>,
    /// Where it begins.
    pub page: usize,
    pub y: f32,
}

/// The elements so far, and the one that is open.
#[derive(Default)]
pub(crate) struct Reading {
    elements: Vec<Element>,
    open: Option<usize>,
    /// Whether what comes is for the eye alone.
    silent: bool,
}

impl Reading {
    /// Begins an element; gives what [`Reading::end`] takes.
    pub fn begin(&mut self, kind: Kind, page: usize, y: f32) -> Option<usize> {
        let outer = self.open;
        if !self.silent {
            self.elements.push(Element { kind, within: outer, page, y });
            self.open = Some(self.elements.len() - 1);
        }
        outer
    }

    pub fn end(&mut self, outer: Option<usize>) {
        self.open = outer;
    }

    /// From now on for the eye alone, or not any more; says what it was before.
    pub fn silence(&mut self, silent: bool) -> bool {
        std::mem::replace(&mut self.silent, silent)
    }

    /// The element that text belongs to: a paragraph of its own where none is open.
    pub fn of_text(&mut self, page: usize, y: f32) -> Option<usize> {
        if self.silent {
            return None;
        }
        if self.open.is_none() {
            self.elements.push(Element { kind: Kind::Paragraph, within: None, page, y });
            return Some(self.elements.len() - 1);
        }
        self.open
    }

    /// The element that a form belongs to: forms say nothing, except in a picture.
    pub fn of_form(&self) -> Option<usize> {
        self.open.filter(|open| !self.silent && matches!(self.elements[*open].kind, Kind::Figure(..)))
    }

    pub fn elements(self) -> Vec<Element> {
        self.elements
    }
}
