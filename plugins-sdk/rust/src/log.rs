//! The plugin's log. It is shown with `--verbose` and after a failure; it never affects a result.

use crate::bindings::customizer::silver::plugin::log as wit;

/// How important a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For the plugin's author.
    Trace,
    /// For whoever looks for a fault.
    Debug,
    /// Good to know.
    Info,
    /// May be wrong.
    Warn,
    /// Is wrong.
    Error,
}

/// Writes one line with its fields. Outside of the sandbox (a plugin that is built in, a unit test)
/// nothing happens.
pub fn emit(level: Level, message: &str, fields: &[(&str, &str)]) {
    if !cfg!(target_family = "wasm") {
        return;
    }
    let level = match level {
        Level::Trace => wit::Level::Trace,
        Level::Debug => wit::Level::Debug,
        Level::Info => wit::Level::Info,
        Level::Warn => wit::Level::Warn,
        Level::Error => wit::Level::Error,
    };
    let fields: Vec<(String, String)> = fields.iter().map(|&(name, value)| (name.into(), value.into())).collect();
    wit::emit(level, message, &fields);
}

/// Sends the message of a panic to the log, since `wasm32-unknown-unknown` has nowhere else to
/// put it. Called by the exported functions, once per instance.
#[doc(hidden)]
pub fn install_panic_hook() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| std::panic::set_hook(Box::new(|panic| emit(Level::Error, &panic.to_string(), &[("kind", "panic")]))));
}
