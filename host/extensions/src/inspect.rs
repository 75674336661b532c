//! What a component is, from its import and export names alone: nothing is compiled, and nothing is
//! trusted that the names do not prove.

use crate::abi::{ABI, Track, apart};
use crate::host::wasi;
use silver_plugin_api::{Digest, path::plain};
use wasmparser::{Encoding, Parser, Payload};

/// The largest component, in bytes: compiling is work that nothing else bounds. One in Rust has some hundred
/// kilobytes, one in JavaScript 12 MB (SpiderMonkey), one in Python 18 MB (CPython and what it imports), and its author's
/// own modules have to fit in, too.
pub const MAX_COMPONENT: usize = 32 << 20;

/// What a plugin exports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum World {
    /// Lays a customization over an application; pure.
    Customizer,
    /// Offers commands; reaches what it was granted.
    Commands,
}

impl World {
    /// As it is written in the manifest and in the WIT.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Customizer => "customizer-plugin",
            Self::Commands => "command-plugin",
        }
    }

    /// A pure world's outcome depends on the arguments only, so that it may be cached.
    pub const fn is_pure(self) -> bool {
        matches!(self, Self::Customizer)
    }

    const fn export(self) -> &'static str {
        match self {
            Self::Customizer => "customizer",
            Self::Commands => "commands",
        }
    }

    /// The interfaces that it may import, without package and version.
    pub(crate) const fn interfaces(self) -> &'static [&'static str] {
        match self {
            Self::Customizer => &["types", "trees", "log"],
            Self::Commands => &["types", "trees", "log", "workspace", "index", "http-fetch", "console"],
        }
    }
}

/// What [`inspect`] found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// sha256 of the component.
    pub digest: Digest,
    /// Bytes.
    pub size: u64,
    /// What it exports.
    pub world: World,
    /// The version of `silver:plugin` that it was built for.
    pub abi: String,
    pub(crate) track: Track,
    /// Full names of what it imports, in the component's order.
    pub imports: Vec<String>,
}

/// Why a file is not a plugin that this silver runs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Larger than 32 MiB.
    #[error("it has {size} bytes, more than the {MAX_COMPONENT} that are allowed")]
    TooLarge {
        /// Bytes.
        size: usize,
    },
    /// Not WebAssembly, or damaged.
    #[error("it is not a WebAssembly component: {0}")]
    NotWasm(String),
    /// A core module.
    #[error("it is a core module, not a component")]
    CoreModule,
    /// Built for another version of the interface.
    #[error("it needs silver ABI {}, this silver has {}", apart(.found, ABI).0, apart(.found, ABI).1)]
    WrongAbi {
        /// The version in the component.
        found: String,
    },
    /// Exports no world of silver.
    #[error("it exports neither `silver:plugin/customizer@{ABI}` nor `silver:plugin/commands@{ABI}`")]
    NoWorld,
    /// Exports both worlds.
    #[error("it exports a customizer and commands; a plugin does one of the two")]
    TwoWorlds,
    /// The manifest promises another world.
    #[error("it is a `{}`, the manifest says `{}`", found.as_str(), wanted.as_str())]
    OtherWorld {
        /// What it is.
        found: World,
        /// What it should be.
        wanted: World,
    },
    /// Imports something outside of its world.
    #[error("it imports `{import}`, which the world `{}` does not have", world.as_str())]
    ForeignImport {
        /// Full name.
        import: String,
        /// The plugin's world.
        world: World,
    },
}

