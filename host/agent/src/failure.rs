//! From the errors of the hosting half to what the executor of a transition is told.

use crate::apps::AppFailure;
use std::error::Error;

/// An error and its causes on one line.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// The failure that an error is, its hint added.
pub(crate) fn because(what: &str, error: &dyn Error, hint: Option<String>) -> AppFailure {
    let hint = hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
    AppFailure::new(format!("{what}: {}{hint}", chain(error)))
}
