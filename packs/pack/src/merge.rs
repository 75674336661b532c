//! The merge: pack tree + customization → merged tree, with a reason for every path.
//!
//! A pure function of the trees, the customizers' digests and the options; its result can
//! therefore be kept by the digest of all that and is the same on every machine.

mod cache;
mod claims;
mod removed;

pub use claims::is_ours;

use crate::{
    customization::{Customization, Overridden},
    former::Former,
    hash,
    listing::Listing,
    manifest::{self, Manifest},
    overlay::{Draft, OverlayLimits, Reasons},
    overrides::{self, Override, State, Survey},
    snapshot::Snapshot,
};
use serde::Serialize;
use silver_plugin_api::{
    Diagnostic, Digest, Failure, Location, Settings, Severity, TreePath, TreeRole,
    customizer::{Customizer, EXTRA_APP_PLUGINS, EXTRA_LAYOUT_ROOT, EXTRA_SLOTS, Options},
};
use std::path::Path;

/// Part of the key of cached merges: raised when the rules of this module change.
const VERSION: u32 = 1;

/// A customizer that takes part.
pub struct Layer<'a> {
    /// For people: `overlay`, or the plugin's file.
    pub name: String,
    /// What it is, exactly: the component's digest, or that of a built-in's version.
    pub digest: Digest,
    /// Itself.
    pub customizer: &'a dyn Customizer,
}

/// What is merged.
pub struct Input<'a> {
    /// The pack's tree.
    pub app: &'a Snapshot,
    /// Its manifest.
    pub manifest: &'a Manifest,
    /// The customization; without one, the customizers do not run.
    pub customization: Option<&'a Customization>,
    /// The customizers, in order.
    pub layers: &'a [Layer<'a>],
    /// What they know; see [`options`].
    pub options: &'a Options,
    /// How much each may do.
    pub limits: OverlayLimits,
    /// Where results are kept.
    pub cache: Option<&'a Path>,
    /// Gives the pack that the customization was used with before, if it is another one and can be found. Asked
    /// only when the lock does not know a file, or nothing takes one.
    pub former: Option<&'a dyn Fn() -> Option<Former>>,
}

/// A merged tree.
#[derive(Debug, Clone)]
pub struct Merged {
    /// The tree.
    pub tree: Snapshot,
    /// Why each path that is not the pack's is as it is.
    pub reasons: Reasons,
    /// Warnings and notes; never errors.
    pub diagnostics: Vec<Diagnostic>,
    /// Files of the pack that the customization replaces as a whole, by path.
    pub overrides: Vec<Override>,
    /// Was it found in the cache?
    pub cached: bool,
}

/// Why a merge has no result.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// Errors were found; warnings and notes are among them.
    #[error("the customization does not fit the pack{}", findings(.0))]
    Findings(Vec<Diagnostic>),
    /// A customizer failed.
    #[error("the customizer `{customizer}` failed")]
    Customizer {
        /// Its name.
        customizer: String,
        /// Why.
        source: Failure,
    },
}

/// One finding in the same line, several one per line with their hints.
fn findings(findings: &[Diagnostic]) -> String {
    let errors: Vec<&Diagnostic> = findings.iter().filter(|finding| finding.severity == Severity::Error).collect();
    let line = |finding: &Diagnostic| match &finding.at {
        Some(at) if at.tree == TreeRole::Customization && at.line > 0 => format!("{}:{}: {}", at.path, at.line, finding.message),
        _ => finding.message.clone(),
    };
    if let [one] = errors.as_slice() {
        return format!(": {}", line(one));
    }
    let lines = errors.iter().map(|finding| {
        let hint = finding.help.as_ref().map(|help| format!("\n    hint: {help}")).unwrap_or_default();
        format!("\n  {}{hint}", line(finding))
    });
    format!(":{}", lines.collect::<String>())
}

impl MergeError {
    /// The way out. With several findings each has its own.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Findings(findings) => {
                let mut errors = findings.iter().filter(|finding| finding.severity == Severity::Error);
                errors.next().filter(|_| errors.next().is_none()).and_then(|one| one.help.clone())
            }
            Self::Customizer { source: Failure::Limit(_), .. } => {
                Some("the limits keep a plugin from harming this machine; tell the pack's publisher".into())
            }
            Self::Customizer { source: Failure::Internal(_), .. } => {
                Some("this is a bug of the plugin: tell the pack's publisher".into())
            }
            Self::Customizer { .. } => None,
        }
    }
}

