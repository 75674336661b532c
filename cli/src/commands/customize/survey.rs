//! A customization and a pack, looked at without demanding that they fit.

use crate::{
    context::Context,
    error::{CommandError, Result},
    kept, merging, trust,
};
use silver_pack::{
    commit::{self, Locked},
    customization::{self, Customization},
    document::Problem,
    former::Former,
    merge::Look,
    overrides::{self, Override},
    pack::Pack,
    snapshot::{Blobs, Layers},
};
use silver_plugin_api::{Diagnostic, Location, Severity, TreeRole};
use std::{path::PathBuf, sync::Arc};

/// What every command takes.
#[derive(Debug, clap::Args)]
pub struct Pair {
    /// The pack, in the version that shall be used next
    pack: PathBuf,
    /// The customization
    #[arg(long, value_name = "DIR")]
    customize: PathBuf,
    /// The pack that the customization was made for, when it was not deployed from this machine
    #[arg(long, value_name = "ZIP")]
    base: Option<PathBuf>,
}

/// Both, and how they stand.
pub struct Survey {
    /// The pack.
    pub pack: Pack,
    /// The customization.
    pub customization: Customization,
    /// Nobody else changes it meanwhile.
    pub locked: Locked,
    /// Files that replace some of the pack, by path.
    pub overrides: Vec<Override>,
    /// What else stops an update, or is to be known.
    pub findings: Vec<Finding>,
    /// Where contents are found that files were made from.
    pub bases: Layers,
    former: Option<Pack>,
}

/// Something that does not fit.
pub struct Finding {
    /// Does it stop an update?
    pub stops: bool,
    /// Where: a file of the customization.
    pub file: Option<String>,
    /// Its line, if one is meant.
    pub line: Option<usize>,
    /// What.
    pub message: String,
    /// The way out.
    pub hint: Option<String>,
}

impl Pair {
    /// Reads and compares both.
    pub fn survey(&self, context: &Context) -> Result<Survey> {
        let pack = Pack::open(&self.pack)?;
        let former = self.base.as_deref().map(Pack::open).transpose()?;
        let id = &pack.manifest().pack.id;
        if let Some(former) = former.as_ref().filter(|former| former.manifest().pack.id != *id) {
            let message = format!("`--base` is the pack `{}`, not a version of `{id}`", former.manifest().pack.id);
            return Err(CommandError::usage(message).hint("give the version of the same pack that the files were made from"));
        }
        merging::demand_directory(&self.customize)?;
        let locked = commit::lock(&self.customize)?;
        for base in customization::directories(&self.customize)?.iter().skip(1) {
            drop(commit::lock(base)?);
        }
        let customization = Customization::load_with_bases(&self.customize)?;
        if customization.config.pack.id != *id {
            let message = format!("the customization is for the pack `{}`, not for `{id}`", customization.config.pack.id);
            return Err(CommandError::usage(message).hint("give the customization that belongs to this pack"));
        }
        trust::check(&context.ui, &pack, &customization, trust::First::Tell)?;
        let mut stores: Vec<Arc<dyn Blobs>> = former.iter().map(|former| former.tree().blobs().clone()).collect();
        if let Some(registry) = kept::registry(context)? {
            stores.push(Arc::new(kept::Contents(registry)));
        }
        let bases = Layers::new(stores);
        let mut survey = Survey { pack, customization, locked, overrides: Vec::new(), findings: Vec::new(), bases, former };
        let Look { overrides, diagnostics, .. } = survey.look(context, &survey.customization)?;
        survey.findings = survey.misfits(context, &survey.customization);
        survey.findings.extend(diagnostics.iter().map(|diagnostic| finding(diagnostic, &survey.customization)));
        survey.overrides = overrides;
        Ok(survey)
    }
}

impl Survey {
    fn look(&self, context: &Context, customization: &Customization) -> Result<Look> {
        merging::look(context, &self.pack, customization, &|| self.before(context))
    }

    /// The pack that the customization was used with before, or made for.
    fn before(&self, context: &Context) -> Option<Former> {
        let given = self.former.as_ref().map(Former::of);
        given.or_else(|| merging::former(context, &self.pack, Some(&self.customization)))
    }

    /// What stops an update with this customization.
    pub fn left(&self, context: &Context, customization: &Customization) -> Result<Vec<Finding>> {
        let look = self.look(context, customization)?;
        let mut left = self.misfits(context, customization);
        let conflicts = overrides::conflicts(&look.overrides);
        left.extend(look.diagnostics.iter().chain(&conflicts).map(|diagnostic| finding(diagnostic, customization)));
        left.retain(|finding| finding.stops);
        Ok(left)
    }

    /// Settings, secrets, processes and versions that do not fit.
    fn misfits(&self, context: &Context, customization: &Customization) -> Vec<Finding> {
        let fit = merging::fit_after(&self.pack, customization, &|| self.before(context));
        let Err(error) = fit else { return Vec::new() };
        let finding = |problem: &Problem| Finding {
            stops: true,
            file: Some(error.file.clone()),
            line: Some(problem.line),
            message: problem.message(),
            hint: problem.hint(),
        };
        error.problems.iter().map(finding).collect()
    }

    /// Is the pack known that the customization was used with before, or is it this one?
    pub fn former_known(&self, context: &Context) -> bool {
        let Some(locked) = &self.customization.lock.pack else { return self.former.is_some() };
        self.former.is_some()
            || locked.digest == self.pack.digest()
            || kept::pack(context, &locked.digest).is_ok_and(|kept| kept.is_some())
    }
}

/// A finding of the merge. A file of a base is named on the way there.
pub fn finding(diagnostic: &Diagnostic, customization: &Customization) -> Finding {
    let file = |at: &Location| match at.tree {
        TreeRole::Customization => customization.shown(&at.path),
        _ => at.path.to_string(),
    };
    Finding {
        stops: diagnostic.severity == Severity::Error,
        file: diagnostic.at.as_ref().map(file),
        line: diagnostic.at.as_ref().map(|at| at.line as usize).filter(|line| *line > 0),
        message: diagnostic.message.clone(),
        hint: diagnostic.help.clone(),
    }
}
