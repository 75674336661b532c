//! `[[assemble]]`.

use super::Rules;
use crate::manifest::{FILE_NAME, Manifest};
use silver_plugin_api::TreePath;

impl Rules<'_, '_> {
    pub(super) fn assemble(&mut self, manifest: &Manifest) {
        for (at, step) in manifest.assemble.iter().enumerate() {
            let number = at.to_string();
            self.argv(&["assemble", &number, "command"], &step.command);
            self.timeout(&["assemble", &number, "timeout"], step.timeout);
            let outputs = ["assemble", number.as_str(), "outputs"];
            let silvers = [FILE_NAME, ".silver"].map(|name| TreePath::new(name).unwrap_or_default());
            if step.outputs.is_root() || silvers.iter().any(|own| step.outputs.below(own).is_some()) {
                self.wrong(&outputs, "a step makes a directory of the release", Some("outputs = \"site/\""));
            }
            let meets = |other: &TreePath| step.outputs.below(other).is_some() || other.below(&step.outputs).is_some();
            if manifest.assemble[..at].iter().any(|other| meets(&other.outputs)) {
                self.wrong(&outputs, "another step makes files there", None);
            }
            if step.inputs.is_empty() {
                let hint = "inputs = [\"docs/**\"]";
                self.wrong(&["assemble", &number, "inputs"], "a step that sees nothing makes always the same", Some(hint));
            }
            if let Some(glob) = step.inputs.iter().find(|glob| glob.as_str().starts_with(&format!("{}/", step.outputs))) {
                let message = format!("`{glob}` is what the step itself makes");
                self.wrong(&["assemble", &number, "inputs"], message, None);
            }
        }
    }
}
