//! Who answers for which file of a customization.

use crate::{customization, document::nearest, globs, snapshot::Snapshot};
use silver_plugin_api::{Diagnostic, Location, TreePath, TreeRole, customizer::Claim};

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

/// An error for each file that nobody claims, a warning for each that two claim.
pub(super) fn unclaimed(own: &Snapshot, claims: &[(&str, Claim)]) -> Vec<Diagnostic> {
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
                let finding = Diagnostic::error("unclaimed-file", format!("nothing in the pack takes `{path}`"));
                findings.push(finding.help(way_out(path, claims)).at(at()));
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
