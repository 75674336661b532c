//! Lays a customization over the Trac pack.
//!
//! | of the customization | becomes, in the release |
//! |---|---|
//! | `templates/**` | `env/templates/**`: page templates by name |
//! | `htdocs/**` | `env/htdocs/**`: static files at `/chrome/site/` |
//! | `plugins/*.py` | `env/plugins/*.py`: plugins in a single file |
//! | `plugins/*.whl` | `wheels/*.whl`, installed into the Python environment, and enabled |
//! | `trac.ini` | options in `env/conf/silver.ini`, below what the administrator's `trac.ini` says |
//!
//! `check` and `merge` are one function: what is to be done is written down first, with all
//! findings, and `merge` then does it.

mod ini;
mod options;
mod work;

use options::Site;
use silver_plugin::{
    Diagnostic, Failure, Location, Overlay, Reason, Tree, TreePath, TreeRole,
    customizer::{Claim, Customizer, Options},
    walk,
};
use std::collections::BTreeMap;
use trac_wheel::WheelName;
use work::Work;

/// The customizer.
pub struct TracCustomizer;

/// Where the pack and app plugins have their wheels.
const WHEELS: &str = "wheels";

impl Customizer for TracCustomizer {
    fn claims(&self, _: &Options) -> Result<Vec<Claim>, Failure> {
        let claim = |pattern: &str, summary: &str| Claim { pattern: pattern.into(), summary: summary.into() };
        Ok(vec![
            claim("templates/**", "page templates by name: site_header.html, site_footer.html, or any template of Trac"),
            claim("htdocs/**", "static files, at /chrome/site/NAME"),
            claim("plugins/*.py", "Trac plugins in a single file"),
            claim("plugins/*.whl", "Trac plugins as wheels; `install-plugin` fetches them"),
            claim("trac.ini", "options of Trac that belong to this site"),
        ])
    }

    fn check(&self, app: &dyn Tree, customization: &dyn Tree, options: &Options) -> Result<Vec<Diagnostic>, Failure> {
        Ok(plan(app, customization, options)?.findings)
    }

    fn merge(
        &self,
        app: &dyn Tree,
        customization: &dyn Tree,
        into: &mut dyn Overlay,
        options: &Options,
    ) -> Result<Vec<Diagnostic>, Failure> {
        plan(app, customization, options)?.apply(customization, into)
    }
}

/// What is to be done, and what there is to say about it.
fn plan(app: &dyn Tree, customization: &dyn Tree, options: &Options) -> Result<Work, Failure> {
    let mut work = Work::default();
    directory(customization, "templates", "env/templates", "template", &mut work)?;
    directory(customization, "htdocs", "env/htdocs", "static file", &mut work)?;
    old_templates(customization, &mut work);
    single_files(customization, &mut work)?;
    let mut site = Site::of_pack(app)?;
    wheels(app, customization, options, &mut site, &mut work)?;
    site.add_own(customization, &mut work)?;
    site.write(&mut work)?;
    Ok(work)
}

/// All below one directory goes below another.
fn directory(customization: &dyn Tree, from: &str, into: &str, rule: &str, work: &mut Work) -> Result<(), Failure> {
    let from = path(from)?;
    for entry in walk::below(customization, &from) {
        let source = entry?.path;
        if let Some(rest) = source.below(&from) {
            work.link(&source, path(&format!("{into}/{rest}"))?, Reason::new(rule, [input(&source)]));
        }
    }
    Ok(())
}

/// Trac's templates changed their language with 1.4.
fn old_templates(customization: &dyn Tree, work: &mut Work) {
    let Ok(old) = TreePath::new("templates/site.html") else { return };
    if customization.stat(&old).is_some() {
        let finding = Diagnostic::warning("trac-genshi-template", "Trac does not read `site.html` since version 1.4");
        let help = "write `site_head.html`, `site_header.html` or `site_footer.html`, in Jinja2";
        work.findings.push(finding.at(Location::file(TreeRole::Customization, old)).help(help));
    }
}

/// `plugins/*.py`: Trac itself enables what it finds in the environment's directory.
fn single_files(customization: &dyn Tree, work: &mut Work) -> Result<(), Failure> {
    for entry in walk::matching(customization, &["plugins/*.py"]) {
        let source = entry?.path;
        let dest = path(&format!("env/plugins/{}", source.name()))?;
        work.link(&source, dest, Reason::new("plugin in a single file", [input(&source)]));
    }
    Ok(())
}

/// `plugins/*.whl`: into the environment's wheels, and enabled.
fn wheels(app: &dyn Tree, customization: &dyn Tree, options: &Options, site: &mut Site, work: &mut Work) -> Result<(), Failure> {
    let mut taken: BTreeMap<String, String> = BTreeMap::new();
    for entry in walk::matching(app, &["wheels/*.whl"]) {
        if let Ok(wheel) = WheelName::parse(entry?.path.name()) {
            taken.insert(wheel.normalized(), format!("the pack has {} {}", wheel.name, wheel.version));
        }
    }
    for entry in walk::matching(customization, &["plugins/*.whl"]) {
        let source = entry?.path;
        let at = || Location::file(TreeRole::Customization, source.clone());
        let wheel = match WheelName::parse(source.name()) {
            Ok(wheel) => wheel,
            Err(error) => {
                let help = "keep the name that the index gave it";
                work.findings.push(Diagnostic::error("wheel-name", error.to_string()).at(at()).help(help));
                continue;
            }
        };
        let what = format!("{} {}", wheel.name, wheel.version);
        if !wheel.fits(&options.target) {
            let message = format!("`{}` is not made for {}", source.name(), options.target);
            let help = format!("take another wheel of {}: `install-plugin {}` finds one", wheel.name, wheel.name);
            work.findings.push(Diagnostic::error("wheel-platform", message).at(at()).help(help));
        }
        if let Some(other) = taken.insert(wheel.normalized(), format!("the customization has {what}")) {
            let message = format!("two wheels of {}: {other}, and here is {what}", wheel.normalized());
            let help = "there can be one version of a package; remove this wheel";
            work.findings.push(Diagnostic::error("wheel-twice", message).at(at()).help(help));
            continue;
        }
        match trac_wheel::packages(customization, &source) {
            Ok(packages) => packages.iter().try_for_each(|package| site.enable(app, package, &source))?,
            Err(error) => {
                let message = format!("`{}` cannot be read: {error}", source.name());
                work.findings.push(Diagnostic::error("wheel-damaged", message).at(at()).help("fetch it again"));
                continue;
            }
        }
        let dest = path(&format!("{WHEELS}/{}", source.name()))?;
        work.link(&source, dest, Reason::new(format!("app plugin {what}"), [input(&source)]));
    }
    Ok(())
}

/// `customization:PATH`, as reasons name their inputs.
fn input(path: &TreePath) -> String {
    format!("customization:{path}")
}

/// A path made of parts that are paths: only its length can be wrong.
fn path(text: &str) -> Result<TreePath, Failure> {
    TreePath::new(text).map_err(|error| Failure::invalid("path", format!("`{text}` is not a path for a release: {error}"), None))
}

silver_plugin::export!(customizer: TracCustomizer);
