//! Who answers for which file of a customization.

use crate::{customization, document::nearest, former::Former, globs, manifest::Manifest, snapshot::Snapshot};
use silver_plugin_api::{Diagnostic, Location, TreePath, TreeRole, customizer::Claim};
use std::cell::OnceCell;

/// Is this file of a customization silver's own, or there for people and tools only? It then needs
/// no customizer.
pub fn is_ours(path: &TreePath) -> bool {
    if path.contains('/') {
        return customization::is_vendored(path) || path.starts_with(".github/") || path.name() == ".gitkeep";
    }
    let upper = path.to_ascii_uppercase();
    let stem = upper.split('.').next().unwrap_or_default();
    [customization::CONFIG, customization::LOCK, ".editorconfig", ".gitattributes", ".gitignore", ".gitkeep", ".hgignore"]
        .contains(&path.as_str())
        || ["README", "LICENSE", "CHANGELOG"].contains(&stem)
}

/// An error for each file that nobody claims, a warning for each that two claim. `former` is asked for only when a
/// file is not claimed: a slot may have been there for it.
pub(super) fn unclaimed(
    own: &Snapshot,
    claims: &[(&str, Claim)],
    manifest: &Manifest,
    former: &dyn Fn() -> Option<Former>,
) -> Vec<Diagnostic> {
    let known = OnceCell::new();
    let mut findings = Vec::new();
    let mut compiled = Vec::new();
    for (by, claim) in claims {
        match globs::compile(&[&claim.pattern]) {
            Ok(globs) => compiled.push((*by, claim, globs)),
            Err(error) => findings.push(Diagnostic::error("bad-claim", format!("the customizer `{by}` claims {error}"))),
        }
    }
    for (path, _) in own.listing().iter() {
        let mut by: Vec<&str> =
            compiled.iter().filter(|(_, _, globs)| globs.is_match(path.as_str())).map(|(by, ..)| *by).collect();
        by.dedup();
        let at = || Location::file(TreeRole::Customization, path.clone());
        match by.as_slice() {
            [] => {
                let was_taken = known.get_or_init(former).as_ref().and_then(|former| taken(path, former, manifest, claims));
                let (message, help) =
                    was_taken.unwrap_or_else(|| (format!("nothing in the pack takes `{path}`"), way_out(path, claims)));
                findings.push(Diagnostic::error("unclaimed-file", message).help(help).at(at()));
            }
            [_] => {}
            [one, two, ..] => {
                findings
                    .push(Diagnostic::warning("claimed-twice", format!("`{path}` is taken by `{one}` and by `{two}`")).at(at()));
            }
        }
    }
    findings
}

/// What is to be said of a file that a slot of the former version took.
fn taken(path: &TreePath, former: &Former, manifest: &Manifest, claims: &[(&str, Claim)]) -> Option<(String, String)> {
    let takes = |from: &str| globs::compile(&[from]).is_ok_and(|globs| globs.is_match(path.as_str()));
    let slot = former.manifest.slot.iter().find(|slot| takes(&slot.from.to_string()))?;
    if let Some(now) = manifest.slot.iter().find(|now| now.name == slot.name) {
        let (before, this) = (former.version(), &manifest.pack.version);
        let message = format!("the slot `{}` of {before} took `{path}`; that of {this} takes `{}`", slot.name, now.from);
        return Some((message, "give the file a path that it takes, or take it out".into()));
    }
    let gone = former.gone(&slot.name, "a slot", manifest);
    Some((
        format!("nothing in the pack takes `{path}`: {gone}"),
        format!("take the file out, or move it to another slot: {}", way_out(path, claims)),
    ))
}

fn way_out(path: &TreePath, claims: &[(&str, Claim)]) -> String {
    if claims.is_empty() {
        return "the pack takes no files: only settings can be customised".into();
    }
    let top = path.split('/').next().unwrap_or_default();
    let tops =
        claims.iter().filter_map(|(_, claim)| claim.pattern.split('/').next()).filter(|top| !top.contains(['*', '{', '[']));
    if let Some(right) = nearest(top, tops).filter(|right| *right != top) {
        return format!("did you mean `{right}{}`?", &path[top.len()..]);
    }
    let list = claims.iter().map(|(_, claim)| match claim.summary.as_str() {
        "" => format!("`{}`", claim.pattern),
        summary => format!("`{}` ({summary})", claim.pattern),
    });
    format!("the pack takes {}", list.collect::<Vec<_>>().join(", "))
}
