//! `[[bind]]`: every value reaches the application under the application's own name.

use super::scalar::{Name, text_type};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use silver_plugin_api::{TreePath, plan::FileFormat};
use std::fmt;

/// `[[bind]]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Bind {
    /// The value.
    pub from: BindSource,
    /// Where it goes.
    pub to: BindTarget,
}

/// `from`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BindSource {
    /// `service.NAME.FACT`.
    Service {
        /// The service.
        name: Name,
        /// What of it: `url`, `path`.
        fact: Name,
    },
    /// `app.url`: the canonical address.
    AppUrl,
    /// `app.base-path`: the path of the canonical address.
    AppBasePath,
    /// `app.data-dir`.
    AppDataDir,
    /// `app.instance-dir`: this release's view of the instance.
    AppInstanceDir,
    /// `app.release`: the label of the release.
    AppRelease,
    /// `setting.NAME`.
    Setting(Name),
    /// `secret.NAME`.
    Secret(Name),
}

impl BindSource {
    /// The name by which a template uses it, unless the target says otherwise: the part after
    /// `setting.` or `secret.`, else all of it, with `_` for dots and dashes.
    pub fn template_name(&self) -> String {
        match self {
            Self::Setting(name) | Self::Secret(name) => name.replace('-', "_"),
            Self::Service { name, fact } => format!("{name}_{fact}").replace('-', "_"),
            other => other.to_string().replace(['.', '-'], "_"),
        }
    }
}

impl std::str::FromStr for BindSource {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const ALLOWED: &str = "`setting.NAME`, `secret.NAME`, `service.NAME.FACT`, `app.url`, `app.base-path`, \
                               `app.data-dir`, `app.instance-dir`, `app.release`";
        let wrong = || format!("`{}` is not a value; allowed: {ALLOWED}", text.escape_debug());
        let (kind, rest) = text.split_once('.').ok_or_else(wrong)?;
        match (kind, rest) {
            ("app", "url") => Ok(Self::AppUrl),
            ("app", "base-path") => Ok(Self::AppBasePath),
            ("app", "data-dir") => Ok(Self::AppDataDir),
            ("app", "instance-dir") => Ok(Self::AppInstanceDir),
            ("app", "release") => Ok(Self::AppRelease),
            ("setting", name) => Ok(Self::Setting(name.parse()?)),
            ("secret", name) => Ok(Self::Secret(name.parse()?)),
            ("service", rest) => {
                let (name, fact) = rest.split_once('.').ok_or_else(wrong)?;
                Ok(Self::Service { name: name.parse()?, fact: fact.parse()? })
            }
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for BindSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service { name, fact } => write!(f, "service.{name}.{fact}"),
            Self::AppUrl => f.write_str("app.url"),
            Self::AppBasePath => f.write_str("app.base-path"),
            Self::AppDataDir => f.write_str("app.data-dir"),
            Self::AppInstanceDir => f.write_str("app.instance-dir"),
            Self::AppRelease => f.write_str("app.release"),
            Self::Setting(name) => write!(f, "setting.{name}"),
            Self::Secret(name) => write!(f, "secret.{name}"),
        }
    }
}

text_type!(BindSource, "^(setting|secret|service|app)\\..+$", ["setting.project-name", "app.url"]);

/// `to`. Files are below the instance directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BindTarget {
    /// `env:NAME`: a variable of every process.
    Env(String),
    /// `ini:FILE#section.key`, `json:FILE#path`, `toml:FILE#path`: a key of a file.
    Key {
        /// The prefix.
        format: FileFormat,
        /// The file.
        file: TreePath,
        /// The dotted key.
        key: String,
    },
    /// `template:FILE.j2` or `template:FILE.j2#name`: a value of a template; the result is
    /// `FILE`.
    Template {
        /// The template, with `.j2`.
        template: TreePath,
        /// The name in the template, when it is not [`BindSource::template_name`].
        name: Option<String>,
    },
}

impl BindTarget {
    /// The file that a template makes: its name without `.j2`.
    pub fn rendered_file(template: &TreePath) -> TreePath {
        template.strip_suffix(".j2").and_then(|path| TreePath::new(path).ok()).unwrap_or_else(|| template.clone())
    }
}

impl std::str::FromStr for BindTarget {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const ALLOWED: &str = "`env:NAME`, `ini:FILE#section.key`, `json:FILE#path`, `toml:FILE#path`, `template:FILE.j2`";
        let shown = text.escape_debug();
        let wrong = || format!("`{shown}` is not a target; allowed: {ALLOWED}");
        let (kind, rest) = text.split_once(':').ok_or_else(wrong)?;
        let path = |file: &str| match TreePath::new(file) {
            Ok(path) if !path.is_root() => Ok(path),
            Ok(_) => Err(wrong()),
            Err(error) => Err(format!("`{}` is not a path below the instance directory: {error}", file.escape_debug())),
        };
        let key = |format: FileFormat| {
            let (file, key) = rest.split_once('#').ok_or_else(wrong)?;
            let parts = key.split('.').count();
            if key.split('.').any(str::is_empty) || key.chars().any(char::is_control) {
                return Err(format!("`{}` is not a dotted key", key.escape_debug()));
            }
            if format == FileFormat::Ini && parts < 2 {
                return Err(format!("`{}` names no section: write `section.key`", key.escape_debug()));
            }
            Ok(Self::Key { format, file: path(file)?, key: key.to_owned() })
        };
        match kind {
            "env" if is_variable(rest) => Ok(Self::Env(rest.to_owned())),
            "env" => Err(format!("`{}` is not the name of a variable: letters, digits and `_`", rest.escape_debug())),
            "ini" => key(FileFormat::Ini),
            "json" => key(FileFormat::Json),
            "toml" => key(FileFormat::Toml),
            "template" => {
                let (file, name) = rest.split_once('#').map_or((rest, None), |(file, name)| (file, Some(name)));
                if file.strip_suffix(".j2").is_none() {
                    return Err(format!("`{}` is not a template: its name ends with `.j2`", file.escape_debug()));
                }
                if let Some(name) = name.filter(|name| !is_variable(name)) {
                    return Err(format!("`{}` is not a name for a template: letters, digits and `_`", name.escape_debug()));
                }
                Ok(Self::Template { template: path(file)?, name: name.map(str::to_owned) })
            }
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for BindTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env:{name}"),
            Self::Key { format, file, key } => {
                let kind = match format {
                    FileFormat::Ini => "ini",
                    FileFormat::Json => "json",
                    FileFormat::Toml => "toml",
                };
                write!(f, "{kind}:{file}#{key}")
            }
            Self::Template { template, name: None } => write!(f, "template:{template}"),
            Self::Template { template, name: Some(name) } => write!(f, "template:{template}#{name}"),
        }
    }
}

text_type!(BindTarget, "^(env|ini|json|toml|template):.+$", ["env:DATABASE_URL", "ini:conf/trac.ini#trac.database"]);

/// A name for an environment variable or a template: a letter or `_`, then letters, digits, `_`.
pub(crate) fn is_variable(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}
