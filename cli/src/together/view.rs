//! Progress of all nodes: lines, each with the name of its node.

use crate::{context::Context, ui::ProgressView};
use silver_core::group::GroupListener;
use silver_plugin_api::plan::{Progress, ProgressKind};

pub(super) struct View {
    view: ProgressView,
    names: Vec<String>,
}

impl View {
    /// Of members with these names.
    pub(super) fn new(context: &Context, names: Vec<String>) -> Self {
        Self { view: context.ui.progress(), names }
    }
}

impl GroupListener for View {
    fn progress(&mut self, member: usize, progress: Progress) {
        let name = &self.names[member];
        let kind = match progress.kind {
            // bars of several nodes would write over each other
            ProgressKind::Amount { .. } | ProgressKind::Done => return,
            ProgressKind::Begin(text) => ProgressKind::Line(format!("{name}: {text}")),
            ProgressKind::Line(line) => ProgressKind::Line(format!("{name} | {line}")),
            other => other,
        };
        self.view.show(&Progress { step: format!("{name}: {}", progress.step), kind, at_ms: progress.at_ms });
    }
}
