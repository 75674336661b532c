//! What a node refuses or says wrongly, as errors of `silver-core`. A node's answers are foreign
//! input: they are bounded by the protocol, and text in them is data.

use silver_agent::protocol::{ErrorCode, ProtocolError, Refusal, Response};
use silver_core::node::NodeError;

/// A connection that cannot be used any more.
pub(crate) fn broken(node: &str, error: &ProtocolError) -> NodeError {
    let mut reason = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        reason = format!("{reason}: {cause}");
        source = cause.source();
    }
    match error {
        ProtocolError::Version { silver, .. } => {
            NodeError::Version { node: node.into(), theirs: silver.clone(), ours: env!("CARGO_PKG_VERSION").into() }
        }
        _ => NodeError::Broken { node: node.into(), reason },
    }
}

/// The node refused or failed.
pub(crate) fn refused(refusal: Refusal) -> NodeError {
    let Refusal { code, message, causes, hint, log } = refusal;
    let whole = || std::iter::once(message.as_str()).chain(causes.iter().map(String::as_str)).collect::<Vec<_>>().join(": ");
    match code {
        ErrorCode::Stale => NodeError::Stale(whole()),
        ErrorCode::NotFound => NodeError::NotFound(whole()),
        ErrorCode::Full => NodeError::Full(whole()),
        ErrorCode::Integrity => NodeError::Integrity(whole()),
        ErrorCode::Refused | ErrorCode::Failed | ErrorCode::Ending => NodeError::Failed { message, causes, hint, log },
    }
}

/// An answer that does not fit the question.
pub(crate) fn unexpected(node: &str, answer: &Response, expected: &'static str) -> NodeError {
    let words = format!("{answer:?}");
    let name = words.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    NodeError::Unexpected { node: node.into(), answer: format!("`{name}`"), expected }
}
