//! `[pack]`: what the pack is.

use super::scalar::Name;
use crate::platform::Platform;
use schemars::JsonSchema;
use semver::{Version, VersionReq};
use serde::{Deserialize, Serialize};
use silver_plugin_api::TreePath;

/// `[pack]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PackInfo {
    /// Stable identity, with the publisher's key: `org.edgewall.trac`.
    #[schemars(regex(pattern = r"^[a-z0-9-]+(\.[a-z0-9-]+)+$"))]
    pub id: String,
    /// Default name of the application.
    pub name: Name,
    /// Of the pack: semver.
    #[schemars(with = "String")]
    pub version: Version,
    /// Of the application: free text. Default: the pack's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_version: Option<String>,
    /// One line.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub summary: String,
    /// Some paragraphs.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// SPDX expression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
    /// Web page of the application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub homepage: Option<String>,
    /// Where its sources are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Where its documentation is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub documentation: Option<String>,
    /// Who looks after the pack.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub maintainers: Vec<String>,
    /// A picture in the pack.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub icon: Option<TreePath>,
    /// Words to find it by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Versions of silver that can deploy it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub silver: Option<VersionReq>,
    /// More requirements on silver's version, each with its reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requires: Vec<Requirement>,
    /// Platform of the native code inside, e.g. `linux-x86_64-gnu2.36`, or `linux-x86_64-gnu2.36-cp311`
    /// where one interpreter is needed; absent: any. Recorded by `silver pack`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// The oldest version that this one can be deployed over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub min_upgradable_version: Option<Version>,
    /// A file of the pack that is shown after a deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>")]
    pub notes: Option<TreePath>,
}

/// `[[pack.requires]]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Requirement {
    /// Versions of silver.
    #[schemars(with = "String")]
    pub version: VersionReq,
    /// Why.
    pub reason: String,
}

impl PackInfo {
    /// Version of the application: `app-version`, or the pack's.
    pub fn app_version(&self) -> String {
        self.app_version.clone().unwrap_or_else(|| self.version.to_string())
    }

    /// The requirement that this version of silver does not meet, and its reason.
    pub fn unmet(&self, silver: &Version) -> Option<(&VersionReq, &str)> {
        let own = self.silver.iter().map(|version| (version, "`[pack] silver` asks for it"));
        let more = self.requires.iter().map(|requirement| (&requirement.version, requirement.reason.as_str()));
        own.chain(more).find(|(version, _)| !version.matches(silver))
    }
}
