//! The interfaces `types` and `log`.

use super::{
    bindings::customizer::silver::plugin::{log, types},
    convert::failure,
};
use crate::host::{HostError, State, line, text};

impl types::Host for State {
    fn convert_failure(&mut self, error: HostError) -> wasmtime::Result<types::Failure> {
        match error {
            HostError::Failure(told) => Ok(failure(told)),
            HostError::Trap(error) => Err(error),
        }
    }
}

impl log::Host for State {
    fn emit(&mut self, level: log::Level, message: String, fields: Vec<(String, String)>) -> wasmtime::Result<()> {
        self.operation(1)?;
        let mut said = text(&message);
        for (name, value) in fields.iter().take(32) {
            said.extend([" ", &line(name), "=", &line(value)]);
        }
        let plugin = &self.plugin;
        match level {
            log::Level::Trace => tracing::trace!(plugin, "{said}"),
            log::Level::Debug => tracing::debug!(plugin, "{said}"),
            log::Level::Info => tracing::info!(plugin, "{said}"),
            log::Level::Warn => tracing::warn!(plugin, "{said}"),
            log::Level::Error => {
                tracing::error!(plugin, "{said}");
                self.complain(said);
            }
        }
        Ok(())
    }
}
