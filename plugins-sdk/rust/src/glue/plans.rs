//! Plans, on their way to the host.

use crate::bindings::node::silver::node::plans as wit;
use silver_plugin_api::{
    plan::FileFormat,
    setup::{Content, Item, OnChange, Plan, Presence, Protocol, Resource},
};

pub(super) fn plan(plan: Plan) -> wit::Plan {
    wit::Plan { items: plan.items.into_iter().map(item).collect(), facts_used: plan.facts_used }
}

fn item(item: Item) -> wit::Item {
    let how = |how| match how {
        OnChange::Rerun => wit::OnChange::Rerun,
        OnChange::Reload => wit::OnChange::Reload,
        OnChange::Restart => wit::OnChange::Restart,
    };
    wit::Item {
        id: item.id,
        body: body(item.resource),
        after: item.after,
        notify: item.notify.into_iter().map(|notify| (notify.item, how(notify.how))).collect(),
        why: item.why,
        guard: item.guard,
    }
}

fn content(content: Content) -> wit::Content {
    match content {
        Content::Inline(bytes) => wit::Content::Inline(bytes),
        Content::Asset(path) => wit::Content::Asset(path.as_str().into()),
        Content::Blob(digest) => wit::Content::Blob(digest.to_string()),
        Content::Secret(name) => wit::Content::Secret(name),
    }
}

fn presence(state: Presence) -> wit::Presence {
    match state {
        Presence::Present => wit::Presence::Present,
        Presence::Absent => wit::Presence::Absent,
    }
}

fn body(resource: Resource) -> wit::Body {
    match resource {
        Resource::Package(it) => {
            wit::Body::Package(wit::PackageRes { name: it.name, version: it.version, state: presence(it.state) })
        }
        Resource::Repository(it) => wit::Body::Repository(wit::RepositoryRes {
            name: it.name,
            uri: it.uri,
            suite: it.suite,
            components: it.components,
            key: content(it.key),
        }),
        Resource::File(it) => wit::Body::File(wit::FileRes {
            path: it.path,
            content: content(it.content),
            owner: it.owner,
            group: it.group,
            mode: it.mode,
            state: presence(it.state),
        }),
        Resource::Directory(it) => {
            wit::Body::Directory(wit::DirectoryRes { path: it.path, owner: it.owner, group: it.group, mode: it.mode })
        }
        Resource::Link(it) => wit::Body::Link(wit::LinkRes { path: it.path, target: it.target, state: presence(it.state) }),
        Resource::Group(it) => wit::Body::Group(wit::GroupRes { name: it.name, system: it.system, state: presence(it.state) }),
        Resource::User(it) => wit::Body::User(wit::UserRes {
            name: it.name,
            system: it.system,
            home: it.home,
            shell: it.shell,
            groups: it.groups,
            authorized_keys: it.authorized_keys,
            state: presence(it.state),
        }),
        Resource::Unit(it) => wit::Body::Unit(wit::UnitRes {
            name: it.name,
            content: it.content.map(content),
            enabled: it.enabled,
            running: it.running,
        }),
        Resource::IniKeys(it) => wit::Body::IniKeys(wit::IniKeysRes {
            path: it.path,
            format: match it.format {
                FileFormat::Ini => wit::FileFormat::Ini,
                FileFormat::Json => wit::FileFormat::Json,
                FileFormat::Toml => wit::FileFormat::Toml,
            },
            entries: it.entries,
            owned: it.owned,
        }),
        Resource::Sysctl(it) => wit::Body::Sysctl(wit::SysctlRes { key: it.key, value: it.value }),
        Resource::Firewall(it) => wit::Body::Firewall(wit::FirewallRes {
            name: it.name,
            port: it.port,
            protocol: match it.protocol {
                Protocol::Tcp => wit::Protocol::Tcp,
                Protocol::Udp => wit::Protocol::Udp,
            },
            sources: it.sources,
            state: presence(it.state),
        }),
        Resource::Command(it) => wit::Body::Command(wit::CommandRes {
            argv: it.argv,
            user: it.user,
            unless: it.unless,
            creates: it.creates,
            env: it.env,
            timeout_seconds: it.timeout_seconds,
        }),
    }
}
