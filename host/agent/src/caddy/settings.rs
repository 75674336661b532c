//! What the operator says about the front of a server: `/etc/silver/front.toml`.

use crate::{
    dirs::Dirs,
    disk::{DiskError, read_optional},
};
use serde::Deserialize;
use std::{path::PathBuf, time::Duration};

/// When Caddy takes a new configuration, the servers of the former one answer for so long beside the new ones.
const HANDOVER: Duration = Duration::from_secs(1);

/// `front.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Settings {
    /// Who signs the certificates.
    pub tls: Tls,
    /// Whom the certificate authority tells that a certificate ends.
    pub email: Option<String>,
    /// Directory of another ACME authority than Caddy's own choice.
    pub ca: Option<String>,
    /// Where plain HTTP is answered.
    pub http_port: u16,
    /// Where HTTPS is answered.
    pub https_port: u16,
    /// How long the servers of two configurations of Caddy answer side by side; not the operator's to say.
    #[serde(skip)]
    pub handover: Duration,
}

/// Who signs certificates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tls {
    /// A public authority: each location has to be reached from the internet under its name.
    #[default]
    Acme,
    /// Caddy itself: for machines that nobody outside knows. Visitors have to trust its root.
    Internal,
    /// Nobody: plain HTTP, behind something that speaks HTTPS.
    Off,
}

impl Default for Settings {
    fn default() -> Self {
        Self { tls: Tls::default(), email: None, ca: None, http_port: 80, https_port: 443, handover: HANDOVER }
    }
}

/// The settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// They cannot be read.
    #[error(transparent)]
    Disk(#[from] DiskError),
    /// They make no sense.
    #[error("{} makes no sense", .path.display())]
    Toml {
        /// The file.
        path: PathBuf,
        /// Where and why.
        #[source]
        source: Box<toml::de::Error>,
    },
}

impl Settings {
    /// Those of this server; the defaults where nobody has said anything.
    pub fn load(dirs: &Dirs) -> Result<Self, SettingsError> {
        let path = dirs.config.join("front.toml");
        let Some(bytes) = read_optional(&path)? else { return Ok(Self::default()) };
        toml::from_str(&String::from_utf8_lossy(&bytes)).map_err(|source| SettingsError::Toml { path, source: Box::new(source) })
    }

    /// The port that visitors use.
    pub(super) fn port(&self) -> u16 {
        if self.tls == Tls::Off { self.http_port } else { self.https_port }
    }

    /// How visitors come.
    pub(super) fn scheme(&self) -> &'static str {
        if self.tls == Tls::Off { "http" } else { "https" }
    }

    /// The name of a host in a `Host` header.
    pub(super) fn authority(&self, host: &str) -> String {
        match self.port() {
            80 | 443 => host.to_owned(),
            port => format!("{host}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_write() {
        let home = tempfile::tempdir().unwrap();
        let dirs = Dirs::server_below(home.path());
        assert_eq!(Settings::load(&dirs).unwrap(), Settings::default());
        std::fs::create_dir_all(&dirs.config).unwrap();
        let path = dirs.config.join("front.toml");
        std::fs::write(&path, "tls = \"internal\"\nhttps-port = 8443\n").unwrap();
        let settings = Settings::load(&dirs).unwrap();
        assert_eq!((settings.tls, settings.authority("a.example")), (Tls::Internal, "a.example:8443".to_owned()));
        std::fs::write(&path, "tsl = \"off\"\n").unwrap();
        let wrong = Settings::load(&dirs).unwrap_err();
        assert!(crate::disk::words(&wrong).contains("front.toml") && crate::disk::words(&wrong).contains("tsl"), "{wrong:?}");
    }
}
