//! Who runs the applications of a server: the one place where that is decided.

use crate::{
    error::{CommandError, Result},
    exit::Exit,
};
use silver_agent::{
    apps::Apps,
    caddy::{Caddy, Settings, Tls},
    dirs::Dirs,
    systemd::Systemd,
};
use std::sync::Arc;

/// Processes by systemd, behind Caddy; and the port on which visitors come.
pub fn of(dirs: &Dirs) -> Result<(Arc<dyn Apps>, u16)> {
    let settings = Settings::load(dirs).map_err(|error| CommandError::new(Exit::Error, error))?;
    let port = if settings.tls == Tls::Off { settings.http_port } else { settings.https_port };
    let front = Caddy::new(dirs.clone(), settings);
    Ok((Arc::new(Systemd::new(dirs.clone(), Arc::new(front), port)), port))
}
