//! Plugins that set nodes up: what they may import, what their plans may say, and what they are granted.

use super::wasm::encode;
use crate::{ExtensionError, Extensions, Limits, NODE_DRAFT, Plugin, Refusal, World, inspect};
use silver_plugin_api::{
    Failure, Settings,
    node_setup::NodeSetup,
    plan::NodeFacts,
    setup::{Grant, Plan},
};
use std::{fmt::Write as _, path::Path};
use wit_component::dummy_module;
use wit_parser::{ManglingAndAbi, Resolve, WorldId};

fn world() -> (Resolve, WorldId) {
    let mut resolve = Resolve::default();
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../plugins-sdk/wit-node");
    let (package, _) = resolve.push_dir(dir).unwrap();
    let world = resolve.select_world(&[package], Some("node-plugin")).unwrap();
    (resolve, world)
}

fn component(module: &str) -> Vec<u8> {
    let (resolve, world) = world();
    encode(wat::parse_str(module).unwrap(), &resolve, world)
}

/// Where the module's own data begin, and where its answers are: no findings, and the plan.
const DATA: usize = 8192;
const NOTHING: usize = 1024;
const ANSWER: usize = 2048;

/// Linear memory that holds one item, in the layout of the canonical ABI.
struct Memory {
    item: Vec<u8>,
    texts: Vec<u8>,
}

/// Bytes of an item: id, body (its case, 56 bytes at most), after, notify, why, guard.
const ITEM: usize = 8 + 4 + 56 + 8 + 8 + 8 + 4;

impl Memory {
    fn new(id: &str, why: &str, case: u8) -> Self {
        let mut memory = Self { item: vec![0; ITEM], texts: Vec::new() };
        memory.text(0, id);
        memory.item[8] = case;
        memory.text(84, why);
        memory
    }

    fn word(&mut self, at: usize, word: usize) {
        self.item[at..at + 4].copy_from_slice(&u32::try_from(word).unwrap().to_le_bytes());
    }

    /// Address and length of a text, or of a list's bytes.
    fn text(&mut self, at: usize, text: &str) {
        self.word(at, DATA + ITEM + self.texts.len());
        self.word(at + 4, text.len());
        self.texts.extend_from_slice(text.as_bytes());
    }

    /// A list of one text.
    fn list(&mut self, at: usize, text: &str) {
        let text_at = DATA + ITEM + self.texts.len();
        self.texts.extend_from_slice(text.as_bytes());
        // addresses of lists are multiples of four
        self.texts.resize(self.texts.len().next_multiple_of(4), 0);
        self.word(at, DATA + ITEM + self.texts.len());
        self.word(at + 4, 1);
        for word in [text_at, text.len()] {
            self.texts.extend_from_slice(&u32::try_from(word).unwrap().to_le_bytes());
        }
    }

