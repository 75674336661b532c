//! The interfaces of commands: `workspace`, `index`, `http-fetch`, `console`. They are always
//! linked; what was not granted answers `denied`.

use super::bindings::commands::silver::plugin::{console, http_fetch, index, workspace};
use crate::{
    host::{HostError, OverlayHandle, OverlaySlot, StagingHandle, State, TreeHandle, TreeSlot, digest, line, text, within},
    limits::Limit,
};
use silver_plugin_api::{
    Failure, Tree,
    commands::{Reach, Workspace},
    index::{Index, PackageRef, Requirement},
};
use wasmtime::component::Resource;

fn absent() -> wasmtime::Error {
    wasmtime::Error::msg("a workspace was used outside of its call")
}

fn staged(look: impl FnOnce(&dyn Workspace) -> Box<dyn Tree>) -> wasmtime::Result<TreeSlot> {
    within(|call| Ok(TreeSlot::Own(look(call.workspace.ok_or_else(absent)?))))
}

impl workspace::Host for State {}

impl workspace::HostStaging for State {
    fn current(&mut self, _: Resource<StagingHandle>) -> wasmtime::Result<Resource<TreeHandle>> {
        self.operation(1)?;
        let tree = staged(|workspace| workspace.current())?;
        self.new_tree(tree)
    }

    fn app(&mut self, _: Resource<StagingHandle>) -> wasmtime::Result<Resource<TreeHandle>> {
        self.operation(1)?;
        let tree = staged(|workspace| workspace.app())?;
        self.new_tree(tree)
    }

    fn edits(&mut self, _: Resource<StagingHandle>) -> wasmtime::Result<Resource<OverlayHandle>> {
        self.operation(1)?;
        self.new_overlay(OverlaySlot::Edits)
    }

    fn drop(&mut self, _: Resource<StagingHandle>) -> wasmtime::Result<()> {
        Ok(())
    }
}

impl State {
    /// Asks somebody outside; the time is not the plugin's.
    fn reach<R>(&mut self, ask: impl FnOnce(&dyn Reach) -> R) -> wasmtime::Result<R> {
        self.operation(1)?;
        self.waiting(|_| within(|call| call.reach.map(ask).ok_or_else(absent)))
    }

    /// Asks the index of this name, if that was granted.
    fn ask_index<R>(&mut self, name: &str, ask: impl FnOnce(&dyn Index) -> Result<R, Failure>) -> Result<R, HostError> {
        if !self.grants.index(name) {
            return Err(Failure::Denied(format!("index:{}", line(name))).into());
        }
        Ok(self.reach(|reach| ask(&*reach.index(name)?))??)
    }

    fn packages(&self, list: Vec<PackageRef>) -> wasmtime::Result<Vec<index::PackageRef>> {
        if list.len() > self.limits.items {
            return Err(self.reached(Limit::Items));
        }
        Ok(list.into_iter().map(package).collect())
    }
}

fn package(package: PackageRef) -> index::PackageRef {
    index::PackageRef {
        name: package.name,
        version: package.version,
        digest: package.digest.to_string(),
        summary: package.summary,
        size: package.size,
        yanked: package.yanked,
        extra: package.extra.into_iter().collect(),
    }
}

fn requirements(list: Vec<index::Requirement>) -> Vec<Requirement> {
    list.into_iter()
        .map(|one| Requirement { name: one.name, versions: one.versions, extra: one.extra.into_iter().collect() })
        .collect()
}

impl index::Host for State {
    fn search(&mut self, name: String, query: String, limit: u32) -> Result<Vec<index::PackageRef>, HostError> {
        let found = self.ask_index(&name, |index| index.search(&query, limit))?;
        Ok(self.packages(found)?)
    }

    fn versions(&mut self, name: String, package: String) -> Result<Vec<index::PackageRef>, HostError> {
        let found = self.ask_index(&name, |index| index.versions(&package))?;
        Ok(self.packages(found)?)
    }

    fn resolve_all(
        &mut self,
        name: String,
        wanted: Vec<index::Requirement>,
        constraints: Vec<index::Requirement>,
        target: String,
    ) -> Result<Vec<index::PackageRef>, HostError> {
        let (wanted, constraints) = (requirements(wanted), requirements(constraints));
        let found = self.ask_index(&name, |index| index.resolve_all(&wanted, &constraints, &target))?;
        Ok(self.packages(found)?)
    }

    fn fetch(&mut self, name: String, what: index::PackageRef) -> Result<Resource<TreeHandle>, HostError> {
        let what = PackageRef {
            digest: digest(&what.digest)?,
            name: what.name,
            version: what.version,
            summary: what.summary,
            size: what.size,
            yanked: what.yanked,
            extra: what.extra.into_iter().collect(),
        };
        let tree = self.ask_index(&name, |index| index.fetch(&what))?;
        Ok(self.new_tree(TreeSlot::Own(tree))?)
    }
}

impl http_fetch::Host for State {
    fn get(&mut self, url: String, accept: Option<String>, expect: Option<String>) -> Result<http_fetch::Reply, HostError> {
        if !self.grants.url(&url) {
            return Err(Failure::Denied(format!("http: `{}`", line(&url))).into());
        }
        let expect = expect.as_deref().map(digest).transpose()?;
        let reply = self.reach(|reach| reach.http().get(&url, accept.as_deref(), expect.as_ref()))??;
        self.read(reply.body.len() as u64)?;
        Ok(http_fetch::Reply { status: reply.status, headers: reply.headers, body: reply.body })
    }
}

impl console::Host for State {
    fn line(&mut self, said: String) -> wasmtime::Result<()> {
        self.reach(|reach| reach.console().line(&text(&said)))
    }

    fn table(&mut self, header: Vec<String>, rows: Vec<Vec<String>>) -> wasmtime::Result<()> {
        if rows.len() > self.limits.items || header.len() > 64 {
            return Err(self.reached(Limit::Items));
        }
        let header: Vec<String> = header.iter().map(|cell| line(cell)).collect();
        // a row has as many cells as the header, whatever the plugin says
        let row = |cells: &Vec<String>| {
            (0..header.len()).map(|column| cells.get(column).map(|cell| line(cell)).unwrap_or_default()).collect()
        };
        let rows: Vec<Vec<String>> = rows.iter().map(row).collect();
        self.reach(|reach| reach.console().table(&header, &rows))
    }

    fn progress(&mut self, label: String, done: u64, total: Option<u64>) -> wasmtime::Result<()> {
        self.reach(|reach| reach.console().progress(&line(&label), done, total))
    }

    fn confirm(&mut self, question: String, default_yes: bool) -> Result<bool, HostError> {
        Ok(self.reach(|reach| reach.console().confirm(&line(&question), default_yes))??)
    }
}
