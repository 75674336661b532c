//! Globs over the paths of a tree: `templates/**/*.html`. `*` and `?` do not cross a `/`, `**`
//! does, `{a,b}` and `[a-z]` work as in a shell.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use silver_plugin_api::Failure;

/// A text is not a glob.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{pattern}` is not a glob: {why}")]
pub struct GlobError {
    /// The text.
    pub pattern: String,
    /// What is wrong with it.
    pub why: String,
}

impl From<GlobError> for Failure {
    fn from(error: GlobError) -> Self {
        Self::invalid("bad-glob", error.to_string(), None)
    }
}

/// Compiles `patterns` to a set that matches what any of them matches.
pub fn compile<S: AsRef<str>>(patterns: &[S]) -> Result<GlobSet, GlobError> {
    let wrong = |pattern: &str, error: &globset::Error| GlobError { pattern: pattern.to_owned(), why: error.kind().to_string() };
    let mut set = GlobSetBuilder::new();
    for pattern in patterns {
        let pattern = pattern.as_ref();
        let glob = GlobBuilder::new(pattern).literal_separator(true).build().map_err(|error| wrong(pattern, &error))?;
        set.add(glob);
    }
    set.build().map_err(|error| wrong("", &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stop_at_slashes_and_two_stars_do_not() {
        for (pattern, path, matches) in [
            ("templates/**", "templates/a/b.html", true),
            ("templates/**", "templates", false),
            ("templates/*", "templates/a/b.html", false),
            ("**/*.html", "a/b/c.html", true),
            ("**/*.html", "c.html", true),
            ("{a,b}.txt", "b.txt", true),
            ("a", "a/b", false),
        ] {
            assert_eq!(compile(&[pattern]).unwrap().is_match(path), matches, "{pattern} {path}");
        }
        assert_eq!(compile(&["ok", "a[b"]).unwrap_err().pattern, "a[b");
    }
}
