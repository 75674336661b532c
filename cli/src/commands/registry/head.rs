use super::open;
use crate::{context::Context, error::Result, exit::Exit};

pub(super) fn run(context: &Context) -> Result {
    let registry = open(context)?;
    let text = registry.head_text()?;
    if context.ui.json() {
        let head = registry.head()?;
        context.ui.report_json(&serde_json::json!({
            "origin": head.origin, "events": head.size, "root": head.root, "signed": text,
        }))?;
    } else {
        context.ui.line(text.trim_end());
    }
    Ok(Exit::Done)
}
