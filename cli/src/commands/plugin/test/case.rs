//! One golden case.

use crate::error::{CommandError, Result};
use serde::Deserialize;
use silver_extensions::WasmCustomizer;
use silver_pack::{
    customization::{CONFIG, Customization},
    export,
    manifest::{self, Manifest},
    merge::{self, Input, Layer, MergeError},
    overlay::{Draft, OverlayLimits},
    snapshot::Snapshot,
};
use silver_plugin_api::{Collision, Diagnostic, Overlay, Reason, Settings, Severity, TreePath, TreeRole};
use std::{
    collections::BTreeMap,
    fmt::Write,
    fs, io,
    path::{Path, PathBuf},
};

/// Stands in for a pack's manifest where the case's `app` has none.
const MANIFEST: &str = "format = 1\n[pack]\nid = \"org.example.case\"\nname = \"case\"\nversion = \"1.0.0\"\n[runtime]\nkind = \"static\"\nroot = \"site\"\n";
/// Stands in for the customization's own.
const CUSTOMIZE: &str = "[pack]\nid = \"org.example.case\"\n";

/// `case.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
struct CaseToml {
    app_name: String,
    target: String,
    settings: BTreeMap<String, String>,
}

impl Default for CaseToml {
    fn default() -> Self {
        Self { app_name: "app".into(), target: "any".into(), settings: BTreeMap::new() }
    }
}

/// A directory below `tests`.
pub(super) struct Case {
    /// Its name.
    pub(super) name: String,
    dir: PathBuf,
}

/// What a customizer makes of a case.
pub(super) struct Outcome {
    /// The merged tree; without files when errors were found.
    pub(super) tree: Snapshot,
    /// One line each, with its hint in the next.
    pub(super) findings: String,
}

impl PartialEq for Outcome {
    fn eq(&self, other: &Self) -> bool {
        self.tree.digest() == other.tree.digest() && self.findings == other.findings
    }
}

