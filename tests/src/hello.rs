//! Editions of the reference pack `hello`: one good one, two migrations, and one for every way in
//! which a release can be broken.

use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
    process::Child,
};
use tempfile::TempDir;

/// An edition: what is different from `packs/reference/hello` as it lies there.
#[derive(Debug, Clone, Copy)]
pub struct Variant {
    /// Name, for [`variant`].
    pub name: &'static str,
    /// Version of pack and application.
    pub version: &'static str,
    /// `[commands] migrate`, `data`.
    pub data: &'static str,
    /// Schema of the database; the decade is what editions have to agree on.
    pub schema: u32,
    /// What is wrong with it: words that `app.py` knows.
    pub faults: &'static [&'static str],
}

/// Every edition.
pub const VARIANTS: &[Variant] = &[
    Variant { name: "good", version: "1.0.0", data: "unchanged", schema: 10, faults: &[] },
    // another version, same data
    Variant { name: "next", version: "1.0.1", data: "unchanged", schema: 10, faults: &[] },
    // a table more: the old release still understands the data
    Variant { name: "additive", version: "1.1.0", data: "additive", schema: 11, faults: &[] },
    // the counter's table has another name: the old release does not understand the data
    Variant { name: "breaking", version: "2.0.0", data: "breaking", schema: 20, faults: &[] },
    // the very first start fails
    Variant { name: "broken-init", version: "1.0.2", data: "unchanged", schema: 10, faults: &["init"] },
    // the migration commits, ruins the counter, and fails: only the checkpoint helps
    Variant { name: "broken-migrate", version: "2.0.1", data: "breaking", schema: 20, faults: &["migrate"] },
    // the health page says 200, and «error»
    Variant { name: "broken-check", version: "1.0.3", data: "unchanged", schema: 10, faults: &["check"] },
    Variant { name: "broken-check-breaking", version: "2.0.2", data: "breaking", schema: 20, faults: &["check"] },
    // the command of a check fails
    Variant { name: "broken-self-test", version: "1.0.4", data: "unchanged", schema: 10, faults: &["self-test"] },
    // all is well but for a line in the log
    Variant { name: "broken-log", version: "1.0.5", data: "unchanged", schema: 10, faults: &["log"] },
    // passes the check, exits at once when it is to serve
    Variant { name: "broken-serve", version: "1.0.6", data: "unchanged", schema: 10, faults: &["crash"] },
    // passes the check, is ready once, and fails when it is asked again (through the front)
    Variant { name: "broken-after-switch", version: "1.0.7", data: "unchanged", schema: 10, faults: &["after-switch"] },
    Variant { name: "broken-after-switch-additive", version: "1.1.1", data: "additive", schema: 11, faults: &["after-switch"] },
    Variant { name: "broken-after-switch-breaking", version: "2.0.3", data: "breaking", schema: 20, faults: &["after-switch"] },
    // appends to a template of its own release when it starts
    Variant { name: "writes-own-file", version: "1.0.8", data: "unchanged", schema: 10, faults: &["own-file"] },
    // has to be killed
    Variant { name: "ignores-term", version: "1.0.9", data: "unchanged", schema: 10, faults: &["stop"] },
    // the same, and so has a child that has left its session
    Variant { name: "forks", version: "1.0.10", data: "unchanged", schema: 10, faults: &["forks", "stop"] },
    // eats memory when it is asked for `/eat`
    Variant { name: "eats", version: "1.0.11", data: "unchanged", schema: 10, faults: &["eats"] },
    // wait when the migration has committed, or when the front asks after the switch, until they are let go on: [`Hold`]
    Variant { name: "held-migrate", version: "2.0.4", data: "breaking", schema: 20, faults: &["hold-migrate"] },
    Variant { name: "held-switch", version: "2.0.5", data: "breaking", schema: 20, faults: &["hold-switch"] },
];

/// The edition of this name.
///
/// # Panics
/// When there is none.
pub fn find(name: &str) -> &'static Variant {
    VARIANTS.iter().find(|variant| variant.name == name).unwrap_or_else(|| panic!("no edition of hello is called `{name}`"))
}

