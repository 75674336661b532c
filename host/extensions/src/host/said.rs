//! What a plugin says is judged or cleaned here, whatever version of the interface it speaks: paths and
//! digests are parsed, texts lose what steers a terminal.

use super::state::HostError;
use silver_plugin_api::{Digest, Failure, TreePath, path::plain};

/// The longest text that is kept of a plugin, in bytes.
const MAX_TEXT: usize = 16 << 10;

/// Text of several lines, for people.
pub(crate) fn text(said: &str) -> String {
    let cut = said.floor_char_boundary(MAX_TEXT);
    plain(&said[..cut]).into_owned()
}

/// Text of one line, for people.
pub(crate) fn line(said: &str) -> String {
    text(said).replace(['\n', '\t'], " ")
}

pub(crate) fn path(said: &str) -> Result<TreePath, HostError> {
    TreePath::new(said).map_err(|error| {
        let message = format!("not a path inside a tree: `{}`: {error}", line(said));
        HostError::Failure(Failure::invalid("path", message, None))
    })
}

pub(crate) fn digest(said: &str) -> Result<Digest, HostError> {
    said.parse().map_err(|_| HostError::Failure(Failure::invalid("digest", format!("not a digest: `{}`", line(said)), None)))
}
