//! `NAME[==VERSION]`, as it is written on the command line.

use silver_plugin::{Failure, index::Requirement};

/// Takes it apart; other operators of Python's version syntax (`>=1,<2`) are passed on as well.
pub(crate) fn parse(text: &str) -> Result<Requirement, Failure> {
    let end = text.find(['=', '<', '>', '!', '~']).unwrap_or(text.len());
    let (name, versions) = (text[..end].trim(), text[end..].trim());
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let outer = |c: char| c.is_ascii_alphanumeric();
    let is_name = name.chars().all(inner) && name.starts_with(outer) && name.ends_with(outer);
    let single_equal = versions.starts_with('=') && !versions.starts_with("==");
    if !is_name || single_equal || versions.chars().any(char::is_control) {
        let help = "write NAME or NAME==VERSION, for example TracAccountManager==0.6.0";
        return Err(Failure::invalid("plugin-name", format!("`{}` names no package", text.escape_debug()), Some(help)));
    }
    Ok(Requirement::new(name, versions))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_and_version_are_taken_apart() {
        for (text, name, versions) in [
            ("TracAccountManager", "TracAccountManager", ""),
            ("TracNav==4.3", "TracNav", "==4.3"),
            ("a.b-c_d >=1,<2", "a.b-c_d", ">=1,<2"),
            ("x~=1.0", "x", "~=1.0"),
        ] {
            let parsed = parse(text).unwrap();
            assert_eq!((parsed.name.as_str(), parsed.versions.as_str()), (name, versions));
        }
        for wrong in ["", "==1", "-x", "x-", "a b", "a/b", "a=1", "../a", "a==1\n--index-url", "a[extra]"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }
}
