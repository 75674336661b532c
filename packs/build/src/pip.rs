//! Talking to a package index through the machine's own `pip`, with its configuration: mirrors,
//! proxies and certificates are the operator's business.
//!
//! Only wheels are ever asked for, and pip may start no program: nothing of a package is executed.

use crate::process::{self, RunError};
use serde::Deserialize;
use std::{
    fmt, fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

/// How packages are reached.
#[derive(Debug, Clone)]
pub struct Pip {
    /// The interpreter whose pip is used.
    pub python: PathBuf,
    /// A folder of wheels that is used in place of the index.
    pub folder: Option<PathBuf>,
    /// The address of a mirror that is used in place of the configured index.
    pub mirror: Option<String>,
    /// A further folder of wheels: those that were built here.
    pub built: Option<PathBuf>,
    /// How long one call may take.
    pub timeout: Duration,
}

impl Default for Pip {
    /// `python3`, the configured index, ten minutes.
    fn default() -> Self {
        Self { python: "python3".into(), folder: None, mirror: None, built: None, timeout: Duration::from_mins(10) }
    }
}

/// Why pip did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum PipError {
    /// No interpreter, or one without pip.
    #[error("`{} -m pip` does not work: {why}", python.display())]
    Missing {
        /// The interpreter.
        python: PathBuf,
        /// Why.
        why: String,
    },
    /// Too slow.
    #[error("pip took longer than {} s and was stopped", .0.as_secs())]
    Timeout(Duration),
    /// The index could not be reached.
    #[error("the package index cannot be reached: {0}")]
    Unreachable(String),
    /// Nothing fits.
    #[error("no wheel of `{requirement}` fits; there are: {versions}")]
    NoMatch {
        /// What was wanted.
        requirement: String,
        /// Versions that the index has.
        versions: String,
    },
    /// Requirements that exclude each other.
    #[error("the requirements exclude each other: {}", .0.join("; "))]
    Conflict(Vec<String>),
    /// The index gives another file than the pinned one.
    #[error("the index gives another file than the pinned one: `{file}` of {package} has the sha256 {found}")]
    OtherHash {
        /// `name==version`.
        package: String,
        /// The file's name.
        file: String,
        /// Hex digits.
        found: String,
    },
    /// Anything else, in pip's own words.
    #[error("pip failed: {0}")]
    Other(String),
}

impl PipError {
    /// The way out.
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Missing { .. } => "install Python 3 with pip (Debian: `apt-get install python3-pip python3-venv`)",
            Self::Timeout(_) | Self::Unreachable(_) => {
                "check the network and `pip config list`, or name a folder of wheels in place of the index"
            }
            Self::NoMatch { .. } => "only wheels are used; choose a version that has one",
            Self::Conflict(_) => "choose a version that goes with the pack's own packages, or another version of the pack",
            Self::OtherHash { .. } => {
                "the file on the index was replaced, or the pin is wrong: find out which before changing the hash"
            }
            Self::Other(_) => return None,
        };
        Some(hint.to_owned())
    }
}

/// A source package that was fetched.
#[derive(Debug, Deserialize)]
pub(crate) struct FetchedSource {
    /// Path of the file.
    pub(crate) file: String,
    pub(crate) version: String,
    /// As the index says it.
    pub(crate) sha256: Option<String>,
}

/// Finds and fetches the newest source package without looking into it, which pip's own commands would
/// do by running its code. These are pip's parts, not its interface: where another pip has others, it
/// is said so.
const FETCH_SOURCE: &str = "\
import json, shutil, sys
try:
    from pip._internal.commands import create_command
    from pip._internal.network.download import Downloader
    from pip._internal.req.constructors import install_req_from_line
    out, requirement = sys.argv[1:3]
    command = create_command('download')
    options, _ = command.parse_args(sys.argv[3:])
    session = command._build_session(options)
    finder = command._build_package_finder(options=options, session=session)
    wanted = install_req_from_line(requirement)
    best = finder.find_best_candidate(wanted.name, wanted.specifier).best_candidate
except (ImportError, AttributeError, TypeError) as error:
    sys.exit('ERROR: this pip cannot fetch source packages without running them: %s' % error)
if best is None:
    sys.exit('ERROR: No matching distribution found for ' + requirement)
