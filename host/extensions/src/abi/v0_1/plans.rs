//! Plans of `silver:node`, from the plugin. Whether what they say is fit to be followed is not asked here:
//! [`silver_plugin_api::setup::Plan::check`] does, of every plan.

use super::bindings::node::silver::node::plans as wit;
use crate::host::{line, text};
use silver_plugin_api::{
    Digest, TreePath,
    plan::FileFormat,
    setup::{
        Command, Content, Directory, File, Firewall, Group, IniKeys, Item, Link, Notify, OnChange, Package, Plan, Presence,
        Protocol, Repository, Resource, Sysctl, Unit, User,
    },
};

/// The plan, unless a path or digest in it is none: that is the plugin's fault and ends the call.
pub(super) fn plan(plan: wit::Plan) -> wasmtime::Result<Plan> {
    Ok(Plan {
        items: plan.items.into_iter().map(item).collect::<wasmtime::Result<_>>()?,
        facts_used: plan.facts_used.iter().map(|fact| line(fact)).collect(),
    })
}

fn item(item: wit::Item) -> wasmtime::Result<Item> {
    let notify = |(item, how)| Notify {
        item,
        how: match how {
            wit::OnChange::Rerun => OnChange::Rerun,
            wit::OnChange::Reload => OnChange::Reload,
            wit::OnChange::Restart => OnChange::Restart,
        },
    };
    Ok(Item {
        resource: resource(item.body)?,
        id: item.id,
        after: item.after,
        notify: item.notify.into_iter().map(notify).collect(),
        why: text(&item.why).replace('\n', " "),
        guard: item.guard,
    })
}

fn content(content: wit::Content) -> wasmtime::Result<Content> {
    Ok(match content {
        wit::Content::Inline(bytes) => Content::Inline(bytes),
        wit::Content::Asset(path) => Content::Asset(TreePath::new(&path).map_err(|error| bad(&path, &error))?),
        wit::Content::Blob(digest) => Content::Blob(digest.parse::<Digest>().map_err(|error| bad(&digest, &error))?),
        wit::Content::Secret(name) => Content::Secret(name),
    })
}

fn bad(said: &str, why: &dyn std::fmt::Display) -> wasmtime::Error {
    wasmtime::Error::msg(format!("its plan says `{}`: {why}", line(said)))
}

const fn presence(state: wit::Presence) -> Presence {
    match state {
        wit::Presence::Present => Presence::Present,
        wit::Presence::Absent => Presence::Absent,
    }
}

fn resource(body: wit::Body) -> wasmtime::Result<Resource> {
    Ok(match body {
        wit::Body::Package(it) => Resource::Package(Package { name: it.name, version: it.version, state: presence(it.state) }),
        wit::Body::Repository(it) => Resource::Repository(Repository {
            name: it.name,
            uri: it.uri,
            suite: it.suite,
            components: it.components,
            key: content(it.key)?,
        }),
        wit::Body::File(it) => Resource::File(File {
            path: it.path,
            content: content(it.content)?,
            owner: it.owner,
            group: it.group,
            mode: it.mode,
            state: presence(it.state),
        }),
        wit::Body::Directory(it) => {
            Resource::Directory(Directory { path: it.path, owner: it.owner, group: it.group, mode: it.mode })
        }
        wit::Body::Link(it) => Resource::Link(Link { path: it.path, target: it.target, state: presence(it.state) }),
        wit::Body::Group(it) => Resource::Group(Group { name: it.name, system: it.system, state: presence(it.state) }),
        wit::Body::User(it) => Resource::User(User {
            name: it.name,
            system: it.system,
            home: it.home,
            shell: it.shell,
            groups: it.groups,
            authorized_keys: it.authorized_keys,
            state: presence(it.state),
        }),
        wit::Body::Unit(it) => Resource::Unit(Unit {
            name: it.name,
            content: it.content.map(content).transpose()?,
            enabled: it.enabled,
            running: it.running,
        }),
        wit::Body::IniKeys(it) => Resource::IniKeys(IniKeys {
            path: it.path,
            format: match it.format {
                wit::FileFormat::Ini => FileFormat::Ini,
                wit::FileFormat::Json => FileFormat::Json,
                wit::FileFormat::Toml => FileFormat::Toml,
            },
            entries: it.entries,
            owned: it.owned,
        }),
        wit::Body::Sysctl(it) => Resource::Sysctl(Sysctl { key: it.key, value: it.value }),
        wit::Body::Firewall(it) => Resource::Firewall(Firewall {
            name: it.name,
            port: it.port,
            protocol: match it.protocol {
                wit::Protocol::Tcp => Protocol::Tcp,
                wit::Protocol::Udp => Protocol::Udp,
            },
            sources: it.sources,
            state: presence(it.state),
        }),
        wit::Body::Command(it) => Resource::Command(Command {
            argv: it.argv,
            user: it.user,
            unless: it.unless,
            creates: it.creates,
            env: it.env,
            timeout_seconds: it.timeout_seconds,
        }),
    })
}