/// What customizers know besides the trees.
pub fn options(
    manifest: &Manifest,
    customization: Option<&Customization>,
    app_name: &str,
    settings: Settings,
    target: &str,
) -> Options {
    let app_plugins = customization.map(Customization::app_plugins).unwrap_or_default();
    let extra = Settings::from([
        (EXTRA_SLOTS.to_owned(), json(&manifest.slots())),
        (EXTRA_LAYOUT_ROOT.to_owned(), manifest.layout.root.to_string()),
        (EXTRA_APP_PLUGINS.to_owned(), json(&app_plugins)),
    ]);
    let app_version = manifest.pack.app_version();
    Options { app_name: app_name.to_owned(), app_version, settings, target: target.to_owned(), extra }
}

/// Lists of plain records always have a text.
fn json<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// Lays the customization over the pack.
pub fn merge(input: &Input<'_>) -> Result<Merged, MergeError> {
    let Some(customization) = input.customization else {
        return Ok(Merged {
            tree: input.app.clone(),
            reasons: Reasons::default(),
            diagnostics: Vec::new(),
            overrides: Vec::new(),
            cached: false,
        });
    };
    let Look { kept, overrides, mut diagnostics, cached } = look(input, customization)?;
    diagnostics.splice(0..0, overrides::conflicts(&overrides));
    let Some(kept) = kept.filter(|_| !has_error(&diagnostics)) else { return Err(MergeError::Findings(diagnostics)) };
    Ok(Merged { tree: kept.tree, reasons: kept.reasons, diagnostics, overrides, cached })
}

/// How far a merge gets, and how the customization's files stand to those of the pack that they replace.
pub struct Look {
    kept: Option<cache::Kept>,
    /// Files of the pack that the customization replaces as a whole, by path.
    pub overrides: Vec<Override>,
    /// What else was found.
    pub diagnostics: Vec<Diagnostic>,
    cached: bool,
}

/// As [`merge`], up to the question whether the operator has something to settle.
pub fn look(input: &Input<'_>, customization: &Customization) -> Result<Look, MergeError> {
    let own = own_files(customization);
    let key = key(input, customization, &own);
    let found = input.cache.and_then(|dir| cache::load(dir, &key, input.app, &own));
    let cached = found.is_some();
    let laid = match found {
        Some(kept) => Ok(kept),
        None => run(input, customization, &own),
    };
    let mut kept = match laid {
        Ok(kept) => kept,
        Err(MergeError::Findings(mut diagnostics)) => {
            let mut overrides = survey(input, customization, &own, None);
            for one in overrides.iter_mut().filter(|one| one.theirs.is_none()) {
                one.may_stay = !diagnostics.iter().any(|finding| refuses(finding, &one.file));
            }
            diagnostics.retain(|finding| !is_conflict(finding, &overrides));
            return Ok(Look { kept: None, overrides, diagnostics, cached });
        }
        Err(failed) => return Err(failed),
    };
    if let Some(dir) = input.cache.filter(|_| !cached) {
        // a cache that cannot be written only costs time
        let _ = cache::store(dir, &key, &kept);
    }
    let mut diagnostics = kept.diagnostics.clone();
    diagnostics.extend(behind_state(input.manifest, &kept.reasons));
    let found = overrides::found(input.app.listing(), own.listing(), kept.tree.listing(), &kept.reasons);
    let overrides = survey(input, customization, &own, Some(&found));
    kept.reasons.rename_inputs(&|input| {
        let file = TreePath::new(input.strip_prefix("customization:")?).ok()?;
        customization.base_of(&file).map(|_| format!("customization:{}", customization.shown(&file)))
    });
    Ok(Look { kept: Some(kept), overrides, diagnostics, cached })
}

/// Is this file not taken as it is?
fn refuses(finding: &Diagnostic, file: &TreePath) -> bool {
    let at = finding.at.as_ref().filter(|at| at.tree == TreeRole::Customization);
    finding.severity == Severity::Error && at.is_some_and(|at| at.path == *file)
}

/// Is it told better by the state of its file: the pack had what the file replaces, and has it no more?
fn is_conflict(finding: &Diagnostic, overrides: &[Override]) -> bool {
    let Some(at) = finding.at.as_ref().filter(|_| finding.code == "override-of-nothing") else { return false };
    let gone = |one: &Override| one.file == at.path && matches!(one.state, State::Gone | State::Moved(_));
    overrides.iter().any(gone)
}

fn survey(input: &Input<'_>, customization: &Customization, own: &Snapshot, found: Option<&[Overridden]>) -> Vec<Override> {
    let rows = &customization.lock.overrides;
    let is_known = |row: &Overridden| rows.iter().any(|known| known.path == row.path);
    let former = input.former.filter(|_| !found.into_iter().flatten().all(is_known)).and_then(|former| former());
    Survey {
        app: input.app.listing(),
        own,
        rows,
        found,
        former: former.as_ref().map(|former| &*former.listing),
        base_of: &|file| customization.base_layer(file),
    }
    .overrides()
}

