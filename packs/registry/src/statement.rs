//! What an event says: an in-toto Statement v1 whose predicate is a [`Record`].
//!
//! Statements hold names of secrets, never values. Times are RFC 3339 texts that the writer gives;
//! the registry reads no clock.

mod change;
mod event;

pub use change::{Change, Lost, Previous, ReleaseRecord, SecretGeneration};
pub use event::{
    BackupTaken, Cleared, CloneOf, Drift, Event, EventKind, Overridden, Redacted, Restored, Rotation, Session, SetUp, Trusted,
};

use serde::{Deserialize, Serialize};
use silver_plugin_api::Digest;

/// The type of every statement: in-toto Statement v1.
pub const STATEMENT_TYPE: &str = "https://in-toto.io/Statement/v1";
/// The type of every predicate.
pub const PREDICATE_TYPE: &str = "urn:silver:event:1";

/// An in-toto Statement v1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Statement {
    #[serde(rename = "_type")]
    kind: String,
    subject: Vec<Subject>,
    predicate_type: String,
    predicate: Record,
}

/// What a statement is about: a release and the digest of its tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// Label of the release.
    pub name: String,
    /// Its tree.
    pub digest: SubjectDigest,
}

/// in-toto's form of a digest: algorithm → hex digits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubjectDigest {
    /// 64 hex digits.
    pub sha256: String,
}

/// The predicate: who did what to which application on which node, when and why.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Record {
    /// Where.
    pub node: NodeIdentity,
    /// The application's name; absent for events of the node itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<String>,
    /// Who.
    pub by: Operator,
    /// Why, in the operator's words (`--reason`), ticket included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The node's clock when it began.
    pub started: String,
    /// The node's clock when it ended.
    pub ended: String,
    /// The client's clock when it was submitted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_time: Option<String>,
    /// Version of the agent.
    pub silver: String,
    /// Version of the client.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_silver: Option<String>,
    /// What.
    pub event: Event,
}

/// The node as it knows itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct NodeIdentity {
    /// Its name; `local` is this machine.
    pub name: String,
    /// Its SSH host key; the local node has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_key: Option<String>,
    /// Digest of the node-setup plan that is in force (the setup version).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub setup: Option<Digest>,
}

/// Who asked for it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Operator {
    /// As the client says: `user@host`.
    pub claimed: String,
    /// The SSH key that the node saw.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The operator's SSH signature over the plan's digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<String>,
}

impl Statement {
    /// The statement that makes `record` known. Its subject is the release that the record names.
    pub fn new(record: Record) -> Self {
        let subject = record
            .event
            .subject()
            .map(|(label, tree)| Subject { name: label.to_owned(), digest: SubjectDigest { sha256: tree.hex() } });
        Self {
            kind: STATEMENT_TYPE.into(),
            subject: subject.into_iter().collect(),
            predicate_type: PREDICATE_TYPE.into(),
            predicate: record,
        }
    }

    /// What it says.
    pub fn record(&self) -> &Record {
        &self.predicate
    }

    /// What it is about.
    pub fn subject(&self) -> &[Subject] {
        &self.subject
    }

    /// Reads a statement; the text says why it is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let statement: Self = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        match (statement.kind.as_str(), statement.predicate_type.as_str()) {
            (STATEMENT_TYPE, PREDICATE_TYPE) => Ok(statement),
            (STATEMENT_TYPE, other) | (other, _) => Err(format!("it is a `{other}`")),
        }
    }

    /// The bytes that are signed.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a statement has only text keys")
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A record to play with.
    pub(crate) fn sample(app: &str, event: Event) -> Record {
        Record {
            node: NodeIdentity { name: "local".into(), ..NodeIdentity::default() },
            app: Some(app.into()),
            by: Operator { claimed: "ann@desk".into(), ..Operator::default() },
            reason: Some("ticket 7".into()),
            started: "2026-11-22T10:00:00Z".into(),
            ended: "2026-11-22T10:00:05Z".into(),
            client_time: Some("2026-11-22T09:59:59Z".into()),
            silver: "0.1.0".into(),
            client_silver: Some("0.1.0".into()),
            event,
        }
    }

    #[test]
    fn the_subject_is_the_releases_tree() {
        let release = ReleaseRecord { label: "trac.20261122_1".into(), ..ReleaseRecord::default() };
        let statement = Statement::new(sample("trac", Event::Deploy(Change { release: Some(release), ..Change::default() })));
        assert_eq!(statement.subject()[0].name, "trac.20261122_1");
        assert_eq!(statement.subject()[0].digest.sha256, "0".repeat(64));
        let json: serde_json::Value = serde_json::from_slice(&statement.to_bytes()).unwrap();
        assert_eq!(json["_type"], STATEMENT_TYPE);
        assert_eq!(json["predicateType"], PREDICATE_TYPE);
        assert_eq!(json["predicate"]["event"]["kind"], "deploy");
        assert_eq!(json["predicate"]["event"]["release"]["label"], "trac.20261122_1");
    }

    #[test]
    fn every_kind_round_trips_under_its_own_word() {
        for kind in EventKind::ALL {
            let event = Event::empty(kind);
            assert_eq!(event.kind(), kind);
            let statement = Statement::new(sample("trac", event));
            let bytes = statement.to_bytes();
            let json: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
            assert_eq!(json["predicate"]["event"]["kind"], kind.as_str());
            assert_eq!(Statement::parse(&bytes).unwrap(), statement);
            assert_eq!(kind.as_str().parse::<EventKind>(), Ok(kind));
        }
    }

    #[test]
    fn another_type_is_refused_by_name() {
        let bytes = Statement::new(sample("trac", Event::empty(EventKind::Enable))).to_bytes();
        let text = String::from_utf8(bytes).unwrap();
        assert!(Statement::parse(text.replace("silver:event:1", "silver:event:9").as_bytes()).unwrap_err().contains("event:9"));
    }
}
