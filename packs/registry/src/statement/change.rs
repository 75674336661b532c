//! The record of a change of an application: deployments, rollbacks, switching on and off.

use serde::{Deserialize, Serialize};
use silver_plugin_api::{
    Digest, Settings,
    plan::{DataClass, Outcome, OutcomeKind, PackRef, Release, Transition},
};

/// A change, whether it succeeded or not. The client's part comes from the plan
/// ([`Change::of`]), the rest is what the node observed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Change {
    /// Id of the transition, the journal's name.
    pub transition: String,
    /// How it ended.
    pub outcome: OutcomeKind,
    /// The step that failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_step: Option<String>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What failed while undoing, step by step.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undo_errors: Vec<String>,
    /// The release that was to become current; absent when the release stayed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<ReleaseRecord>,
    /// The release that was current before, as the node observed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Previous>,
    /// Label of the release that is current after it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<String>,
    /// Locations, the canonical one first.
    pub locations: Vec<String>,
    /// Digest of the plan as it was shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Digest>,
    /// Digest of the customization directory; with bases, of the names and digests of all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customization: Option<Digest>,
    /// The directories of a customization with bases, by name and digest; the site's own has no name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub customization_layers: Vec<(String, Digest)>,
    /// VCS revision of the customization directory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customization_revision: Option<String>,
    /// The blob that says of every path why it is what it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasons: Option<Digest>,
    /// Silver's plugins that took part: file and digest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plugins: Vec<(String, Digest)>,
    /// The application's own plugins: name and version.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub app_plugins: Vec<(String, String)>,
    /// Flags that loosened a check.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub loosened: Vec<String>,
    /// What the migration did to the data.
    #[serde(default)]
    pub data: DataClass,
    /// The checkpoint that was taken before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<String>,
    /// Writes that were lost by it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost: Option<Lost>,
    /// Milliseconds during which requests were held or refused.
    #[serde(default)]
    pub closed_ms: u64,
    /// Files of the previous release that were altered, missing or extra.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub drift: Vec<String>,
    /// Digest of the tree as it was read back from the disk after laying it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified: Option<Digest>,
    /// Versions of the interpreter and the distribution's packages that it runs on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<(String, String)>,
    /// Room to grow.
    #[serde(default, skip_serializing_if = "Settings::is_empty")]
    pub extra: Settings,
}

/// A release as the registry keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ReleaseRecord {
    /// `trac.20261122_1`.
    pub label: String,
    /// Its id.
    pub id: Digest,
    /// Its tree.
    pub tree: Digest,
    /// The pack: id, versions, digests, state of the signature.
    pub pack: PackRef,
    /// Settings by value.
    #[serde(default, skip_serializing_if = "Settings::is_empty")]
    pub settings: Settings,
    /// Secrets by name and generation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<SecretGeneration>,
    /// Digest of the interpreter's environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Digest>,
    /// The interpreter: `python3.11 3.11.2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interpreter: Option<String>,
    /// `static`, `python`, `command`, …
    pub runtime: String,
}

/// Which generation of a secret a release was made with.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SecretGeneration {
    /// Name; the value is nowhere in the registry.
    pub name: String,
    /// Generation, counted from 1; 0 when it is not known.
    pub generation: u64,
}

/// The release that was current before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Previous {
    /// Its label.
    pub label: String,
    /// Its id.
    pub id: Digest,
    /// Its tree.
    pub tree: Digest,
}

/// A window of time whose writes were lost.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Lost {
    /// RFC 3339.
    pub from: String,
    /// RFC 3339.
    pub to: String,
}

impl Change {
    /// What plan and outcome say; the caller adds what the node observed (`previous`, `drift`,
    /// `verified`, `checkpoint`, `packages`, secret generations).
    pub fn of(transition: &Transition, outcome: &Outcome) -> Self {
        let told = &transition.deployment;
        Self {
            transition: transition.id.clone(),
            outcome: outcome.kind,
            failed_step: outcome.failed_step.clone(),
            message: outcome.message.clone(),
            undo_errors: outcome.undo_errors.clone(),
            release: transition.release.as_ref().map(|(label, release)| ReleaseRecord::of(label, release)),
            current: outcome.current.clone(),
            locations: transition.locations.clone(),
            plan: told.plan,
            customization: told.customization,
            customization_layers: told.customization_layers.clone(),
            customization_revision: told.customization_revision.clone(),
            reasons: told.reasons,
            plugins: told.plugins.clone(),
            app_plugins: told.app_plugins.clone(),
            loosened: told.loosened.clone(),
            data: transition.data,
            closed_ms: outcome.closed_ms,
            extra: told.extra.clone(),
            ..Self::default()
        }
    }
}

