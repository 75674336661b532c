//! From the errors of the hosting half to what the executor of a transition is told.

use crate::apps::AppFailure;
use std::error::Error;

pub(crate) use crate::disk::words as chain;

/// The failure that an error is, its hint added.
pub(crate) fn because(what: &str, error: &dyn Error, hint: Option<String>) -> AppFailure {
    let hint = hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
    AppFailure::new(format!("{what}: {}{hint}", chain(error)))
}