link = best.link
file = shutil.copy(link.file_path, out) if link.is_file else Downloader(session, 'off')(link, out)[0]
said = link.hash if link.hash_name == 'sha256' else None
print('FETCHED ' + json.dumps({'file': file, 'version': str(best.version), 'sha256': said}))
";

/// For which machine and interpreter wheels are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum For {
    /// This machine and its interpreter.
    Here,
    /// Another one.
    Linux {
        /// `x86_64`, `aarch64`.
        arch: String,
        /// glibc 2.N.
        glibc: u32,
        /// CPython, `311`; this interpreter's version when absent.
        python: Option<String>,
    },
}

impl For {
    /// Reads `linux-x86_64-gnu2.36-cp311`; what is no such text is this machine.
    pub(crate) fn parse(target: &str) -> Self {
        let mut parts = target.split('-');
        let (Some("linux"), Some(arch), Some(glibc)) = (parts.next(), parts.next(), parts.next()) else { return Self::Here };
        let Some(glibc) = glibc.strip_prefix("gnu2.").and_then(|minor| minor.parse().ok()) else { return Self::Here };
        let python = parts.next().and_then(|python| python.strip_prefix("cp"));
        let digits = |text: &str| text.chars().all(|c| c.is_ascii_digit()) && !text.is_empty();
        if !arch.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') || python.is_some_and(|python| !digits(python)) {
            return Self::Here;
        }
        Self::Linux { arch: arch.to_owned(), glibc, python: python.map(str::to_owned) }
    }

    fn arguments(&self) -> Vec<String> {
        let Self::Linux { arch, glibc, python } = self else { return Vec::new() };
        let mut arguments = vec!["--implementation=cp".to_owned()];
        // pip takes a platform literally: the older ones that this one can run have to be named too
        let legacy = |minor| match minor {
            17 => Some("manylinux2014"),
            12 => Some("manylinux2010"),
            5 => Some("manylinux1"),
            _ => None,
        };
        for minor in (5..=*glibc).rev() {
            arguments.push(format!("--platform=manylinux_2_{minor}_{arch}"));
            arguments.extend(legacy(minor).map(|name| format!("--platform={name}_{arch}")));
        }
        arguments.extend(python.iter().map(|python| format!("--python-version={python}")));
        arguments
    }
}

/// Runs pip so that it starts no program: `--only-binary` does not count for a package that another one
/// requires by an address (`NAME @ https://…`, PEP 508), which pip would clone or build here. Only
/// `keyring` may run, which the operator's configuration of pip may ask for passwords.
///
/// The first argument is what is different on another machine, as JSON: `--platform` chooses wheels, but
/// what a wheel needs there (its markers) pip looks up for the interpreter that runs it.
const PIP: &str = "\
import json, os, runpy, sys
there = json.loads(sys.argv.pop(1))
if there:
    from pip._vendor.packaging import markers
    here = markers.default_environment
    markers.default_environment = lambda: {**here(), **there}
starts = ('subprocess.Popen', 'os.exec', 'os.posix_spawn', 'os.system', 'os.fork', 'os.forkpty')
def refuse(event, arguments):
    if event in starts and not (arguments and os.path.basename(os.fsdecode(arguments[0])) == 'keyring'):
        raise PermissionError('a package wants to start a program')
sys.addaudithook(refuse)
sys.argv[0] = 'pip'
runpy.run_module('pip', run_name='__main__', alter_sys=True)
";

/// What pip says then.
const REFUSED: &str = "a package wants to start a program";

impl fmt::Display for For {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Here => f.write_str("this machine"),
            Self::Linux { arch, glibc, python } => {
                write!(f, "linux-{arch}-gnu2.{glibc}")?;
                python.as_ref().map_or(Ok(()), |python| write!(f, "-cp{python}"))
            }
        }
    }
}

impl For {
    /// What markers say of the machine.
    fn markers(&self) -> Option<String> {
        let Self::Linux { arch, python, .. } = self else { return None };
        let mut there = serde_json::json!({
            "os_name": "posix",
            "platform_machine": arch,
            "platform_python_implementation": "CPython",
            "platform_system": "Linux",
            "implementation_name": "cpython",
            "sys_platform": "linux",
        });
        if let Some((major, minor)) = python.as_ref().and_then(|python| python.split_at_checked(1)) {
            there["python_version"] = format!("{major}.{minor}").into();
            there["python_full_version"] = format!("{major}.{minor}.0").into();
            there["implementation_version"] = format!("{major}.{minor}.0").into();
        }
        Some(there.to_string())
    }
}

