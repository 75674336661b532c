use crate::{context::Context, error::Result, exit::Exit};
use clap::ValueEnum;
use silver_plugin_build as plugins;
use std::path::PathBuf;

/// Make a directory with a small customizer that works, its golden cases and the SDK
#[derive(Debug, clap::Args)]
pub struct New {
    /// Name of the plugin, and of its directory
    name: String,
    /// What it is written in
    #[arg(long, value_enum)]
    lang: Lang,
    /// Another directory; absent or empty
    #[arg(long, short, value_name = "DIR")]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Lang {
    /// Some hundred kilobytes; needs Rust
    Rust,
    /// 18 MB, a CPython in it; needs Python 3 with venv
    Python,
    /// 13 MB, a SpiderMonkey in it; needs Node.js with npm
    Js,
}

impl New {
    pub fn run(self, context: &Context) -> Result {
        let lang = match self.lang {
            Lang::Rust => plugins::Lang::Rust,
            Lang::Python => plugins::Lang::Python,
            Lang::Js => plugins::Lang::Js,
        };
        let dir = self.output.unwrap_or_else(|| PathBuf::from(&self.name));
        plugins::new::new(&dir, &self.name, lang)?;
        let source = match lang {
            plugins::Lang::Rust => "src/lib.rs",
            plugins::Lang::Python => "plugin.py",
            plugins::Lang::Js => "plugin.js",
        };
        let shown = dir.display();
        if context.ui.json() {
            context.ui.report_json(&serde_json::json!({ "dir": dir, "lang": lang.as_str(), "source": source }))?;
            return Ok(Exit::Done);
        }
        context.ui.line(&format!("{shown}: the plugin is {source}, its golden cases are in tests/"));
        context.ui.hint(&format!("silver plugin build {shown} && silver plugin test {shown}"));
        Ok(Exit::Done)
    }
}
