//! Writes the filter of a list: `cargo run -p leaks --example golden_filter -- testdata/leaks/v1.txt testdata/leaks/v1.leaks`.
//! What is in `testdata` stays as it is; a later version of the format writes another beside it.

use std::error::Error;
use std::ops::ControlFlow;
use std::path::PathBuf;

use leaks::{CHECKPOINT_BYTES, PlainFile, load};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1).map(PathBuf::from);
    let (list, filter) = (arguments.next().ok_or("name the list")?, arguments.next().ok_or("name the filter")?);
    let work = filter.with_extension("loading");
    load(&mut PlainFile::new(&list)?, &work, &filter, CHECKPOINT_BYTES, &mut |_| ControlFlow::Continue(()))?;
    Ok(())
}