impl Pip {
    /// Downloads wheels into `dir`: `requirements` are lines of a requirements file, with hashes.
    pub(crate) fn download(&self, requirements: &str, dir: &Path, target: &For) -> Result<(), PipError> {
        let work = work()?;
        let file = work.path().join("requirements.txt");
        fs::write(&file, requirements).map_err(|error| PipError::Other(error.to_string()))?;
        let mut command = self.command(work.path(), &["download"], target);
        command.args(["--no-deps", "--only-binary=:all:", "--require-hashes", "-d"]).arg(dir).args(target.arguments());
        command.arg("-r").arg(&file);
        self.run(&mut command).map(drop)
    }

    /// pip's installation report of the closure of `wanted` within `constraints` (lines of
    /// requirements files), as JSON. Nothing is installed.
    pub(crate) fn report(&self, wanted: &[String], constraints: &[String], target: &For) -> Result<String, PipError> {
        let work = work()?;
        let write = |name: &str, lines: &[String]| {
            let path = work.path().join(name);
            fs::write(&path, lines.join("\n")).map(|()| path).map_err(|error| PipError::Other(error.to_string()))
        };
        let (wanted, constraints) = (write("wanted.txt", wanted)?, write("constraints.txt", constraints)?);
        let report = work.path().join("report.json");
        let mut command = self.command(work.path(), &["install"], target);
        command.args(["--dry-run", "--ignore-installed", "--only-binary=:all:", "--report"]).arg(&report);
        if *target != For::Here {
            command.arg("--target").arg(work.path().join("target")).args(target.arguments());
        }
        command.arg("-r").arg(wanted).arg("-c").arg(constraints);
        self.run(&mut command)?;
        fs::read_to_string(&report).map_err(|error| PipError::Other(format!("pip made no report: {error}")))
    }

    /// Versions of a package that the index has in any form, newest first.
    pub(crate) fn versions(&self, name: &str) -> Result<Vec<String>, PipError> {
        let work = work()?;
        let mut command = self.command(work.path(), &["index", "versions"], &For::Here);
        let output = self.run(command.arg(name))?;
        let versions = output.lines().find_map(|line| line.strip_prefix("Available versions: ")).unwrap_or_default();
        Ok(list(versions))
    }

    /// Versions of a package that have a wheel for this machine, newest first. Asked by wanting a
    /// version that nobody publishes: the refusal lists them.
    pub(crate) fn wheel_versions(&self, name: &str) -> Result<Vec<String>, PipError> {
        match self.report(&[format!("{name}==0+no.such.version")], &[], &For::Here) {
            Err(PipError::NoMatch { versions, .. }) if versions != "none" => {
                let mut versions = list(&versions);
                versions.reverse();
                Ok(versions)
            }
            Err(error) => Err(error),
            Ok(_) => Ok(Vec::new()),
        }
    }

    /// Fetches the newest source package that fits a requirement into `dir`. Nothing of it is run.
    pub(crate) fn source(&self, requirement: &str, dir: &Path) -> Result<FetchedSource, PipError> {
        let work = work()?;
        let mut command = Command::new(&self.python);
        command.current_dir(work.path()).args(["-c", FETCH_SOURCE]).arg(dir).arg(requirement).arg("--no-binary=:all:");
        self.configure(command.args(["--no-input", "--retries=1"]));
        let output = self.run(&mut command)?;
        let found = output.lines().find_map(|line| line.strip_prefix("FETCHED "));
        let found = found.and_then(|found| serde_json::from_str(found).ok());
        found.ok_or_else(|| PipError::Other("it did not say what it fetched".to_owned()))
    }

    /// Downloads wheels of the closure of `requirements` into `dir`.
    pub(crate) fn wheels(&self, requirements: &[String], dir: &Path) -> Result<(), PipError> {
        let work = work()?;
        let file = work.path().join("requirements.txt");
        fs::write(&file, requirements.join("\n")).map_err(|error| PipError::Other(error.to_string()))?;
        let mut command = self.command(work.path(), &["download"], &For::Here);
        command.args(["--only-binary=:all:", "-d"]).arg(dir).arg("-r").arg(&file);
        self.run(&mut command).map(drop)
    }

