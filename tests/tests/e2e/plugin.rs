//! Writing a plugin: `silver plugin new`, `build`, `check`, `test`, in every language. The golden cases are the same, so
//! what passes them does the same.

use silver_tests::{
    Ran, World,
    world::{self, repository},
};
use std::fs;

/// A world in which toolchains find what they keep at home.
struct Workshop(World);

impl Workshop {
    fn new() -> Self {
        Self(World::new())
    }

    fn silver(&self, args: &[&str]) -> Ran {
        let mut command = self.0.command(args);
        self.0.run(world::with_toolchains(&mut command))
    }

    /// A new plugin that is built, checked and passes its cases; gives what `check` reports.
    fn passes(&self, lang: &str) -> serde_json::Value {
        self.silver(&["plugin", "new", "notes", "--lang", lang]).ok();
        self.silver(&["plugin", "build", "notes"]).ok();
        let report = self.json(&["plugin", "check", "notes"]);
        assert_eq!((report["world"].as_str(), report["pure"].as_bool()), (Some("customizer-plugin"), Some(true)), "{report}");
        let cases = self.json(&["plugin", "test", "notes"]);
        let result = |case: &serde_json::Value| format!("{} {}", case["case"], case["result"]).replace('"', "");
        let results: Vec<String> = cases.as_array().unwrap().iter().map(result).collect();
        assert_eq!(results, ["notes ok", "without-title ok"]);
        // fuel is the same each time
        assert_eq!(self.json(&["plugin", "test", "notes"]), cases);
        report
    }

    fn json(&self, args: &[&str]) -> serde_json::Value {
        let ran = self.silver(&[args, &["--json"]].concat()).ok();
        serde_json::from_str(&ran.stdout()).unwrap()
    }

    fn edit(&self, file: &str, from: &str, to: &str) {
        let path = self.0.work().join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file} has no `{from}`");
        fs::write(&path, text.replacen(from, to, 1)).unwrap();
    }
}

/// Only the interfaces of silver.
fn imports_ours_only(report: &serde_json::Value) {
    let imports = report["imports"].as_array().unwrap();
    assert!(!imports.is_empty() && imports.iter().all(|name| name.as_str().unwrap().starts_with("silver:plugin/")), "{report}");
}

#[test]
fn in_rust() {
    let shop = Workshop::new();
    imports_ours_only(&shop.passes("rust"));
    assert!(shop.0.work().join("notes/notes.wasm").is_file());

    // a customizer that does something else: the difference is shown, and can be made the expected one
    shop.edit("notes/tests/notes/expected/site/notes/index.txt", "first.md", "other.md");
    fs::remove_file(shop.0.work().join("notes/tests/without-title/findings.txt")).unwrap();
    let ran = shop.silver(&["plugin", "test", "notes"]).exits(1);
    for line in [
        "notes: a is expected, b is what the plugin does",
        "-other.md: The first",
        "+first.md: The first",
        "+error note-without-title customization:notes/bad.md:1: `notes/bad.md` has no title",
    ] {
        assert!(ran.stdout().contains(line), "`{line}` is not in\n{}", ran.stdout());
    }
    assert!(ran.stderr().contains("2 of 2 cases are not as expected") && ran.stderr().contains("--bless"), "{}", ran.stderr());
    shop.silver(&["plugin", "test", "notes", "notes"]).exits(1);
    shop.silver(&["plugin", "test", "notes", "--bless"]).ok();
    shop.silver(&["plugin", "test", "notes"]).ok();

    // it does not compile: the compiler's words, and the component stays as it was
    let before = fs::read(shop.0.work().join("notes/notes.wasm")).unwrap();
    shop.edit("notes/src/lib.rs", "pub struct Plugin;", "pub struct;");
    let ran = shop.silver(&["plugin", "build", "notes"]).exits(1);
    assert!(ran.stderr().contains("src/lib.rs:"), "{}", ran.stderr());
    assert_eq!(fs::read(shop.0.work().join("notes/notes.wasm")).unwrap(), before);
}

