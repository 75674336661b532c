//! What the front does before and after an application.

use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// Can an application live below a path of a host?
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Subpath {
    /// It cannot: a location is a whole host.
    #[default]
    No,
    /// It can, and sees the whole path.
    Native,
    /// The path is taken off before it sees a request.
    Strip,
}

/// The rules of the front for one application. Addresses are below its location.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Front {
    /// Below a path of a host?
    pub subpath: Subpath,
    /// The largest request body in bytes.
    pub max_body: Option<u64>,
    /// Patterns of addresses that are refused, with all below them.
    pub deny: Vec<String>,
    /// Addresses that lead elsewhere; the first that fits counts.
    pub rewrite: Vec<Rewrite>,
    /// Headers of every answer.
    pub headers: Vec<(String, String)>,
    /// How long the application may be silent before it answers.
    pub timeout_ms: Option<u64>,
    /// Are upgrades passed on?
    pub websockets: bool,
    /// The address whose file is shown for what is not there, where no process is asked.
    pub not_found: Option<String>,
    /// Are visitors of all locations but the first sent to that one?
    #[serde(default, skip_serializing_if = "core::ops::Not::not")]
    pub canonical: bool,
}

impl Default for Front {
    fn default() -> Self {
        Self {
            subpath: Subpath::default(),
            max_body: None,
            deny: Vec::new(),
            rewrite: Vec::new(),
            headers: Vec::new(),
            timeout_ms: None,
            websockets: true,
            not_found: None,
            canonical: false,
        }
    }
}

/// One rewrite.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Rewrite {
    /// Pattern of the address.
    pub from: String,
    /// The other address, with `$1` for what the first star stands for. Of a redirect it may be one elsewhere:
    /// `https://…`.
    pub to: String,
    /// Only where no file is served.
    pub unless_file: bool,
    /// The visitor is told to ask there, with this status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect: Option<u16>,
}
