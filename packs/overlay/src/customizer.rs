//! The built-in customizer: lays a customization over an application by the slots that the pack
//! declares.
//!
//! It needs nothing but the plugin interface and the editors of [`crate::render`], and
//! takes its slots from [`EXTRA_SLOTS`], so it is also compiled as a WASM component. It lives
//! here and not with the other built-ins because of those editors.

use crate::{globs, nearest, render};
use globset::GlobSet;
use silver_plugin_api::{
    Collision, Diagnostic, Entry, EntryKind, Failure, Location, Overlay, Reason, Tree, TreePath, TreeRole,
    customizer::{Claim, Customizer, EXTRA_SLOTS, Options},
    plan::FileFormat,
    slot::{Slot, SlotMode},
    walk,
};

/// The rules' version: part of the key of cached merges.
pub const VERSION: &str = "silver overlay 1";

/// See the module.
#[derive(Debug, Clone, Copy, Default)]
pub struct OverlayCustomizer;

/// A slot that is ready to match.
struct Rule {
    slot: Slot,
    globs: GlobSet,
    into: TreePath,
    /// The glob's leading directories without wildcards.
    fixed: TreePath,
    /// Without wildcards the slot is one file.
    single: bool,
}

/// A file of the customization on its way into the application.
struct Placed<'r> {
    rule: &'r Rule,
    entry: Entry,
    dest: TreePath,
}

impl Customizer for OverlayCustomizer {
    fn claims(&self, options: &Options) -> Result<Vec<Claim>, Failure> {
        let claim = |slot: Slot| Claim { pattern: slot.from, summary: slot.summary };
        Ok(slots(options)?.into_iter().map(claim).collect())
    }

    fn check(&self, app: &dyn Tree, customization: &dyn Tree, options: &Options) -> Result<Vec<Diagnostic>, Failure> {
        let rules = rules(options)?;
        let placed = place(&rules, customization)?;
        Ok(placed.iter().filter_map(|placed| judge(placed, app)).collect())
    }

    fn merge(
        &self,
        app: &dyn Tree,
        customization: &dyn Tree,
        into: &mut dyn Overlay,
        options: &Options,
    ) -> Result<Vec<Diagnostic>, Failure> {
        let rules = rules(options)?;
        let mut findings = Vec::new();
        for placed in place(&rules, customization)? {
            match lay(&placed, app, customization, into) {
                Ok(()) => {}
                Err(Failure::Invalid(wrong)) => findings.extend(wrong.into_iter().map(|finding| placed.point(finding))),
                Err(other) => return Err(other),
            }
        }
        if findings.is_empty() { Ok(findings) } else { Err(Failure::Invalid(findings)) }
    }
}

fn slots(options: &Options) -> Result<Vec<Slot>, Failure> {
    let Some(text) = options.extra.get(EXTRA_SLOTS) else { return Ok(Vec::new()) };
    serde_json::from_str(text).map_err(|error| Failure::Internal(format!("the slots cannot be read: {error}")))
}

fn rules(options: &Options) -> Result<Vec<Rule>, Failure> {
    let rule = |slot: Slot| {
        let path =
            |text: &str| TreePath::new(text).map_err(|error| Failure::Internal(format!("slot {}: `{text}`: {error}", slot.name)));
        let wild = |part: &&str| part.contains(['*', '?', '[', '{']);
        let single = !slot.from.split('/').any(|part| wild(&part));
        let fixed: Vec<&str> = slot.from.split('/').take_while(|part| !wild(part)).collect();
        Ok(Rule { globs: globs::compile(&[&slot.from])?, into: path(&slot.into)?, fixed: path(&fixed.join("/"))?, single, slot })
    };
    slots(options)?.into_iter().map(rule).collect()
}

/// Each file of the customization that a slot takes, and where it goes. The first slot that
/// matches takes it.
fn place<'r>(rules: &'r [Rule], customization: &dyn Tree) -> Result<Vec<Placed<'r>>, Failure> {
    let mut placed = Vec::new();
    for entry in walk::below(customization, &TreePath::root()) {
        let entry = entry?;
        let Some(rule) = rules.iter().find(|rule| rule.globs.is_match(entry.path.as_str())) else { continue };
        let dest = if rule.single {
            rule.into.clone()
        } else {
            let rest = entry.path.below(&rule.fixed).unwrap_or_default();
            let told = |error| Failure::invalid("bad-path", format!("`{}/{rest}`: {error}", rule.into), None);
            rule.into.join(&rest).map_err(told)?
        };
        placed.push(Placed { rule, entry, dest });
    }
    Ok(placed)
}

