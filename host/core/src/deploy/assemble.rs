//! Build steps (`[[assemble]]`): what they make becomes part of the tree, and of the release's id.
//!
//! What the node has made before from exactly the same is known when an update is planned, so that
//! an update without changes is one. What has to be run is run while the release is staged; then
//! tree and id are filled in, and nothing else of the plan.

use super::{DeployError, Resolved};
use crate::{
    node::{Node, Parts, Session},
    progress::Listener,
    resolve,
};
use silver_pack::{globs, hash, listing::Listing, overlay::Change};
use silver_plugin_api::{
    TreePath,
    plan::{Assembly, Release},
};

/// In a command that builds an environment: what follows is a file of the tree.
const TREE: &str = "${SILVER_TREE_DIR}/";

impl Resolved {
    /// Are there steps whose results are not in the tree?
    pub(super) fn has_steps_to_run(&self) -> bool {
        self.wanted.assembled < self.wanted.release.assemble.len()
    }

    /// Adds what the node knows of the build steps to the tree; the directories of those steps that would
    /// have to be run. `locations` are those of the application.
    pub async fn take_assembled(&mut self, node: &dyn Node, locations: &[String]) -> Result<Vec<TreePath>, DeployError> {
        self.take_known(node, locations, usize::MAX).await?;
        Ok(self.wanted.release.assemble[self.wanted.assembled..].iter().map(|step| step.outputs.clone()).collect())
    }

    /// Adds what the node knows of the first `at_most` steps, up to the first that has to be run.
    pub(super) async fn take_known(&mut self, node: &dyn Node, locations: &[String], at_most: usize) -> Result<(), DeployError> {
        while self.has_steps_to_run() && self.wanted.assembled < at_most {
            let (release, step) = (&self.wanted.release, self.wanted.assembled);
            let files = files(release, step, &self.wanted.tree)?.to_lines();
            let Some(made) = node.assembled(&Parts { release, locations, step, files: &files }).await? else { break };
            self.add(&made)?;
        }
        Ok(())
    }

    /// Runs the steps whose results are not in the tree.
    pub(super) async fn run_steps(
        &mut self,
        session: &mut dyn Session,
        locations: &[String],
        listener: &mut dyn Listener,
    ) -> Result<(), DeployError> {
        while self.has_steps_to_run() {
            let (release, step) = (&self.wanted.release, self.wanted.assembled);
            let files = files(release, step, &self.wanted.tree)?.to_lines();
            let made = session.assemble(&Parts { release, locations, step, files: &files }, listener).await?;
            self.add(&made)?;
        }
        Ok(())
    }

    /// What a node says is judged: a step makes files below its own directory, and nothing else.
    fn add(&mut self, made: &str) -> Result<(), DeployError> {
        let wanted = &mut self.wanted;
        let step = wanted.release.assemble[wanted.assembled].clone();
        let wrong = |path: String| DeployError::Assembled { command: step.command.join(" "), path };
        let made = Listing::parse(made)?;
        for (path, node) in &made {
            if path.below(&step.outputs).is_none() || wanted.tree.get(path).is_some() {
                return Err(wrong(path.to_string()));
            }
            wanted.tree.insert(path.clone(), *node).map_err(|_| wrong(path.to_string()))?;
            let rule = format!("`{}` made it from {}", step.command.join(" "), step.inputs.join(", "));
            let change = Change { by: "assembled".into(), rule, inputs: Vec::new(), digest: Some(node.digest), replaced: None };
            self.content.reasons.record(path, change);
        }
        wanted.assembled += 1;
        wanted.release.tree = wanted.tree.digest();
        wanted.release.id = resolve::id(&wanted.release, &wanted.overrides);
        let reasons = self.content.reasons.to_json().into_bytes();
        let former = wanted.deployment.reasons.replace(hash::sha256(&reasons));
        self.content.records.retain(|(digest, _)| Some(*digest) != former);
        self.content.records.extend(wanted.deployment.reasons.map(|digest| (digest, reasons)));
        Ok(())
    }
}

/// What a step may see, and what the environment is built from if the node does not have it.
fn files(release: &Release, step: usize, tree: &Listing) -> Result<Listing, DeployError> {
    let Assembly { inputs, command, .. } = &release.assemble[step];
    let wrong = |path: String| DeployError::Assembled { command: command.join(" "), path };
    let globs = globs::compile(inputs).map_err(|error| wrong(error.pattern))?;
    let words = release.environment.iter().flat_map(|environment| environment.build.iter().flatten());
    let named: Vec<&str> = words.filter_map(|word| Some(word.split_once(TREE)?.1)).collect();
    let mut files = Listing::new();
    for (path, node) in tree {
        if globs.is_match(path.as_str()) || named.contains(&path.as_str()) {
            files.insert(path.clone(), *node)?;
        }
    }
    Ok(files)
}
