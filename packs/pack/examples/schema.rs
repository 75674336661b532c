//! Writes the JSON Schema of `pack.toml` or `customize.toml` to standard output:
//! `cargo run -p silver-pack --example schema -- pack > docs/schema/pack.json`

use silver_pack::{customization, manifest};
use std::io::{self, Write};

fn main() -> io::Result<()> {
    let schema = match std::env::args().nth(1).as_deref() {
        Some("pack") => manifest::schema(),
        Some("customize") => customization::schema(),
        _ => return Err(io::Error::other("say `pack` or `customize`")),
    };
    writeln!(io::stdout(), "{schema:#}")
}