    /// The interpreter's own path, and where its library is.
    pub(crate) fn interpreter(&self) -> Result<(PathBuf, PathBuf), PipError> {
        let mut command = Command::new(&self.python);
        command.args([
            "-I",
            "-c",
            "import os, sys; print(os.path.realpath(sys.executable)); print(os.path.realpath(sys.base_prefix))",
        ]);
        let output = self.run(&mut command)?;
        let mut lines = output.lines();
        match (lines.next(), lines.next()) {
            (Some(path), Some(home)) if path.starts_with('/') && home.starts_with('/') => Ok((path.into(), home.into())),
            _ => Err(PipError::Other("the interpreter does not say where it is".to_owned())),
        }
    }

    fn command(&self, work: &Path, subcommand: &[&str], target: &For) -> Command {
        let mut command = Command::new(&self.python);
        command.current_dir(work);
        command.args(["-c", PIP]).arg(target.markers().unwrap_or_else(|| "null".to_owned()));
        command.args(["--no-input", "--disable-pip-version-check", "--no-color", "--retries=1"]);
        command.args(subcommand);
        self.configure(&mut command);
        command
    }

    /// Where packages come from.
    fn configure(&self, command: &mut Command) {
        if let Some(folder) = &self.folder {
            command.arg("--no-index").arg("--find-links").arg(folder);
            command.env_remove("PIP_FIND_LINKS");
        }
        if let Some(mirror) = &self.mirror {
            command.arg("--index-url").arg(mirror);
        }
        if let Some(built) = &self.built {
            command.arg("--find-links").arg(built);
        }
        // words of pip are looked for below
        command.env("LC_ALL", "C.UTF-8").env("PIP_PROGRESS_BAR", "off");
    }

    fn run(&self, command: &mut Command) -> Result<String, PipError> {
        let output = process::run(command, self.timeout).map_err(|error| match error {
            RunError::Start(error) => PipError::Missing { python: self.python.clone(), why: error.to_string() },
            RunError::Timeout(limit) => PipError::Timeout(limit),
        })?;
        let text = format!("{}\n{}", output.stdout, output.stderr);
        if output.status.success() {
            return Ok(text);
        }
        if text.contains("No module named pip") || text.contains("No module named 'pip'") {
            return Err(PipError::Missing { python: self.python.clone(), why: "it has no module `pip`".to_owned() });
        }
        Err(explain(&text))
    }
}

/// A list as pip writes it.
fn list(text: &str) -> Vec<String> {
    text.split(", ").filter(|version| !version.is_empty()).map(str::to_owned).collect()
}

/// An empty directory to run in: Python would import a `pip` that lies in the working directory.
fn work() -> Result<tempfile::TempDir, PipError> {
    tempfile::tempdir().map_err(|error| PipError::Other(format!("no temporary directory: {error}")))
}

/// What pip's words mean.
fn explain(text: &str) -> PipError {
    let lines = || text.lines().map(str::trim);
    let errors: Vec<&str> = lines().filter_map(|line| line.strip_prefix("ERROR: ")).collect();
    if text.contains(REFUSED) {
        let name = |line: &str| line.strip_prefix("Collecting ").or(line.strip_prefix("Processing ")).map(str::to_owned);
        let what = lines().filter_map(name).next_back().unwrap_or_else(|| "a package".to_owned());
        let why = "would have to be built, or fetched by another program; only wheels of the index are used";
        return PipError::Other(format!("`{what}` {why}"));
    }
    if text.contains("DO NOT MATCH THE HASHES") {
        let (package, from) = lines().find_map(|line| line.split_once(" from ")).unwrap_or(("a package", ""));
        let url = from.split([' ', '#']).next().unwrap_or_default();
        let file = url.rsplit('/').next().unwrap_or_default().to_owned();
        let found = lines().find_map(|line| line.strip_prefix("Got")).unwrap_or_default().trim().to_owned();
        return PipError::OtherHash { package: package.to_owned(), file, found };
    }
    if let Some(at) = text.find("The conflict is caused by:") {
        let causes = text[at..].lines().skip(1).map(str::trim).take_while(|line| !line.is_empty());
        return PipError::Conflict(causes.map(str::to_owned).collect());
    }
    let broken = [
        "Retrying (Retry(",
        "Max retries exceeded",
        "connection broken",
        "Could not fetch URL",
        "Read timed out",
        "ConnectionResetError",
        "HTTP error 5",
        "HTTP error 4",
    ];
    let is_broken = |line: &&str| broken.iter().any(|sign| line.contains(sign)) && !line.contains("404 Client Error");
    if let Some(line) = lines().find(is_broken) {
        return PipError::Unreachable(reason(line));
    }
    if let Some(rest) =
        errors.iter().find_map(|line| line.strip_prefix("Could not find a version that satisfies the requirement "))
    {
        let (requirement, versions) = rest.rsplit_once(" (from versions: ").unwrap_or((rest, "none)"));
        // pip adds who wanted it: `foo (from bar)`
        return PipError::NoMatch { requirement: requirement.to_owned(), versions: versions.trim_end_matches(')').to_owned() };
    }
    if let Some(name) = errors.iter().find_map(|line| line.strip_prefix("No matching distribution found for ")) {
        return PipError::NoMatch { requirement: (*name).to_owned(), versions: "none".to_owned() };
    }
    PipError::Other(errors.first().map_or_else(|| tail(text), |line| (*line).to_owned()))
}

