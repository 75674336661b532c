//! The borrowed arguments of the call that runs on this thread.
//!
//! wasmtime's stores hold only `'static` data, the api's traits lend their arguments. A plugin runs on
//! the thread that called it, so the loans are kept in a scoped thread-local for exactly the time
//! of the call, without `unsafe` of ours and without a thread per call.

use scoped_tls_hkt::{ReborrowMut, scoped_thread_local};
use silver_plugin_api::{
    Overlay, Tree,
    commands::{Reach, Workspace},
};

/// What the caller lent.
#[derive(Default)]
pub(crate) struct Call<'a> {
    /// The pack's tree.
    pub(crate) app: Option<&'a (dyn Tree + 'a)>,
    /// The customization's tree.
    pub(crate) customization: Option<&'a (dyn Tree + 'a)>,
    /// The result of a merge.
    pub(crate) into: Option<&'a mut (dyn Overlay + 'a)>,
    /// The workspace of a command.
    pub(crate) workspace: Option<&'a mut (dyn Workspace + 'a)>,
    /// The reach of a command.
    pub(crate) reach: Option<&'a (dyn Reach + 'a)>,
}

impl<'a> ReborrowMut<'a> for Call<'_> {
    type Result = Call<'a>;

    fn reborrow_mut(&'a mut self) -> Call<'a> {
        Call {
            app: self.app.map(|tree| tree as _),
            customization: self.customization.map(|tree| tree as _),
            into: match &mut self.into {
                Some(overlay) => Some(&mut **overlay),
                None => None,
            },
            workspace: match &mut self.workspace {
                Some(workspace) => Some(&mut **workspace),
                None => None,
            },
            reach: self.reach.map(|reach| reach as _),
        }
    }
}

scoped_thread_local!(static mut CALL: for<'a> Call<'a>);

impl Call<'_> {
    /// Runs `plugin` with these loans in reach of [`within`].
    pub(crate) fn lend<R>(self, plugin: impl FnOnce() -> R) -> R {
        CALL.set(self, plugin)
    }
}

/// Gives the loans of the running call to a host function. Nothing is lent outside of a call.
pub(crate) fn within<R>(use_them: impl FnOnce(Call<'_>) -> R) -> R {
    if CALL.is_set() { CALL.with(use_them) } else { use_them(Call::default()) }
}
