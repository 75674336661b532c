//! What the customizer is going to do, written down before anything is done.

use silver_plugin::{Collision, Diagnostic, Failure, Overlay, Reason, Severity, Tree, TreePath};

/// Operations and findings.
#[derive(Default)]
pub(crate) struct Work {
    links: Vec<(TreePath, TreePath, Reason)>,
    files: Vec<(TreePath, String, Reason)>,
    pub(crate) findings: Vec<Diagnostic>,
}

impl Work {
    /// A file of the customization stands at `dest`, in place of what the pack may have there.
    pub(crate) fn link(&mut self, source: &TreePath, dest: TreePath, why: Reason) {
        self.links.push((source.clone(), dest, why));
    }

    /// New text stands at `dest`.
    pub(crate) fn put(&mut self, dest: TreePath, text: String, why: Reason) {
        self.files.push((dest, text, why));
    }

    /// Does it all, unless a finding is an error; gives the findings.
    pub(crate) fn apply(self, customization: &dyn Tree, into: &mut dyn Overlay) -> Result<Vec<Diagnostic>, Failure> {
        if self.findings.iter().any(|finding| finding.severity == Severity::Error) {
            return Ok(self.findings);
        }
        for (source, dest, why) in self.links {
            into.link(customization, &source, &dest, Collision::Replace, why)?;
        }
        for (dest, text, why) in self.files {
            into.put(&dest, text.as_bytes(), false, Collision::Replace, why)?;
        }
        Ok(self.findings)
    }
}
