//! Settings: what an operator gives, checked against what the manifest declares, as text.

use crate::{
    document::nearest,
    former::{Former, instead, names},
    manifest::{Manifest, SettingDef, SettingType},
};
use regex::RegexBuilder;
use serde_json::Value;
use silver_plugin_api::{Settings, TreePath};
use std::collections::BTreeMap;

/// What is wrong with one setting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// The manifest has no such setting.
    #[error("the pack has no setting `{name}`")]
    Unknown {
        /// The name that was given.
        name: String,
        /// What it was probably meant to be, else all there are.
        hint: String,
    },
    /// The version that was used before had it, this one has not.
    #[error("{told}")]
    Gone {
        /// The name that was given.
        name: String,
        /// Which version had it, and which has not.
        told: String,
        /// What may stand in its place.
        hint: String,
    },
    /// It has no default and was not given.
    #[error("setting `{name}` has to be given")]
    Missing {
        /// The setting.
        name: String,
        /// The question that asks for it, or its help.
        prompt: Option<String>,
    },
    /// The value does not fit.
    #[error("setting `{name}`: {why}")]
    Invalid {
        /// The setting.
        name: String,
        /// What does not fit.
        why: String,
    },
}

impl SettingError {
    /// The setting.
    pub fn name(&self) -> &str {
        match self {
            Self::Unknown { name, .. } | Self::Gone { name, .. } | Self::Missing { name, .. } | Self::Invalid { name, .. } => {
                name
            }
        }
    }

    /// The same error, as whoever used `former` before needs it: a name that was a setting there is not unknown.
    #[must_use]
    pub fn after(self, former: &Former, manifest: &Manifest) -> Self {
        let Self::Unknown { name, hint } = self else { return self };
        let settings = &former.manifest.settings;
        if settings.contains_key(name.as_str()) {
            let told = former.gone(&name, "a setting", manifest);
            let hint = instead(&name, &names(&manifest.settings), &names(settings));
            return Self::Gone { name, told, hint };
        }
        // the pack has given it another name longer ago, and stopped taking the first one
        let renamed = settings.iter().find(|(_, def)| def.renamed_from.as_deref() == Some(&name)).map(|(now, _)| now);
        match renamed.filter(|now| manifest.settings.contains_key(*now)) {
            Some(now) => {
                let (before, this) = (former.version(), &manifest.pack.version);
                let told = format!("`{name}` is called `{now}`: {before} took its former name, {this} does not");
                Self::Gone { told, hint: format!("call it `{now}` in customize.toml"), name }
            }
            None => Self::Unknown { name, hint },
        }
    }

    /// The way out.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown { hint, .. } | Self::Gone { hint, .. } => Some(hint.clone()),
            Self::Missing { name, prompt } => {
                let asks = prompt.as_ref().map(|prompt| format!(" ({prompt})")).unwrap_or_default();
                Some(format!("write `{name} = \"…\"` below `[settings]` of customize.toml{asks}"))
            }
            Self::Invalid { .. } => None,
        }
    }
}

/// The values of all settings of `manifest`: those that are `given`, else their defaults. All that
/// is wrong is told at once.
pub fn resolve(manifest: &Manifest, given: &BTreeMap<String, Value>) -> Result<Settings, Vec<SettingError>> {
    let mut errors = Vec::new();
    let former = |name: &str| {
        let renamed = |def: &SettingDef| def.renamed_from.as_deref() == Some(name);
        manifest.settings.iter().find(|(_, def)| renamed(def)).map(|(name, _)| name.to_string())
    };
    let mut values: BTreeMap<String, &Value> = BTreeMap::new();
    for (name, value) in given {
        if manifest.settings.contains_key(name.as_str()) {
            values.insert(name.clone(), value);
        } else if let Some(now) = former(name) {
            values.entry(now).or_insert(value);
        } else {
            errors.push(unknown(manifest, name));
        }
    }
    let value_of = |name: &str, def: &SettingDef| values.get(name).copied().or(def.default.as_ref()).cloned();
    let hidden = |def: &SettingDef| {
        let Some(condition) = &def.visible_if else { return false };
        let other = manifest.settings.get(&condition.name);
        let said = other.and_then(|other| text(other, &value_of(&condition.name, other)?).ok());
        !condition.holds(&said.unwrap_or_default())
    };
    let mut settings = Settings::new();
    for (name, def) in &manifest.settings {
        let Some(value) = values.get(&**name).copied().or(def.default.as_ref()) else {
            if hidden(def) {
                settings.insert(name.to_string(), String::new());
                continue;
            }
            let prompt = def.prompt.clone().or_else(|| def.help.clone());
            errors.push(SettingError::Missing { name: name.to_string(), prompt });
            continue;
        };
        match text(def, value) {
            Ok(text) => drop(settings.insert(name.to_string(), text)),
            Err(why) => errors.push(SettingError::Invalid { name: name.to_string(), why }),
        }
    }
    if errors.is_empty() { Ok(settings) } else { Err(errors) }
}

