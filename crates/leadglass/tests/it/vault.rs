//! A second copy and a way back.
