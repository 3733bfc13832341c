//! Limits on what comes from outside.

/// Limits on one stream. [`Limits::default`] is what the product runs with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest stream, in bytes.
    pub stream_bytes: u64,
    /// The most that a deflated data set may inflate to, in bytes.
    pub inflated_bytes: u64,
    /// The most JSON that the attributes may take, in bytes.
    pub json_bytes: usize,
    /// The deepest nesting of sequences, in levels.
    pub nesting: usize,
    /// The most fragments of encapsulated pixel data.
    pub fragments: usize,
    /// Binary values up to this many bytes stand in the JSON as `InlineBinary`; longer ones are bulk data.
    pub inline_binary_bytes: usize,
    /// Text and numeric values up to this many bytes stand in the JSON; longer ones are bulk data.
    pub inline_value_bytes: usize,
}

impl Limits {
    /// What [`Limits::default`] gives.
    pub const DEFAULT: Self = Self {
        stream_bytes: 16 << 30,
        inflated_bytes: 2 << 30,
        json_bytes: 64 << 20,
        nesting: 64,
        fragments: 4 << 20,
        inline_binary_bytes: 1 << 10,
        inline_value_bytes: 64 << 10,
    };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
