//! leadglass.
fn main() {}
