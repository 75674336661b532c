//! Is a server's log still the one that was seen before? Asked beside what a command asks anyway.

use crate::{
    context::Context,
    error::{CommandError, Result},
    nodes::NodesFile,
};
use silver_core::{node::Node, nodes::LOCAL};
use silver_registry::{MirrorError, Seen, VerifierKey};

/// As [`compare`], with what is known of this server.
pub async fn check(context: &Context, node: &dyn Node) -> Result<()> {
    compare(node, known(context, node.name())?).await
}

/// What was seen of a server's log. Nothing can be compared where nobody has noted the key that signs it; and this machine's
/// own is read where it lies.
pub fn known(context: &Context, node: &str) -> Result<Option<Seen>> {
    if node == LOCAL {
        return Ok(None);
    }
    let nodes = NodesFile::read(context)?.nodes.nodes;
    let key = nodes.get(node).and_then(|entry| VerifierKey::parse(entry.log_key.as_deref()?));
    let dirs = context.dirs()?;
    Ok(key.map(|key| Seen::of(&dirs.seen_heads(), &dirs.registry(), node, key)))
}

/// An error (exit code 8) when the server's log is shorter than when it was last seen here, begins with other events, or is
/// signed with another key than nodes.toml says.
pub async fn compare(node: &dyn Node, seen: Option<Seen>) -> Result<()> {
    let Some(seen) = seen else { return Ok(()) };
    let head = node.log_head(seen.size()).await?;
    seen.judge(&head.text, &head.proof).map_err(|error| refused(node.name(), &seen, error))
}

fn refused(node: &str, seen: &Seen, error: MirrorError) -> CommandError {
    if !error.is_alarm() {
        return error.into();
    }
    let meant = match &error {
        MirrorError::Shortened { .. } | MirrorError::Rewritten { .. } => {
            let places: Vec<String> = seen.places().iter().map(|place| place.display().to_string()).collect();
            Some(format!("where that was meant (a backup of the server): move away what has seen more, {}", places.join(" and ")))
        }
        _ => None,
    };
    let said = CommandError::from(error);
    let message = format!("the registry of `{node}` is not what it was: {}", said.error);
    CommandError { error: message.into(), ..said }.maybe_hint(meant)
}