impl Refusal {
    /// The way out.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::TooLarge { .. } => "build it with `opt-level = \"s\"`, `lto = true` and `strip = \"debuginfo\"`".into(),
            Self::NotWasm(_) => return None,
            Self::CoreModule => "encode the module with wit-component, as `cargo xtask plugins` does".into(),
            Self::WrongAbi { .. } => "update silver, or take a release of the plugin that was built for this one".into(),
            Self::NoWorld | Self::TwoWorlds => "a plugin's crate calls `silver_plugin::export!` once".into(),
            Self::OtherWorld { .. } => "correct `world` of this `[[plugin]]` in pack.toml".into(),
            Self::ForeignImport { import, .. } if import.starts_with("wasi:") => {
                "plugins get no network, no processes and only constants for the rest of WASI 0.2; `silver plugin build` leaves it out"
                    .into()
            }
            Self::ForeignImport { .. } => "a plugin reaches nothing outside of its world".into(),
        })
    }
}

/// Finds out what a component is. The error says why it may not run at all.
pub fn inspect(wasm: &[u8]) -> Result<Inspection, Refusal> {
    if wasm.len() > MAX_COMPONENT {
        return Err(Refusal::TooLarge { size: wasm.len() });
    }
    let (imports, exports) = names(wasm)?;
    let mut spoken = None;
    for (_, version) in imports.iter().chain(&exports).filter_map(|name| ours(name)) {
        let found = || Refusal::WrongAbi { found: plain(version).into_owned() };
        let track = Track::of(version).ok_or_else(found)?;
        // one component speaks one track; of that, the newest version that it names
        match spoken {
            Some((other, _)) if other != track => return Err(found()),
            Some((_, newest)) if patch(newest) >= patch(version) => {}
            _ => spoken = Some((track, version)),
        }
    }
    let exported = |world: World| exports.iter().filter_map(|name| ours(name)).any(|(name, _)| name == world.export());
    let world = match (exported(World::Customizer), exported(World::Commands)) {
        (true, false) => World::Customizer,
        (false, true) => World::Commands,
        (true, true) => return Err(Refusal::TwoWorlds),
        (false, false) => return Err(Refusal::NoWorld),
    };
    let Some((track, abi)) = spoken else { return Err(Refusal::NoWorld) };
    let offered = |name: &str| match ours(name) {
        Some((interface, _)) => world.interfaces().contains(&interface),
        None => wasi::allowed(name).is_some(),
    };
    let foreign = |name: &&String| !offered(name);
    if let Some(import) = imports.iter().find(foreign) {
        return Err(Refusal::ForeignImport { import: plain(import).into_owned(), world });
    }
    Ok(Inspection { digest: crate::cache::sha256(wasm), size: wasm.len() as u64, world, abi: abi.to_owned(), track, imports })
}

/// Names of the outermost component's imports and exports. What is nested inside can reach only
/// what the outermost one imports.
fn names(wasm: &[u8]) -> Result<(Vec<String>, Vec<String>), Refusal> {
    let damaged = |error: wasmparser::BinaryReaderError| Refusal::NotWasm(plain(&error.to_string()).into_owned());
    let (mut imports, mut exports, mut depth) = (Vec::new(), Vec::new(), 0_u32);
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.map_err(damaged)? {
            Payload::Version { encoding, .. } => {
                if depth == 0 && encoding == Encoding::Module {
                    return Err(Refusal::CoreModule);
                }
                depth += 1;
            }
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 1 => {
                for import in section {
                    imports.push(import.map_err(damaged)?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if depth == 1 => {
                for export in section {
                    exports.push(export.map_err(damaged)?.name.name.to_owned());
                }
            }
            _ => {}
        }
    }
    Ok((imports, exports))
}

/// Interface and version of a name of the package `silver:plugin`.
fn ours(name: &str) -> Option<(&str, &str)> {
    name.strip_prefix("silver:plugin/")?.split_once('@')
}

/// The last number of a version: what is compatible within a track has grown up to it.
fn patch(version: &str) -> u64 {
    version.rsplit('.').next().and_then(|patch| patch.parse().ok()).unwrap_or(0)
}

impl Inspection {
    /// Was it built for a later version of its track than this silver has?
    pub(crate) fn is_newer(&self) -> bool {
        patch(&self.abi) > patch(ABI)
    }
}
