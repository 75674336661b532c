//! A server that is set up, and the world of the operator who did it.

use super::TestNode;
use crate::{Http, Ran, World, hello::Hold, wait_for};
use std::{
    ffi::{OsStr, OsString},
    process::Child,
};

/// Where tests put the reference pack `hello`.
pub const HOST: &str = "hello.example.org";

/// A node that went through `add-node` and `setup-node`, and a world whose `nodes.toml` knows it.
#[derive(Debug)]
pub struct Server {
    /// The operator's side.
    pub world: World,
    /// The machine.
    pub node: TestNode,
}

impl Server {
    /// From an image that has the packages; without certificates, so that plain http is answered.
    ///
    /// # Panics
    /// When it cannot be set up.
    pub fn new() -> Self {
        Self::of(TestNode::ready("web1"))
    }

    /// Of this node.
    ///
    /// # Panics
    /// When it cannot be set up.
    pub fn of(node: TestNode) -> Self {
        Self::with(node, "tls = \"off\"")
    }

    /// Of this node, with these settings for all nodes.
    ///
    /// # Panics
    /// When it cannot be set up.
    pub fn with(node: TestNode, organisation: &str) -> Self {
        let world = World::new();
        world.write("nodes.toml", &format!("[organisation]\n{organisation}\n"));
        let server = Self { world, node };
        server.add();
        server.world.silver(["setup-node", server.node.name(), "--yes"]).ok();
        server
    }

    /// Notes the node in `nodes.toml`.
    ///
    /// # Panics
    /// When it is not taken.
    pub fn add(&self) {
        let node = &self.node;
        self.world.silver(["add-node", node.name(), &node.target("deploy"), "--host-key", node.host_key()]).ok();
    }

    /// A command that is about this node.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn silver<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Ran {
        self.world.silver(self.with_node(args))
    }

    /// The same, started only.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn spawn<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Child {
        self.world.spawn(self.with_node(args))
    }

    /// Its `--json` report.
    ///
    /// # Panics
    /// When it fails or says something else.
    pub fn json(&self, args: &[&str]) -> serde_json::Value {
        let ran = self.silver(args.iter().chain(&["--json"])).ok();
        serde_json::from_str(&ran.stdout()).unwrap_or_else(|error| panic!("{args:?}: {error}\n{}", ran.stdout()))
    }

    /// Deploys the edition of `hello` with this name at [`HOST`].
    ///
    /// # Panics
    /// When it cannot be packed.
    pub fn update(&self, edition: &str) -> Ran {
        self.silver(self.update_words(edition))
    }

    /// What deploys it, for [`Server::spawn`].
    ///
    /// # Panics
    /// When it cannot be packed.
    pub fn update_words(&self, edition: &str) -> Vec<OsString> {
        let zip = self.world.hello(edition);
        vec!["update".into(), zip.into(), HOST.into(), "--yes".into()]
    }

    /// A visitor of its front.
    pub fn http(&self) -> Http {
        self.node.http()
    }

    /// The version of `hello` that answers, if one does.
    pub fn version(&self) -> Option<String> {
        let answer = self.http().get(HOST, "/who").ok()?;
        let facts: serde_json::Value = serde_json::from_str(&answer.body).ok()?;
        facts["version"].as_str().map(str::to_owned)
    }

    /// Waits for an answer, which has to agree with what `status` says; the version.
    ///
    /// # Panics
    /// When none comes, or they differ.
    pub fn settled(&self) -> String {
        let version = wait_for("an answer of the application", || self.version());
        let told = wait_for("a status without a transition", || {
            let apps = self.silver(["status", "--json"]);
            let apps: serde_json::Value = serde_json::from_str(&apps.stdout()).ok()?;
            let app = apps.as_array()?.iter().find(|app| app["app"] == "hello")?.clone();
            app["running"].is_null().then(|| app["version"].as_str().map(str::to_owned))?
        });
        assert_eq!(told, version, "what `status` says is not what answers");
        version
    }

    /// Starts an update to the edition of `hello` with this name, which waits in its middle, and returns when it waits.
    ///
    /// # Panics
    /// When it does not get there.
    pub fn held(&self, edition: &str) -> (Child, Hold) {
        let hold = Hold::new(&self.node.root().expect("a running node").join("var/lib/silver/data/hello"));
        let mut client = self.spawn(self.update_words(edition));
        hold.reached(&mut client);
        (client, hold)
    }

    /// The outcome of the last change, and why, as its registry has recorded it.
    ///
    /// # Panics
    /// When its registry cannot be copied.
    pub fn recorded(&self) -> (String, String) {
        self.world.silver(["registry", "pull", self.node.name()]).ok();
        let log = self.json(&["registry", "log"]);
        let last = log.as_array().and_then(|events| events.last()).expect("an event").clone();
        let text = |name: &str| last[name].as_str().unwrap_or_default().to_owned();
        (text("outcome"), text("message"))
    }

    /// Waits until the transition that `client` watches has begun this step, or `client` has ended: some steps are over
    /// before anybody sees them.
    ///
    /// # Panics
    /// When neither happens.
    pub fn wait_step(&self, step: &str, client: &mut Child) {
        let begun = format!("\"begin\":\"{step}\"");
        let journals = self.node.root().expect("a running node").join("var/lib/silver/journal");
        wait_for(&format!("the step {step}"), || {
            let files = std::fs::read_dir(&journals).ok()?.flatten();
            let text = files.filter_map(|file| std::fs::read_to_string(file.path()).ok());
            let seen = text.into_iter().any(|text| text.contains(&begun));
            (seen || client.try_wait().is_ok_and(|ended| ended.is_some())).then_some(())
        });
    }

    /// What the counter stands at.
    ///
    /// # Panics
    /// When it does not answer.
    pub fn count(&self) -> u64 {
        self.http().page(HOST, "/count").parse().expect("a number")
    }

    fn with_node<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Vec<OsString> {
        let args = args.into_iter().map(|arg| arg.as_ref().to_owned());
        args.chain(["--node".into(), self.node.name().into()]).collect()
    }
}

impl Default for Server {
    fn default() -> Self {
        Self::new()
    }
}
