//! Frames to JPEG.
