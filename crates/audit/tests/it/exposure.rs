//! Exposure, against an oracle that is written from the definition.
