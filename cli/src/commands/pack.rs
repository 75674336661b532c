mod new;

use crate::{context::Context, error::Result, exit::Exit, key_files, trust, ui::ProgressView};
use serde::Serialize;
use silver_build::{
    build::{BuildError, Options, build_pack_of},
    origin::Origin,
    pip::Pip,
};
use silver_plugin_api::plan::{Progress, ProgressKind};
use std::{
    cell::RefCell,
    path::{Path, PathBuf},
    time::Instant,
};

/// Make a pack of a directory with a pack.toml, or of a zip
///
/// The same input gives the same bytes. Wheels, npm and Debian packages are fetched with this machine's pip, npm and apt and
/// their configuration, checked against the pinned hashes and kept in the pack; commands of `[build]` run in a sandbox without
/// network; WASM plugins have to be compiled already.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct Pack {
    #[command(subcommand)]
    instead: Option<Instead>,
    /// Directory with the pack.toml
    #[arg(required_unless_present = "from")]
    dir: Option<PathBuf>,
    /// Make the pack of a zip, whatever tool made it; the pack.toml is inside, or beside with --manifest
    #[arg(long, value_name = "ZIP", conflicts_with = "dir")]
    from: Option<PathBuf>,
    /// With --from: the pack.toml, which is not in the zip
    #[arg(long, value_name = "FILE", requires = "from", conflicts_with = "dir")]
    manifest: Option<PathBuf>,
    /// Where to write the pack: a file, or a directory that gets NAME-VERSION.zip
    #[arg(long, short, value_name = "PATH", default_value = ".")]
    output: PathBuf,
    /// Take wheels from this folder, not from the package index
    #[arg(long, value_name = "DIR")]
    wheels: Option<PathBuf>,
    /// Take wheels from this mirror, not from the configured package index
    #[arg(long, value_name = "URL", conflicts_with = "wheels")]
    index: Option<String>,
    /// Take Debian packages from this folder, not with apt
    #[arg(long, value_name = "DIR")]
    debs: Option<PathBuf>,
    /// Do not record the version control revision of the directory
    #[arg(long)]
    no_vcs: bool,
    /// Sign it with this key: a name of `silver keys list`, or a secret key file of minisign
    #[arg(long, value_name = "KEY")]
    sign: Option<String>,
    /// The pack is only a step on the way to something else.
    #[arg(skip)]
    passing: bool,
}

/// What else `pack` does.
#[derive(Debug, clap::Subcommand)]
enum Instead {
    New(new::New),
}

#[derive(Serialize)]
struct Report {
    path: String,
    name: String,
    version: String,
    digest: String,
    archive: String,
    size: u64,
    files: usize,
    signature: String,
    warnings: Vec<String>,
}

impl Pack {
    /// For [`super::serve`]: the directory as it is just now, whatever its revision.
    pub fn for_development(dir: &Path, output: &Path) -> Self {
        Self {
            instead: None,
            dir: Some(dir.into()),
            from: None,
            manifest: None,
            output: output.into(),
            wheels: None,
            index: None,
            debs: None,
            no_vcs: true,
            sign: None,
            passing: true,
        }
    }

    pub fn run(self, context: &Context) -> Result {
        if let Some(Instead::New(new)) = self.instead {
            return new.run(context);
        }
        let folder = self.wheels.as_deref().map(std::path::absolute).transpose()?;
        // before the work: whoever has to type a passphrase is there now
        let key = self.sign.as_deref().map(|key| key_files::unlock(context, &key_files::find(context, key)?)).transpose()?;
        let steps = RefCell::new(Steps { view: context.ui.progress(), began: Instant::now(), step: None });
        let options = Options {
            pip: Pip { folder, mirror: self.index, ..Pip::default() },
            debs: self.debs.as_deref().map(std::path::absolute).transpose()?,
            downloads: Some(context.dirs()?.cache.join("downloads")),
            vcs: !self.no_vcs,
            sign: key.as_ref(),
            progress: &|step| steps.borrow_mut().begin(step),
        };
        let origin = match (&self.from, &self.dir) {
            (Some(zip), _) => Origin::zip(zip, self.manifest.as_deref()).map_err(BuildError::from)?,
            (None, dir) => Origin::directory(&dir.clone().unwrap_or_default()).map_err(BuildError::from)?,
        };
        let built = build_pack_of(&origin, &self.output, &options)?;
        steps.into_inner().end();

        for warning in &built.warnings {
            context.ui.warning(warning);
        }
        let (pack, info) = (&built.pack, &built.pack.manifest().pack);
        let report = Report {
            path: pack.path().display().to_string(),
            name: info.name.to_string(),
            version: info.version.to_string(),
            digest: pack.digest().to_string(),
            archive: pack.archive().to_string(),
            size: pack.archive_size(),
            files: pack.tree().listing().len(),
            signature: pack.reference().signature,
            warnings: built.warnings,
        };
        if self.passing {
            return Ok(Exit::Done);
        }
        if context.ui.json() {
            context.ui.report_json(&report)?;
        } else {
            let Report { path, size, files, digest, .. } = &report;
            context.ui.line(&format!("{} {}: {path}, {size} bytes, {files} files", report.name, report.version));
            context.ui.line(&format!("pack digest {digest}"));
            if let Some(signature) = pack.signature() {
                context.ui.line(&format!("signed with {}", trust::shown(&signature.key)));
            }
        }
        Ok(Exit::Done)
    }
}

/// One step after the other.
struct Steps {
    view: ProgressView,
    began: Instant,
    step: Option<String>,
}

impl Steps {
    fn begin(&mut self, step: &str) {
        if self.step.as_deref() == Some(step) {
            return;
        }
        self.end();
        self.tell(step, ProgressKind::Begin(step.to_owned()));
        self.step = Some(step.to_owned());
    }

    fn end(&mut self) {
        if let Some(step) = self.step.take() {
            self.tell(&step, ProgressKind::Done);
        }
    }

    fn tell(&mut self, step: &str, kind: ProgressKind) {
        let at_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.view.show(&Progress { step: step.to_owned(), kind, at_ms });
    }
}
