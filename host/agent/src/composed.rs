//! The environment of a release's program, with its secrets, and what keeps those out of logs.

use crate::{
    apps::{AppFailure, Placed},
    dirs::Dirs,
    endpoint::Endpoint,
    environment::{Context, Environment},
    failure::because,
    logs::Redactor,
    secrets,
};

/// An environment, and what keeps its secrets out of logs.
pub(crate) struct Composed {
    pub(crate) environment: Environment,
    pub(crate) redactor: Redactor,
}

impl Composed {
    /// Of a phase; `port` is that of the front.
    pub(crate) fn of(
        dirs: &Dirs,
        port: u16,
        placed: &Placed,
        phase: &str,
        endpoint: Option<&Endpoint>,
    ) -> Result<Self, AppFailure> {
        let (app, release) = (placed.app(), &placed.release);
        let secrets = secrets::values(dirs, app, &release.secrets)
            .map_err(|error| because(&format!("the secrets of `{app}`"), &error, error.hint()))?;
        let context = Context { dirs, port, placed, secrets: &secrets, phase, endpoint };
        let environment = Environment::compose(&context)
            .map_err(|error| because(&format!("the environment of `{}`", placed.label), &error, error.hint()))?;
        Ok(Self { redactor: Redactor::new(&secrets), environment })
    }

    /// A command line with its variables filled in; `what` names it.
    pub(crate) fn arguments(&self, what: &str, argv: &[String]) -> Result<Vec<String>, AppFailure> {
        self.environment.arguments(argv).map_err(|error| because(what, &error, error.hint()))
    }
}
