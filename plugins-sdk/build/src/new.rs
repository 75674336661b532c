//! A new project: a small customizer that works, with golden cases.

use crate::{
    BuildError, Lang,
    project::{self, Project, World, check_name},
    sdk,
};
use std::{fs, path::Path};

/// The workspace's manifest, for the versions of what the SDK depends on.
const WORKSPACE: &str = include_str!("../../../Cargo.toml");

/// And their exact versions: a new project begins with what silver itself was tested with.
const LOCK: &str = include_str!("../../../Cargo.lock");

/// The golden cases: path below `tests`, text. They are the same for every language.
const CASES: [(&str, &str); 12] = [
    (
        "notes/case.toml",
        "# what the customizer is told besides the trees\napp-name = \"site\"\n\n[settings]\nname = \"Our <site>\"\n",
    ),
    ("notes/app/site/index.html", "<h1>Welcome</h1>\n"),
    ("notes/app/templates/header.html", "<header>the application's own</header>\n"),
    ("notes/customization/header.html", "<header>@name@</header>\n"),
    ("notes/customization/notes/first.md", "# The first\n\nIt stands at site/notes/first.md.\n"),
    ("notes/expected/site/index.html", "<h1>Welcome</h1>\n"),
    ("notes/expected/site/notes/first.md", "# The first\n\nIt stands at site/notes/first.md.\n"),
    ("notes/expected/site/notes/index.txt", "first.md: The first\n"),
    ("notes/expected/templates/header.html", "<header>Our <site></header>\n"),
    ("without-title/app/site/index.html", "<h1>Welcome</h1>\n"),
    ("without-title/customization/notes/bad.md", "No title.\n"),
    (
        "without-title/findings.txt",
        "error note-without-title customization:notes/bad.md:1: `notes/bad.md` has no title\n  hint: write `# TITLE` into its first line\n",
    ),
];

/// Makes a project named `name` in `dir`, which is absent or empty.
pub fn new(dir: &Path, name: &str, lang: Lang) -> Result<Project, BuildError> {
    check_name(name)?;
    if fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(BuildError::NotEmpty(dir.into()));
    }
    let world = World::CustomizerPlugin;
    let about = format!("name = \"{name}\"\nlang = \"{lang}\"\nworld = \"{}\"\n", world.as_str());
    let mut files = vec![(project::FILE.to_owned(), about)];
    match lang {
        Lang::Rust => {
            files.push(("Cargo.toml".into(), cargo_toml(name)));
            files.push(("Cargo.lock".into(), cargo_lock()));
            files.push(("src/lib.rs".into(), include_str!("templates/rust/lib.rs").into()));
            files.push((".gitignore".into(), "/target/\n".into()));
        }
        Lang::Python => {
            files.push(("plugin.py".into(), include_str!("templates/python/plugin.py").into()));
            files.push((".gitignore".into(), "__pycache__/\n".into()));
        }
        Lang::Js => files.push(("plugin.js".into(), include_str!("templates/js/plugin.js").into())),
    }
    files.extend(CASES.map(|(path, text)| (format!("tests/{path}"), text.to_owned())));
    sdk::write(lang, &dir.join(project::SDK))?;
    for (path, text) in files {
        let path = dir.join(path);
        fs::create_dir_all(path.parent().unwrap_or(dir)).map_err(BuildError::io(dir))?;
        fs::write(&path, text).map_err(BuildError::io(&path))?;
    }
    Project::open(dir)
}

/// The manifest of a project in Rust. The crates of the SDK say `workspace = true`; what they mean by it, of silver's own
/// workspace, is written into the project's.
fn cargo_toml(name: &str) -> String {
    let ours: toml::Table = WORKSPACE.parse().unwrap_or_default();
    let workspace = &ours["workspace"];
    let dependencies = |path: &str| {
        let (_, text) = sdk::rust().iter().find(|(file, _)| *file == path).unwrap_or(&("", ""));
        let crate_: toml::Table = text.parse().unwrap_or_default();
        let tables = ["dependencies", "dev-dependencies"].map(|table| crate_.get(table).and_then(toml::Value::as_table).cloned());
        tables.into_iter().flatten().flat_map(|table| table.into_iter().map(|(name, _)| name)).collect::<Vec<_>>()
    };
    let mut names = [dependencies("api/Cargo.toml"), dependencies("rust/Cargo.toml")].concat();
    names.retain(|name| !name.starts_with("silver-"));
    names.sort();
    names.dedup();
    let line = |name: &String| format!("{name} = {}\n", workspace["dependencies"][name]);
    let package = workspace["package"].as_table().into_iter().flatten().map(|(key, value)| format!("{key} = {value}\n"));
    include_str!("templates/rust/Cargo.toml")
        .replace("@NAME@", name)
        .replace("@PACKAGE@", &package.collect::<String>())
        .replace("@DEPENDENCIES@\n", &names.iter().map(line).collect::<String>())
}

