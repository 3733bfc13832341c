//! A value that changes at instants.

use model::{Instant, Window};

/// A value with the instants from which it holds, ascending. Mostly one, so the first needs no allocation.
#[derive(Clone, Debug)]
pub(crate) struct Timeline<T> {
    first: Option<(Instant, T)>,
    later: Vec<(Instant, T)>,
}

impl<T> Default for Timeline<T> {
    fn default() -> Self {
        Self { first: None, later: Vec::new() }
    }
}

impl<T: PartialEq> Timeline<T> {
    /// From `from` on it is `value`. Instants never decrease; of two at one instant the later call holds.
    pub fn set(&mut self, from: Instant, value: T) {
        match self.later.last_mut().or(self.first.as_mut()) {
            Some((_, last)) if *last == value => {}
            Some((at, last)) if *at == from => *last = value,
            Some(_) => self.later.push((from, value)),
            None => self.first = Some((from, value)),
        }
    }

    /// The value that holds now.
    pub fn last(&self) -> Option<&T> {
        self.later.last().or(self.first.as_ref()).map(|(_, value)| value)
    }

    /// The value at an instant.
    pub fn at(&self, at: Instant) -> Option<&T> {
        let behind = self.later.partition_point(|(from, _)| *from <= at);
        let holder = if behind > 0 { Some(&self.later[behind - 1]) } else { self.first.as_ref() };
        holder.filter(|(from, _)| *from <= at).map(|(_, value)| value)
    }

    /// The values that hold inside `window`, each with the span of the window in which it does.
    pub fn spans(&self, window: Window) -> impl Iterator<Item = (&T, Window)> {
        let ends = self.later.iter().map(|(from, _)| *from).chain([Instant::MAX]);
        let values = self.first.iter().chain(&self.later);
        values.zip(ends).filter_map(move |((from, value), to)| {
            Window { from: *from, to }.intersect(&window).map(|span| (value, span))
        })
    }

    /// The instants at which it changes.
    pub fn edges(&self) -> impl Iterator<Item = Instant> {
        self.first.iter().chain(&self.later).map(|(from, _)| *from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_at_an_instant_holds() {
        let mut timeline = Timeline::default();
        for (at, value) in [(5, 'a'), (7, 'b'), (7, 'c'), (9, 'c'), (9, 'a'), (9, 'c')] {
            timeline.set(Instant(at), value);
        }
        let values: Vec<Option<char>> = (4..11).map(|at| timeline.at(Instant(at)).copied()).collect();
        assert_eq!(values, [None, Some('a'), Some('a'), Some('c'), Some('c'), Some('c'), Some('c')]);
        for from in 3..12 {
            for to in from..12 {
                let spans: Vec<(char, Window)> =
                    timeline.spans(Window { from: Instant(from), to: Instant(to) }).map(|(v, w)| (*v, w)).collect();
                for at in 0..15 {
                    let inside: Vec<char> =
                        spans.iter().filter(|(_, span)| span.contains(Instant(at))).map(|(value, _)| *value).collect();
                    let expected = (from..to).contains(&at).then(|| timeline.at(Instant(at)).copied()).flatten();
                    assert_eq!(inside, Vec::from_iter(expected), "{at} in {from}..{to}");
                }
            }
        }
    }
}