fn has_error(diagnostics: &[Diagnostic]) -> bool {
    diagnostics.iter().any(|finding| finding.severity == Severity::Error)
}

/// The customization without what is silver's or nobody's.
fn own_files(customization: &Customization) -> Snapshot {
    let mut listing = Listing::clone(customization.files.listing());
    for (path, _) in customization.files.listing().iter().filter(|(path, _)| is_ours(path)) {
        listing.remove(path);
    }
    Snapshot::new(listing, customization.files.blobs().clone())
}

fn key(input: &Input<'_>, customization: &Customization, own: &Snapshot) -> Digest {
    #[derive(Serialize)]
    struct Key<'k> {
        version: u32,
        app: Digest,
        layout_root: &'k TreePath,
        customization: Digest,
        remove: &'k [TreePath],
        layers: Vec<(&'k str, Digest)>,
        options: &'k Options,
        limits: [u64; 2],
    }
    let key = Key {
        version: VERSION,
        app: input.app.digest(),
        layout_root: &input.manifest.layout.root,
        customization: own.digest(),
        remove: &customization.config.remove,
        layers: input.layers.iter().map(|layer| (layer.name.as_str(), layer.digest)).collect(),
        options: input.options,
        limits: [input.limits.operations, input.limits.bytes],
    };
    hash::sha256(&serde_json::to_vec(&key).unwrap_or_default())
}

/// Runs all customizers.
fn run(input: &Input<'_>, customization: &Customization, own: &Snapshot) -> Result<cache::Kept, MergeError> {
    let failed = |layer: &Layer<'_>, source| MergeError::Customizer { customizer: layer.name.clone(), source };
    let mut findings = Vec::new();
    let mut collect = |layer: &Layer<'_>, result: Result<Vec<Diagnostic>, Failure>| match result {
        Ok(more) | Err(Failure::Invalid(more)) => {
            findings.extend(more);
            Ok(())
        }
        Err(source) => Err(failed(layer, source)),
    };
    let mut claimed = Vec::new();
    for layer in input.layers {
        for claim in layer.customizer.claims(input.options).map_err(|source| failed(layer, source))? {
            claimed.push((layer.name.as_str(), claim));
        }
    }
    for layer in input.layers {
        collect(layer, layer.customizer.check(input.app, own, input.options))?;
    }
    findings.extend(claims::unclaimed(own, &claimed, input.manifest, &|| input.former?()));
    if has_error(&findings) {
        return Err(MergeError::Findings(findings));
    }

    let mut draft = Draft::new(input.app);
    for path in [manifest::FILE_NAME, crate::pack::SILVER_DIR] {
        draft.protect(TreePath::new(path).unwrap_or_default());
    }
    for layer in input.layers {
        draft.enter(&layer.name, input.limits);
        match layer.customizer.merge(input.app, own, &mut draft, input.options) {
            Ok(more) => findings.extend(more),
            // it stopped in the middle: what follows could only repeat the error
            Err(Failure::Invalid(more)) => {
                findings.extend(more);
                if !has_error(&findings) {
                    findings.push(Diagnostic::error("customizer-failed", format!("the customizer `{}` gave up", layer.name)));
                }
                return Err(MergeError::Findings(findings));
            }
            Err(source) => return Err(failed(layer, source)),
        }
    }
    draft.enter("customize.toml", OverlayLimits::default());
    for path in &customization.config.remove {
        findings.extend(removed::remove(&mut draft, path, input));
    }
    if has_error(&findings) {
        return Err(MergeError::Findings(findings));
    }
    let made = draft.made().clone();
    let (tree, reasons) = draft.finish();
    Ok(cache::Kept { tree, reasons, diagnostics: findings, made })
}

/// Files of the instance directory that the application's own data hides: all but a seed is lost,
/// and a seed counts only once.
fn behind_state(manifest: &Manifest, reasons: &Reasons) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    for (path, changes) in reasons.iter() {
        let Some(inside) =
            path.below(&manifest.layout.root).filter(|_| changes.last().is_some_and(|change| change.digest.is_some()))
        else {
            continue;
        };
        let Some((state, def)) = manifest.state.iter().find(|(state, _)| inside.below(state).is_some()) else { continue };
        let at = Location::file(TreeRole::Merged, path.clone());
        findings.push(if def.seed.as_ref().is_some_and(|seed| inside.below(seed).is_some()) {
            let message =
                format!("`{path}` is a seed: it counts only where `{state}` is not there yet, not for an application that runs");
            Diagnostic::warning("only-a-seed", message).at(at)
        } else {
            let message = format!("`{path}` would never be seen: `{state}` is the application's own data");
            Diagnostic::error("behind-state", message).at(at)
        });
    }
    findings
}

#[cfg(test)]
mod tests;
