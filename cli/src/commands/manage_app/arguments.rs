//! The command line of a plugin's command, from the parameters that the plugin names: required ones
//! are positional, the others `--name VALUE`. A word more than the required ones goes to the optional
//! parameters in their order.

use silver_plugin_api::{
    TreePath,
    commands::{CommandSpec, Param, ParamKind},
};
use std::collections::VecDeque;

/// A parsed command line.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Parsed {
    /// Values by parameter.
    pub values: Vec<(String, Vec<String>)>,
    /// Silver's own options, which may stand behind the command, too.
    pub help: bool,
    pub yes: bool,
    pub json: bool,
    pub quiet: bool,
    pub dry_run: bool,
    pub allow_build: bool,
}

/// What is wrong with a command line.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArgumentError {
    #[error("`{0}` is missing")]
    Missing(String),
    #[error("`{0}` is one word too many")]
    TooMany(String),
    #[error("there is no option `{0}`")]
    Unknown(String),
    #[error("`--{0}` needs a value")]
    NoValue(String),
    #[error("`--{0}` takes no value")]
    FlagValue(String),
    #[error("`{0}` was given more than once")]
    Repeated(String),
    #[error("`{value}` is not a whole number, which `{name}` needs")]
    NotInteger { name: String, value: String },
    #[error("`{value}` is none of {choices}, which `{name}` needs")]
    NotChoice { name: String, value: String, choices: String },
    #[error("`{value}` is not a path below the customization, which `{name}` needs: {why}")]
    NotPath { name: String, value: String, why: String },
}

/// Parses what stands behind the command's name.
pub fn parse(spec: &CommandSpec, words: &[String]) -> Result<Parsed, ArgumentError> {
    let mut parsed = Parsed::default();
    let (mut words, mut positional, mut only_words) = (VecDeque::from(words.to_vec()), Vec::new(), false);
    while let Some(word) = words.pop_front() {
        let negative = word.strip_prefix('-').is_some_and(|rest| rest.parse::<u64>().is_ok());
        if only_words || negative || word == "-" || !word.starts_with('-') {
            positional.push(word);
        } else if word == "--" {
            only_words = true;
        } else {
            option(spec, &mut parsed, &word, &mut words)?;
        }
    }
    if parsed.help {
        return Ok(parsed);
    }
    place(spec, &mut parsed, positional)?;
    for (name, values) in &parsed.values {
        if let Some(param) = spec.params.iter().find(|param| param.name == *name) {
            for value in values {
                check(param, value)?;
            }
        }
    }
    Ok(parsed)
}

fn option(spec: &CommandSpec, parsed: &mut Parsed, word: &str, rest: &mut VecDeque<String>) -> Result<(), ArgumentError> {
    let (name, given) = match word.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (word, None),
    };
    let own = name.strip_prefix("--").and_then(|name| spec.params.iter().find(|param| param.name == name));
    let Some(param) = own else {
        match (name, given) {
            ("--help" | "-h", None) => parsed.help = true,
            ("--yes" | "-y", None) => parsed.yes = true,
            ("--json", None) => parsed.json = true,
            ("--quiet" | "-q", None) => parsed.quiet = true,
            ("--dry-run", None) => parsed.dry_run = true,
            ("--allow-build", None) => parsed.allow_build = true,
            _ => return Err(ArgumentError::Unknown(word.to_owned())),
        }
        return Ok(());
    };
    let value = match (param.kind, given) {
        (ParamKind::Flag, None) => "true".to_owned(),
        (ParamKind::Flag, Some(_)) => return Err(ArgumentError::FlagValue(param.name.clone())),
        (_, Some(value)) => value,
        (_, None) => rest.pop_front().ok_or_else(|| ArgumentError::NoValue(param.name.clone()))?,
    };
    add(parsed, param, value)
}

