//! Passwords that are known from leaks: a compact filter of their hashes, built from lists in the Pwned Passwords format.
//!
//! A [`Filter`] is an immutable file ([`docs/formats/leak-filter.md`](../../../docs/formats/leak-filter.md)) that is asked by
//! reading two short ranges of it. It never says that a hash of the list is absent; of hashes that are not in the list it calls at
//! most one in 16,384 known. [`load()`] builds one with bounded memory and goes on where it was killed.
//!
//! Trust and loss: who writes the file decides which passwords are refused, and can neither read nor lock an account by it. It
//! holds no person and no patient, only what anybody can download, so it is not sealed. Losing it costs loading the list again.

mod bits;
mod filter;
mod hash;
mod line;
mod lists;
mod load;
mod login;
mod range;
mod shape;
mod sort;
mod source;
mod state;

pub use filter::{Damaged, Filter, FilterError};
pub use hash::{HashKind, KnownHash};
pub use lists::{ENDING, Lists, Named, is_name, path};
pub use load::{CHECKPOINT_BYTES, LoadError, Loaded, Progress, load};
pub use login::{LoginDigest, LoginDigests, LoginKey, OfDigest};
pub use range::{RANGE_HASHES_MAX, RANGE_REST_BYTES, RangeLineError, RangeQuestion, range_of};
pub use shape::{FALSE_POSITIVES_ONE_IN, HASHES_MAX, Shape};
pub use source::{Folder, Part, PlainFile, Source, identity};
