//! What on a node is not as it was deployed or set up.

use crate::{
    node::{Node, NodeError},
    setup,
};
use silver_plugin_api::plan::ReleaseDrift;

/// What was looked at, and what was found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Examination {
    /// So many applications.
    pub apps: usize,
    /// So many releases of them.
    pub releases: usize,
    /// So many resources of the node's set-up.
    pub resources: usize,
    /// What is not as it shall be; what serves first.
    pub findings: Vec<Finding>,
}

/// Something that is not as it shall be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What it is about: a release, or a resource of the set-up.
    pub about: About,
    /// `altered`, `missing`, `extra`; of resources `differs`, `unknown`; of a set-up as a whole `incomplete`, `none`.
    pub finding: String,
    /// Which file, or what is and what shall be.
    pub detail: String,
}

/// What a finding is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum About {
    /// A release of an application.
    Release {
        /// The application.
        app: String,
        /// The release's label.
        label: String,
        /// Does it serve?
        current: bool,
    },
    /// A resource of the set-up, by its id.
    Resource(String),
    /// The set-up as a whole.
    Setup,
}

/// Looks at all applications, or `only` one, and without one at the set-up. `thorough`: every file is read,
/// also where its times say that nobody touched it.
pub async fn examine(node: &dyn Node, only: Option<&str>, thorough: bool) -> Result<Examination, NodeError> {
    let mut seen = Examination::default();
    let mut older = Vec::new();
    for report in node.apps().await?.into_iter().filter(|report| only.is_none_or(|only| only == report.app)) {
        seen.apps += 1;
        for release in node.drift(&report.app, thorough).await? {
            seen.releases += 1;
            let found = of_release(&report.app, &release);
            if release.current { seen.findings.extend(found) } else { older.extend(found) }
        }
    }
    seen.findings.extend(older);
    if only.is_none() && node.name() != LOCAL {
        of_setup(node, &mut seen).await?;
    }
    Ok(seen)
}

/// The one node that is not set up: this machine as it is.
const LOCAL: &str = "local";

fn of_release(app: &str, release: &ReleaseDrift) -> Vec<Finding> {
    let about = About::Release { app: app.into(), label: release.label.clone(), current: release.current };
    let finding = |said: &String| {
        let (detail, finding) = match said.strip_suffix(')').and_then(|said| said.rsplit_once(" (")) {
            Some((path, how)) => (path.to_owned(), how.to_owned()),
            None => (said.clone(), "altered".to_owned()), // «and 7 more»
        };
        Finding { about: about.clone(), finding, detail }
    };
    release.paths.iter().map(finding).collect()
}

async fn of_setup(node: &dyn Node, seen: &mut Examination) -> Result<(), NodeError> {
    let mut say = |about, finding: &str, detail: String| seen.findings.push(Finding { about, finding: finding.into(), detail });
    let state = node.resources(None).await?;
    let Some(last) = &state.last else {
        say(About::Setup, "none", "it was never set up".into());
        return Ok(());
    };
    if !last.complete {
        say(About::Setup, "incomplete", format!("the set-up of {} was not brought to its end", last.at));
    }
    match setup::propose(&last.plan, &state) {
        Err(flaws) => {
            let flaw = flaws.first().map(ToString::to_string).unwrap_or_default();
            say(About::Setup, "unknown", format!("the node's last set-up makes no sense: {flaw}"));
        }
        Ok(proposal) => {
            for change in &proposal.changes {
                say(About::Resource(change.id.clone()), "differs", change.line());
            }
            for unknown in &proposal.unknown {
                say(
                    About::Resource(unknown.id.clone()),
                    "unknown",
                    format!("{} {}: {}", unknown.kind, unknown.name, unknown.why),
                );
            }
            seen.resources = last.plan.items.len();
        }
    }
    Ok(())
}
