//! The built-in customizer twice: natively, and as a component in the sandbox. On generated trees and slots both must make
//! the same tree, give the same reasons and say the same; then the plugin interface carries all that a built-in needs.

use proptest::prelude::*;
use silver_extensions::{Extensions, Limits, Plugin, WasmCustomizer};
use silver_overlay::customizer::OverlayCustomizer;
use silver_pack::{
    overlay::{Draft, OverlayLimits},
    snapshot::Snapshot,
};
use silver_plugin_api::{
    Collision, Failure, Overlay, Reason, Settings, TreePath,
    customizer::{Customizer, EXTRA_SLOTS, Options},
    slot::{Slot, SlotMode, SlotNature},
};
use std::{fs, path::Path};

fn sandboxed() -> WasmCustomizer {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("overlay.wasm");
    let component = fs::read(&file).unwrap_or_else(|error| panic!("{error}: run `cargo xtask plugins`"));
    Extensions::new(None, Limits::default()).unwrap().customizer(&Plugin::new("overlay"), &component).unwrap()
}

type Files = Vec<(&'static str, &'static str, bool)>;

/// A tree with these files; of two at one place the first stays.
fn tree(files: &Files) -> Snapshot {
    let mut draft = Draft::new(&Snapshot::empty());
    for (name, content, executable) in files {
        let (path, why) = (TreePath::new(name).unwrap(), Reason::new("a test", []));
        // a file below a file is no tree
        let _ = draft.put(&path, content.as_bytes(), *executable, Collision::Keep, why);
    }
    draft.finish().0
}

/// All that a merge gives, in a form that compares.
fn outcome(customizer: &dyn Customizer, app: &Snapshot, mine: &Snapshot, options: &Options) -> String {
    let mut draft = Draft::new(app);
    draft.enter("overlay", OverlayLimits::default());
    let claims = customizer.claims(options);
    let check = customizer.check(app, mine, options);
    let merge = customizer.merge(app, mine, &mut draft, options);
    let (tree, reasons) = draft.finish();
    // both call themselves differently in an internal error, and there is none here
    for result in [&check, &merge] {
        assert!(!matches!(result, Err(Failure::Internal(_))), "{result:?}");
    }
    format!("{claims:?}\n{check:?}\n{merge:?}\n{}\n{}", tree.digest(), serde_json::to_string(&reasons).unwrap())
}

fn options(slots: &[Slot]) -> Options {
    let extra = Settings::from([(EXTRA_SLOTS.to_owned(), serde_json::to_string(slots).unwrap())]);
    Options { app_name: "app".into(), extra, ..Options::default() }
}

fn files() -> impl Strategy<Value = Files> {
    let names = [
        "a.txt",
        "d/a.txt",
        "d/e/b.html",
        "d/é.txt",
        "site.ini",
        "conf/a.json",
        "conf/a.toml",
        "conf",
        "x y.css",
        "deep/er/still/c",
    ];
    let contents = [
        "",
        "text",
        "no newline\nat the end",
        "[a]\nx = 1\n",
        "[a]\ny = 2\n[b]\n",
        "{\"k\": 1}",
        "{\"k\": {\"z\": [1, 2]}}",
        "x = 1\n",
        "[t]\nx = \"é\"\n",
        "{",
        "\u{1f980}\r\n",
    ];
    let file = (prop::sample::select(names.to_vec()), prop::sample::select(contents.to_vec()), any::<bool>());
    prop::collection::vec(file, 0..8)
}

fn slots() -> impl Strategy<Value = Vec<Slot>> {
    use SlotMode::{Add, Append, MergeIni, MergeJson, MergeToml, Override};
    let from = ["**", "*.txt", "d/**", "conf/*.json", "conf/*.toml", "site.ini", "{d,deep}/**", "**/*.{html,css}"];
    let into = ["", "d", "conf", "site.ini", "env/conf"];
    let mode = [Add, Override, MergeIni, MergeToml, MergeJson, Append];
    let slot = (
        prop::sample::select(from.to_vec()),
        prop::sample::select(into.to_vec()),
        prop::sample::select(mode.to_vec()),
        any::<bool>(),
    );
    let filled = |(from, into, mode, must_exist): (&str, &str, SlotMode, bool)| Slot {
        name: "slot".into(),
        from: from.into(),
        into: into.into(),
        mode,
        must_exist,
        nature: SlotNature::Code,
        summary: "a slot".into(),
    };
    prop::collection::vec(slot.prop_map(filled), 0..5)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sandboxed_and_native_are_the_same(cases in prop::collection::vec((files(), files(), slots()), 1..4)) {
        thread_local!(static COMPONENT: WasmCustomizer = sandboxed());
        for (app, mine, slots) in cases {
            let (app, mine, options) = (tree(&app), tree(&mine), options(&slots));
            let native = outcome(&OverlayCustomizer, &app, &mine, &options);
            let other = COMPONENT.with(|component| outcome(component, &app, &mine, &options));
            prop_assert_eq!(native, other);
        }
    }
}

#[test]
fn every_mode_changes_something() {
    let slot = |from: &str, mode| Slot {
        name: from.into(),
        from: from.into(),
        into: from.into(),
        mode,
        must_exist: false,
        nature: SlotNature::Code,
        summary: String::new(),
    };
    let options = options(&[
        slot("new.txt", SlotMode::Add),
        slot("header.html", SlotMode::Override),
        slot("style.css", SlotMode::Append),
        slot("site.ini", SlotMode::MergeIni),
        slot("a.json", SlotMode::MergeJson),
        slot("a.toml", SlotMode::MergeToml),
    ]);
    let app = tree(&vec![
        ("header.html", "pack", false),
        ("style.css", "a {}", false),
        ("site.ini", "[a]\nx = 1\n", true),
        ("a.json", "{\"a\": 1}", false),
        ("a.toml", "a = 1\n", false),
    ]);
    let mine = tree(&vec![
        ("new.txt", "new", false),
        ("header.html", "mine", true),
        ("style.css", "b {}", false),
        ("site.ini", "[a]\ny = 2\n", false),
        ("a.json", "{\"b\": 2}", false),
        ("a.toml", "b = 2\n", false),
    ]);
    let native = outcome(&OverlayCustomizer, &app, &mine, &options);
    for path in ["new.txt", "header.html", "style.css", "site.ini", "a.json", "a.toml"] {
        assert!(native.contains(&format!("customization:{path}")), "{path}: {native}");
    }
    assert_eq!(native, outcome(&sandboxed(), &app, &mine, &options));
}
