//! What is refused before anything is compiled, by name.

use super::wasm::customizer;
use crate::{ExtensionError, Extensions, Limits, Plugin, Refusal, World, inspect};

/// A component with these import and export names and nothing inside.
fn named(imports: &[&str], exports: &[&str]) -> Vec<u8> {
    let import = |name: &&str| format!("(import \"{name}\" (instance))");
    let export = |name: &&str| format!("(export \"{name}\" (instance $none))");
    let mut text = vec!["(component".to_owned()];
    text.extend(imports.iter().map(import));
    text.push("(instance $none)".into());
    text.extend(exports.iter().map(export));
    text.push(")".into());
    wat::parse_str(text.concat()).unwrap()
}

const CUSTOMIZER: &str = "silver:plugin/customizer@0.1.0";
const COMMANDS: &str = "silver:plugin/commands@0.1.0";
const NODE_SETUP: &str = "silver:node/node-setup@0.1.0-draft.2";
const TYPES: &str = "silver:plugin/types@0.1.0";

#[test]
fn refusals_name_what_is_wrong() {
    let trees = "silver:plugin/trees@0.1.0";
    let foreign = |import: &str, world| Refusal::ForeignImport { import: import.into(), world };
    let abi = |found: &str| Refusal::WrongAbi { found: found.into() };
    for (imports, exports, refusal) in [
        (
            vec![trees, "wasi:clocks/wall-clock@0.3.0"],
            vec![CUSTOMIZER],
            foreign("wasi:clocks/wall-clock@0.3.0", World::Customizer),
        ),
        (vec!["wasi:cli/run@0.2.0"], vec![CUSTOMIZER], foreign("wasi:cli/run@0.2.0", World::Customizer)),
        (vec!["wasi:cli/stderr@0.2.0-rc.1"], vec![CUSTOMIZER], foreign("wasi:cli/stderr@0.2.0-rc.1", World::Customizer)),
        (vec!["wasi:http/types@0.2.0"], vec![CUSTOMIZER], foreign("wasi:http/types@0.2.0", World::Customizer)),
        (vec!["silver:plugin/index@0.1.0"], vec![CUSTOMIZER], foreign("silver:plugin/index@0.1.0", World::Customizer)),
        (vec!["wasi:sockets/tcp@0.2.0"], vec![COMMANDS], foreign("wasi:sockets/tcp@0.2.0", World::Commands)),
        (vec!["silver:plugin/secrets@0.1.0"], vec![COMMANDS], foreign("silver:plugin/secrets@0.1.0", World::Commands)),
        (vec!["silver:plugin/trees@0.3.0"], vec!["silver:plugin/customizer@0.3.0"], abi("0.3.0")),
        (vec!["silver:plugin/trees@0.2.0"], vec![CUSTOMIZER], abi("0.2.0")),
        (vec![], vec!["silver:plugin/customizer@1.0.0"], abi("1.0.0")),
        (vec![], vec!["silver:plugin/customizer@0.1.0-rc.1"], abi("0.1.0-rc.1")),
        (vec![trees], vec![], Refusal::NoWorld),
        (vec![], vec!["wasi:http/incoming-handler@0.2.0"], Refusal::NoWorld),
        (vec![], vec![CUSTOMIZER, COMMANDS], Refusal::TwoWorlds),
        (vec![TYPES], vec![CUSTOMIZER, NODE_SETUP], Refusal::TwoWorlds),
        (vec![TYPES, trees], vec![NODE_SETUP], foreign(trees, World::NodeSetup)),
        (vec![TYPES, "silver:plugin/index@0.1.0"], vec![NODE_SETUP], foreign("silver:plugin/index@0.1.0", World::NodeSetup)),
        (vec![TYPES, "wasi:http/types@0.2.0"], vec![NODE_SETUP], foreign("wasi:http/types@0.2.0", World::NodeSetup)),
        (
            vec![TYPES, "silver:node/byte-streams@0.1.0-draft.2"],
            vec![NODE_SETUP],
            foreign("silver:node/byte-streams@0.1.0-draft.2", World::NodeSetup),
        ),
        (vec![TYPES], vec!["silver:node/node-setup@0.1.0-draft"], Refusal::OtherDraft { found: "0.1.0-draft".into() }),
        (
            vec![trees, "silver:node/plans@0.1.0-draft.2"],
            vec![CUSTOMIZER],
            foreign("silver:node/plans@0.1.0-draft.2", World::Customizer),
        ),
    ] {
        assert_eq!(inspect(&named(&imports, &exports)), Err(refusal), "{imports:?} {exports:?}");
    }
    assert_eq!(inspect(b"\0asm\x01\0\0\0"), Err(Refusal::CoreModule));
    assert!(matches!(inspect(b"#!/bin/sh"), Err(Refusal::NotWasm(_))));
    assert!(matches!(inspect(&vec![0; 33 << 20]), Err(Refusal::TooLarge { .. })));
}

#[test]
fn later_additions_of_the_same_track_are_accepted() {
    let inspection = inspect(&named(&["silver:plugin/trees@0.1.7"], &["silver:plugin/customizer@0.1.7"])).unwrap();
    assert_eq!((inspection.world, inspection.abi.as_str()), (World::Customizer, "0.1.7"));
    assert!(inspection.world.is_pure());
}

#[test]
fn both_versions_are_named() {
    let host = Extensions::new(None, Limits::default()).unwrap();
    let wasm = named(&[], &["silver:plugin/customizer@0.3.0"]);
    let error = host.customizer(&Plugin::new("old"), &wasm).err().unwrap();
    let ExtensionError::Refused { source, .. } = &error else { panic!("{error}") };
    assert_eq!(source.to_string(), "it needs silver ABI 0.3, this silver has 0.1");
    assert!(error.hint().is_some());
}

#[test]
fn the_manifest_may_not_promise_another_world() {
    let host = Extensions::new(None, Limits::default()).unwrap();
    let wasm = customizer("(i32.const 1024)", "");
    let error = host.commands(&Plugin::new("x"), &wasm, crate::Grants::default()).err().unwrap();
    let ExtensionError::Refused { source, .. } = error else { panic!("{error}") };
    assert_eq!(source, Refusal::OtherWorld { found: World::Customizer, wanted: World::Commands });
}