impl Case {
    /// All cases, or those that are named.
    pub(super) fn find(tests: &Path, wanted: &[String]) -> Result<Vec<Self>> {
        let mut names: Vec<String> = match fs::read_dir(tests) {
            Ok(entries) => entries
                .flatten()
                .filter(|entry| entry.path().is_dir())
                .filter_map(|entry| entry.file_name().into_string().ok())
                .collect(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        names.sort();
        if let Some(unknown) = wanted.iter().find(|name| !names.contains(name)) {
            let error = CommandError::usage(format!("there is no case `{unknown}` in {}", tests.display()));
            return Err(error.hint(format!("there is {}", names.join(", "))));
        }
        names.retain(|name| wanted.is_empty() || wanted.contains(name));
        if names.is_empty() {
            let error = CommandError::usage(format!("there are no cases in {}", tests.display()));
            return Err(error.hint("a case is a directory with `app` and `customization`; `--bless` writes its `expected`"));
        }
        Ok(names.into_iter().map(|name| Self { dir: tests.join(&name), name }).collect())
    }

    /// Merges as `silver merge` does, with this customizer alone; a failure of the plugin is inside.
    pub(super) fn run(&self, customizer: &WasmCustomizer) -> Result<std::result::Result<Outcome, String>> {
        let about = self.about()?;
        let app = self.tree("app")?;
        let manifest = match app.text(&TreePath::new(manifest::FILE_NAME).unwrap_or_default()) {
            Ok(text) => parsed(&text, &self.dir.join("app").join(manifest::FILE_NAME))?,
            Err(_) => parsed(MANIFEST, Path::new(manifest::FILE_NAME))?,
        };
        let customization =
            Customization::from_files(&self.dir.join("customization"), with_config(self.tree("customization")?)?)?;
        let mut settings: Settings = about.settings.into_iter().collect();
        if customization.config.pack.id == manifest.pack.id {
            for (name, value) in customization.fit(&manifest, None)? {
                settings.entry(name).or_insert(value);
            }
        }
        let options = merge::options(&manifest, Some(&customization), &about.app_name, settings, &about.target);
        let layer = Layer { name: "plugin".into(), digest: customizer.inspection().digest, customizer };
        let merged = merge::merge(&Input {
            app: &app,
            manifest: &manifest,
            customization: Some(&customization),
            layers: &[layer],
            options: &options,
            limits: OverlayLimits::default(),
            former: None,
            cache: None,
        });
        Ok(match merged {
            Ok(merged) => Ok(Outcome { tree: merged.tree, findings: lines(&merged.diagnostics) }),
            Err(MergeError::Findings(findings)) => Ok(Outcome { tree: Snapshot::empty(), findings: lines(&findings) }),
            Err(MergeError::Customizer { source, .. }) => Err(source.to_string()),
        })
    }

    /// What is expected.
    pub(super) fn expected(&self) -> Result<Outcome> {
        let findings = optional(&self.dir.join("findings.txt"))?.unwrap_or_default();
        Ok(Outcome { tree: self.tree("expected")?, findings })
    }

    /// Makes this the expected one.
    pub(super) fn bless(&self, now: &Outcome) -> Result<()> {
        let (tree, findings) = (self.dir.join("expected"), self.dir.join("findings.txt"));
        if tree.exists() {
            fs::remove_dir_all(&tree)?;
        }
        if !now.tree.listing().is_empty() {
            export::export(&now.tree, &tree)?;
        }
        match now.findings.as_str() {
            "" if findings.exists() => fs::remove_file(findings)?,
            "" => {}
            text => fs::write(findings, text)?,
        }
        Ok(())
    }

    fn about(&self) -> Result<CaseToml> {
        let path = self.dir.join("case.toml");
        let wrong = |error| CommandError::usage(format!("{} is wrong: {error}", path.display()));
        let text = optional(&path)?.unwrap_or_default();
        toml::from_str(&text).map_err(wrong)
    }

    /// The tree in one of the case's directories; without files when there is none.
    fn tree(&self, name: &str) -> Result<Snapshot> {
        let dir = self.dir.join(name);
        if !dir.exists() {
            return Ok(Snapshot::empty());
        }
        Snapshot::capture(&dir).map_err(|error| {
            let hint = error.hint();
            CommandError::usage(error).maybe_hint(hint)
        })
    }
}

fn parsed(text: &str, path: &Path) -> Result<Manifest> {
    manifest::parse(text, &path.display().to_string()).map_err(CommandError::usage)
}

/// The customization has a `customize.toml` in any case.
fn with_config(files: Snapshot) -> Result<Snapshot> {
    let path = TreePath::new(CONFIG).map_err(CommandError::usage)?;
    if files.listing().get(&path).is_some() {
        return Ok(files);
    }
    let mut draft = Draft::new(&files);
    draft.put(&path, CUSTOMIZE.as_bytes(), false, Collision::Fail, Reason::new("case", [])).map_err(crate::findings::failed)?;
    Ok(draft.finish().0)
}

fn optional(path: &Path) -> Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Findings as they stand in `findings.txt`: `SEVERITY CODE TREE:PATH:LINE: MESSAGE`, and the hint.
fn lines(findings: &[Diagnostic]) -> String {
    let mut text = String::new();
    for finding in findings {
        let severity = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        };
        let mut place = String::new();
        if let Some(at) = &finding.at {
            let tree = match at.tree {
                TreeRole::App => "app",
                TreeRole::Customization => "customization",
                TreeRole::Merged => "merged",
                TreeRole::Plugin => "plugin",
            };
            place = format!(" {tree}:{}", at.path);
            for number in [at.line, at.column].iter().take_while(|number| **number > 0) {
                // writing into a text does not fail
                let _ = write!(place, ":{number}");
            }
            place.push(':');
        }
        let _ = writeln!(text, "{severity} {}{place} {}", finding.code, finding.message);
        if let Some(help) = &finding.help {
            let _ = writeln!(text, "  hint: {help}");
        }
    }
    text
}
