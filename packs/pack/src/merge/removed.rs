//! `remove` of customize.toml: paths of the pack that the release shall not have.

use super::Input;
use crate::{document::nearest, former::Former, overlay::Draft};
use silver_plugin_api::{Diagnostic, Failure, Location, Overlay, Reason, TreePath, TreeRole};

/// Removes a path of the release or, if there is none, of the instance directory.
pub(super) fn remove(draft: &mut Draft, path: &TreePath, input: &Input<'_>) -> Option<Diagnostic> {
    let (layout_root, app) = (&input.manifest.layout.root, input.app);
    let below = layout_root.join(path).unwrap_or_default();
    let dest = [path, &below].into_iter().find(|dest| !dest.is_root() && draft.stat(dest).is_some());
    let Some(dest) = dest else {
        const TAKE_OUT: &str = "take it out of `remove` in customize.toml";
        if let Some(former) = input.former.and_then(|former| former()).filter(|former| had(former, path)) {
            let (before, now) = (former.version(), &input.manifest.pack.version);
            let message = format!("`remove` names `{path}`, which was there in {before} and is not in {now}");
            return Some(Diagnostic::error("remove-of-nothing", message).help(TAKE_OUT));
        }
        let files = app.listing().iter().map(|(file, _)| file.as_str());
        let inside =
            app.listing().below(layout_root).filter_map(|(file, _)| file.strip_prefix(&**layout_root)?.strip_prefix('/'));
        let help = match nearest(path, files.chain(inside)) {
            Some(file) => format!("did you mean `{file}`?"),
            None => TAKE_OUT.into(),
        };
        return Some(Diagnostic::error("remove-of-nothing", format!("`remove` names `{path}`, which is not there")).help(help));
    };
    let dest = dest.clone();
    let why = || Reason::new("remove", [format!("customization:{}", crate::customization::CONFIG)]);
    let done = match draft.remove(&dest, why()) {
        Err(Failure::NotFound(_)) => draft.remove_all(&dest, why()).map(drop),
        done => done,
    };
    let at = || Location::file(TreeRole::Merged, dest.clone());
    done.err().map(|failure| Diagnostic::error("cannot-remove", format!("`{dest}` cannot be removed: {failure}")).at(at()))
}

/// Was this a path of the release, or of the instance directory?
fn had(former: &Former, path: &TreePath) -> bool {
    let below = former.manifest.layout.root.join(path).unwrap_or_default();
    [path, &below].into_iter().any(|path| former.listing.get(path).is_some() || former.listing.is_dir(path))
}
