//! What the plugins of the Trac pack know of Python wheels: their names and what they tell Trac.

mod entry_points;
mod name;
mod zip;

pub use entry_points::{EntryPointError, packages};
pub use name::{NameError, WheelName, normalized};
pub use zip::ZipError;