impl ReleaseRecord {
    /// What the registry keeps of a release; generations are not known yet.
    pub fn of(label: &str, release: &Release) -> Self {
        let environment = release.environment.as_ref();
        Self {
            label: label.into(),
            id: release.id,
            tree: release.tree,
            pack: release.pack.clone(),
            settings: release.settings.clone(),
            secrets: release.secrets.iter().map(|secret| SecretGeneration { name: secret.name.clone(), generation: 0 }).collect(),
            environment: environment.map(|environment| environment.id),
            interpreter: environment.map(|environment| environment.interpreter.clone()),
            runtime: release.runtime.clone(),
        }
    }
}

impl Default for Change {
    fn default() -> Self {
        Self {
            transition: String::new(),
            outcome: OutcomeKind::Done,
            failed_step: None,
            message: None,
            undo_errors: Vec::new(),
            release: None,
            previous: None,
            current: None,
            locations: Vec::new(),
            plan: None,
            customization: None,
            customization_layers: Vec::new(),
            customization_revision: None,
            reasons: None,
            plugins: Vec::new(),
            app_plugins: Vec::new(),
            loosened: Vec::new(),
            data: DataClass::Unchanged,
            checkpoint: None,
            lost: None,
            closed_ms: 0,
            drift: Vec::new(),
            verified: None,
            packages: Vec::new(),
            extra: Settings::new(),
        }
    }
}

#[cfg(test)]
impl Default for ReleaseRecord {
    fn default() -> Self {
        let none = Digest::from_bytes([0; 32]);
        let text = String::new;
        Self {
            label: text(),
            id: none,
            tree: none,
            pack: PackRef {
                id: text(),
                name: text(),
                version: text(),
                app_version: text(),
                digest: none,
                archive: none,
                signature: "unsigned".into(),
                rotated_from: Vec::new(),
            },
            settings: Settings::new(),
            secrets: Vec::new(),
            environment: None,
            interpreter: None,
            runtime: text(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statement::{Event, Statement, tests::sample};
    use silver_plugin_api::{
        TreePath,
        plan::{
            Deployment, FileFormat, Listen, Overlap, Part, Process, Rendered, RenderedSource, Secret, SecretSource, SetKey,
            TransitionKind, Value,
        },
    };
    use std::collections::BTreeMap;

    const CANARY: &str = "canary-5e1f0c2a9b";

    /// A release that shows a value wherever one could stand but in the settings.
    fn release() -> Release {
        let none = Digest::from_bytes([0; 32]);
        let value = || Value(vec![Part::Text(CANARY.into()), Part::Secret("token".into())]);
        let set = SetKey { key: "a.b".into(), value: value() };
        Release {
            id: none,
            app: "hello".into(),
            pack: ReleaseRecord::default().pack,
            tree: none,
            settings: Settings::from([("title".into(), "Hello".into())]),
            secrets: vec![Secret { name: "token".into(), source: SecretSource::Given }],
            environment: None,
            runtime: "python".into(),
            layout_root: TreePath::root(),
            processes: vec![Process {
                name: "web".into(),
                argv: vec![CANARY.into()],
                count: 1,
                listen: Listen::Socket,
                memory: None,
                stop_signal: "TERM".into(),
                stop_timeout_ms: 0,
                singleton: false,
            }],
            env: vec![("TOKEN".into(), value())],
            rendered: vec![Rendered {
                path: TreePath::root(),
                source: RenderedSource::Keys { format: FileFormat::Ini, base: TreePath::root(), set: vec![set] },
            }],
            state: vec![],
            hooks: BTreeMap::new(),
            statics: vec![],
            assets: vec![],
            checks: vec![],
            probes: vec![],
            overlap: Overlap::Web,
            services: vec![],
            front: silver_plugin_api::plan::Front::default(),
            assemble: Vec::new(),
            cron: Vec::new(),
            content: Vec::new(),
            extra: Settings::from([("x".into(), CANARY.into())]),
        }
    }

    #[test]
    fn a_secret_is_recorded_by_name_and_nothing_else_that_could_hold_its_value() {
        let transition = Transition {
            id: "1".into(),
            kind: TransitionKind::Deploy,
            app: "hello".into(),
            parent: None,
            release: Some(("hello.20261122_1".into(), release())),
            locations: vec!["hello.localhost".into()],
            data: DataClass::Unchanged,
            steps: vec![],
            deployment: Deployment::default(),
        };
        let outcome = Outcome {
            kind: OutcomeKind::Reverted,
            failed_step: Some("check".into()),
            message: Some("it does not answer".into()),
            log: vec![format!("the application says: {CANARY}")],
            undo_errors: vec![],
            current: None,
            event: None,
            closed_ms: 0,
        };
        let change = Change::of(&transition, &outcome);
        assert_eq!(change.release.as_ref().unwrap().secrets[0].name, "token");
        let text = String::from_utf8(Statement::new(sample("hello", Event::Deploy(change))).to_bytes()).unwrap();
        assert!(text.contains("\"token\"") && text.contains("Hello") && text.contains("it does not answer"), "{text}");
        assert!(!text.contains(CANARY), "{text}");
    }
}
