//! Which application is meant: by its name, or by one of its locations.

use crate::{
    error::{CommandError, Result},
    exit::Exit,
};
use silver_core::node::Node;
use silver_plugin_api::plan::AppReport;

/// The application that `text` names on the node. A location may be given with or without scheme,
/// port and trailing slash. What is told of it is what is recorded: its processes are not looked at.
pub async fn find(node: &dyn Node, text: &str) -> Result<AppReport> {
    let apps = node.recorded().await?;
    let wanted = location(text);
    let meant =
        apps.iter().filter(|app| app.app == text || app.locations.iter().any(|at| location(at) == wanted)).collect::<Vec<_>>();
    match meant.as_slice() {
        [app] => Ok((*app).clone()),
        [] => Err(unknown(text, &apps)),
        several => {
            let names = several.iter().map(|app| format!("`{}`", app.app)).collect::<Vec<_>>().join(", ");
            Err(CommandError::usage(format!("`{text}` means more than one application: {names}"))
                .hint("give the application's name"))
        }
    }
}

fn unknown(text: &str, apps: &[AppReport]) -> CommandError {
    let error = CommandError::new(Exit::Usage, format!("there is no application `{text}` on this node"));
    if apps.is_empty() {
        return error.hint("nothing is deployed here yet: `silver update PACK.zip`");
    }
    error.hint(format!("there are: {}", apps.iter().map(|app| app.app.as_str()).collect::<Vec<_>>().join(", ")))
}

/// `http://Trac.localhost:8484/wiki/` → `trac.localhost/wiki`
fn location(text: &str) -> String {
    let text = text.split_once("://").map_or(text, |(_, rest)| rest).trim_end_matches('/');
    let (host, path) = text.split_once('/').unwrap_or((text, ""));
    let host = host.split(':').next().unwrap_or(host).to_lowercase();
    if path.is_empty() { host } else { format!("{host}/{path}") }
}

#[cfg(test)]
mod tests {
    use super::location;

    #[test]
    fn locations_are_compared_without_what_does_not_matter() {
        for same in ["trac.localhost/x", "http://Trac.localhost:8484/x/", "TRAC.localhost/x"] {
            assert_eq!(location(same), "trac.localhost/x");
        }
    }
}
