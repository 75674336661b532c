//! `env/conf/silver.ini`: options of the pack, what app plugins need, and the site's own, in this
//! order. The administrator's `trac.ini` inherits from it.

use crate::{
    ini::{self, Entry},
    input, path,
    work::Work,
};
use silver_plugin::{Diagnostic, Failure, Location, Reason, Tree, TreePath, TreeRole};

/// The file, in the pack and in the release.
const FILE: &str = "env/conf/silver.ini";
/// Options of the pack for app plugins, by package: `acct_mgr.ini`.
const OPTIONS: &str = "plugins/options";
/// The file of the customization.
const OWN: &str = "trac.ini";
/// What silver sets in `trac.ini`, and how an operator changes it.
const OWNED: [(&str, &str, &str); 7] = [
    ("trac", "database", "it lies in the data directory"),
    ("trac", "base_url", "it follows from the location: `[[deploy]] locations` in customize.toml"),
    ("project", "name", "set `project-name` in customize.toml, `[settings]`"),
    ("project", "descr", "set `project-description` in customize.toml, `[settings]`"),
    ("inherit", "file", "silver.ini is inherited"),
    ("logging", "log_type", "the check of a new release reads the log"),
    ("logging", "log_file", "the check of a new release reads the log"),
];

/// The options under construction.
pub(crate) struct Site {
    comment: String,
    entries: Vec<Entry>,
    inputs: Vec<String>,
}

impl Site {
    /// What the pack has.
    pub(crate) fn of_pack(app: &dyn Tree) -> Result<Self, Failure> {
        let text = app.read_text(&path(FILE)?)?;
        let comment: String = text.lines().take_while(|line| line.starts_with('#')).flat_map(|line| [line, "\n"]).collect();
        Ok(Self { comment, entries: of_pack(&path(FILE)?, &text)?, inputs: Vec::new() })
    }

    /// Enables the components of a package that came with a wheel, and adds the options that the pack
    /// has for it: some plugins do nothing without.
    pub(crate) fn enable(&mut self, app: &dyn Tree, package: &str, wheel: &TreePath) -> Result<(), Failure> {
        let (section, key, value) = ("components".into(), format!("{package}.*"), "enabled".into());
        self.entries.push(Entry { section, key, value, line: 0 });
        self.inputs.push(input(wheel));
        let options = path(&format!("{OPTIONS}/{package}.ini"))?;
        if app.stat(&options).is_some() {
            self.entries.extend(of_pack(&options, &app.read_text(&options)?)?);
            self.inputs.push(format!("app:{options}"));
        }
        Ok(())
    }

    /// Adds the customization's own options.
    pub(crate) fn add_own(&mut self, customization: &dyn Tree, work: &mut Work) -> Result<(), Failure> {
        let own = path(OWN)?;
        if customization.stat(&own).is_none() {
            return Ok(());
        }
        let (entries, wrong) = ini::parse(&customization.read_text(&own)?);
        let at = |line| Location { line, ..Location::file(TreeRole::Customization, own.clone()) };
        work.findings.extend(wrong.iter().map(|wrong| Diagnostic::error("trac-ini-syntax", wrong.why).at(at(wrong.line))));
        work.findings.extend(entries.iter().filter_map(|entry| Some(refusal(entry)?.at(at(entry.line)))));
        self.entries.extend(entries);
        self.inputs.push(input(&own));
        Ok(())
    }

    /// Puts the file into the release, when there is more in it than the pack has.
    pub(crate) fn write(self, work: &mut Work) -> Result<(), Failure> {
        if !self.inputs.is_empty() {
            let text = self.comment + &ini::write(self.entries.iter());
            work.put(path(FILE)?, text, Reason::new("options of this site and of its app plugins", self.inputs));
        }
        Ok(())
    }
}

/// Options of a file of the pack; what is wrong with it is the pack's fault.
fn of_pack(file: &TreePath, text: &str) -> Result<Vec<Entry>, Failure> {
    let (entries, wrong) = ini::parse(text);
    match wrong.first() {
        None => Ok(entries),
        Some(wrong) => Err(Failure::Internal(format!("the pack's {file}, line {}: {}", wrong.line, wrong.why))),
    }
}

/// Why a site may not set this option here, if it may not.
fn refusal(entry: &Entry) -> Option<Diagnostic> {
    let name = format!("[{}] {}", entry.section, entry.key);
    let is = |section: &str, key: &str| entry.section == section && entry.key.eq_ignore_ascii_case(key);
    if let Some((_, _, help)) = OWNED.iter().find(|(section, key, _)| is(section, key)) {
        return Some(Diagnostic::error("trac-owned-option", format!("silver itself sets `{name}`")).help(*help));
    }
    let key = entry.key.to_ascii_lowercase();
    let secret = ["password", "passwd", "secret", "token"].iter().any(|word| key.contains(word));
    if (secret && !entry.value.is_empty()) || holds_credentials(&entry.value) {
        let help = "a release is recorded for ever: set it in the web administration, which keeps it with the data";
        return Some(Diagnostic::error("secret-in-tree", format!("`{name}` looks like a secret")).help(help));
    }
    None
}

/// `scheme://user:password@host`.
fn holds_credentials(value: &str) -> bool {
    let Some((_, rest)) = value.split_once("://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_silvers_or_secret_is_refused() {
        let code = |section: &str, key: &str, value: &str| {
            let entry = Entry { section: section.into(), key: key.into(), value: value.into(), line: 1 };
            refusal(&entry).map(|finding| finding.code)
        };
        assert_eq!(code("trac", "Base_URL", "x").as_deref(), Some("trac-owned-option"));
        assert_eq!(code("notification", "smtp_password", "x").as_deref(), Some("secret-in-tree"));
        assert_eq!(code("notification", "smtp_password", ""), None);
        assert_eq!(code("a", "b", "ldap://me:pw@host/x").as_deref(), Some("secret-in-tree"));
        assert_eq!(code("header_logo", "src", "site/logo.svg"), None);
        assert_eq!(code("a", "b", "http://host:80/@x"), None);
    }
}