#[test]
fn in_python() {
    let shop = Workshop::new();
    imports_ours_only(&shop.passes("python"));
    // an exception is told with its place
    shop.edit("notes/plugin.py", "index, inputs = \"\", []", "index, inputs = missing, []");
    shop.silver(&["plugin", "build", "notes"]).ok();
    let ran = shop.silver(&["plugin", "test", "notes"]).exits(1);
    assert!(ran.stdout().contains("NameError: name 'missing' is not defined"), "{}", ran.stdout());
    assert!(ran.stdout().contains("plan@plugin.py:17"), "{}", ran.stdout());
}

#[test]
fn in_javascript() {
    let shop = Workshop::new();
    let report = shop.passes("js");
    let imports: Vec<&str> = report["imports"].as_array().unwrap().iter().filter_map(|name| name.as_str()).collect();
    // what it prints ends in silver's log; of the world outside there is nothing
    assert!(imports.iter().any(|name| name.starts_with("wasi:cli/stderr@")), "{imports:?}");
    for absent in ["wasi:sockets", "wasi:http", "wasi:random"] {
        assert!(!imports.iter().any(|name| name.starts_with(absent)), "{imports:?}");
    }
}

#[test]
fn what_is_no_plugin_is_said_before_anything_is_built() {
    let shop = Workshop::new();
    for (args, code, words) in [
        (&["plugin", "new", "My_Plugin", "--lang", "rust"][..], 2, "not a name for a plugin"),
        (&["plugin", "build", "."], 2, "has no plugin.toml"),
        (&["plugin", "check", "."], 2, "has no plugin.toml"),
        (&["plugin", "test", "."], 2, "has no plugin.toml"),
    ] {
        let ran = shop.silver(args).exits(code);
        assert!(ran.stderr().contains(words) && ran.stderr().contains("hint:"), "{args:?}\n{}", ran.stderr());
    }
    assert_eq!(fs::read_dir(shop.0.work()).unwrap().count(), 0, "nothing was written");

    shop.silver(&["plugin", "new", "notes", "--lang", "python"]).ok();
    shop.silver(&["plugin", "new", "notes", "--lang", "js"]).exits(2);
    for command in ["check", "test"] {
        let ran = shop.silver(&["plugin", command, "notes"]).exits(2);
        assert!(ran.stderr().contains("silver plugin build"), "{}", ran.stderr());
    }
    shop.edit("notes/plugin.toml", "python", "cobol");
    let ran = shop.silver(&["plugin", "build", "notes"]).exits(2);
    assert!(ran.stderr().contains("plugin.toml") && ran.stderr().contains("cobol"), "{}", ran.stderr());

    // a component that wants the network
    let text = r#"(component (import "wasi:sockets/tcp@0.2.0" (instance)) (instance $none)
        (export "silver:plugin/customizer@0.1.0" (instance $none)))"#;
    fs::write(shop.0.work().join("bad.wasm"), wat::parse_str(text).unwrap()).unwrap();
    let ran = shop.silver(&["plugin", "check", "bad.wasm"]).exits(1);
    assert!(ran.stderr().contains("it imports `wasi:sockets/tcp@0.2.0`"), "{}", ran.stderr());
}

#[test]
fn the_interface_is_printed_or_written() {
    let world = World::new();
    assert!(world.silver(["plugin", "wit"]).ok().stdout().contains("world customizer-plugin {"));
    world.silver(["plugin", "wit", "-o", "wit"]).ok();
    let written = fs::read_to_string(world.work().join("wit/trees.wit")).unwrap();
    assert_eq!(written, fs::read_to_string(repository().join("plugins-sdk/wit/trees.wit")).unwrap());
    world.silver(["plugin", "wit", "-o", "wit"]).exits(2);
}
