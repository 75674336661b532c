//! What lies in a directory, as far as it is looked at: names of its upper two levels, and the texts
//! of small files there. Links are not followed.

use super::text::{Text, list, quoted};
use regex::Regex;
use serde_json::Value;
use silver_pack::{manifest::Name, snapshot::is_vcs};
use silver_plugin_api::{TreePath, path::is_control};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    path::{Path, PathBuf},
};

/// Bytes of a file that are looked at.
const MAX_TEXT: u64 = 1 << 20;
/// Names of a directory that are looked at.
const MAX_NAMES: usize = 2000;
/// What never belongs to an application's pack, by name.
const NO_PART: [&str; 15] = [
    ".venv",
    "venv",
    ".env",
    ".tox",
    ".nox",
    ".idea",
    ".vscode",
    ".pytest_cache",
    ".mypy_cache",
    ".ruff_cache",
    ".cache",
    "node_modules",
    "db.sqlite3",
    ".npmrc",
    ".github",
];

/// A directory that was looked at.
pub(super) struct Look {
    dir: PathBuf,
    /// Paths of files, `/` at the end of directories; two levels.
    names: BTreeSet<String>,
}

/// What an application says of itself.
#[derive(Default)]
pub(super) struct About {
    pub(super) file: &'static str,
    pub(super) name: Option<String>,
    pub(super) version: Option<String>,
    pub(super) summary: Option<String>,
    pub(super) license: Option<String>,
}

impl Look {
    pub(super) fn at(dir: &Path) -> io::Result<Self> {
        let mut names = BTreeSet::new();
        for (name, is_dir) in entries(dir)? {
            if is_dir {
                // a directory inside that cannot be read tells nothing
                for (below, is_dir) in entries(&dir.join(&name)).unwrap_or_default() {
                    names.insert(format!("{name}/{below}{}", if is_dir { "/" } else { "" }));
                }
            }
            names.insert(format!("{name}{}", if is_dir { "/" } else { "" }));
        }
        Ok(Self { dir: dir.to_owned(), names })
    }

    /// Is there this file (or directory, with a slash at its end)?
    pub(super) fn has(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    /// All paths.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(String::as_str)
    }

    /// Names of the upper level, without those that are no part of a pack.
    pub(super) fn top(&self) -> Vec<&str> {
        let part = |name: &&str| {
            let bare = name.trim_end_matches('/');
            let vcs = TreePath::new(bare).is_ok_and(|path| is_vcs(&path));
            !vcs && !bare.contains('/') && !NO_PART.contains(&bare) && bare != "pack.toml" && !bare.starts_with(".git")
        };
        self.names().filter(part).collect()
    }

    /// The text of a file; empty when it is none, or too big.
    pub(super) fn text(&self, name: &str) -> String {
        let path = self.dir.join(name);
        let small = fs::symlink_metadata(&path).is_ok_and(|found| found.is_file() && found.len() <= MAX_TEXT);
        if small && self.has(name) { fs::read_to_string(path).unwrap_or_default() } else { String::new() }
    }

    /// Files with one of these suffixes, those of the upper level first.
    pub(super) fn with_suffix(&self, suffix: &str) -> Vec<&str> {
        let mut files: Vec<&str> = self.names().filter(|name| name.ends_with(suffix) && !is_foreign(name)).collect();
        files.sort_by_key(|name| (name.contains('/'), *name));
        files
    }

    /// The line of `[build]` that keeps out what is there and no part of a pack.
    pub(super) fn exclude(&self) -> Option<String> {
        let there = NO_PART.iter().filter_map(|name| match (self.has(name), self.has(&format!("{name}/"))) {
            (true, _) => Some((*name).to_owned()),
            // the recipe makes it
            (_, true) if *name != "node_modules" => Some(format!("{name}/**")),
            _ => None,
        });
        let there: Vec<String> = there.collect();
        (!there.is_empty()).then(|| format!("exclude = {}", list(&there)))
    }

    /// `[pack]`.
    pub(super) fn pack(&self, text: &mut Text, about: &About) {
        let own = self.dir.canonicalize().unwrap_or_default();
        let own = own.file_name().unwrap_or_default().to_string_lossy();
        let (name, from) = match about.name.as_deref().and_then(name) {
            Some(name) => (name, about.file),
            None => (name(&own).unwrap_or_else(|| "app".into()), "the directory's name"),
        };
        text.table("[pack]");
        text.guess(
            &format!("id = {}", quoted(&format!("org.example.{name}"))),
            "a domain that is yours, backwards; it never changes",
        );
        text.line(&format!("name = {}   # {from}", quoted(&name)));
        match about.version.as_deref().filter(|version| semver::Version::parse(version).is_ok()) {
            Some(version) => text.line(&format!("version = {}   # {}", quoted(version), about.file)),
            None => {
                text.guess("version = \"0.1.0\"", "the pack's own version, three numbers; `app-version` is the application's")
            }
        };
        if let Some(version) = about.version.as_deref().filter(|version| semver::Version::parse(version).is_err()) {
            text.line(&format!("app-version = {}   # {}", quoted(&line(version)), about.file));
        }
        match &about.summary {
            Some(summary) => text.line(&format!("summary = {}   # {}", quoted(&line(summary)), about.file)),
            None => text.line("# summary = \"what it is, in one line\""),
        };
        if let Some(license) = &about.license {
            text.line(&format!("license = {}   # {}", quoted(&line(license)), about.file));
        }
    }

