//! The table of locations.

use super::{backend::Backend, entry::Entry, static_files::Digests};
use crate::{
    dirs::Dirs,
    environment::split_location,
    logs::{LogFile, access_path},
};
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError, RwLock},
};

/// Why a location cannot be served.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RouteError {
    /// Not `host[/path]`.
    #[error("`{location}` is not a location (`host` or `host/path`, without port)")]
    NotALocation { location: String },
    /// Another app answers there.
    #[error("`{location}` is served by `{app}` already")]
    Taken { location: String, app: String },
}

/// The front: who answers where.
#[derive(Debug)]
pub(crate) struct Front {
    pub(crate) dirs: Dirs,
    pub(crate) port: u16,
    pub(super) digests: Digests,
    /// Replaced as a whole; a request holds the one it began with.
    table: RwLock<Arc<Table>>,
    /// Locations by app, from which the table is made, and the apps.
    apps: Mutex<BTreeMap<String, Known>>,
}

/// An app and where it answers.
type Known = (Arc<Entry>, Vec<Place>);

/// Host and path.
pub(crate) type Place = (String, String);

/// By host, the longest path first.
type Table = HashMap<String, Vec<(String, Arc<Entry>)>>;

impl Front {
    pub(crate) fn new(dirs: Dirs, port: u16) -> Self {
        Self { dirs, port, digests: Digests::default(), table: RwLock::default(), apps: Mutex::default() }
    }

    /// The app's entry; made when it is asked for.
    pub(crate) fn entry(&self, app: &str) -> Arc<Entry> {
        let mut apps = self.apps.lock().unwrap_or_else(PoisonError::into_inner);
        let make = || {
            let log = LogFile::new(access_path(&self.dirs, app));
            (Arc::new(Entry::new(app.to_owned(), log)), Vec::new())
        };
        Arc::clone(&apps.entry(app.to_owned()).or_insert_with(make).0)
    }

    /// What is done for an app from now on. Locations are empty when nothing is to answer.
    pub(crate) fn route(
        &self,
        app: &str,
        locations: &[String],
        current: Option<Arc<Backend>>,
        disabled: bool,
    ) -> Result<(), RouteError> {
        let places = locations.iter().map(|location| place(location)).collect::<Result<Vec<_>, _>>()?;
        let entry = self.entry(app);
        let mut apps = self.apps.lock().unwrap_or_else(PoisonError::into_inner);
        for (other, (_, theirs)) in apps.iter().filter(|(other, _)| *other != app) {
            if let Some((host, path)) = places.iter().find(|place| theirs.contains(place)) {
                return Err(RouteError::Taken { location: format!("{host}{path}"), app: other.clone() });
            }
        }
        // first who answers, then where: a new location never meets an app without a release
        entry.set(current, disabled);
        apps.insert(app.to_owned(), (entry, places));
        let mut table = Table::new();
        for (entry, places) in apps.values() {
            for (host, path) in places {
                table.entry(host.clone()).or_default().push((path.clone(), Arc::clone(entry)));
            }
        }
        for paths in table.values_mut() {
            paths.sort_by_key(|(path, _)| std::cmp::Reverse(path.len()));
        }
        *self.table.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(table);
        Ok(())
    }

    /// The agent has just begun, and an app that will answer there is not routed yet: whoever asks
    /// waits instead of finding nothing.
    pub(crate) fn expect(&self, app: &str, locations: &[String]) -> Result<(), RouteError> {
        self.route(app, locations, None, false)?;
        self.entry(app).expect();
        Ok(())
    }

    /// Does that location lead to the app?
    pub(crate) fn answers(&self, location: &str, app: &str) -> bool {
        place(location).is_ok_and(|(host, path)| {
            self.find(&host, if path.is_empty() { "/" } else { &path }).is_some_and(|(entry, _)| entry.app == app)
        })
    }

    /// Who answers, and at which path of the host.
    pub(super) fn find(&self, host: &str, path: &str) -> Option<(Arc<Entry>, String)> {
        let table = Arc::clone(&self.table.read().unwrap_or_else(PoisonError::into_inner));
        let below = |base: &str| path.strip_prefix(base).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let wild = host.split_once('.').map(|(_, parent)| format!("*.{parent}"));
        let places = [Some(host), wild.as_deref()].into_iter().flatten().filter_map(|host| table.get(host)).flatten();
        let (base, entry) = places.into_iter().find(|(base, _)| below(base))?;
        Some((Arc::clone(entry), base.clone()))
    }
}