fn add(parsed: &mut Parsed, param: &Param, value: String) -> Result<(), ArgumentError> {
    match parsed.values.iter_mut().find(|(name, _)| *name == param.name) {
        Some(_) if !param.repeated => return Err(ArgumentError::Repeated(param.name.clone())),
        Some((_, values)) => values.push(value),
        None => parsed.values.push((param.name.clone(), vec![value])),
    }
    Ok(())
}

/// Words go to the required parameters, then to the optional ones.
fn place(spec: &CommandSpec, parsed: &mut Parsed, words: Vec<String>) -> Result<(), ArgumentError> {
    let given = |parsed: &Parsed, param: &Param| parsed.values.iter().any(|(name, _)| *name == param.name);
    let mut words = VecDeque::from(words);
    let open: Vec<&Param> = spec.params.iter().filter(|param| param.required && !given(parsed, param)).collect();
    for (at, param) in open.iter().enumerate() {
        let word = words.pop_front().ok_or_else(|| ArgumentError::Missing(param.name.clone()))?;
        add(parsed, param, word)?;
        // a repeated parameter leaves the ones behind it their words
        while param.repeated && words.len() > open.len() - at - 1 {
            let Some(word) = words.pop_front() else { break };
            add(parsed, param, word)?;
        }
    }
    let optional = spec.params.iter().filter(|param| !param.required && param.kind != ParamKind::Flag);
    for param in optional {
        if given(parsed, param) {
            continue;
        }
        while let Some(word) = words.pop_front() {
            add(parsed, param, word)?;
            if !param.repeated {
                break;
            }
        }
    }
    match words.pop_front() {
        Some(word) => Err(ArgumentError::TooMany(word)),
        None => Ok(()),
    }
}

fn check(param: &Param, value: &str) -> Result<(), ArgumentError> {
    let (name, value) = (param.name.clone(), value.to_owned());
    match param.kind {
        ParamKind::Text | ParamKind::Flag => Ok(()),
        ParamKind::Integer if value.parse::<i64>().is_ok() => Ok(()),
        ParamKind::Integer => Err(ArgumentError::NotInteger { name, value }),
        ParamKind::Choice if param.choices.contains(&value) => Ok(()),
        ParamKind::Choice => Err(ArgumentError::NotChoice { name, value, choices: param.choices.join(", ") }),
        ParamKind::Path => match TreePath::new(&value) {
            Ok(_) => Ok(()),
            Err(why) => Err(ArgumentError::NotPath { name, value, why: why.to_string() }),
        },
    }
}

/// `install-plugin PLUGIN… [--force]`
pub fn usage(spec: &CommandSpec) -> String {
    let mut words = vec![spec.name.clone()];
    for param in &spec.params {
        let value = if param.kind == ParamKind::Choice { param.choices.join("|") } else { param.name.to_uppercase() };
        let more = if param.repeated { "…" } else { "" };
        words.push(match (param.required, param.kind) {
            (true, _) => format!("{value}{more}"),
            (false, ParamKind::Flag) => format!("[--{}]", param.name),
            (false, _) => format!("[--{} {value}]{more}", param.name),
        });
    }
    words.join(" ")
}

