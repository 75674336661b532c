//! The manifests of the reference packs, as they lie in the repository.

use silver_pack::manifest;
use std::{fs, path::Path};

#[test]
fn the_reference_packs_have_valid_manifests() {
    for (name, id) in [("hello", "org.silver.hello"), ("trac", "org.edgewall.trac")] {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../reference").join(name).join("pack.toml");
        let manifest =
            manifest::parse(&fs::read_to_string(file).unwrap(), "pack.toml").unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(manifest.pack.id, id);
    }
}
