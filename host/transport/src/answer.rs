//! What a node refuses or says wrongly, as errors of `silver-core`. A node's answers are foreign
//! input: they are bounded by the protocol, and text in them is data.

use silver_agent::protocol::{ErrorCode, ProtocolError, Refusal, Response};
use silver_core::node::{Cause, NodeError};

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
        ErrorCode::Refused | ErrorCode::Failed | ErrorCode::Ending => {
            NodeError::Failed { message, cause: Cause::chain(causes), hint, log }
        }
    }
}

/// An answer that does not fit the question.
pub(crate) fn unexpected(node: &str, answer: &Response, expected: &'static str) -> NodeError {
    let words = format!("{answer:?}");
    let name = words.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
    NodeError::Unexpected { node: node.into(), answer: format!("`{name}`"), expected }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn why_a_node_failed_is_told() {
        let said = |causes: &[&str]| {
            let causes = causes.iter().map(ToString::to_string).collect();
            let refusal = Refusal { code: ErrorCode::Failed, message: "m".into(), causes, hint: None, log: Vec::new() };
            let error = refused(refusal);
            let all = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
            all.map(ToString::to_string).collect::<Vec<_>>()
        };
        assert_eq!(said(&[]), ["m"]);
        assert_eq!(said(&["a", "b"]), ["m", "a", "b"]);
        assert_eq!(said(&vec!["a"; 100_000]).len(), 17, "a node may say what it likes");
    }
}
