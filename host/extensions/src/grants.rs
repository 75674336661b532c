//! Two keys for every power: the plugin's manifest asks, the operator allows.

use std::collections::BTreeSet;

/// What one plugin may reach: what it needs and was allowed. Nothing by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants(BTreeSet<String>);

impl Grants {
    /// What stands in both: the manifest's `needs` and what the operator allowed
    /// (`index:python`, `http:HOST`, `edit-customization`).
    pub fn new(needs: impl IntoIterator<Item = String>, allowed: impl IntoIterator<Item = String>) -> Self {
        let allowed: BTreeSet<String> = allowed.into_iter().collect();
        Self(needs.into_iter().filter(|need| allowed.contains(need)).collect())
    }

    /// May it ask the index of this name and fetch from it?
    pub fn index(&self, name: &str) -> bool {
        self.0.contains(&format!("index:{name}"))
    }

    /// May it change the customization directory?
    pub fn edit(&self) -> bool {
        self.0.contains("edit-customization")
    }

    /// May it fetch this URL? Only HTTPS, only the granted host, no user name, no other port.
    pub fn url(&self, url: &str) -> bool {
        let Some(rest) = url.strip_prefix("https://") else { return false };
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        self.0.contains(&format!("http:{}", host.to_ascii_lowercase()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grants(needs: &[&str], allowed: &[&str]) -> Grants {
        let owned = |list: &[&str]| list.iter().map(|&one| one.to_owned()).collect::<Vec<_>>();
        Grants::new(owned(needs), owned(allowed))
    }

    #[test]
    fn both_keys_are_needed() {
        assert!(grants(&["index:python"], &["index:python"]).index("python"));
        assert!(!grants(&["index:python"], &["index:python"]).index("npm"));
        assert!(!grants(&["index:python"], &[]).index("python"));
        assert!(!grants(&[], &["index:python"]).index("python"));
        assert!(grants(&["edit-customization"], &["edit-customization"]).edit());
        assert!(!Grants::default().edit());
    }

    #[test]
    fn a_url_is_the_granted_host_and_nothing_that_looks_like_it() {
        let grants = grants(&["http:a.example"], &["http:a.example"]);
        for fine in ["https://a.example", "https://a.example/x?y", "https://A.Example/"] {
            assert!(grants.url(fine), "{fine}");
        }
        for other in [
            "http://a.example/",
            "https://a.example.evil.example/",
            "https://a.example@evil.example/",
            "https://user@a.example/",
            "https://a.example:8443/",
            "https://b.a.example/",
            "https:/a.example",
            "file:///etc/passwd",
            "https://a.example\\@evil.example/",
        ] {
            assert!(!grants.url(other), "{other}");
        }
    }
}