fn unknown(manifest: &Manifest, name: &str) -> SettingError {
    let names = || manifest.settings.keys().map(|name| &**name);
    let hint = match nearest(name, names()) {
        Some(name) => format!("did you mean `{name}`?"),
        None if manifest.settings.is_empty() => "the pack has no settings".into(),
        None => format!("it has {}", names().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")),
    };
    SettingError::Unknown { name: name.into(), hint }
}

/// `value` as the text that the application gets, or what about it does not fit.
pub fn text(def: &SettingDef, value: &Value) -> Result<String, String> {
    if let Value::Array(items) = value {
        if def.kind != SettingType::List {
            return Err(format!("it is {}, not a list", article(def.kind)));
        }
        let items: Result<Vec<String>, String> = items.iter().map(|item| one(def, item)).collect();
        return Ok(items?.join(","));
    }
    if def.kind == SettingType::List {
        return Err("it is a list: write [\"a\", \"b\"]".into());
    }
    one(def, value)
}

/// One value, or one item of a list.
fn one(def: &SettingDef, value: &Value) -> Result<String, String> {
    let text = match (def.kind, value) {
        (SettingType::Boolean, Value::Bool(value)) => value.to_string(),
        (SettingType::Integer, Value::Number(number)) if !number.is_f64() => number.to_string(),
        (SettingType::Number, Value::Number(number)) => number.to_string(),
        (SettingType::Boolean | SettingType::Integer | SettingType::Number, Value::String(text)) => {
            // asked for at a terminal, everything is text
            let text = text.trim();
            let fits = match def.kind {
                SettingType::Boolean => text.parse::<bool>().is_ok(),
                SettingType::Integer => text.parse::<i64>().is_ok(),
                _ => text.parse::<f64>().is_ok_and(f64::is_finite),
            };
            if !fits {
                return Err(format!("`{}` is not {}", text.escape_debug(), article(def.kind)));
            }
            text.to_owned()
        }
        (SettingType::Boolean | SettingType::Integer | SettingType::Number, other) => {
            return Err(format!("{} is not {}", found(other), article(def.kind)));
        }
        (_, Value::String(text)) => text.clone(),
        (_, other) => return Err(format!("{} is not {}: write it in quotes", found(other), article(def.kind))),
    };
    judge(def, &text)?;
    Ok(text)
}

fn judge(def: &SettingDef, text: &str) -> Result<(), String> {
    let shown = text.escape_debug();
    if text.contains('\0') {
        return Err("it has a NUL character".into());
    }
    let wrong = || Err(format!("`{shown}` is not {}", article(def.kind)));
    match def.kind {
        SettingType::Choice if !def.choices.iter().any(|choice| choice == text) => {
            let hint = nearest(text, def.choices.iter().map(String::as_str));
            let hint = hint.map(|choice| format!(" (did you mean `{choice}`?)")).unwrap_or_default();
            return Err(format!("`{shown}` is none of `{}`{hint}", def.choices.join("`, `")));
        }
        SettingType::Url if !is_url(text) => return wrong(),
        SettingType::Email if !is_email(text) => return wrong(),
        SettingType::Path => {
            let relative = text.strip_prefix('/').unwrap_or(text);
            if text.is_empty() || TreePath::new(relative).is_err() {
                return wrong();
            }
        }
        SettingType::List if text.contains([',', '\n']) => return Err(format!("`{shown}` has a comma or a line break")),
        _ => {}
    }
    let Some(pattern) = &def.pattern else { return Ok(()) };
    if compile(pattern)?.is_match(text) {
        return Ok(());
    }
    Err(format!("`{shown}` does not match {pattern}"))
}

/// A pattern of the manifest; it has to match the whole value.
pub(crate) fn compile(pattern: &str) -> Result<regex::Regex, String> {
    let whole = RegexBuilder::new(&format!("^(?:{pattern})$")).size_limit(1 << 20).build();
    whole.map_err(|_| format!("`{}` is not a regular expression", pattern.escape_debug()))
}

fn is_url(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")) else { return false };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    !host.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control() || "<>\"\\^`{|}".contains(c))
}

fn is_email(text: &str) -> bool {
    let Some((name, host)) = text.rsplit_once('@') else { return false };
    let plain = |part: &str| {
        !part.is_empty() && !part.contains(|c: char| c.is_whitespace() || c.is_control() || "<>()[],;:\\\"@".contains(c))
    };
    plain(name) && plain(host) && !host.starts_with('.') && !host.ends_with('.')
}

fn article(kind: SettingType) -> &'static str {
    match kind {
        SettingType::Text => "a text",
        SettingType::Integer => "a whole number",
        SettingType::Number => "a number",
        SettingType::Boolean => "true or false",
        SettingType::Choice => "one of its choices",
        SettingType::Url => "an address that starts with http:// or https://",
        SettingType::Email => "an email address",
        SettingType::Path => "a path without `..`",
        SettingType::List => "a list of texts",
    }
}

fn found(value: &Value) -> String {
    match value {
        Value::Null => "nothing".into(),
        Value::Bool(value) => value.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => format!("`{}`", text.escape_debug()),
        Value::Array(_) => "a list".into(),
        Value::Object(_) => "a table".into(),
    }
}

#[cfg(test)]
mod tests;
