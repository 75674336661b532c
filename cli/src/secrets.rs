//! Values of secrets on their way from the operator to the node. They are in memory only.

use crate::{
    context::Context,
    error::{CommandError, Result},
    exit::Exit,
};
use silver_pack::{
    customization::{Customization, SecretRef},
    manifest::Manifest,
};
use std::{
    collections::BTreeMap,
    path::Path,
    process::{Command, Stdio},
};

/// The values that the customization refers to.
pub fn referred(customization: Option<&Customization>) -> Result<BTreeMap<String, String>> {
    let Some(customization) = customization else { return Ok(BTreeMap::new()) };
    let references = customization.config.secrets.iter();
    references
        .map(|(name, reference)| Ok((name.clone(), value(name, reference, customization.directory_of_secret(name))?)))
        .collect()
}

/// The values of these secrets, asked for.
pub fn asked(context: &Context, manifest: &Manifest, names: &[&str]) -> Result<BTreeMap<String, String>> {
    let mut values = BTreeMap::new();
    for name in names {
        let def = manifest.secrets.get(*name);
        let question = def.and_then(|def| def.prompt.clone().or_else(|| def.help.clone()));
        let question = question.unwrap_or_else(|| format!("Secret `{name}`"));
        let instead = format!("`{name} = \"env:NAME\"` (or file:, cmd:) below [secrets] of customize.toml");
        let answer = context.ui.ask_secret(&format!("{question}:"), &instead)?;
        if answer.is_empty() {
            return Err(CommandError::usage(format!("secret `{name}` is empty")));
        }
        values.insert((*name).to_owned(), answer);
    }
    Ok(values)
}

/// Errors name the reference, never what was found there.
fn value(name: &str, reference: &SecretRef, directory: &Path) -> Result<String> {
    let failed = |why: String| CommandError::new(Exit::Error, format!("secret `{name}` cannot be taken from {reference}: {why}"));
    let text = match reference {
        SecretRef::Env(variable) => match std::env::var(variable) {
            Ok(value) => value,
            Err(std::env::VarError::NotPresent) => {
                return Err(failed("it is not set".into()).hint(format!("set the variable {variable} for this command")));
            }
            Err(std::env::VarError::NotUnicode(_)) => return Err(failed("it is not text".into())),
        },
        SecretRef::File(path) => {
            let bytes = std::fs::read(directory.join(path)).map_err(|error| failed(error.to_string()))?;
            String::from_utf8(bytes).map_err(|_| failed("it is not text".into()))?
        }
        SecretRef::Command(words) => {
            let Some((program, arguments)) = words.split_first() else { return Err(failed("there is no program".into())) };
            let command = Command::new(program).args(arguments).current_dir(directory).stderr(Stdio::inherit()).output();
            let said = command.map_err(|error| failed(error.to_string()))?;
            if !said.status.success() {
                return Err(failed(format!("the program failed ({})", said.status)));
            }
            String::from_utf8(said.stdout).map_err(|_| failed("it is not text".into()))?
        }
    };
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    if text.is_empty() {
        return Err(failed("it is empty".into()));
    }
    Ok(text.to_owned())
}