/// The rows of silver's own lock that the SDK needs. Cargo adds the project itself.
fn cargo_lock() -> String {
    let ours: toml::Table = LOCK.parse().unwrap_or_default();
    let rows = ours.get("package").and_then(toml::Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let is = |row: &toml::Value, name: &str, version: Option<&str>| {
        row["name"].as_str() == Some(name) && version.is_none_or(|version| row["version"].as_str() == Some(version))
    };
    let mut needed = vec![false; rows.len()];
    let mut open = vec!["silver-plugin"];
    while let Some(wanted) = open.pop() {
        // `name`, or `name version` where there are several
        let mut words = wanted.split(' ');
        let (name, version) = (words.next().unwrap_or_default(), words.next());
        for (row, needed) in rows.iter().zip(&mut needed).filter(|(row, needed)| !**needed && is(row, name, version)) {
            *needed = true;
            let more = row.get("dependencies").and_then(toml::Value::as_array).into_iter().flatten();
            open.extend(more.filter_map(toml::Value::as_str));
        }
    }
    let kept = rows.iter().zip(needed).filter(|(_, needed)| *needed).map(|(row, _)| row.clone()).collect();
    let lock = toml::Table::from_iter([
        ("version".to_owned(), ours["version"].clone()),
        ("package".to_owned(), toml::Value::Array(kept)),
    ]);
    lock.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_project_is_a_project_in_every_language() {
        let dir = tempfile::tempdir().unwrap();
        for lang in Lang::ALL {
            let place = dir.path().join(lang.as_str());
            let project = new(&place, "my-notes", lang).unwrap();
            assert_eq!((project.lang, project.world, project.name.as_str()), (lang, World::CustomizerPlugin, "my-notes"));
            assert!(place.join("sdk/wit/worlds.wit").is_file());
            assert!(matches!(new(&place, "my-notes", lang), Err(BuildError::NotEmpty(_))));
            // whoever takes the SDK away gets that of this silver
            fs::remove_dir_all(place.join("sdk")).unwrap();
            Project::open(&place).unwrap();
            assert!(place.join("sdk/wit/worlds.wit").is_file());
        }
    }

    #[test]
    fn names_are_fit_for_crates_and_files() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["", "A", "a_b", "-a", "a-", "1a", "a/b", "..", &"a".repeat(41)] {
            assert!(matches!(new(&dir.path().join("x"), name, Lang::Js), Err(BuildError::Name(_))), "{name}");
        }
        assert!(!dir.path().join("x").exists());
    }

    #[test]
    fn the_lock_holds_what_the_sdk_needs_and_no_more() {
        let lock: toml::Table = cargo_lock().parse().unwrap();
        let names: Vec<&str> = lock["package"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect();
        for name in ["silver-plugin", "silver-plugin-api", "wit-bindgen", "serde", "unicode-normalization"] {
            assert!(names.contains(&name), "{name}");
        }
        assert!(!names.contains(&"wasmtime") && !names.contains(&"silver-pack"), "{names:?}");
    }

    #[test]
    fn the_manifest_names_every_dependency_of_the_sdk() {
        let manifest: toml::Table = cargo_toml("x").parse().unwrap();
        let named = manifest["workspace"]["dependencies"].as_table().unwrap();
        for (path, text) in sdk::rust().iter().filter(|(path, _)| path.ends_with("Cargo.toml")) {
            let crate_: toml::Table = text.parse().unwrap();
            for (name, value) in crate_["dependencies"].as_table().unwrap() {
                assert_eq!(value["workspace"], toml::Value::Boolean(true), "{path}: {name}");
                assert!(named.contains_key(name), "{path}: {name}");
            }
        }
    }
}
