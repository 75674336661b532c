//! The published JSON Schemas are those of the types.

use silver_pack::{customization, manifest};

#[test]
fn the_published_schemas_are_up_to_date() {
    for (name, schema, published) in [
        ("pack", manifest::schema(), include_str!("../../../docs/schema/pack.json")),
        ("customize", customization::schema(), include_str!("../../../docs/schema/customize.json")),
    ] {
        let command = format!("cargo run -p silver-pack --example schema -- {name} > docs/schema/{name}.json");
        assert!(format!("{schema:#}\n") == published, "the schema has changed: run `{command}`");
    }
}
