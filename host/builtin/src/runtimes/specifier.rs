//! Requirements on an interpreter's version: `>=3.9,<3.13`, `~=3.11`, `==3.11.*`.
//!
//! Source: version specifiers, <https://packaging.python.org/specifications/version-specifiers/>; an interpreter's
//! version is numbers only, so the rest of that format has no use here.

use silver_plugin_api::Failure;
use std::cmp::Ordering;

/// Refuses a node whose interpreter is not of a version that the application needs.
pub(super) fn demand(interpreter: &str, requirement: &str, version: &str, node: &str) -> Result<(), Failure> {
    match allows(requirement, version) {
        Some(true) => Ok(()),
        Some(false) => Err(Failure::invalid(
            "interpreter-version",
            format!("the application needs {interpreter} {requirement}, node `{node}` has {version}"),
            Some(&format!("install a {interpreter} of that version on the node")),
        )),
        None => Err(Failure::invalid(
            "interpreter-version",
            format!("`{requirement}` is not a requirement on the version of {interpreter}"),
            Some("write it like `>=3.9` or `>=3.9,<3.13`"),
        )),
    }
}

/// Does `version` fulfil `requirement`? `None` when the requirement cannot be read; an empty one
/// allows all.
fn allows(requirement: &str, version: &str) -> Option<bool> {
    let version = numbers(version)?;
    let mut all = true;
    for clause in requirement.split(',').map(str::trim).filter(|clause| !clause.is_empty()) {
        all &= clause_allows(clause, &version)?;
    }
    Some(all)
}

fn clause_allows(clause: &str, version: &[u64]) -> Option<bool> {
    let operators = [">=", "<=", "==", "!=", "~=", ">", "<"];
    let operator = operators.into_iter().find(|operator| clause.starts_with(operator))?;
    let wanted = clause[operator.len()..].trim();
    if let Some(prefix) = wanted.strip_suffix(".*") {
        let prefix = numbers(prefix)?;
        let below = version.starts_with(&prefix);
        return match operator {
            "==" => Some(below),
            "!=" => Some(!below),
            _ => None,
        };
    }
    let wanted = numbers(wanted)?;
    let order = compare(version, &wanted);
    Some(match operator {
        ">=" => order != Ordering::Less,
        "<=" => order != Ordering::Greater,
        ">" => order == Ordering::Greater,
        "<" => order == Ordering::Less,
        "==" => order == Ordering::Equal,
        "!=" => order != Ordering::Equal,
        // at least this, and the same but for the last number
        _ => wanted.len() > 1 && order != Ordering::Less && version.starts_with(&wanted[..wanted.len() - 1]),
    })
}

fn numbers(text: &str) -> Option<Vec<u64>> {
    // a development version such as 3.14.0b1 counts as the version it is on the way to
    let text = text.split(|c: char| !(c.is_ascii_digit() || c == '.')).next()?;
    text.split('.').map(|number| number.parse().ok()).collect()
}

/// Missing numbers count as 0: 3.11 is 3.11.0.
fn compare(a: &[u64], b: &[u64]) -> Ordering {
    let at = |numbers: &[u64], index: usize| numbers.get(index).copied().unwrap_or(0);
    (0..a.len().max(b.len())).map(|index| at(a, index).cmp(&at(b, index))).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clauses_are_numbers_compared_as_numbers() {
        for (requirement, version, allowed) in [
            ("", "3.11.2", Some(true)),
            (">=3.9", "3.11.2", Some(true)),
            (">=3.9", "3.8.20", Some(false)),
            (">=3.9,<3.11", "3.11.0", Some(false)),
            (">=3.9, <3.12", "3.11.2", Some(true)),
            ("==3.11.*", "3.11.2", Some(true)),
            ("!=3.11.*", "3.11.2", Some(false)),
            ("~=3.10", "3.11.2", Some(true)),
            ("~=3.10.1", "3.11.2", Some(false)),
            ("==3.11", "3.11.0", Some(true)),
            ("3.11", "3.11.2", None),
            (">=three", "3.11.2", None),
        ] {
            assert_eq!(allows(requirement, version), allowed, "{requirement} {version}");
        }
    }
}
