//! `python`: WSGI through gunicorn, ASGI through uvicorn, or any command, in an environment that is
//! built offline from the wheels of the release.

mod environment;
mod wheel;

use super::{command::listen_of, specifier};
use silver_plugin_api::{
    Digest, Failure, Tree, TreePath,
    plan::{EnvironmentSpec, Listen, NodeFacts},
    runtime::{Program, Runtime, RuntimeNeeds},
};

/// Path of the interpreter that environments are built with, among the node's facts.
const FACT_PATH: &str = "python.path";
/// Its version.
const FACT_VERSION: &str = "python.version";
/// Its ABI tag: `cp311`.
const FACT_ABI: &str = "python.abi";

/// Python.
#[derive(Debug, Clone, Copy, Default)]
pub struct Python;

impl Runtime for Python {
    fn kind(&self) -> &'static str {
        "python"
    }

    fn check(&self, needs: &RuntimeNeeds, node: &NodeFacts) -> Result<(), Failure> {
        let Some(version) = node.extra.get(FACT_VERSION) else {
            return Err(Failure::invalid(
                "no-python",
                format!("node `{}` has no Python with `venv`", node.name),
                Some("install it, for example `apt install python3-venv`"),
            ));
        };
        specifier::demand("Python", &needs.version, version, &node.name)
    }

    fn environment(
        &self,
        needs: &RuntimeNeeds,
        tree: &dyn Tree,
        node: &NodeFacts,
        digest: &dyn Fn(&[u8]) -> Digest,
    ) -> Result<Option<EnvironmentSpec>, Failure> {
        environment::spec(needs, tree, node, digest)
    }

    fn env(&self) -> Vec<(String, String)> {
        // a release is never written to, also not with compiled files of its own modules
        [("PYTHONDONTWRITEBYTECODE", "1"), ("PYTHONUNBUFFERED", "1"), ("PYTHONUTF8", "1")]
            .map(|(name, value)| (name.into(), value.into()))
            .into()
    }

    fn process(&self, program: &Program, tree: &dyn Tree) -> Result<Option<(Vec<String>, Listen)>, Failure> {
        let Some(callable) = &program.callable else {
            return Ok(Some((program.command.clone(), program.listen.unwrap_or_else(|| listen_of(&program.command)))));
        };
        let argv = match server(tree)? {
            Server::Gunicorn => gunicorn(callable),
            Server::Uvicorn => uvicorn(callable),
        };
        Ok(Some((argv, Listen::Socket)))
    }
}

/// What serves a callable.
enum Server {
    Gunicorn,
    Uvicorn,
}

/// The one that the release has a wheel of; a release with both is an ASGI application.
fn server(tree: &dyn Tree) -> Result<Server, Failure> {
    let has = |name: &str| -> Result<bool, Failure> {
        let patterns = [format!("**/{name}-*.whl"), format!("{name}-*.whl")];
        Ok(!tree.glob(&patterns, None, 1)?.is_empty())
    };
    if has("uvicorn")? {
        Ok(Server::Uvicorn)
    } else if has("gunicorn")? {
        Ok(Server::Gunicorn)
    } else {
        Err(Failure::invalid(
            "no-server",
            "the pack has a `callable`, but neither a wheel of gunicorn (WSGI) nor of uvicorn (ASGI)",
            Some("add one of them to the pack's requirements, or give a `command`"),
        ))
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// One worker with threads: `count` of the process makes more of them. Access is logged by the front.
fn gunicorn(callable: &str) -> Vec<String> {
    words(&[
        "python",
        "-m",
        "gunicorn",
        "--bind",
        "unix:${SILVER_SOCKET}",
        "--chdir",
        "${SILVER_TREE_DIR}",
        "--pythonpath",
        "${SILVER_TREE_DIR}",
        "--worker-class",
        "gthread",
        "--workers",
        "1",
        "--threads",
        "8",
        "--worker-tmp-dir",
        "${TMPDIR}",
        "--timeout",
        "120",
        "--forwarded-allow-ips",
        "*",
        callable,
    ])
}

fn uvicorn(callable: &str) -> Vec<String> {
    words(&[
        "python",
        "-m",
        "uvicorn",
        "--uds",
        "${SILVER_SOCKET}",
        "--app-dir",
        "${SILVER_TREE_DIR}",
        "--no-access-log",
        "--proxy-headers",
        "--forwarded-allow-ips",
        "*",
        callable,
    ])
}

/// Every wheel below these directories of the tree, sorted by path.
fn wheels(tree: &dyn Tree, directories: &[String]) -> Result<Vec<(TreePath, Digest)>, Failure> {
    let mut wheels = Vec::new();
    for directory in directories {
        let under = TreePath::new(directory).map_err(|error| {
            Failure::invalid("bad-path", format!("`{directory}` is not a directory of the pack: {error}"), None)
        })?;
        let mut after = None;
        loop {
            let page = tree.list(&under, after.as_ref(), silver_plugin_api::tree::MAX_PAGE)?;
            let Some(last) = page.last() else { break };
            after = Some(last.path.clone());
            let is_wheel = |path: &TreePath| path.as_bytes().ends_with(b".whl");
            wheels.extend(
                page.into_iter().filter(|entry| is_wheel(&entry.path)).filter_map(|entry| Some((entry.path, entry.digest?))),
            );
        }
    }
    wheels.sort();
    wheels.dedup();
    Ok(wheels)
}
