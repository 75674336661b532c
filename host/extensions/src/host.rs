//! What a running plugin sees of silver: the imports of its world.

mod call;
mod convert;
pub(crate) mod handles;
mod log;
mod overlay;
mod reach;
mod state;
mod tree;
pub(crate) mod wasi;

pub(crate) use call::Call;
pub(crate) use convert::{answered, diagnostics, line, text};
pub(crate) use handles::TreeHandle;
pub(crate) use state::{HostError, OverlaySlot, State, TreeSlot};