    /// Secrets and variables that the code reads from its environment; `pattern` has the name in its
    /// first group.
    pub(super) fn environment(&self, text: &mut Text, files: &[&str], pattern: &str) {
        let Ok(pattern) = Regex::new(pattern) else { return };
        let mut found: BTreeMap<String, &str> = BTreeMap::new();
        for file in files {
            for name in pattern.captures_iter(&self.text(file)).filter_map(|groups| Some(groups.get(1)?.as_str().to_owned())) {
                found.entry(name).or_insert(file);
            }
        }
        let own = ["PORT", "HOME", "PATH", "NODE_ENV", "DJANGO_SETTINGS_MODULE", "TMPDIR", "LANG"];
        found.retain(|name, _| !own.contains(&name.as_str()) && !name.starts_with("SILVER_"));
        for (name, file) in &found {
            let secret = ["SECRET", "_KEY", "TOKEN", "SALT"].iter().any(|word| name.contains(word));
            let Some(own) = self::name(name).filter(|_| secret) else { continue };
            text.table(&format!("[secrets.{own}]"));
            text.guess("generate = \"hex:32\"", &format!("{file} reads {name}; without this line the operator is asked"));
            text.table("[[bind]]").line(&format!("from = \"secret.{own}\"")).line(&format!("to = \"env:{name}\""));
            text.line("");
        }
        found.retain(|name, _| !["SECRET", "_KEY", "TOKEN", "SALT"].iter().any(|word| name.contains(word)));
        if !found.is_empty() {
            let names: Vec<&str> = found.keys().map(String::as_str).collect();
            text.line("");
            text.remark(&format!(
                "the code reads from its environment: {}; what an operator sets is a setting:",
                names.join(", ")
            ));
            for line in ["[settings.NAME]", "type = \"text\"", "[[bind]]", "from = \"setting.NAME\"", "to = \"env:VARIABLE\""] {
                text.line(&format!("#   {line}"));
            }
        }
    }

    /// A JSON file.
    pub(super) fn json(&self, name: &str) -> Value {
        serde_json::from_str(&self.text(name)).unwrap_or(Value::Null)
    }
}

/// Health, checks, state: what has to be thought of for every application with a process.
pub(super) fn running(text: &mut Text) {
    text.table("[health]");
    text.guess(
        "ready = { path = \"/\", status = 200, timeout = \"60s\" }",
        "a page that answers 200 when all is well, and needs nobody to be signed in",
    );
    text.line("");
    text.remark("the release is read-only. What the application writes is named here, below ${SILVER_INSTANCE_DIR} and kept in ${SILVER_DATA_DIR}:");
    for line in ["[services.data]", "kind = \"files\"", "[state.uploads]", "nature = \"data\"   # or log, cache, config, public"]
    {
        text.line(&format!("#   {line}"));
    }
}

fn is_foreign(name: &str) -> bool {
    NO_PART.contains(&name.split('/').next().unwrap_or_default())
}

fn entries(dir: &Path) -> io::Result<Vec<(String, bool)>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(dir)?.take(MAX_NAMES) {
        let entry = entry?;
        // what is not UTF-8 cannot be part of a pack, which `silver pack` will tell
        if let (Ok(name), Ok(kind)) = (entry.file_name().into_string(), entry.file_type()) {
            names.push((name, kind.is_dir()));
        }
    }
    Ok(names)
}

/// `My_App` → `my-app`; `None` when nothing of it can be a name.
pub(super) fn name(text: &str) -> Option<String> {
    let text = text.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
    let text: String = text.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let text = text.trim_start_matches(|c: char| !c.is_ascii_lowercase()).trim_end_matches('-');
    let text: String = text.chars().take(63).collect();
    text.parse::<Name>().is_ok().then_some(text)
}

/// One line without what steers a terminal.
fn line(text: &str) -> String {
    text.chars().map(|c| if is_control(c) { ' ' } else { c }).take(200).collect::<String>().trim().to_owned()
}
