//! What an update does that copying does as well: everything that a server lacks is sent to it and laid out there,
//! durable. What comes then - probing, switching, recording - is not part of it.

use silver_agent::dirs::Dirs;
use silver_core::{
    node::{Node, Session},
    nodes::{FILE, Nodes},
    progress::Silent,
};
use silver_pack::{
    archive::Archive,
    hash,
    listing::{self, Kind, Listing},
    pack::Pack,
};
use silver_plugin_api::{Digest, plan::Release};
use silver_transport::{
    RemoteNode,
    ssh::{Install, Place, Program, Ssh},
};
use std::{collections::BTreeMap, error::Error, fs, path::Path};

/// The name that it has there; it is never made live.
const APP: &str = "sent";

/// Sends a pack, and over it the file `own`, unless that is `-`.
pub(crate) fn send(zip: &Path, node: &str, own: &str) -> Result<(), Box<dyn Error>> {
    let pack = open(zip)?;
    let own = if own == "-" { None } else { Some(fs::read(own)?) };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let node = reach(node)?;
        let mut session = node.lock(APP).await?;
        let label = session.observe().await?.next_label;
        let release = put(&mut *session, &pack, own.as_deref()).await?;
        session.stage(&label, &release, &BTreeMap::new(), &mut Silent).await?;
        Ok(())
    })
}

/// As the command opens a pack that it has opened before. The first run of a comparison is not counted.
fn open(zip: &Path) -> Result<Pack, Box<dyn Error>> {
    let known = Path::new("known-pack");
    if let Some(archive) = fs::read_to_string(known).ok().as_deref().and_then(Archive::from_text) {
        return Ok(Pack::open_known(zip, archive)?);
    }
    let pack = Pack::open(zip)?;
    fs::write(known, pack.layout().to_text())?;
    Ok(pack)
}

/// As the command reaches it.
fn reach(node: &str) -> Result<RemoteNode, Box<dyn Error>> {
    let dirs = Dirs::below(Path::new(&std::env::var_os("SILVER_HOME").ok_or("no SILVER_HOME")?));
    let nodes = Nodes::parse(&fs::read_to_string(FILE)?, FILE)?;
    let entry = nodes.nodes.get(node).ok_or("no such node")?;
    let place = Place {
        node: node.into(),
        address: entry.address.clone(),
        host_key: entry.host_key.clone(),
        control: dirs.run.join("ssh"),
        config: None,
    };
    // looked at by the command before
    let program = Program::at(&silver_tests::world::binary(), &dirs.cache.join("agents"), |_| None)?;
    let programs = vec![program.ok_or("no command has reached the node before")?];
    Ok(RemoteNode::new(Ssh::new(place, "bench@here", programs, Install::Never, Box::new(|_| ()))))
}

async fn put(session: &mut dyn Session, pack: &Pack, own: Option<&[u8]>) -> Result<Release, Box<dyn Error>> {
    let mut tree = Listing::clone(pack.tree().listing());
    let blobs: Vec<(Digest, u64)> = own.iter().map(|own| (hash::sha256(own), own.len() as u64)).collect();
    for (digest, size) in &blobs {
        tree.insert("all/own.txt".parse()?, listing::Node { kind: Kind::File, size: *size, digest: *digest })?;
    }
    let wanted = blobs.iter().map(|(digest, _)| *digest).collect();
    let missing = session.missing(Some(pack.archive()), wanted).await?;
    if missing.archive {
        let mut file = fs::File::open(pack.path())?;
        session.put_archive(pack.archive(), pack.archive_size(), 0, &mut file, &mut |_| ()).await?;
    }
    if !missing.blobs.is_empty() {
        session.put_blobs(&blobs, &mut own.unwrap_or_default(), &mut |_| ()).await?;
    }
    session.put_tree(tree.digest(), &tree.to_lines()).await?;
    Ok(serde_json::from_value(serde_json::json!({
        "id": tree.digest(), "app": APP, "tree": tree.digest(), "settings": {}, "secrets": [], "environment": null,
        "pack": pack.reference(), "runtime": "static", "layout-root": "site", "processes": [], "env": [], "rendered": [],
        "state": [], "hooks": {}, "statics": [], "assets": [], "checks": [], "probes": [], "overlap": "web",
        "services": [], "max-body": null, "extra": {}
    }))?)
}
