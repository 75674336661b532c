//! `[build]`: recipes.

use super::Rules;
use crate::manifest::{Manifest, is_variable};

impl Rules<'_, '_> {
    pub(super) fn building(&mut self, manifest: &Manifest) {
        for (at, row) in manifest.build.command.iter().enumerate() {
            let at = at.to_string();
            let field = |field: &'static str| ["build", "command", at.as_str(), field];
            match row.command.first() {
                Some(program) if !program.is_empty() && row.command.iter().all(|word| !word.contains('\0')) => {}
                _ => self.wrong(&field("command"), "a command starts with a program", None),
            }
            if row.outputs.is_empty() {
                let hint = "name the files and directories that it makes";
                self.wrong(&field("outputs"), "a command without outputs adds nothing to the pack", Some(hint));
            }
            for (number, output) in row.outputs.iter().enumerate() {
                let number = number.to_string();
                let path = ["build", "command", at.as_str(), "outputs", number.as_str()];
                if output.is_root() || output.as_str() == super::FILE_NAME {
                    self.wrong(&path, "an output is a file or a directory of its own", None);
                } else if let Some(other) = row.outputs.iter().find(|other| *other != output && output.below(other).is_some()) {
                    self.wrong(&path, format!("it lies below `{other}`, which is an output already"), None);
                }
            }
            for name in row.env.keys().filter(|name| !is_variable(name)) {
                let path = ["build", "command", at.as_str(), "env", name.as_str()];
                self.wrong(&path, format!("`{}` is not the name of a variable", name.escape_debug()), None);
            }
            for (name, value) in row.env.iter().filter(|(_, value)| value.contains('\0')) {
                let path = ["build", "command", at.as_str(), "env", name.as_str()];
                self.wrong(&path, format!("`{}` cannot be the value of a variable", value.escape_debug()), None);
            }
            self.timeout(&field("timeout"), row.timeout);
        }
    }
}