/// What `--help` shows.
pub fn help(spec: &CommandSpec) -> String {
    let mut lines =
        vec![spec.summary.clone(), String::new(), format!("Usage: silver manage-app PACK --customize=DIR {}", usage(spec))];
    if !spec.params.is_empty() {
        lines.push(String::new());
    }
    let label = |param: &Param| if param.required { param.name.to_uppercase() } else { format!("--{}", param.name) };
    let width = spec.params.iter().map(|param| label(param).chars().count()).max().unwrap_or(0);
    lines.extend(spec.params.iter().map(|param| format!("  {:width$}  {}", label(param), param.summary)));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn param(name: &str, kind: ParamKind, required: bool, repeated: bool) -> Param {
        let choices = if kind == ParamKind::Choice { vec!["a".to_owned(), "b".to_owned()] } else { Vec::new() };
        Param {
            name: name.into(),
            kind,
            required,
            repeated,
            choices,
            summary: String::new(),
            extra: silver_plugin_api::Settings::new(),
        }
    }

    fn spec(params: Vec<Param>) -> CommandSpec {
        CommandSpec { name: "do".into(), summary: "does".into(), params, extra: silver_plugin_api::Settings::new() }
    }

    fn run(params: &[Param], line: &str) -> Result<Vec<(String, String)>, ArgumentError> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        let parsed = parse(&spec(params.to_vec()), &words)?;
        Ok(parsed.values.into_iter().map(|(name, values)| (name, values.join(","))).collect())
    }

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|&(name, values)| (name.to_owned(), values.to_owned())).collect()
    }

    #[test]
    fn words_and_options_find_their_parameters() {
        use ParamKind::{Choice, Flag, Integer, Text};
        let many = [param("first", Text, true, false), param("rest", Text, true, true), param("last", Text, true, false)];
        assert_eq!(run(&many, "a b c d"), Ok(pairs(&[("first", "a"), ("rest", "b,c"), ("last", "d")])));
        assert_eq!(run(&many, "a b"), Err(ArgumentError::Missing("last".into())));
        let mixed = [
            param("name", Text, true, false),
            param("n", Integer, false, false),
            param("mode", Choice, false, false),
            param("force", Flag, false, false),
        ];
        assert_eq!(
            run(&mixed, "--force x --n -3 --mode=b"),
            Ok(pairs(&[("force", "true"), ("n", "-3"), ("mode", "b"), ("name", "x")]))
        );
        assert_eq!(run(&mixed, "x 5"), Ok(pairs(&[("name", "x"), ("n", "5")])));
        assert_eq!(run(&mixed, "-- --force"), Ok(pairs(&[("name", "--force")])));
        assert_eq!(run(&mixed, "x five"), Err(ArgumentError::NotInteger { name: "n".into(), value: "five".into() }));
        assert!(matches!(run(&mixed, "x --mode c"), Err(ArgumentError::NotChoice { .. })));
        assert_eq!(run(&mixed, "x --mode"), Err(ArgumentError::NoValue("mode".into())));
        assert_eq!(run(&mixed, "x --force=1"), Err(ArgumentError::FlagValue("force".into())));
        assert_eq!(run(&mixed, "x --force --force"), Err(ArgumentError::Repeated("force".into())));
        assert_eq!(run(&mixed, "x --frce"), Err(ArgumentError::Unknown("--frce".into())));
        assert_eq!(run(&mixed, "x 5 a more"), Err(ArgumentError::TooMany("more".into())));
        assert_eq!(run(&[], "x"), Err(ArgumentError::TooMany("x".into())));
    }

    #[test]
    fn paths_stay_inside() {
        let path = [param("file", ParamKind::Path, true, false)];
        assert_eq!(run(&path, "a/b"), Ok(pairs(&[("file", "a/b")])));
        assert!(matches!(run(&path, "../a"), Err(ArgumentError::NotPath { .. })));
    }

    #[test]
    fn silvers_own_options_may_stand_behind_the_command() {
        let words: Vec<String> = ["x", "--yes", "--dry-run", "--json"].map(str::to_owned).to_vec();
        let parsed = parse(&spec(vec![param("name", ParamKind::Text, true, false)]), &words).unwrap();
        assert!(parsed.yes && parsed.dry_run && parsed.json && !parsed.help);
        // help is shown although something is missing
        assert!(parse(&spec(vec![param("name", ParamKind::Text, true, false)]), &["-h".to_owned()]).unwrap().help);
        // a parameter of that name is the plugin's
        let own = parse(&spec(vec![param("json", ParamKind::Text, false, false)]), &["--json=x".to_owned()]).unwrap();
        assert!(!own.json);
    }

    #[test]
    fn usage_shows_what_is_optional() {
        use ParamKind::{Choice, Flag, Text};
        let spec =
            spec(vec![param("name", Text, true, true), param("mode", Choice, false, false), param("force", Flag, false, false)]);
        assert_eq!(usage(&spec), "do NAME… [--mode a|b] [--force]");
    }
}
