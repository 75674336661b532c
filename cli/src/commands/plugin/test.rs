mod case;

use super::check::{Checked, component, read};
use crate::{
    changes,
    context::Context,
    error::{CommandError, Result},
    exit::Exit,
    extensions,
};
use case::{Case, Outcome};
use serde::Serialize;
use silver_extensions::{Plugin, Usage, WasmCustomizer, World};
use similar::TextDiff;
use std::path::PathBuf;

/// Run the golden cases of a customizer: tests/CASE/{app,customization,expected}
///
/// A case merges `customization` into `app` and compares the tree with `expected`, and what the customizer found with
/// `findings.txt` (absent: nothing). `case.toml` holds `app-name`, `target` and `[settings]`. Shown for each case is the
/// fuel of its most expensive call, which is the same on every machine.
#[derive(Debug, clap::Args)]
pub struct Test {
    /// The plugin's directory
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// Only these cases
    cases: Vec<String>,
    /// Write what the customizer does now as expected
    #[arg(long)]
    bless: bool,
}

/// One case in the report.
#[derive(Serialize)]
struct Row {
    case: String,
    result: &'static str,
    fuel: u64,
    memory: u64,
}

impl Test {
    pub fn run(self, context: &Context) -> Result {
        let (file, world) = component(&self.dir)?;
        let wasm = read(&file)?;
        let hint = match Checked::of(&wasm, world)?.inspection.world {
            World::Customizer => None,
            World::Commands => Some("try its commands with `silver manage-app PACK --customize=DIR --dry-run COMMAND`"),
            World::NodeSetup => Some("name it in nodes.toml and look at its plan: `silver setup-node NODE --dry-run`"),
        };
        if let Some(hint) = hint {
            return Err(CommandError::usage("golden cases are for customizers; this plugin is none").hint(hint));
        }
        let cases = Case::find(&self.dir.join("tests"), &self.cases)?;
        let host = extensions::open(context)?;
        let mut rows = Vec::new();
        for case in &cases {
            // loaded for each case, so that what it used is that case's alone; compiled it is once
            let customizer = host.customizer(&Plugin::new(file.display().to_string()), &wasm)?;
            let result = self.judge(context, case, &customizer)?;
            let used = customizer.usage();
            let most = |of: fn(&Usage) -> u64| used.iter().map(of).max().unwrap_or_default();
            rows.push(Row { case: case.name.clone(), result, fuel: most(|used| used.fuel), memory: most(|used| used.memory) });
        }
        context.ui.list(&rows, "no cases")?;
        let failed = rows.iter().filter(|row| ["differs", "failed"].contains(&row.result)).count();
        if failed == 0 {
            return Ok(Exit::Done);
        }
        Err(CommandError::new(Exit::Error, format!("{failed} of {} cases are not as expected", rows.len()))
            .hint("`--bless` takes what the plugin does now as expected"))
    }

    /// Runs a case and shows what is not as expected.
    fn judge(&self, context: &Context, case: &Case, customizer: &WasmCustomizer) -> Result<&'static str> {
        let ui = &context.ui;
        let told = |text: &str| if ui.json() { ui.note(text) } else { ui.line(text) };
        let now = match case.run(customizer)? {
            Ok(now) => now,
            Err(failure) => {
                told(&format!("{}: {failure}", case.name));
                return Ok("failed");
            }
        };
        let expected = case.expected()?;
        if now == expected {
            return Ok("ok");
        }
        if self.bless {
            case.bless(&now)?;
            return Ok("blessed");
        }
        told(&format!("{}: a is expected, b is what the plugin does", case.name));
        if !ui.json() {
            changes::show(ui, &expected.tree, &now.tree);
        }
        let Outcome { findings: old, .. } = &expected;
        if *old != now.findings {
            let diff = TextDiff::from_lines(old.as_str(), now.findings.as_str());
            told(diff.unified_diff().header("a/findings.txt", "b/findings.txt").to_string().trim_end());
        }
        Ok("differs")
    }
}
