//! Core modules in text form, encoded as components of the worlds.

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::{Resolve, UnresolvedPackageGroup, WorldId};

const FILES: [&str; 4] = [
    include_str!("../../../../plugins-sdk/wit/types.wit"),
    include_str!("../../../../plugins-sdk/wit/trees.wit"),
    include_str!("../../../../plugins-sdk/wit/app.wit"),
    include_str!("../../../../plugins-sdk/wit/worlds.wit"),
];

/// The imports that modules may use, in the flat form of the canonical ABI.
const IMPORTS: &str = r#"
    (import "silver:plugin/log@0.1.0" "emit" (func $log (param i32 i32 i32 i32 i32)))
    (import "silver:plugin/trees@0.1.0" "[method]overlay.snapshot" (func $snapshot (param i32) (result i32)))
    (import "silver:plugin/trees@0.1.0" "[method]overlay.stat" (func $stat (param i32 i32 i32 i32)))
    (import "silver:plugin/trees@0.1.0" "[method]overlay.put"
        (func $put (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
    (import "silver:plugin/trees@0.1.0" "[method]overlay.link"
        (func $link (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
    (import "silver:plugin/trees@0.1.0" "[resource-drop]tree" (func $drop-tree (param i32)))
    (import "silver:plugin/trees@0.1.0" "[resource-drop]overlay" (func $drop-overlay (param i32)))
"#;

/// Memory and an allocator that never frees. Address 1024 is zero: `ok` with an empty list.
const BASE: &str = r#"
    (memory (export "memory") 2)
    (global $free (mut i32) (i32.const 65536))
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
        (global.set $free (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
        (global.get $free)
        (global.set $free (i32.add (global.get $free) (local.get 3)))
        (if (i32.gt_u (global.get $free) (i32.mul (memory.size) (i32.const 65536)))
            (then (drop (memory.grow (i32.add (i32.div_u (local.get 3) (i32.const 65536)) (i32.const 1)))))))
"#;

/// A component of `world` from a core module.
pub(super) fn component(world: &str, module: &str) -> Vec<u8> {
    component_of(world, module, "")
}

/// The same with `more` WIT: worlds of our package, and packages in braces.
pub(super) fn component_of(world: &str, module: &str, more: &str) -> Vec<u8> {
    let module = wat::parse_str(module).unwrap();
    // one package in several files
    let text: String = FILES.iter().map(|text| text.replace("package silver:plugin@0.1.0;", "")).collect();
    let group = UnresolvedPackageGroup::parse("plugin.wit", &format!("package silver:plugin@0.1.0;\n{text}\n{more}")).unwrap();
    let mut resolve = Resolve::default();
    let package = resolve.push_group(group).unwrap();
    let world = resolve.select_world(&[package], Some(world)).unwrap();
    encode(module, &resolve, world)
}

/// A component of `world` from a module in binary form.
pub(super) fn encode(mut module: Vec<u8>, resolve: &Resolve, world: WorldId) -> Vec<u8> {
    embed_component_metadata(&mut module, resolve, world, StringEncoding::UTF8, false).unwrap();
    ComponentEncoder::default().validate(true).module(&module).unwrap().encode().unwrap()
}

/// A customizer whose `merge` has this body; parameters: 0 app, 1 customization, 2 overlay. `more`
/// are further definitions.
pub(super) fn customizer(body: &str, more: &str) -> Vec<u8> {
    component("customizer-plugin", &customizer_module(body, more))
}

/// Its core module.
pub(super) fn customizer_module(body: &str, more: &str) -> String {
    let options = "i32 ".repeat(10);
    format!(
        r#"(module {IMPORTS} {BASE} {more}
            (func (export "silver:plugin/customizer@0.1.0#claims") (param {options}) (result i32) (i32.const 1024))
            (func (export "silver:plugin/customizer@0.1.0#check") (param i32 i32 {options}) (result i32)
                (call $drop-tree (local.get 0)) (call $drop-tree (local.get 1)) (i32.const 1024))
            (func $merge (export "silver:plugin/customizer@0.1.0#merge") (param i32 i32 i32 {options}) (result i32)
                {body}))"#
    )
}
