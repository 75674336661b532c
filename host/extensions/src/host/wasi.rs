//! WASI 0.2 as far as toolchains of other languages insist on it, and nothing of the world in it: a
//! clock that stands still, randomness that is always the same, no arguments, no environment, no
//! files, standard input at its end, standard output and error that end in the plugin's log.
//!
//! It is linked for what a component imports and for nothing else. [`ALLOWED`] is the whole of
//! it: sockets and HTTP are not there, so a component that imports them is refused before it is compiled.
//! Every answer is a constant, so a merge stays a pure function of its arguments. A function of
//! an allowed interface that has no answer here ends the call by name.
//!
//! The interfaces are defined by hand and not from the WIT of WASI: these are thirty of some two
//! hundred functions, each component imports those of its own minor release, and wasmtime checks the
//! types when it links.

mod answers;
mod output;

use super::state::State;
use wasmtime::{
    Engine,
    component::{Component, Linker, LinkerInstance, ResourceType, types::ComponentItem},
};

pub(crate) use output::Output;

/// The interfaces of WASI 0.2 that a plugin may import, without their version.
pub(crate) const ALLOWED: [&str; 18] = [
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stderr",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/terminal-input",
    "wasi:cli/terminal-output",
    "wasi:cli/terminal-stderr",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/wall-clock",
    "wasi:filesystem/preopens",
    "wasi:filesystem/types",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:random/random",
];

/// Those of `wasi:random` that promise less.
const INSECURE: [&str; 2] = ["wasi:random/insecure", "wasi:random/insecure-seed"];

/// The interface's name without its version, if plugins may import it: one of [`ALLOWED`], of WASI 0.2.
pub(crate) fn allowed(import: &str) -> Option<&'static str> {
    let (name, version) = import.split_once('@')?;
    let mut numbers = version.split('.');
    let known = (numbers.next(), numbers.next()) == (Some("0"), Some("2"));
    let patch = numbers.next().is_some_and(|patch| !patch.is_empty() && patch.bytes().all(|byte| byte.is_ascii_digit()));
    let found = ALLOWED.iter().chain(&INSECURE).find(|allowed| **allowed == name)?;
    (known && patch && numbers.next().is_none()).then_some(found)
}

/// Links what the component imports of WASI.
pub(crate) fn link(linker: &mut Linker<State>, engine: &Engine, component: &Component) -> wasmtime::Result<()> {
    for (import, item) in component.component_type().imports(engine) {
        let (Some(interface), ComponentItem::ComponentInstance(instance)) = (allowed(import), item.ty) else { continue };
        let mut into = linker.instance(import)?;
        for (name, item) in instance.exports(engine) {
            match item.ty {
                ComponentItem::Resource(_) => into.resource(name, resource(name), |_, _| Ok(()))?,
                ComponentItem::ComponentFunc(_) if !answers::define(&mut into, interface, name)? => {
                    absent(&mut into, interface, name)?;
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// One type for each resource that a plugin can hold, and one for all that it never gets.
fn resource(name: &str) -> ResourceType {
    match name {
        "input-stream" => ResourceType::host::<answers::InputStream>(),
        "output-stream" => ResourceType::host::<answers::OutputStream>(),
        "pollable" => ResourceType::host::<answers::Pollable>(),
        _ => ResourceType::host::<answers::Never>(),
    }
}

/// A function that ends the call.
fn absent(into: &mut LinkerInstance<'_, State>, interface: &'static str, name: &str) -> wasmtime::Result<()> {
    let message = format!("it called `{interface}` `{name}`, which plugins do not have");
    into.func_new(name, move |_, _, _, _| Err(wasmtime::Error::msg(message.clone())))
}
