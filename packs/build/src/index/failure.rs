//! What goes wrong with an index, as plugins and people see it.

use crate::{pip::PipError, sdist::BuildError, unpack::UnpackError, wheels::WheelError};
use silver_pack::document::nearest;
use silver_plugin_api::{Digest, Failure};

/// The code of a package that there is no wheel of.
const WHEELS_ONLY: &str = "wheels-only";

/// Is there a package, but no wheel of it?
pub(super) fn is_wheels_only(failure: &Failure) -> bool {
    matches!(failure, Failure::Invalid(findings) if findings.iter().any(|finding| finding.code == WHEELS_ONLY))
}

/// The trouble of building a source package.
pub(super) fn of_building(error: &BuildError) -> Failure {
    let code = if matches!(error, BuildError::OtherDigest(_)) { "other-digest" } else { "not-built" };
    Failure::invalid(code, error.to_string(), error.hint().as_deref())
}

/// pip's trouble in the words of the plugin interface.
pub(super) fn of_pip(error: &PipError) -> Failure {
    let hint = error.hint();
    match error {
        PipError::Conflict(_) => Failure::invalid("conflict", error.to_string(), hint.as_deref()),
        PipError::NoMatch { .. } => Failure::invalid("no-version", error.to_string(), hint.as_deref()),
        PipError::OtherHash { .. } => Failure::invalid("other-digest", error.to_string(), hint.as_deref()),
        PipError::Missing { .. } | PipError::Timeout(_) | PipError::Unreachable(_) | PipError::Other(_) => {
            let hint = hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
            Failure::Unavailable(format!("{error}{hint}"))
        }
    }
}

/// The trouble of fetching one wheel.
pub(super) fn of_wheel(error: &WheelError) -> Failure {
    match error {
        WheelError::Fetch { source, .. } => of_pip(source),
        WheelError::NotFound { .. } | WheelError::OtherPackage { .. } => {
            Failure::invalid("other-digest", error.to_string(), error.hint().as_deref())
        }
        WheelError::Unsound(error) => of_unpacking(error),
        WheelError::Cache { source, .. } => Failure::Unavailable(format!("{error}: {source}")),
    }
}

pub(super) fn unknown<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Failure {
    let known: Vec<(String, &str)> = known.map(|known| (known.to_lowercase(), known)).collect();
    let near = nearest(&name.to_lowercase(), known.iter().map(|(lower, _)| lower.as_str()));
    let near = near.and_then(|near| known.iter().find(|(lower, _)| lower == near)).map(|(_, known)| known);
    let guess = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    Failure::NotFound(format!("the package `{name}` is not in the index{guess}"))
}

pub(super) fn no_version(requirement: &str, fitting: &str) -> Failure {
    let message = format!("no wheel fits `{requirement}`; there are versions {fitting}");
    Failure::invalid("no-version", message, Some("name one of these versions, or none for the newest that fits"))
}

pub(super) fn wheels_only(name: &str) -> Failure {
    let message = format!("`{name}` is in the index, but not as a wheel for this Python: only source, or for other versions");
    let help = "building a source package runs its code: `--allow-build` builds it in a sandbox without network; or ask its author for a wheel";
    Failure::invalid(WHEELS_ONLY, message, Some(help))
}

pub(super) fn other_digest(name: &str, wanted: &Digest, found: &Digest) -> Failure {
    let message = format!("the index gives another file for `{name}`: {found} instead of {wanted}");
    Failure::invalid("other-digest", message, Some("find out why before changing the lock"))
}

pub(super) fn of_unpacking(error: &UnpackError) -> Failure {
    Failure::invalid("bad-package", error.to_string(), error.hint().as_deref())
}

pub(super) fn not_exact(name: &str) -> Failure {
    Failure::invalid("not-exact", format!("`{name}` is not exact: it has to be resolved before it is fetched"), None)
}
