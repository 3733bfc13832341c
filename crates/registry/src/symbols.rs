//! Values that many studies share (descriptions, modalities, physicians, SOP classes), kept once and named by number.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

/// A table of texts. Number 0 is the empty text.
pub(crate) struct Symbols {
    texts: Vec<Symbol>,
    // hash of the text to its number; the rare texts of one hash follow each other through `next`
    first: HashMap<u64, u32>,
    hasher: RandomState,
    text_bytes: usize,
}

struct Symbol {
    text: Box<str>,
    /// Folded for comparison; `None` when folding changes nothing.
    folded: Option<Box<str>>,
    next: u32,
}

impl Symbols {
    /// The number of a text, made when it is new. `fold` says how it is compared.
    pub(crate) fn number(&mut self, text: &str, fold: impl Fn(&str) -> String) -> u32 {
        if text.is_empty() {
            return 0;
        }
        let hash = self.hasher.hash_one(text);
        if let Some(number) = self.find(hash, text) {
            return number;
        }
        let folded = Some(fold(text)).filter(|folded| folded != text).map(String::into_boxed_str);
        let number = u32::try_from(self.texts.len()).expect("fewer than 2^32 different texts fit in memory");
        self.text_bytes += text.len() + folded.as_ref().map_or(0, |folded| folded.len());
        let next = self.first.insert(hash, number).unwrap_or(0);
        self.texts.push(Symbol { text: text.into(), folded, next });
        number
    }

    /// The number of a text that is there.
    pub(crate) fn existing(&self, text: &str) -> Option<u32> {
        if text.is_empty() { Some(0) } else { self.find(self.hasher.hash_one(text), text) }
    }

    fn find(&self, hash: u64, text: &str) -> Option<u32> {
        let mut number = self.first.get(&hash).copied().unwrap_or(0);
        while number != 0 {
            let symbol = &self.texts[number as usize];
            if *symbol.text == *text {
                return Some(number);
            }
            number = symbol.next;
        }
        None
    }

    pub(crate) fn text(&self, number: u32) -> &str {
        &self.texts[number as usize].text
    }

    pub(crate) fn folded(&self, number: u32) -> &str {
        let symbol = &self.texts[number as usize];
        symbol.folded.as_deref().unwrap_or(&symbol.text)
    }

    /// For each number, whether its text passes.
    pub(crate) fn select(&self, mut passes: impl FnMut(&str, &str) -> bool) -> Vec<bool> {
        (0..self.texts.len() as u32).map(|number| passes(self.text(number), self.folded(number))).collect()
    }

    pub(crate) fn bytes(&self) -> usize {
        // each text is an allocation of its own, with the allocator's word in front
        self.text_bytes
            + self.texts.capacity() * size_of::<Symbol>()
            + self.texts.len() * 2 * 16
            + self.first.capacity() * 8 / 7 * (size_of::<(u64, u32)>() + 1)
    }
}

impl Default for Symbols {
    fn default() -> Self {
        let empty = Symbol { text: "".into(), folded: None, next: 0 };
        Self { texts: vec![empty], first: HashMap::new(), hasher: RandomState::new(), text_bytes: 0 }
    }
}
