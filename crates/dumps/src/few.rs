//! The few texts of a line that count.

/// The most logins, and the most passwords, of one line.
pub(crate) const VALUES_MAX: usize = 8;

/// The first few of a line; more are passed over.
#[derive(Default)]
pub(crate) struct Few<T> {
    first: [T; VALUES_MAX],
    count: usize,
}

impl<T> Few<T> {
    pub(crate) fn push(&mut self, one: T) {
        if let Some(place) = self.first.get_mut(self.count) {
            *place = one;
            self.count += 1;
        }
    }

    pub(crate) fn all(&self) -> &[T] {
        &self.first[..self.count]
    }
}