    /// The plugin; `items` is how many the plan says that it has.
    fn plugin(&self, items: u32) -> Vec<u8> {
        let bytes: String = self.item.iter().chain(&self.texts).fold(String::new(), |mut text, byte| {
            write!(text, "\\{byte:02x}").unwrap();
            text
        });
        let facts = "(param i32 i32 i32 i32 i32 i32 i32 i64 i32 i32 i32 i32)";
        component(&format!(
            r#"(module
            (memory (export "memory") 16)
            (global $free (mut i32) (i32.const 131072))
            (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
                (global.set $free (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
                (global.get $free)
                (global.set $free (i32.add (global.get $free) (local.get 3))))
            (data (i32.const {DATA}) "{bytes}")
            (func (export "silver:node/node-setup@{NODE_DRAFT}#check") {facts} (result i32) (i32.const {NOTHING}))
            (func (export "silver:node/node-setup@{NODE_DRAFT}#make-plan") {facts} (result i32)
                (i32.store offset=4 (i32.const {ANSWER}) (i32.const {DATA}))
                (i32.store offset=8 (i32.const {ANSWER}) (i32.const {items}))
                (i32.const {ANSWER})))"#
        ))
    }
}

/// The cases of `body`, by their places in the WIT.
const PACKAGE: u8 = 0;
const LINK: u8 = 4;
const COMMAND: u8 = 11;

fn package() -> Memory {
    let mut memory = Memory::new("package", "shuts out\nwho guesses", PACKAGE);
    memory.text(12, "fail2ban");
    memory
}

fn command() -> Memory {
    let mut memory = Memory::new("shell", "trust me", COMMAND);
    memory.list(12, "/bin/sh");
    memory
}

fn made(wasm: &[u8], grants: &[&str]) -> Result<Plan, Failure> {
    let host = Extensions::new(None, Limits::default()).unwrap();
    let grants = grants.iter().map(|grant| grant.parse::<Grant>().unwrap()).collect();
    let plugin = host.node_setup(&Plugin::new("p"), "guard", wasm, grants).unwrap();
    assert!(plugin.check(&NodeFacts::default(), &Settings::new()).is_empty());
    plugin.make_plan(&NodeFacts::default(), &Settings::new())
}

#[test]
fn a_plan_comes_out_whole_under_the_plugins_name() {
    let plan = made(&package().plugin(1), &["package:fail2ban"]).unwrap();
    let item = &plan.items[0];
    assert_eq!((item.id.as_str(), item.resource.kind(), item.resource.name()), ("guard/package", "package", "fail2ban".into()));
    assert_eq!(item.why, "shuts out who guesses");
}

#[test]
fn what_was_not_granted_is_denied_as_a_whole_and_named() {
    for grants in [&[][..], &["package:nginx"], &["file:/etc/**"]] {
        let denied = Failure::Denied("plugin `p` wants package:fail2ban, which it was not granted".into());
        assert_eq!(made(&package().plugin(1), grants), Err(denied));
    }
    let everything_else = ["package", "file:/**", "unit", "sysctl", "firewall", "user:**", "group:**", "login:**"];
    let denied = Failure::Denied("plugin `p` wants command, which it was not granted".into());
    assert_eq!(made(&command().plugin(1), &everything_else), Err(denied));
    assert_eq!(made(&command().plugin(1), &["command"]).unwrap().items.len(), 1);
    // what leads out of the granted directory
    let mut link = Memory::new("link", "a shadow", LINK);
    link.text(12, "/opt/x/y");
    link.text(20, "../../etc/shadow");
    assert!(matches!(made(&link.plugin(1), &["file:/opt/x/**"]), Err(Failure::Denied(why)) if why.contains("etc/shadow")));
}

#[test]
fn a_plan_that_is_none_is_the_plugins_fault() {
    let mut control = package();
    control.text(12, "fail2ban\x1b[2J");
    let mut option = package();
    option.text(12, "--allow-downgrades");
    for (memory, told) in [(control, "is no name of a package"), (option, "is no name of a package")] {
        let Err(Failure::Internal(why)) = made(&memory.plugin(1), &["package"]) else { panic!("it is taken") };
        assert!(why.contains("plugin `p`") && why.contains(told) && !why.contains('\x1b'), "{why}");
    }
    // ten thousand items: the list is longer than the memory, or than what one answer holds
    for items in [10_001, u32::MAX / 128] {
        assert!(made(&package().plugin(items), &["package"]).is_err());
    }
}

#[test]
fn it_imports_values_and_the_log_and_nothing_else() {
    let (resolve, world) = world();
    let everything = encode(dummy_module(&resolve, world, ManglingAndAbi::Standard32), &resolve, world);
    let inspection = inspect(&everything).unwrap();
    assert_eq!((inspection.world, inspection.world.is_pure()), (World::NodeSetup, true));
    let host = Extensions::new(None, Limits::default()).unwrap();
    host.node_setup(&Plugin::new("p"), "p", &everything, Vec::new()).map(drop).unwrap();
    let wrong = host.customizer(&Plugin::new("p"), &everything).err().unwrap();
    let ExtensionError::Refused { source, .. } = wrong else { panic!("{wrong}") };
    assert_eq!(source, Refusal::OtherWorld { found: World::NodeSetup, wanted: World::Customizer });
}
