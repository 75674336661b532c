//! Secrets that an app prints do not reach logs, progress or records.

use std::collections::BTreeMap;

/// Shorter values are left alone: they would hit ordinary text and are no secrets worth the name.
const SHORTEST: usize = 6;

/// Replaces secret values by `***`.
#[derive(Debug, Clone, Default)]
pub struct Redactor(Vec<String>);

impl Redactor {
    /// For these secrets.
    pub fn new(secrets: &BTreeMap<String, String>) -> Self {
        let mut values: Vec<String> = secrets.values().filter(|value| value.len() >= SHORTEST).cloned().collect();
        values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        Self(values)
    }

    /// The line without them.
    pub fn clean(&self, line: &str) -> String {
        self.0.iter().fold(line.to_owned(), |line, value| if line.contains(value) { line.replace(value, "***") } else { line })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longest_first_and_short_ones_never() {
        let secrets = [("a", "hunter2"), ("b", "hunter2-long"), ("c", "it")];
        let redactor = Redactor::new(&secrets.map(|(name, value)| (name.into(), value.into())).into());
        assert_eq!(redactor.clean("it is hunter2-long and hunter2"), "it is *** and ***");
    }
}
