//! What silver promises to its users, tried through the binary. One file for each promise.

mod app_plugins;
mod assemble;
mod bad_input;
mod broken_release;
mod content;
mod crash;
mod customize;
mod declared;
mod diff;
mod doctor;
mod explain;
mod front;
mod full_disk;
mod grants;
mod hostile_pack;
mod hostile_plugin;
mod index;
mod interrupt;
mod layers;
mod listed;
mod manage_app;
mod meanwhile;
mod operate;
mod operators;
mod output;
mod pack;
mod pack_from;
mod plan;
mod plugin;
mod recipes;
mod registry;
mod rollback;
mod runtimes;
mod secrets;
mod serve;
mod sign;
mod template;
mod trac;
mod trac_upgrade;
mod tutorial;
mod update;
mod writes;

#[path = "../../../packs/pack/src/archive/tests/raw.rs"]
#[allow(dead_code, reason = "the reader's own tests use all of it")]
mod raw;
#[path = "../../../host/extensions/src/tests/wasm.rs"]
mod wasm;