impl Placed<'_> {
    fn why(&self, more: Option<&TreePath>) -> Reason {
        let inputs = [format!("customization:{}", self.entry.path)].into_iter();
        let rule = format!("slot {}: {}", self.rule.slot.name, mode(self.rule.slot.mode));
        Reason::new(rule, inputs.chain(more.map(|path| format!("app:{path}"))))
    }

    /// The finding, pointing at the operator's file.
    fn point(&self, finding: Diagnostic) -> Diagnostic {
        match finding.at {
            Some(_) => finding,
            None => finding.at(Location::file(TreeRole::Customization, self.entry.path.clone())),
        }
    }
}

fn mode(mode: SlotMode) -> &'static str {
    match mode {
        SlotMode::Add => "add",
        SlotMode::Override => "override",
        SlotMode::MergeIni => "merge-ini",
        SlotMode::MergeToml => "merge-toml",
        SlotMode::MergeJson => "merge-json",
        SlotMode::Append => "append",
    }
}

/// What is wrong with where a file goes.
fn judge(placed: &Placed<'_>, app: &dyn Tree) -> Option<Diagnostic> {
    let Placed { rule, entry, dest } = placed;
    let there = app.stat(dest).filter(|entry| entry.kind != EntryKind::Directory);
    let finding = match rule.slot.mode {
        SlotMode::Add if there.is_some() => {
            let message = format!("`{}` would replace `{dest}` of the pack, and slot `{}` only adds", entry.path, rule.slot.name);
            Diagnostic::error("already-there", message).help("give the file another name")
        }
        SlotMode::Override if rule.slot.must_exist && there.is_none() => {
            let message = format!("`{}` overrides `{dest}`, which the pack does not have", entry.path);
            Diagnostic::error("override-of-nothing", message).help(similar(dest, &rule.into, app))
        }
        SlotMode::MergeIni | SlotMode::MergeToml | SlotMode::MergeJson | SlotMode::Append if entry.kind == EntryKind::Symlink => {
            Diagnostic::error("link-to-merge", format!("`{}` is a link, and its slot merges files", entry.path))
        }
        _ => return None,
    };
    Some(placed.point(finding))
}

/// A hint: the file of the pack that was probably meant.
fn similar(dest: &TreePath, into: &TreePath, app: &dyn Tree) -> String {
    let files: Vec<TreePath> = walk::below(app, into).filter_map(|entry| Some(entry.ok()?.path)).collect();
    match nearest(dest, files.iter().map(TreePath::as_str)) {
        Some(file) => format!("did you mean `{file}`?"),
        None if files.is_empty() => format!("the pack has no files below `{into}`"),
        None => "`silver inspect PACK` lists the files of the pack".into(),
    }
}

fn lay(placed: &Placed<'_>, app: &dyn Tree, customization: &dyn Tree, into: &mut dyn Overlay) -> Result<(), Failure> {
    let Placed { rule, entry, dest } = placed;
    let format = match rule.slot.mode {
        SlotMode::Add => return into.link(customization, &entry.path, dest, Collision::Fail, placed.why(None)),
        SlotMode::Override => return into.link(customization, &entry.path, dest, Collision::Replace, placed.why(None)),
        SlotMode::Append => None,
        SlotMode::MergeIni => Some(FileFormat::Ini),
        SlotMode::MergeToml => Some(FileFormat::Toml),
        SlotMode::MergeJson => Some(FileFormat::Json),
    };
    let own = customization.read_text(&entry.path)?;
    let old = into.stat(dest).filter(|old| old.kind == EntryKind::File);
    let base = match &old {
        None => String::new(),
        Some(old) if app.stat(dest).is_some_and(|entry| entry.digest == old.digest) => app.read_text(dest)?,
        Some(_) => into.snapshot().read_text(dest)?,
    };
    let text = match format {
        Some(format) => render::merge(format, &base, &own).map_err(|error| {
            Failure::invalid("cannot-merge", format!("cannot merge `{}` into `{dest}`: {error}", entry.path), None)
        })?,
        None if base.is_empty() || base.ends_with('\n') => base + &own,
        None => base + "\n" + &own,
    };
    let executable = old.as_ref().is_some_and(|old| old.executable);
    let why = placed.why(old.is_some().then_some(dest));
    into.put(dest, text.as_bytes(), executable, Collision::Replace, why)
}

#[cfg(test)]
mod tests;
