//! Work that is no transition, and that an agent waits for before it ends, all the same.

use super::Agent;
use std::sync::Arc;

/// Held for as long as the work goes on.
pub(crate) struct Working(Arc<Agent>);

impl Agent {
    /// Something begins that must not be cut short.
    pub(crate) fn working(self: &Arc<Self>) -> Working {
        self.busy.send_modify(|count| *count += 1);
        Working(Arc::clone(self))
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.0.busy.send_modify(|count| *count -= 1);
    }
}
