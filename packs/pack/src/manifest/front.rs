//! `[front]`: what the front does before and after the application.

use super::scalar::{ByteSize, Span};
use crate::address::Pattern;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use silver_plugin_api::plan::{self, Subpath};
use std::collections::BTreeMap;

/// `[front]`. Addresses are paths below the application's location, as a visitor means them:
/// whatever is escaped is decoded, and `.` and `..` are followed, before a rule is looked at.
///
/// The order: `deny`, then the first `rewrite` that fits, then public state, assets and static
/// files, then the rewrites with `unless-file`, then the application.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Front {
    /// Can the application live below a path of a host? `no`: a location is a whole host, another
    /// one is refused when an update is planned. `native`: it is told by `SILVER_BASE_PATH` and
    /// sees the whole path. `strip`: the path is taken off before it sees a request and put before
    /// redirects of its own; it is told by `SILVER_BASE_PATH` and the header
    /// `X-Forwarded-Prefix`, and its pages have to use relative addresses.
    #[serde(default)]
    #[schemars(schema_with = "subpaths")]
    pub subpath: Subpath,
    /// The largest request body; a larger one is answered with 413. Default: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_body: Option<ByteSize>,
    /// Addresses that are answered with 403, with all that lies below them: `["/.git",
    /// "/**/*.sql"]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deny: Vec<Pattern>,
    /// Addresses that lead to other addresses of the application, without the visitor noticing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rewrite: Vec<RewriteDef>,
    /// Headers that every answer gets, instead of those that the application gives.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// How long the application may be silent before it begins to answer; then the visitor gets
    /// 504. Default: 2 minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Span>,
    /// Are WebSockets and other upgrades passed on? If not, the application sees an ordinary
    /// request.
    #[serde(default = "yes")]
    pub websockets: bool,
    /// For `static`: the address whose file is shown, with 404, for what is not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_found: Option<String>,
    /// Are visitors of all locations but the first, the canonical one, sent to that one? An operator can say
    /// otherwise.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub canonical: bool,
}

/// `[[front.rewrite]]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RewriteDef {
    /// Which addresses: `/wiki/*`. `*` is anything within a segment, `**` anything at all.
    pub from: Pattern,
    /// Where they lead: `/index.php?title=$1`; `$1` is what the first star stood for. The query
    /// of the request is kept. A redirect may also lead elsewhere: `https://docs.example.org/$1`.
    pub to: String,
    /// Only where no file is served: `{ from = "/**", to = "/index.html", unless-file = true }`
    /// for an application of one page.
    #[serde(default)]
    pub unless_file: bool,
    /// The visitor is told to ask there, with this status: 301 or 308 for good, 302, 303 or 307 for now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "redirects")]
    pub redirect: Option<u16>,
}

/// What a redirect can be answered with.
pub const REDIRECTS: [u16; 5] = [301, 302, 303, 307, 308];

impl Default for Front {
    fn default() -> Self {
        Self {
            subpath: Subpath::default(),
            max_body: None,
            deny: Vec::new(),
            rewrite: Vec::new(),
            headers: BTreeMap::new(),
            timeout: None,
            websockets: true,
            not_found: None,
            canonical: false,
        }
    }
}

impl Front {
    /// As a release has it.
    pub fn resolve(&self) -> plan::Front {
        plan::Front {
            subpath: self.subpath,
            max_body: self.max_body.map(ByteSize::bytes),
            deny: self.deny.iter().map(ToString::to_string).collect(),
            rewrite: self
                .rewrite
                .iter()
                .map(|rule| plan::Rewrite {
                    from: rule.from.to_string(),
                    to: rule.to.clone(),
                    unless_file: rule.unless_file,
                    redirect: rule.redirect,
                })
                .collect(),
            headers: self.headers.clone().into_iter().collect(),
            timeout_ms: self.timeout.map(Span::as_millis),
            websockets: self.websockets,
            not_found: self.not_found.clone(),
            canonical: self.canonical,
        }
    }
}

fn yes() -> bool {
    true
}

fn redirects(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "enum": [301, 302, 303, 307, 308] })
}

fn subpaths(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "enum": ["no", "native", "strip"], "default": "no" })
}
