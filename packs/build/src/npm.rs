//! What npm may do for silver: never run anything of a package.

use std::process::Command;

/// No script, and no git. `--ignore-scripts` does not count for a package that comes out of git: npm
/// clones it, installs what it needs there, and starts the `git` that an `.npmrc` of the clone names.
/// npm 11.10 has `allow-git`; an older npm finds no git. Variables, since they count for the npm that
/// npm starts as well, and more than an `.npmrc`.
pub(crate) fn run_nothing(command: &mut Command) {
    command.arg("--ignore-scripts");
    command.env("npm_config_ignore_scripts", "true");
    command.env("npm_config_allow_git", "none").env("npm_config_git", NO_GIT);
}

/// Did npm want git, going by what it said?
pub(crate) fn wanted_git(said: &str) -> bool {
    said.contains("code EALLOWGIT") || said.contains(NO_GIT)
}

/// A program that is nowhere.
const NO_GIT: &str = "/nonexistent/silver-runs-no-git";
