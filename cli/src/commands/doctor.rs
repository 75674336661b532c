use crate::{app_name, context::Context, error::Result, exit::Exit, node, portable};
use serde::Serialize;
use silver_core::{
    doctor::{self, About, Examination, Finding},
    node::Node,
};

/// Look for what is not as it was deployed: files of releases, and the set-up of a server
///
/// Ends with exit code 3 when something is found.
#[derive(Debug, clap::Args)]
pub struct Doctor {
    /// Only this application: its name, or a location
    app: Option<String>,
    /// Read every file, also where its times say that nobody touched it
    #[arg(long)]
    thorough: bool,
    /// List what exists on this machine only, and would be lost with it
    #[arg(long, conflicts_with_all = ["app", "thorough"])]
    portable: bool,
}

#[derive(Serialize)]
struct Row {
    node: String,
    app: Option<String>,
    release: Option<String>,
    current: Option<bool>,
    resource: Option<String>,
    finding: String,
    detail: String,
}

impl Doctor {
    pub fn run(self, context: &Context) -> Result {
        if self.portable {
            context.ui.list(&portable::list(context)?, "nothing of silver exists on this machine only")?;
            return Ok(Exit::Done);
        }
        context.block_on(async {
            let node = node::connect(context)?;
            let only = match &self.app {
                Some(app) => Some(app_name::find(&node, app).await?.app),
                None => None,
            };
            let seen = doctor::examine(&node, only.as_deref(), self.thorough).await?;
            let rows: Vec<Row> = seen.findings.iter().map(|finding| row(node.name(), finding)).collect();
            context.ui.list(&rows, &fine(&seen))?;
            for hint in hints(node.name(), &seen.findings) {
                context.ui.hint(&hint);
            }
            Ok(if rows.is_empty() { Exit::Done } else { Exit::Differences })
        })
    }
}

fn row(node: &str, finding: &Finding) -> Row {
    let (app, release, current, resource) = match &finding.about {
        About::Release { app, label, current } => (Some(app.clone()), Some(label.clone()), Some(*current), None),
        About::Resource(id) => (None, None, None, Some(id.clone())),
        About::Setup => (None, None, None, None),
    };
    Row { node: node.into(), app, release, current, resource, finding: finding.finding.clone(), detail: finding.detail.clone() }
}

fn fine(seen: &Examination) -> String {
    let releases = format!("the files of {} releases of {} applications are as they were deployed", seen.releases, seen.apps);
    match seen.resources {
        0 => releases,
        count => format!("{releases}, and {count} resources of the set-up are in place"),
    }
}

/// One way out for each thing, however much of it was found.
fn hints(node: &str, findings: &[Finding]) -> Vec<String> {
    let mut hints: Vec<String> = Vec::new();
    for finding in findings {
        let hint = match &finding.about {
            About::Release { app, label, current: true } => {
                format!("`silver update` with the pack of {app} that is deployed lays {label} out anew")
            }
            About::Release { label, current: false, .. } => {
                format!("{label} does not serve; do not roll back to it before you know who changed it")
            }
            About::Resource(_) | About::Setup => format!("`silver setup-node {node}` puts the set-up right"),
        };
        if !hints.contains(&hint) {
            hints.push(hint);
        }
    }
    hints
}
