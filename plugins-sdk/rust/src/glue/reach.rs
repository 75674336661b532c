//! What a command reaches beyond its workspace: index, HTTPS, terminal.

use super::convert::{digest, failed};
use crate::bindings::commands::silver::plugin::{console, http_fetch, index};
use silver_plugin_api::{
    Digest, Failure, Settings, Tree,
    commands::{Console, HttpFetch, Reach, Reply},
    index::{Index, PackageRef, Requirement},
};

/// All three; the host answers `denied` where no grant was given.
pub(super) struct Host;

impl Reach for Host {
    fn index(&self, name: &str) -> Result<Box<dyn Index + '_>, Failure> {
        Ok(Box::new(Named(name.to_owned())))
    }

    fn http(&self) -> &dyn HttpFetch {
        self
    }

    fn console(&self) -> &dyn Console {
        self
    }
}

/// An index, by its name in `pack.toml`.
struct Named(String);

impl Index for Named {
    fn search(&self, query: &str, limit: u32) -> Result<Vec<PackageRef>, Failure> {
        packages(index::search(&self.0, query, limit).map_err(failed)?)
    }

    fn versions(&self, name: &str) -> Result<Vec<PackageRef>, Failure> {
        packages(index::versions(&self.0, name).map_err(failed)?)
    }

    fn resolve_all(&self, wanted: &[Requirement], constraints: &[Requirement], target: &str) -> Result<Vec<PackageRef>, Failure> {
        let said = |list: &[Requirement]| -> Vec<index::Requirement> { list.iter().map(requirement).collect() };
        packages(index::resolve_all(&self.0, &said(wanted), &said(constraints), target).map_err(failed)?)
    }

    fn fetch(&self, what: &PackageRef) -> Result<Box<dyn Tree>, Failure> {
        let what = index::PackageRef {
            name: what.name.clone(),
            version: what.version.clone(),
            digest: what.digest.to_string(),
            summary: what.summary.clone(),
            size: what.size,
            yanked: what.yanked,
            extra: pairs(&what.extra),
        };
        Ok(Box::new(index::fetch(&self.0, &what).map_err(failed)?))
    }
}

fn requirement(one: &Requirement) -> index::Requirement {
    index::Requirement { name: one.name.clone(), versions: one.versions.clone(), extra: pairs(&one.extra) }
}

fn pairs(settings: &Settings) -> Vec<(String, String)> {
    settings.iter().map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn packages(list: Vec<index::PackageRef>) -> Result<Vec<PackageRef>, Failure> {
    let heard = |package: index::PackageRef| {
        Ok(PackageRef {
            digest: digest(&package.digest)?,
            name: package.name,
            version: package.version,
            summary: package.summary,
            size: package.size,
            yanked: package.yanked,
            extra: package.extra.into_iter().collect(),
        })
    };
    list.into_iter().map(heard).collect()
}

impl HttpFetch for Host {
    fn get(&self, url: &str, accept: Option<&str>, expect: Option<&Digest>) -> Result<Reply, Failure> {
        let expect = expect.map(ToString::to_string);
        let reply = http_fetch::get(url, accept, expect.as_deref()).map_err(failed)?;
        Ok(Reply { status: reply.status, headers: reply.headers, body: reply.body })
    }
}

impl Console for Host {
    fn line(&self, text: &str) {
        console::line(text);
    }

    fn table(&self, header: &[String], rows: &[Vec<String>]) {
        console::table(header, rows);
    }

    fn progress(&self, label: &str, done: u64, total: Option<u64>) {
        console::progress(label, done, total);
    }

    fn confirm(&self, question: &str, default_yes: bool) -> Result<bool, Failure> {
        console::confirm(question, default_yes).map_err(failed)
    }
}
