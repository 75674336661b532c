//! Findings and failures of plugins and built-ins, for the terminal.

use crate::{error::CommandError, exit::Exit, ui::Ui};
use silver_plugin_api::{Diagnostic, Failure, Severity};

/// The codes of findings about content that is not what it was said to be, or that was made to harm.
const ALTERED: [&str; 3] = ["other-digest", "bad-signature", "bad-package"];

/// `FILE:LINE:COLUMN: message`
fn told(diagnostic: &Diagnostic) -> String {
    let Some(at) = &diagnostic.at else { return diagnostic.message.clone() };
    match (at.line, at.column) {
        (0, _) => format!("{}: {}", at.path, diagnostic.message),
        (line, 0) => format!("{}:{line}: {}", at.path, diagnostic.message),
        (line, column) => format!("{}:{line}:{column}: {}", at.path, diagnostic.message),
    }
}

/// Shows findings that stop nothing.
pub fn show(ui: &Ui, diagnostics: &[Diagnostic]) {
    for diagnostic in diagnostics {
        match diagnostic.severity {
            Severity::Note => ui.note(&told(diagnostic)),
            Severity::Warning | Severity::Error => ui.warning(&told(diagnostic)),
        }
        if let Some(help) = &diagnostic.help {
            ui.hint(help);
        }
    }
}

/// A failure as the error of a command; all findings are in it.
pub fn failed(failure: Failure) -> CommandError {
    match failure {
        Failure::Invalid(list) => {
            let messages: Vec<String> = list.iter().map(told).collect();
            let altered = list.iter().any(|diagnostic| ALTERED.contains(&diagnostic.code.as_str()));
            let exit = if altered { Exit::Integrity } else { Exit::Error };
            let mut error = CommandError::new(exit, messages.join("\n"));
            error.hints = list.into_iter().filter_map(|diagnostic| diagnostic.help).collect();
            error
        }
        Failure::Denied(what) => CommandError::new(Exit::Error, format!("denied: {what}")).hint(
            "a plugin reaches what `needs` of its `[[plugin]]` in pack.toml asks for and you granted: `silver plugin grants`",
        ),
        Failure::Unavailable(what) => CommandError::new(Exit::Error, what).hint("try again"),
        Failure::Internal(what) => {
            CommandError::new(Exit::Error, what).hint("this is a fault of the plugin; nothing was changed")
        }
        Failure::NotFound(what) => {
            CommandError::new(Exit::Error, format!("not found: {what}")).hint("check how the name is written")
        }
        Failure::Limit(what) => CommandError::new(Exit::Error, what).hint("limits are the host's; nothing was changed"),
    }
}
