//! One piece of silver's work per process, for `cargo xtask bench`: the same library functions that
//! commands and agents call, without what is around them.
//!
//! Each prints nothing, or, where only a part of the process is the work, its microseconds. Comparisons that need
//! servers run beside some: `beside`.
#![allow(clippy::disallowed_macros, clippy::disallowed_methods, reason = "a program of its own that talks to the bench")]

mod beside;
mod send;

use silver_agent::{observe, stage};
use silver_extensions::{Extensions, Limits, Plugin};
use silver_pack::{
    customization::Customization,
    hash,
    listing::Listing,
    manifest::World,
    merge,
    overlay::OverlayLimits,
    overlay_customizer::{self, OverlayCustomizer},
    pack::Pack,
};
use silver_plugin_api::customizer::{Customizer, Options};
use silver_registry::{
    Registry, Signer,
    statement::{Change, Event, NodeIdentity, Operator, Record, ReleaseRecord, Statement},
    verify,
};
use std::{collections::BTreeMap, error::Error, fs, path::Path, process::ExitCode, time::Instant};

type Done = Result<(), Box<dyn Error>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        // both before there is any thread
        ["beside-servers", count, command @ ..] => return beside::servers(count, command),
        ["three-commands"] => return beside::three_commands(),
        ["send", zip, node, own] => send::send(Path::new(zip), node, own),
        ["stage", zip, to] => stage_cold(Path::new(zip), Path::new(to)),
        ["fill", zip, store, lines] => fill(Path::new(zip), Path::new(store), Path::new(lines)),
        ["link", store, lines, to] => stage_again(Path::new(store), Path::new(lines), Path::new(to), true),
        ["copy", store, lines, to] => stage_again(Path::new(store), Path::new(lines), Path::new(to), false),
        ["merge", zip, mine] => merge_only(Path::new(zip), Path::new(mine)),
        ["call", zip, cache] => plugin_call(Path::new(zip), Path::new(cache)),
        ["record", zip, registry] => record(Path::new(zip), Path::new(registry)),
        ["record-again", registry] => record_again(Path::new(registry)),
        ["verify", registry] => verify_all(Path::new(registry)),
        ["drift", lines, tree] => drift(Path::new(lines), Path::new(tree)),
        ["drift-by-stat", tree, seen, digest] => drift_by_stat(Path::new(tree), Path::new(seen), digest),
        ["note-stats", lines, tree, seen] => note_stats(Path::new(lines), Path::new(tree), Path::new(seen)),
        _ => Err(format!("no such work: {}", words.join(" ")).into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn never() -> bool {
    false
}

/// Validates a pack and writes its tree, as an agent lays out a release.
fn stage_cold(zip: &Path, to: &Path) -> Done {
    let pack = Pack::open(zip)?;
    stage::tree::write(pack.tree().listing(), &**pack.tree().blobs(), to, stage::tree::How::Copy, &|_, _| (), &never)?;
    Ok(())
}

/// Keeps a pack and its tree, and fills the files that releases share.
fn fill(zip: &Path, store: &Path, lines: &Path) -> Done {
    let pack = Pack::open(zip)?;
    fs::write(lines, pack.tree().listing().to_lines())?;
    let shared = stage::shared::Shared::new(&store.join("store"))?;
    let to = store.join("first");
    stage::tree::write(pack.tree().listing(), &**pack.tree().blobs(), &to, stage::tree::How::Link(&shared), &|_, _| (), &never)?;
    shared.publish()?;
    Ok(())
}

/// Lays a release out of what is there already.
fn stage_again(store: &Path, lines: &Path, to: &Path, link: bool) -> Done {
    let listing = Listing::parse(&fs::read_to_string(lines)?)?;
    let shared = stage::shared::Shared::new(&store.join("store"))?;
    let how = if link { stage::tree::How::Link(&shared) } else { stage::tree::How::Copy };
    stage::tree::write(&listing, &shared, to, how, &|_, _| (), &never)?;
    Ok(())
}

/// The merge alone: opening pack and customization is not part of it. Nothing is written, no cache is used.
fn merge_only(zip: &Path, mine: &Path) -> Done {
    let (pack, mine) = (Pack::open(zip)?, Customization::load(mine)?);
    let digest = hash::sha256(overlay_customizer::VERSION.as_bytes());
    let layers = [merge::Layer { name: "overlay".into(), digest, customizer: &OverlayCustomizer }];
    let start = Instant::now();
    let settings = mine.fit(pack.manifest(), None)?;
    let options = merge::options(pack.manifest(), Some(&mine), "bench", settings, "any");
    let merged = merge::merge(&merge::Input {
        app: pack.tree(),
        former: None,
        manifest: pack.manifest(),
        customization: Some(&mine),
        layers: &layers,
        options: &options,
        limits: OverlayLimits::default(),
        cache: None,
    })?;
    let digest = merged.tree.digest();
    println!("{}", start.elapsed().as_micros());
    assert!(digest != pack.tree().digest(), "the customization changes something");
    Ok(())
}

/// One call of a plugin from the cache of compiled ones: load, instantiate, call, drop.
fn plugin_call(zip: &Path, cache: &Path) -> Done {
    let pack = Pack::open(zip)?;
    let plugin = pack.manifest().plugin.iter().find(|plugin| plugin.world == World::CustomizerPlugin);
    let plugin = plugin.ok_or("the pack has no customizer")?;
    let (wasm, digest) = pack.tree().content(&plugin.file)?;
    let start = Instant::now();
    let extensions = Extensions::new(Some(cache), Limits::default())?;
    let customizer = extensions.customizer(&Plugin::new("bench").checked(digest), &wasm)?;
    let claims = customizer.claims(&Options::default())?;
    println!("{}", start.elapsed().as_micros());
    assert!(!claims.is_empty(), "the plugin answers");
    Ok(())
}

/// A first deployment on record: pack, tree, event; durable.
fn record(zip: &Path, registry: &Path) -> Done {
    let pack = Pack::open(zip)?;
    let (signer, registry) = opened(registry)?;
    registry.objects().put_archive(&mut fs::File::open(zip)?, &pack.archive())?;
    let tree = registry.put_tree(pack.tree().listing())?;
    let release = ReleaseRecord {
        label: "bench.20261122_1".into(),
        id: tree,
        tree,
        pack: pack.reference(),
        settings: BTreeMap::default(),
        secrets: Vec::new(),
        environment: None,
        interpreter: None,
        runtime: "static".into(),
    };
    append(&registry, &signer, release)
}

/// The same deployment once more: only the event is new.
fn record_again(registry: &Path) -> Done {
    let (signer, registry) = opened(registry)?;
    let last = registry.event(registry.head()?.size - 1)?;
    let release = last.statement.record().event.change().and_then(|change| change.release.clone());
    append(&registry, &signer, release.ok_or("the last event has no release")?)
}

fn opened(registry: &Path) -> Result<(Signer, Registry), Box<dyn Error>> {
    let signer = Signer::load_or_create(&registry.with_extension("key"), "local")?;
    let registry = Registry::open_or_create(registry, &signer)?;
    Ok((signer, registry))
}

fn append(registry: &Registry, signer: &Signer, release: ReleaseRecord) -> Done {
    let now = "2026-11-22T00:00:00Z".to_owned();
    let mut change: Change =
        serde_json::from_value(serde_json::json!({ "transition": "bench", "outcome": "done", "locations": [] }))?;
    change.release = Some(release);
    let record = Record {
        node: NodeIdentity { name: "local".into(), ..NodeIdentity::default() },
        app: Some("bench".into()),
        by: Operator { claimed: "bench".into(), ..Operator::default() },
        reason: None,
        started: now.clone(),
        ended: now,
        client_time: None,
        silver: "0.1.0".into(),
        client_silver: None,
        event: Event::Deploy(change),
    };
    registry.append(&Statement::new(record), signer)?;
    Ok(())
}

fn verify_all(registry: &Path) -> Done {
    let (signer, _) = opened(registry)?;
    let options = verify::Options { key: signer.verifier(), since: None };
    let report = verify::verify(registry, options, &|_, _| ())?;
    if report.problems.is_empty() { Ok(()) } else { Err(format!("{:?}", report.problems).into()) }
}

/// Are the files of a tree what they should be, every byte of them?
fn drift(lines: &Path, tree: &Path) -> Done {
    let expected = Listing::parse(&fs::read_to_string(lines)?)?;
    none(&observe::drift_of(&expected, tree, None)?)
}

/// Notes what is compared later; says the digest of the tree.
fn note_stats(lines: &Path, tree: &Path, seen: &Path) -> Done {
    let listing = Listing::parse(&fs::read_to_string(lines)?)?;
    observe::stats::write(tree, seen, &listing)?;
    println!("{}", listing.digest());
    Ok(())
}

/// Has any file been touched since it was laid out?
fn drift_by_stat(tree: &Path, seen: &Path, digest: &str) -> Done {
    if observe::stats::is_untouched(tree, seen, &digest.parse()?)? { Ok(()) } else { Err("it was touched".into()) }
}

fn none(drift: &[String]) -> Done {
    if drift.is_empty() { Ok(()) } else { Err(drift.join(", ").into()) }
}
