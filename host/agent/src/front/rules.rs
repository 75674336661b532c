//! The rules of `[front]` for one release, ready to be applied.

use hyper::{
    HeaderMap, StatusCode, Uri,
    header::{HeaderName, HeaderValue, LOCATION},
};
use silver_pack::address::{self, Pattern};
use silver_plugin_api::plan::{Front, Subpath};
use std::time::Duration;

/// Neither a byte of the request nor the head of the answer for so long: the app is given up.
const SILENCE: Duration = Duration::from_mins(2);

/// What is done with the requests for a release, and with its answers.
#[derive(Debug, Default)]
pub(crate) struct Rules {
    deny: Vec<Pattern>,
    rewrite: Vec<Rewrite>,
    headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) strips: bool,
    pub(super) max_body: Option<u64>,
    pub(super) silence: Duration,
    pub(super) upgrades: bool,
    pub(super) not_found: Option<String>,
}

#[derive(Debug)]
struct Rewrite {
    from: Pattern,
    to: String,
    unless_file: bool,
    redirect: Option<StatusCode>,
}

/// Where an address leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Led {
    /// To another target of the application, below the location.
    Inside(String),
    /// The visitor is told to ask there: below the location when it begins with a slash.
    Away(StatusCode, String),
}

impl Rules {
    /// Manifests are validated: what is not a rule here was written by something else than silver,
    /// and is left out with a word in the agent's log.
    pub(super) fn new(front: &Front) -> Self {
        let pattern = |text: &String| {
            text.parse::<Pattern>().map_err(|error| tracing::error!("a rule of the front is left out: {error}")).ok()
        };
        let header = |(name, value): &(String, String)| Some((name.parse().ok()?, value.parse().ok()?));
        Self {
            deny: front.deny.iter().filter_map(pattern).collect(),
            rewrite: (front.rewrite.iter())
                .filter_map(|rule| {
                    let redirect = rule.redirect.map(StatusCode::from_u16).transpose().ok()?;
                    Some(Rewrite { from: pattern(&rule.from)?, to: rule.to.clone(), unless_file: rule.unless_file, redirect })
                })
                .collect(),
            headers: front.headers.iter().filter_map(header).collect(),
            strips: front.subpath == Subpath::Strip,
            max_body: front.max_body,
            silence: front.timeout_ms.map_or(SILENCE, Duration::from_millis),
            upgrades: front.websockets,
            not_found: front.not_found.clone(),
        }
    }

    /// Is this path below the location refused? However it is spelt.
    pub(super) fn denies(&self, path: &str) -> bool {
        if self.deny.is_empty() {
            return false;
        }
        let plain = address::plain(path);
        self.deny.iter().any(|pattern| pattern.covers(&plain))
    }

    /// Where a request for `path` (below the location, as it was asked for) is led by the first rule that fits; `None`:
    /// it stays as it is.
    pub(super) fn led(&self, path: &str, query: Option<&str>, unless_file: bool) -> Option<Led> {
        let fits = |rule: &'_ Rewrite| rule.from.captures(path).map(|captures| (rule.to.clone(), rule.redirect, captures));
        let (to, redirect, captures) = self.rewrite.iter().filter(|rule| rule.unless_file == unless_file).find_map(fits)?;
        let (origin, to) = address::origin(&to).unwrap_or(("", &to));
        let mut target = address::fill(to, &captures);
        if let Some(query) = query.filter(|query| !query.is_empty()) {
            target.push(if target.contains('?') { '&' } else { '?' });
            target.push_str(query);
        }
        Some(match redirect {
            None => Led::Inside(target),
            // a second slash would make a host of what comes after it
            Some(status) => Led::Away(status, format!("{origin}/{}", target.trim_start_matches(['/', '\\']))),
        })
    }

    /// Headers of every answer.
    pub(super) fn dress(&self, headers: &mut HeaderMap) {
        for (name, value) in &self.headers {
            headers.insert(name.clone(), value.clone());
        }
    }

    /// A redirect of an application that does not know its path leads to where it is.
    pub(super) fn relocate(&self, headers: &mut HeaderMap, base: &str) {
        if !self.strips || base.is_empty() {
            return;
        }
        let below = |to: &str| to.strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with(['/', '?']));
        let Some(to) = headers.get(LOCATION).and_then(|to| to.to_str().ok()) else { return };
        if to.starts_with('/')
            && !to.starts_with("//")
            && !below(to)
            && let Ok(value) = HeaderValue::from_str(&format!("{base}{to}"))
        {
            headers.insert(LOCATION, value);
        }
    }
}

/// The path of a request below the location; begins with a slash unless it is empty.
pub(super) fn below<'u>(uri: &'u Uri, base: &str) -> &'u str {
    uri.path().strip_prefix(base).unwrap_or(uri.path())
}

#[cfg(test)]
mod tests {
    use super::*;
    use silver_plugin_api::plan;

    #[test]
    fn the_first_rule_counts_and_the_query_is_kept() {
        let rule = |from: &str, to: &str, unless_file, redirect| plan::Rewrite {
            from: from.into(),
            to: to.into(),
            unless_file,
            redirect,
        };
        let rewrite = vec![
            rule("/wiki/*", "/index.php?title=$1", false, None),
            rule("/wiki/Main", "/never", false, None),
            rule("/old/**", "/$1", false, Some(301)),
            rule("/docs/**", "https://docs.example.org/v1/$1", false, Some(302)),
            rule("/**", "/index.html", true, None),
        ];
        let rules = Rules::new(&Front { rewrite, ..Front::default() });
        let inside = |to: &str| Some(Led::Inside(to.into()));
        let away = |status, to: &str| Some(Led::Away(status, to.into()));
        assert_eq!(rules.led("/wiki/Main", None, false), inside("/index.php?title=Main"));
        assert_eq!(rules.led("/wiki/Main", Some("a=b"), false), inside("/index.php?title=Main&a=b"));
        assert_eq!(rules.led("/other", Some("a=b"), true), inside("/index.html?a=b"));
        assert_eq!(rules.led("/other", None, false), None);
        assert_eq!(rules.led("/old/a/b", Some("c=d"), false), away(StatusCode::MOVED_PERMANENTLY, "/a/b?c=d"));
        assert_eq!(rules.led("/old//evil.example/", None, false), away(StatusCode::MOVED_PERMANENTLY, "/evil.example/"));
        assert_eq!(rules.led("/docs//x", None, false), away(StatusCode::FOUND, "https://docs.example.org/v1//x"));
    }

    #[test]
    fn redirects_of_an_application_that_was_moved() {
        let rules = Rules::new(&Front { subpath: Subpath::Strip, ..Front::default() });
        for (to, wanted) in [
            ("/login", "/sub/login"),
            ("/sub/login", "/sub/login"),
            ("/subway", "/sub/subway"),
            ("//other.example/x", "//other.example/x"),
            ("http://other.example/x", "http://other.example/x"),
            ("next", "next"),
        ] {
            let mut headers = HeaderMap::from_iter([(LOCATION, HeaderValue::from_static(to))]);
            rules.relocate(&mut headers, "/sub");
            assert_eq!(headers[LOCATION], wanted);
        }
    }
}