/// The host of a `Host` header or a location: lower case, without port and without the dot of the
/// root. `None` when it is none.
pub(crate) fn host_name(text: &str) -> Option<String> {
    let name = match text.rsplit_once(':') {
        Some((name, port)) if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        Some(_) if text.starts_with('[') && text.ends_with(']') => text,
        Some(_) => return None,
        None => text,
    };
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    let fine = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
    let literal = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
    let good = match literal {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !name.is_empty() && name.len() <= 253 && name.bytes().all(fine),
    };
    good.then_some(name)
}

/// What a location means. A host may begin with `*.`, which stands for one label.
pub(crate) fn place(location: &str) -> Result<Place, RouteError> {
    let (host, path) = split_location(location);
    let (wild, host) = host.strip_prefix("*.").map_or(("", host), |parent| ("*.", parent));
    let clean =
        !path.contains(['?', '#', ' ', '%']) && !path.contains("//") && path.split('/').all(|part| part != "." && part != "..");
    match host_name(host) {
        Some(name) if clean && !host.contains(':') => Ok((format!("{wild}{name}"), path.to_owned())),
        _ => Err(RouteError::NotALocation { location: location.to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn hosts_are_compared_without_case_port_and_root_dot() {
        for (text, name) in [
            ("Trac.LocalHost:8484", Some("trac.localhost")),
            ("a.", Some("a")),
            ("[::1]:80", Some("[::1]")),
            ("[::1]", Some("[::1]")),
            ("127.0.0.1", Some("127.0.0.1")),
            ("", None),
            ("a b", None),
            ("a:b", None),
            ("a/b", None),
            ("a:80:80", None),
        ] {
            assert_eq!(host_name(text).as_deref(), name, "{text}");
        }
    }

    #[test]
    fn the_longest_path_answers_and_a_location_has_one_owner() {
        let front = Front::new(Dirs::below(Path::new("/nowhere")), 8484);
        let route = |app: &str, locations: &[&str]| {
            front.route(app, &locations.iter().map(|&text| text.to_owned()).collect::<Vec<_>>(), None, false)
        };
        route("a", &["x.localhost", "x.localhost/deep/er"]).unwrap();
        route("b", &["X.localhost/deep/"]).unwrap();
        let found = |path: &str| front.find("x.localhost", path).map(|(entry, base)| (entry.app.clone(), base));
        for (path, app, base) in [
            ("/", "a", ""),
            ("/deep", "b", "/deep"),
            ("/deep/", "b", "/deep"),
            ("/deeper", "a", ""),
            ("/deep/er/x", "a", "/deep/er"),
        ] {
            assert_eq!(found(path), Some((app.to_owned(), base.to_owned())), "{path}");
        }
        assert!(front.find("y.localhost", "/").is_none());
        let taken = route("c", &["x.localhost/deep"]).unwrap_err();
        assert_eq!(taken, RouteError::Taken { location: "x.localhost/deep".into(), app: "b".into() });
        for wrong in ["a b", "a:80", "a/../b", "a/x?y", ""] {
            assert!(matches!(route("c", &[wrong]), Err(RouteError::NotALocation { .. })), "{wrong}");
        }
        // one label of any name; a host that is named goes first, where it has that path
        route("w", &["*.localhost", "*.X.localhost/deep"]).unwrap();
        let at = |host: &str, path: &str| front.find(host, path).map(|(entry, base)| (entry.app.clone(), base));
        assert_eq!(at("y.localhost", "/"), Some(("w".into(), String::new())));
        assert_eq!(at("x.localhost", "/"), Some(("a".into(), String::new())));
        assert_eq!(at("z.x.localhost", "/deep"), Some(("w".into(), "/deep".into())));
        assert_eq!((at("z.x.localhost", "/"), at("localhost", "/"), at("a.y.localhost", "/")), (None, None, None));
        for wrong in ["*", "*.", "a.*", "*.a:80", "*.*.a"] {
            assert!(matches!(route("c", &[wrong]), Err(RouteError::NotALocation { .. })), "{wrong}");
        }
        route("w", &[]).unwrap();
        route("b", &[]).unwrap();
        assert_eq!(found("/deep"), Some(("a".to_owned(), String::new())));
    }
}
