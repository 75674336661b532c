//! `nodejs`: any command, with the node's own Node.js first on `PATH`. What the application needs of
//! `node_modules` is in the pack; nothing is installed when it is deployed.

use super::{command::listen_of, specifier};
use silver_plugin_api::{
    Digest, Failure, Tree,
    plan::{EnvironmentSpec, Listen, NodeFacts},
    runtime::{Program, Runtime, RuntimeNeeds},
};

/// Path of the interpreter, among the node's facts.
const FACT_PATH: &str = "nodejs.path";
/// Its version.
const FACT_VERSION: &str = "nodejs.version";
/// Changed when the way an environment is built changes.
const RECIPE: u32 = 1;

/// Node.js.
#[derive(Debug, Clone, Copy, Default)]
pub struct NodeJs;

impl Runtime for NodeJs {
    fn kind(&self) -> &'static str {
        "nodejs"
    }

    fn check(&self, needs: &RuntimeNeeds, node: &NodeFacts) -> Result<(), Failure> {
        let version = fact(node, FACT_VERSION)?;
        specifier::demand("Node.js", &needs.version, version, &node.name)
    }

    /// A directory with a link to the interpreter, so that a release says which one it runs on and
    /// another one means another release.
    fn environment(
        &self,
        _: &RuntimeNeeds,
        _: &dyn Tree,
        node: &NodeFacts,
        digest: &dyn Fn(&[u8]) -> Digest,
    ) -> Result<Option<EnvironmentSpec>, Failure> {
        spec(node, digest).map(Some)
    }

    fn env(&self) -> Vec<(String, String)> {
        vec![("NODE_ENV".into(), "production".into())]
    }

    fn process(&self, program: &Program, _: &dyn Tree) -> Result<Option<(Vec<String>, Listen)>, Failure> {
        if let Some(callable) = &program.callable {
            return Err(Failure::invalid(
                "callable-without-python",
                format!("`callable = {callable:?}` needs the runtime `python`"),
                Some("give a `command`: [\"node\", \"server.js\"]"),
            ));
        }
        Ok(Some((program.command.clone(), program.listen.unwrap_or_else(|| listen_of(&program.command)))))
    }
}

fn spec(node: &NodeFacts, digest: &dyn Fn(&[u8]) -> Digest) -> Result<EnvironmentSpec, Failure> {
    let (path, version) = (fact(node, FACT_PATH)?, fact(node, FACT_VERSION)?);
    let inputs = format!("nodejs environment {RECIPE}\n{path}\n{version}\n");
    let argv = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    Ok(EnvironmentSpec {
        id: digest(inputs.as_bytes()),
        kind: "nodejs".into(),
        interpreter: format!("node {version}"),
        build: vec![argv(&["mkdir", "${SILVER_ENV_DIR}/bin"]), argv(&["ln", "-s", path, "${SILVER_ENV_DIR}/bin/node"])],
        bin: "bin".into(),
    })
}

fn fact<'n>(node: &'n NodeFacts, name: &str) -> Result<&'n String, Failure> {
    node.extra.get(name).ok_or_else(|| {
        let message = format!("node `{}` has no Node.js", node.name);
        Failure::invalid("no-nodejs", message, Some("install it, for example `apt install nodejs`"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(facts: &[(&str, &str)]) -> NodeFacts {
        let extra = facts.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        NodeFacts { name: "local".into(), extra, ..NodeFacts::default() }
    }

    #[test]
    fn a_node_without_it_or_with_another_version_is_told_what_to_install() {
        let needs = |version: &str| RuntimeNeeds { version: version.into(), ..RuntimeNeeds::default() };
        let with = node(&[(FACT_PATH, "/usr/bin/node"), (FACT_VERSION, "20.11.1")]);
        for (node, version, wanted) in [
            (&with, ">=18", Ok(())),
            (&with, ">=18,<21", Ok(())),
            (&with, ">=22", Err("the application needs Node.js >=22, node `local` has 20.11.1")),
            (&with, "^18", Err("`^18` is not a requirement on the version of Node.js")),
            (&node(&[]), "", Err("node `local` has no Node.js")),
        ] {
            let checked = NodeJs.check(&needs(version), node).map_err(|error| error.to_string());
            match (checked, wanted) {
                (Ok(()), Ok(())) => {}
                (Err(error), Err(wanted)) => assert!(error.contains(wanted), "{error}"),
                (checked, wanted) => panic!("{version}: {checked:?}, not {wanted:?}"),
            }
        }
    }

    #[test]
    fn another_interpreter_is_another_environment() {
        let id = |path: &str, version: &str| {
            let node = node(&[(FACT_PATH, path), (FACT_VERSION, version)]);
            // enough of a digest to tell these inputs apart
            let digest = |bytes: &[u8]| {
                let mut digest = [0_u8; 32];
                for (at, byte) in bytes.iter().enumerate() {
                    digest[at % 32] = digest[at % 32].wrapping_mul(31).wrapping_add(*byte);
                }
                Digest::from_bytes(digest)
            };
            spec(&node, &digest).unwrap().id
        };
        let one = id("/usr/bin/node", "20.11.1");
        assert_eq!(one, id("/usr/bin/node", "20.11.1"));
        assert_ne!(one, id("/usr/bin/node", "20.11.2"));
        assert_ne!(one, id("/opt/node/bin/node", "20.11.1"));
    }
}
