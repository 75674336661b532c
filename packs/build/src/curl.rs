//! Fetching files over HTTP through the machine's own `curl`, with its configuration: proxies and
//! certificates are the operator's business.

use crate::process::{self, RunError};
use std::{path::Path, process::Command, time::Duration};

/// Why a file could not be fetched.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    /// There is no curl.
    #[error("`curl` cannot be started: {0}")]
    Missing(String),
    /// The server has no such file.
    #[error("`{0}` is not there")]
    NotFound(String),
    /// The server could not be reached, or broke off.
    #[error("`{url}` cannot be reached: {why}")]
    Unreachable {
        /// What was wanted.
        url: String,
        /// In curl's words.
        why: String,
    },
}

/// How long one file may take.
const PATIENCE: Duration = Duration::from_mins(10);

/// Fetches `url` (http or https) into the file `to`, of at most `limit` bytes.
pub(crate) fn fetch(url: &str, to: &Path, limit: u64) -> Result<(), FetchError> {
    let mut command = Command::new("curl");
    command.args(["--fail", "--silent", "--show-error", "--location", "--proto", "=http,https", "--proto-redir", "=http,https"]);
    command.args(["--retry", "1", "--connect-timeout", "30", "--write-out", "%{http_code}"]);
    command.arg("--max-filesize").arg(limit.to_string()).arg("--output").arg(to).arg("--").arg(url);
    let output = process::run(&mut command, PATIENCE).map_err(|error| match error {
        RunError::Start(error) => FetchError::Missing(error.to_string()),
        RunError::Timeout(_) => FetchError::Unreachable { url: url.to_owned(), why: error.to_string() },
    })?;
    if output.status.success() {
        // a server may not say how much it sends
        let size = std::fs::metadata(to).map_or(0, |file| file.len());
        let too_big = || FetchError::Unreachable { url: url.to_owned(), why: format!("it is larger than {limit} bytes") };
        return if size > limit { Err(too_big()) } else { Ok(()) };
    }
    if ["404", "410"].contains(&output.stdout.trim()) {
        return Err(FetchError::NotFound(url.to_owned()));
    }
    let why = output.stderr.lines().last().unwrap_or("no reason given").trim();
    let why = why.strip_prefix("curl: ").unwrap_or(why).to_owned();
    Err(FetchError::Unreachable { url: url.to_owned(), why })
}
