//! What a running plugin has of silver, whatever version of the interface it speaks: the loans of its call, its
//! handles, and what of the limits is used up. The imports of its world are in [`crate::abi`].

mod call;
pub(crate) mod handles;
mod said;
mod state;
pub(crate) mod wasi;

pub(crate) use call::{Call, within};
pub(crate) use handles::{OverlayHandle, StagingHandle, TreeHandle, WriterHandle};
pub(crate) use said::{digest, line, path, text};
pub(crate) use state::{HostError, OverlaySlot, State, TreeSlot, Writer};
