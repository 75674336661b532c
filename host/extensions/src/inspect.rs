//! What a component is, from its import and export names alone: nothing is compiled, and nothing is
//! trusted that the names do not prove.

use crate::abi::{ABI, NODE_DRAFT, Track, apart};
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
    /// Says what shall be so on a node; pure. A draft.
    NodeSetup,
}

impl World {
    /// As it is written in the manifest and in the WIT.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Customizer => "customizer-plugin",
            Self::Commands => "command-plugin",
            Self::NodeSetup => "node-plugin",
        }
    }

    /// A pure world's outcome depends on the arguments only, so that it may be cached.
    pub const fn is_pure(self) -> bool {
        match self {
            Self::Customizer | Self::NodeSetup => true,
            Self::Commands => false,
        }
    }

    const ALL: [Self; 3] = [Self::Customizer, Self::Commands, Self::NodeSetup];

    /// Package and interface, without version.
    const fn export(self) -> (Package, &'static str) {
        match self {
            Self::Customizer => (Package::Plugin, "customizer"),
            Self::Commands => (Package::Plugin, "commands"),
            Self::NodeSetup => (Package::Node, "node-setup"),
        }
    }

    /// The interfaces of `silver:plugin` that it may import, without package and version.
    pub(crate) const fn interfaces(self) -> &'static [&'static str] {
        match self {
            Self::Customizer => &["types", "trees", "log"],
            Self::Commands => &["types", "trees", "log", "workspace", "index", "http-fetch", "console"],
            Self::NodeSetup => &["types", "log"],
        }
    }

    /// The interfaces of the draft `silver:node` that it may import: they hold types, and no function.
    pub(crate) const fn drafts(self) -> &'static [&'static str] {
        match self {
            Self::Customizer | Self::Commands => &[],
            Self::NodeSetup => &["facts", "plans"],
        }
    }
}

/// A package of interfaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Package {
    /// `silver:plugin`, which is frozen.
    Plugin,
    /// `silver:node`, a draft.
    Node,
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
    /// Built for another draft of `silver:node`.
    #[error("it was built for `silver:node` {found}, this silver has {NODE_DRAFT}; of drafts no two go together")]
    OtherDraft {
        /// The version in the component.
        found: String,
    },
    /// Exports no world of silver.
    #[error(
        "it exports none of `silver:plugin/customizer@{ABI}`, `silver:plugin/commands@{ABI}` and `silver:node/node-setup@{NODE_DRAFT}`"
    )]
    NoWorld,
    /// Exports several worlds.
    #[error("it exports several of a customizer, commands and a node's set-up; a plugin does one of them")]
    TwoWorlds,
    /// The manifest promises another world.
    #[error("it is a `{}`, a `{}` is wanted", found.as_str(), wanted.as_str())]
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
            Self::WrongAbi { .. } | Self::OtherDraft { .. } => "update silver, or take a release of the plugin that was built for this one".into(),
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
    inspect_known(wasm, None)
}

/// As [`inspect`], of a component whose sha256 may be known.
pub(crate) fn inspect_known(wasm: &[u8], digest: Option<Digest>) -> Result<Inspection, Refusal> {
    if wasm.len() > MAX_COMPONENT {
        return Err(Refusal::TooLarge { size: wasm.len() });
    }
    let (imports, exports) = names(wasm)?;
    let mut spoken = None;
    for (package, _, version) in imports.iter().chain(&exports).filter_map(|name| ours(name)) {
        if package == Package::Node {
            if version != NODE_DRAFT {
                return Err(Refusal::OtherDraft { found: plain(version).into_owned() });
            }
            continue;
        }
        let found = || Refusal::WrongAbi { found: plain(version).into_owned() };
        let track = Track::of(version).ok_or_else(found)?;
        // one component speaks one track; of that, the newest version that it names
        match spoken {
            Some((other, _)) if other != track => return Err(found()),
            Some((_, newest)) if patch(newest) >= patch(version) => {}
            _ => spoken = Some((track, version)),
        }
    }
    let exported =
        |world: &World| exports.iter().filter_map(|name| ours(name)).any(|(package, name, _)| (package, name) == world.export());
    let mut worlds = World::ALL.into_iter().filter(exported);
    let world = match (worlds.next(), worlds.next()) {
        (Some(world), None) => world,
        (Some(_), Some(_)) => return Err(Refusal::TwoWorlds),
        (None, _) => return Err(Refusal::NoWorld),
    };
    let Some((track, abi)) = spoken else { return Err(Refusal::NoWorld) };
    let offered = |name: &str| match ours(name) {
        Some((Package::Plugin, interface, _)) => world.interfaces().contains(&interface),
        Some((Package::Node, interface, _)) => world.drafts().contains(&interface),
        None => wasi::allowed(name).is_some(),
    };
    let foreign = |name: &&String| !offered(name);
    if let Some(import) = imports.iter().find(foreign) {
        return Err(Refusal::ForeignImport { import: plain(import).into_owned(), world });
    }
    let digest = digest.unwrap_or_else(|| crate::cache::sha256(wasm));
    Ok(Inspection { digest, size: wasm.len() as u64, world, abi: abi.to_owned(), track, imports })
}

/// Names of the outermost component's imports and exports. What is nested inside can reach only
/// what the outermost one imports.
fn names(wasm: &[u8]) -> Result<(Vec<String>, Vec<String>), Refusal> {
    // the first line; what follows are bytes
    let damaged = |error: wasmparser::BinaryReaderError| {
        let told = error.message().lines().next().unwrap_or_default();
        Refusal::NotWasm(format!("{} (at byte {})", plain(told.trim_end_matches(" - expected=[")), error.offset()))
    };
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

/// Package, interface and version of a name of ours.
fn ours(name: &str) -> Option<(Package, &str, &str)> {
    let in_package = |package, prefix| {
        let (interface, version) = name.strip_prefix(prefix)?.split_once('@')?;
        Some((package, interface, version))
    };
    in_package(Package::Plugin, "silver:plugin/").or_else(|| in_package(Package::Node, "silver:node/"))
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
