//! Several servers that are set up, in one group, and the world of the operator who did it.

use super::{TestNode, access, server::HOST};
use crate::{Ran, World, wait_for};
use std::{
    ffi::OsString,
    fs,
    path::Path,
    process::{Child, Output},
};

/// The group of all of them in `nodes.toml`; the first one goes ahead.
pub const GROUP: &str = "web";
/// Has no check of a release begin as long as there is this file.
const HELD: &str =
    "[Service]\nExecStartPre=+/bin/sh -c 'case %n in *.check.service) while test -e /run/held; do sleep 0.05; done;; esac'\n";
/// Has all checks of releases fail.
const BROKEN: &str = "[Service]\nExecStartPre=/bin/sh -c 'case %n in *.check.service) exit 1;; esac'\n";

/// Nodes that went through `add-node` and `setup-node`.
#[derive(Debug)]
pub struct Fleet {
    /// The operator's side. The operator `ann` has the key with which the tests log in.
    pub world: World,
    /// The machines.
    pub nodes: Vec<TestNode>,
}

impl Fleet {
    /// Machines with these names, without certificates.
    ///
    /// # Panics
    /// When they cannot be set up.
    pub fn new(names: &[&str]) -> Self {
        let nodes = std::thread::scope(|scope| {
            let starting: Vec<_> = names.iter().map(|name| scope.spawn(|| TestNode::ready(name))).collect();
            starting.into_iter().map(|node| node.join().expect("a node")).collect()
        });
        let fleet = Self { world: World::new(), nodes };
        let key = fs::read_to_string(access().key().with_extension("pub")).expect("the tests' key");
        let operators = format!("[organisation]\ntls = \"off\"\n\n[operators.ann]\nssh-keys = [\"{}\"]\n", key.trim());
        fleet.world.write("nodes.toml", &operators);
        fleet.log_in_as_ann(&fleet.world);
        for node in &fleet.nodes {
            let words = ["add-node", node.name(), &node.target("deploy"), "--host-key", node.host_key()];
            fleet.world.silver(words).ok();
        }
        let before = fs::read_to_string(fleet.world.work().join("nodes.toml")).expect("nodes.toml");
        let quoted: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
        fleet.world.write("nodes.toml", &format!("{before}\n[groups.{GROUP}]\nnodes = [{}]\n", quoted.join(", ")));
        for node in &fleet.nodes {
            fleet.world.silver(["setup-node", node.name(), "--yes"]).ok();
        }
        fleet
    }

    /// Another operator's machine, with the same `nodes.toml`, and ann's key.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn another_desk(&self) -> World {
        let world = World::new();
        fs::copy(self.world.work().join("nodes.toml"), world.work().join("nodes.toml")).expect("nodes.toml");
        self.log_in_as_ann(&world);
        world
    }

    /// What is signed in this world is signed with the key that logs in.
    #[expect(clippy::unused_self, reason = "there has to be a fleet, so that there is a key")]
    fn log_in_as_ann(&self, world: &World) {
        let home = world.home();
        let ssh = home.parent().unwrap_or(Path::new("/")).join(".ssh");
        fs::create_dir_all(&ssh).expect("a directory for keys");
        for end in ["", "pub"] {
            fs::copy(access().key().with_extension(end), ssh.join("id_ed25519").with_extension(end)).expect("the tests' key");
        }
    }

    /// What deploys the edition of `hello` with this name to all of them.
    ///
    /// # Panics
    /// When it cannot be packed.
    pub fn update_words(&self, edition: &str) -> Vec<OsString> {
        let zip = self.world.hello(edition);
        vec!["update".into(), zip.into(), HOST.into(), "--yes".into(), "--json".into(), "--node".into(), GROUP.into()]
    }

    /// Deploys it.
    ///
    /// # Panics
    /// When it cannot be packed.
    pub fn update(&self, edition: &str) -> Ran {
        self.world.silver(self.update_words(edition))
    }

    /// Deploys it, but checks of the first node do not begin ([`Fleet::let_go`]); returns when the last node waits for it.
    ///
    /// # Panics
    /// When it does not.
    pub fn update_up_to_the_barrier(&self, edition: &str, more: &[&str]) -> Child {
        self.nodes[0].sh("touch /run/held");
        self.fault(0, Some(HELD));
        let words = self.update_words(edition).into_iter().chain(more.iter().map(Into::into));
        let client = self.world.spawn(words);
        let last = self.nodes.last().expect("a node");
        let journals = last.root().expect("a running node").join("var/lib/silver/journal");
        wait_for("the node to wait for the others", || {
            let files = fs::read_dir(&journals).ok()?.flatten();
            let texts = files.filter_map(|file| fs::read_to_string(file.path()).ok());
            texts.into_iter().any(|text| text.contains("\"begin\":\"barrier\"")).then_some(())
        });
        client
    }

    /// The first node goes on as well.
    ///
    /// # Panics
    /// When it cannot be told so.
    pub fn let_go(&self) {
        self.fault(0, None);
        self.nodes[0].sh("rm /run/held");
    }

    /// From now on releases fail their check on this node.
    ///
    /// # Panics
    /// When it cannot be told so.
    pub fn checks_fail_on(&self, node: usize, fail: bool) {
        self.fault(node, fail.then_some(BROKEN));
    }

    /// For all units of silver that are started from now on.
    fn fault(&self, node: usize, drop_in: Option<&str>) {
        let dir = "/run/systemd/system/silver-.service.d";
        match drop_in {
            Some(text) => self.nodes[node].sh(&format!("mkdir -p {dir}; cat > {dir}/fault.conf <<'END'\n{text}END")),
            None => self.nodes[node].sh(&format!("rm -r {dir}")),
        };
    }

    /// The versions that answer on all of them.
    ///
    /// # Panics
    /// When one does not.
    pub fn versions(&self) -> Vec<String> {
        let version = |node: &TestNode| {
            let answer = node.http().get(HOST, "/who").ok()?;
            serde_json::from_str::<serde_json::Value>(&answer.body).ok()?["version"].as_str().map(str::to_owned)
        };
        self.nodes.iter().map(|node| wait_for("an answer", || version(node))).collect()
    }

    /// The value of the field of each row in what a command reported.
    ///
    /// # Panics
    /// When it reported something else.
    pub fn column(report: &str, field: &str) -> Vec<String> {
        let rows: serde_json::Value = serde_json::from_str(report).unwrap_or_else(|error| panic!("{error}: {report}"));
        let text = |row: &serde_json::Value| row[field].as_str().unwrap_or_default().to_owned();
        rows.as_array().expect("rows").iter().map(text).collect()
    }

    /// Waits for what was started.
    ///
    /// # Panics
    /// When it cannot be waited for.
    pub fn ended(client: Child) -> (i32, String, String) {
        let Output { status, stdout, stderr } = client.wait_with_output().expect("the command");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (status.code().unwrap_or(-1), text(&stdout), text(&stderr))
    }
}