/// The innermost words of a line about a broken connection.
fn reason(line: &str) -> String {
    let text = line.rsplit_once(": ").filter(|(_, last)| last.starts_with('/')).map_or(line, |(text, _)| text);
    let text = text.split_once("after connection broken by ").map_or(text, |(_, why)| why);
    let text = text.rsplit_once(">: ").map_or(text, |(_, why)| why);
    text.trim_matches(['\'', '"', ')', '(', ' ']).to_owned()
}

fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(3)..].join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_read() {
        let debian = For::parse("linux-x86_64-gnu2.36-cp311");
        assert_eq!(debian, For::Linux { arch: "x86_64".into(), glibc: 36, python: Some("311".into()) });
        let arguments = debian.arguments();
        assert_eq!(arguments[1], "--platform=manylinux_2_36_x86_64");
        assert!(arguments.contains(&"--platform=manylinux2014_x86_64".to_owned()), "{arguments:?}");
        for here in ["", "any", "linux-x86_64", "linux-x86_64-musl1.2", "linux-x;y-gnu2.36", "linux-x86_64-gnu2.36-cp3x"] {
            assert_eq!(For::parse(here), For::Here, "{here}");
        }
    }

    #[test]
    fn words_of_pip_are_understood() {
        let conflict = "ERROR: Cannot install flask==3.0.0 because these package versions have conflicting dependencies.\n\nThe conflict is caused by:\n    flask 3.0.0 depends on Jinja2>=3.1.2\n    The user requested (constraint) jinja2==2.0\n\nTo fix this\n";
        let PipError::Conflict(causes) = explain(conflict) else { panic!("not a conflict") };
        assert_eq!(causes, ["flask 3.0.0 depends on Jinja2>=3.1.2", "The user requested (constraint) jinja2==2.0"]);

        let broken = "WARNING: Retrying (Retry(total=0, connect=None, read=None, redirect=None, status=None)) after connection broken by 'NewConnectionError('<pip._vendor.urllib3.connection.HTTPConnection object at 0x7f06>: Failed to establish a new connection: [Errno 111] Connection refused')': /simple/foo/\nERROR: Could not find a version that satisfies the requirement foo (from versions: none)\n";
        let error = explain(broken).to_string();
        assert_eq!(
            error,
            "the package index cannot be reached: Failed to establish a new connection: [Errno 111] Connection refused"
        );

        let none = "ERROR: Could not find a version that satisfies the requirement TracAccountManager==9.9 (from versions: 0.6.0)\nERROR: No matching distribution found for TracAccountManager==9.9\n";
        assert!(
            matches!(explain(none), PipError::NoMatch { requirement, versions } if requirement == "TracAccountManager==9.9" && versions == "0.6.0")
        );

        let built = "Collecting nice\nCollecting evil@ https://example.org/evil.tar.gz\n  ERROR: Error a package wants to start a program while executing command\n";
        assert_eq!(
            explain(built).to_string(),
            "pip failed: `evil@ https://example.org/evil.tar.gz` would have to be built, or fetched by another program; only wheels of the index are used"
        );

        let hashes = "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE.\n    T==0.6 from https://x/T-0.6.whl (from -r r (line 1)):\n        Expected sha256 aa\n             Got        bb\n";
        assert_eq!(
            explain(hashes).to_string(),
            "the index gives another file than the pinned one: `T-0.6.whl` of T==0.6 has the sha256 bb"
        );
    }
}
