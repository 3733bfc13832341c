//! Limits on what comes from outside.

/// The longest message, in bytes.
pub const MESSAGE_BYTES_MAX: usize = 4 * 1024 * 1024;
/// The longest segment, in bytes.
pub const SEGMENT_BYTES_MAX: usize = 2 * 1024 * 1024;
/// The most segments of a message.
pub const SEGMENTS_MAX: usize = 5_000;
/// The longest field that is read, in bytes. Longer ones are passed over where nothing of them is wanted.
pub const FIELD_BYTES_MAX: usize = 8 * 1024;
/// The longest first segment, in bytes: it is looked at before anything else is.
pub const HEADER_BYTES_MAX: usize = 8 * 1024;
/// The most line ends between two frames.
pub const BETWEEN_BYTES_MAX: usize = 16;
