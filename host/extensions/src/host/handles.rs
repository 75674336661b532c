//! Types of handles, so that one cannot be taken for another. The generated bindings re-export them.
#![allow(unreachable_pub)] // the generated re-exports are public inside of their private module

/// Of a tree.
pub struct TreeHandle;
/// Of an overlay.
pub struct OverlayHandle;
/// Of a file writer.
pub struct WriterHandle;
/// Of a workspace; there is one, with number 0.
pub struct StagingHandle;
