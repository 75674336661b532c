//! A merge is a pure function: over generated trees the component gives the same tree, reasons, findings and failures
//! twice, in fresh stores of two hosts on two threads; and the same as its source gives natively.

use proptest::{collection::btree_map, prelude::*};
use silver_extensions::{Extensions, Limits, Plugin, WasmCustomizer};
use silver_pack::{
    listing::{Kind, Listing, Node},
    overlay::{Draft, OverlayLimits},
    snapshot::{MemoryBlobs, Snapshot},
};
use silver_plugin::{
    TreePath,
    customizer::{Customizer, Options},
};
use std::{collections::BTreeMap, fs, path::Path, sync::Arc, thread};
use trac_customizer::TracCustomizer;

type Files = BTreeMap<String, Vec<u8>>;

/// These files in memory.
fn tree(files: &Files) -> Snapshot {
    let mut blobs = MemoryBlobs::new();
    let mut listing = Listing::new();
    for (path, content) in files {
        let digest = blobs.put(content.clone());
        let node = Node { kind: Kind::File, size: content.len() as u64, digest };
        // of two names that do not go together the first one stays
        listing.insert(TreePath::new(path).unwrap(), node).ok();
    }
    Snapshot::new(listing, Arc::new(blobs))
}

/// Everything that a merge says, as text.
fn merge(customizer: &dyn Customizer, app: &Snapshot, mine: &Snapshot) -> String {
    let options = Options { app_name: "trac".into(), target: "linux-x86_64-gnu2.36-cp311".into(), ..Options::default() };
    let mut draft = Draft::new(app);
    draft.enter("customizer", OverlayLimits::default());
    let said = customizer.merge(app, mine, &mut draft, &options);
    let (tree, reasons) = draft.finish();
    format!("{said:?}\n{}\n{}", tree.digest(), serde_json::to_string(&reasons).unwrap())
}

fn load() -> WasmCustomizer {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins/customizer.wasm");
    let component = fs::read(&file).unwrap_or_else(|error| panic!("{error}: run `cargo xtask plugins`"));
    Extensions::new(None, Limits::default()).unwrap().customizer(&Plugin::new("customizer"), &component).unwrap()
}

/// Text that is often an ini file.
fn content() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        "\\[[a-z]{1,4}\\]",
        "[a-z_.]{1,6} ?= ?[a-z0-9, *%]{0,9}",
        "[#;] ?[a-zà-ÿ]{0,6}",
        " {1,3}[a-z]{1,5}",
        Just(String::new()),
        Just("[components]".to_owned()),
    ];
    let text = proptest::collection::vec(line, 0..8).prop_map(|lines| lines.join("\n").into_bytes());
    prop_oneof![4 => text, 1 => proptest::collection::vec(any::<u8>(), 0..40)]
}

fn customization() -> impl Strategy<Value = Files> {
    let path = prop_oneof![
        3 => "(templates|htdocs)/([a-c]{1,2}/)?[a-d]{1,2}\\.(html|css)",
        2 => "plugins/[a-c]\\.py",
        1 => "plugins/[A-C][a-b]-[0-9]\\.[0-9]-py3-none-any\\.whl",
        2 => Just("trac.ini".to_owned()),
        1 => "[a-e]{1,3}",
    ];
    btree_map(path, content(), 0..12)
}

fn app() -> impl Strategy<Value = Files> {
    let path = prop_oneof![
        3 => "env/(templates|htdocs)/([a-c]{1,2}/)?[a-d]{1,2}\\.(html|css)",
        1 => "wheels/[a-c]-1-py3-none-any\\.whl",
        2 => Just("env/conf/silver.ini".to_owned()),
        1 => "plugins/options/[a-c]\\.ini",
    ];
    btree_map(path, content(), 0..12)
}

#[test]
fn a_merge_is_a_pure_function_of_its_trees() {
    let (one, other) = (load(), load());
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 200,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    // what is generated is merged, not only refused
    let seen = std::cell::Cell::new(0);
    runner
        .run(&(app(), customization()), |(app, mine)| {
            let (app, mine) = (tree(&app), tree(&mine));
            let (first, second) = thread::scope(|scope| {
                let first = scope.spawn(|| merge(&one, &app, &mine));
                let second = scope.spawn(|| merge(&other, &app, &mine));
                (first.join().unwrap(), second.join().unwrap())
            });
            prop_assert_eq!(&first, &second);
            // the host says whose fault it was
            prop_assert_eq!(first.replace("plugin `customizer`: ", ""), merge(&TracCustomizer, &app, &mine));
            seen.set(seen.get() + u32::from(first.starts_with("Ok")));
            Ok(())
        })
        .unwrap();
    assert!(seen.get() > 20, "{} of 200", seen.get());
}
