//! From a module to a component, and what it may import.

use std::{collections::BTreeSet, error::Error, path::Path};
use wit_component::{ComponentEncoder, DecodedWasm};
use wit_parser::{Resolve, WorldItem, WorldKey};

type Failure = Box<dyn Error + Send + Sync>;

/// Encodes a core module that was built with `wit-bindgen` as a component.
pub fn encode(module: &[u8]) -> Result<Vec<u8>, Failure> {
    Ok(ComponentEncoder::default().module(module)?.validate(true).encode()?)
}

/// Fails when the component imports what its world does not offer: the customizer's world is pure,
/// and this is where a WASI import that a dependency dragged in would show.
pub fn check_imports(component: &[u8], world: &str, wit: &Path) -> Result<(), Failure> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(wit)?;
    let id = resolve.select_world(&[package], Some(world))?;
    let offered: BTreeSet<String> = imports(&resolve, id);
    let DecodedWasm::Component(decoded, id) = wit_component::decode(component)? else {
        return Err("this is no component".into());
    };
    let wanted = imports(&decoded, id);
    let foreign: Vec<&String> = wanted.difference(&offered).collect();
    if foreign.is_empty() {
        return Ok(());
    }
    Err(format!("imports what the world {world} does not offer: {foreign:?}; it offers {offered:?}").into())
}

fn imports(resolve: &Resolve, world: wit_parser::WorldId) -> BTreeSet<String> {
    let items = resolve.worlds[world].imports.iter();
    items
        .filter(|(_, item)| !matches!(item, WorldItem::Type { .. }))
        .map(|(key, _): (&WorldKey, _)| resolve.name_world_key(key))
        .collect()
}
