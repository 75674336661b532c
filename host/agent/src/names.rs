//! Names that become file names. What comes over the wire is judged here before it meets a path.

use silver_plugin_api::plan::Transition;

/// A name that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` cannot be the name of {what}", silver_plugin_api::path::plain(.name))]
pub struct NameError {
    /// `an app`, `a release`, …
    pub what: &'static str,
    /// The name.
    pub name: String,
}

impl NameError {
    /// The way out.
    pub fn hint(&self) -> Option<String> {
        Some("names have up to 63 lower-case letters, digits, `-`, `_` and `.`, and begin with a letter or digit".into())
    }
}

/// Judges the name of an app.
pub fn app(name: &str) -> Result<(), NameError> {
    judge("an app", name, 63)
}

/// Judges a release's label: `<app>.YYYYMMDD_N`.
pub fn label(app: &str, label: &str) -> Result<(), NameError> {
    match parts(app, label) {
        Some(_) => judge("a release", label, 100),
        None => Err(NameError { what: "a release", name: label.to_owned() }),
    }
}

/// Judges the id of a transition.
pub(crate) fn transition_id(id: &str) -> Result<(), NameError> {
    judge("a transition", id, 100)
}

/// Judges every name in a plan that becomes a file name.
pub(crate) fn transition(plan: &Transition) -> Result<(), NameError> {
    use silver_plugin_api::plan::Action;
    app(&plan.app)?;
    transition_id(&plan.id)?;
    let undos = plan.steps.iter().flat_map(|step| &step.undo);
    for action in plan.steps.iter().map(|step| &step.action).chain(undos) {
        match action {
            Action::Checkpoint { id, .. } | Action::RestoreCheckpoint { id } => judge("a checkpoint", id, 100)?,
            Action::Start { label: name, .. }
            | Action::Stop { label: name, .. }
            | Action::Ready { label: name, .. }
            | Action::Switch { label: Some(name) }
            | Action::Drain { label: name, .. }
            | Action::RemoveRelease { label: name } => label(&plan.app, name)?,
            _ => {}
        }
    }
    plan.release.as_ref().map_or(Ok(()), |(name, _)| label(&plan.app, name))
}

/// The label that follows `last` on `day` (`20261122`, UTC): `<app>.<day>_<n>`.
pub fn next_label(app: &str, day: &str, taken: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let numbers = taken.into_iter().filter_map(|label| {
        let (of, number) = parts(app, label.as_ref())?;
        (of == day).then_some(number)
    });
    format!("{app}.{day}_{}", numbers.max().unwrap_or(0) + 1)
}

/// For sorting labels by age: `_10` comes after `_9`.
pub(crate) fn age(app: &str, label: &str) -> (String, u32) {
    parts(app, label).map_or_else(|| (label.to_owned(), 0), |(day, number)| (day.to_owned(), number))
}

fn parts<'a>(app: &str, label: &'a str) -> Option<(&'a str, u32)> {
    let (day, number) = label.strip_prefix(app)?.strip_prefix('.')?.split_once('_')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (day.len() == 8 && digits(day) && digits(number)).then(|| number.parse().ok().map(|number| (day, number)))?
}

fn judge(what: &'static str, name: &str, longest: usize) -> Result<(), NameError> {
    let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_.".contains(c);
    let first = name.chars().next().is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
    if first && name.len() <= longest && name.chars().all(inner) {
        Ok(())
    } else {
        Err(NameError { what, name: name.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_lead_elsewhere() {
        for fine in ["trac", "a", "0x", "my-app_2.x"] {
            assert_eq!(app(fine), Ok(()), "{fine}");
        }
        for wrong in ["", ".", "..", "-a", "a/b", "../x", "A", "a b", "a\n", "é", &"a".repeat(64)] {
            assert!(app(wrong).is_err(), "{wrong}");
        }
        assert_eq!(label("trac", "trac.20261122_1"), Ok(()));
        for wrong in
            ["trac", "trac.1", "other.20261122_1", "trac.20261122_", "trac.20261122_1/..", "trac.2026112é_1", "trac.20261122_+1"]
        {
            assert!(label("trac", wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn labels_count_up_within_a_day() {
        let taken = ["trac.20261121_7", "trac.20261122_9", "trac.20261122_10", "other.20261122_40", "junk"];
        assert_eq!(next_label("trac", "20261122", taken), "trac.20261122_11");
        assert_eq!(next_label("trac", "20261123", taken), "trac.20261123_1");
        assert!(age("trac", "trac.20261122_10") > age("trac", "trac.20261122_9"));
    }
}