/// A copy of the pack's source directory, made into the edition of this name: for `silver pack`.
///
/// # Panics
/// When there is no such edition, or the copy cannot be made.
pub fn variant(name: &str) -> TempDir {
    let dir = TempDir::with_prefix("silver-hello-").expect("a temporary directory");
    write(find(name), dir.path()).expect("a copy of packs/reference/hello");
    dir
}

/// As [`variant`], into a directory of the caller's, which is made.
pub fn write(variant: &Variant, to: &Path) -> io::Result<()> {
    copy(&source(), to)?;
    let manifest = to.join("pack.toml");
    let text = fs::read_to_string(&manifest)?;
    let text = replace(&text, "\nversion = \"1.0.0\"\n", &format!("\nversion = \"{}\"\n", variant.version));
    let text = replace(&text, "app-version = \"1.0\"", &format!("app-version = \"{}\"", variant.version));
    let text = replace(&text, "data = \"unchanged\"", &format!("data = \"{}\"", variant.data));
    fs::write(manifest, text)?;
    let edition = serde_json::json!({ "version": variant.version, "schema": variant.schema, "faults": variant.faults });
    fs::write(to.join("edition.json"), format!("{edition:#}\n"))
}

/// Where the editions `held-…` say that they wait, and hear whether they may go on.
#[derive(Debug)]
pub struct Hold(PathBuf);

impl Hold {
    /// Of the application whose data are in this directory; nothing was said yet.
    ///
    /// # Panics
    /// When what was said before cannot be removed.
    pub fn new(data: &Path) -> Self {
        let hold = Self(data.join("db"));
        for said in ["held", "go"] {
            match fs::remove_file(hold.0.join(said)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => panic!("{}: {error}", hold.0.display()),
                _ => {}
            }
        }
        hold
    }

    /// Waits until the application waits, which `client` updates.
    ///
    /// # Panics
    /// When it does not get there.
    pub fn reached(&self, client: &mut Child) {
        crate::wait_for("the application to wait", || {
            if let Ok(Some(status)) = client.try_wait() {
                let mut said = String::new();
                client.stderr.take().map(|mut stderr| stderr.read_to_string(&mut said).ok());
                panic!("the update has ended before: {status}: {said}");
            }
            self.0.join("held").exists().then_some(())
        });
    }

    /// It may go on.
    ///
    /// # Panics
    /// When that cannot be said.
    pub fn let_go(&self) {
        self.say("");
    }

    /// It shall fail.
    ///
    /// # Panics
    /// When that cannot be said.
    pub fn fail(&self) {
        self.say("no");
    }

    fn say(&self, word: &str) {
        let (new, go) = (self.0.join("go.new"), self.0.join("go"));
        let said = fs::write(&new, word).and_then(|()| fs::rename(&new, &go));
        said.unwrap_or_else(|error| panic!("{}: {error}", go.display()));
    }
}

/// Where the reference pack lies.
fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../packs/reference/hello")
}

/// The text with its one `from` replaced.
fn replace(text: &str, from: &str, to: &str) -> String {
    assert_eq!(text.matches(from).count(), 1, "`{from}` is not there exactly once");
    text.replacen(from, to, 1)
}

/// A copy of a directory.
pub fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let dest = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            if entry.file_name() != "__pycache__" {
                copy(&entry.path(), &dest)?;
            }
        } else {
            fs::copy(entry.path(), dest)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_edition_can_be_made_and_differs() {
        let mut seen = BTreeSet::new();
        for edition in VARIANTS {
            let dir = variant(edition.name);
            let manifest = fs::read_to_string(dir.path().join("pack.toml")).unwrap();
            assert!(manifest.contains(&format!("\"{}\"", edition.version)), "{}", edition.name);
            assert!(dir.path().join("instance/templates/index.html").is_file());
            assert!(seen.insert(edition.version), "two editions are called {}", edition.version);
        }
    }

    #[test]
    fn every_fault_is_one_that_the_application_knows() {
        let app = fs::read_to_string(source().join("app.py")).unwrap();
        for fault in VARIANTS.iter().flat_map(|variant| variant.faults) {
            assert!(app.contains(&format!("\"{fault}\" in FAULTS")), "{fault}");
        }
    }
}
