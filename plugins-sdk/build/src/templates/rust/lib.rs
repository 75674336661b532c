//! A customizer: what of a customization goes where in the application, and what is wrong with it.
//!
//! `check` and `merge` are one function: what is to be done is written down first, with all findings, and `merge` then
//! does it. There is no clock, no randomness, no file and no network here.

use silver_plugin::{
    Collision, Diagnostic, Failure, Location, Overlay, Reason, Severity, Tree, TreePath, TreeRole,
    customizer::{Claim, Customizer, Options},
    walk,
};

/// The customizer.
pub struct Plugin;

const NOTES: &str = "notes/*.md";
const HEADER: &str = "header.html";

impl Customizer for Plugin {
    fn claims(&self, _: &Options) -> Result<Vec<Claim>, Failure> {
        let claim = |pattern: &str, summary: &str| Claim { pattern: pattern.into(), summary: summary.into() };
        Ok(vec![
            claim(NOTES, "notes, each with a title in its first line"),
            claim(HEADER, "the header of every page; `@name@` stands for the site's name"),
        ])
    }

    fn check(&self, _: &dyn Tree, customization: &dyn Tree, options: &Options) -> Result<Vec<Diagnostic>, Failure> {
        Ok(plan(customization, options)?.findings)
    }

    fn merge(
        &self,
        _: &dyn Tree,
        customization: &dyn Tree,
        into: &mut dyn Overlay,
        options: &Options,
    ) -> Result<Vec<Diagnostic>, Failure> {
        let work = plan(customization, options)?;
        if work.findings.iter().any(|finding| finding.severity == Severity::Error) {
            return Ok(work.findings);
        }
        for (source, dest, why) in work.links {
            into.link(customization, &source, &dest, Collision::Replace, why)?;
        }
        for (dest, text, why) in work.files {
            into.put(&dest, text.as_bytes(), false, Collision::Replace, why)?;
        }
        Ok(work.findings)
    }
}

/// What is to be done, and what there is to say about it.
#[derive(Default)]
struct Work {
    links: Vec<(TreePath, TreePath, Reason)>,
    files: Vec<(TreePath, String, Reason)>,
    findings: Vec<Diagnostic>,
}

fn plan(customization: &dyn Tree, options: &Options) -> Result<Work, Failure> {
    let mut work = Work::default();
    let (mut index, mut inputs) = (String::new(), Vec::new());
    for entry in walk::matching(customization, &[NOTES]) {
        let source = entry?.path;
        let text = customization.read_text(&source)?;
        let Some(title) = text.lines().next().and_then(|line| line.strip_prefix("# ")) else {
            let at = Location { line: 1, ..Location::file(TreeRole::Customization, source.clone()) };
            let finding = Diagnostic::error("note-without-title", format!("`{source}` has no title"));
            work.findings.push(finding.at(at).help("write `# TITLE` into its first line"));
            continue;
        };
        index += &format!("{}: {title}\n", source.name());
        inputs.push(input(&source));
        let dest = path(&format!("site/{source}"))?;
        work.links.push((source.clone(), dest, Reason::new("note", [input(&source)])));
    }
    if !index.is_empty() {
        work.files.push((path("site/notes/index.txt")?, index, Reason::new("list of notes", inputs)));
    }
    let header = path(HEADER)?;
    if customization.stat(&header).is_some() {
        let text = customization.read_text(&header)?;
        if !text.contains("@name@") {
            let finding = Diagnostic::warning("header-without-name", "the header does not show the site's name");
            let at = Location::file(TreeRole::Customization, header.clone());
            work.findings.push(finding.at(at).help("write `@name@` where it belongs"));
        }
        let name = options.settings.get("name").unwrap_or(&options.app_name);
        let why = Reason::new("header", [input(&header), "setting:name".into()]);
        work.files.push((path("templates/header.html")?, text.replace("@name@", name), why));
    }
    Ok(work)
}

/// `customization:PATH`, as reasons name their inputs.
fn input(path: &TreePath) -> String {
    format!("customization:{path}")
}

fn path(text: &str) -> Result<TreePath, Failure> {
    TreePath::new(text).map_err(|error| Failure::invalid("path", format!("`{text}`: {error}"), None))
}

silver_plugin::export!(customizer: Plugin);
