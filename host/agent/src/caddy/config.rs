//! The whole configuration of Caddy, from the one that it has and what is to be done for one app. Pure.
//!
//! Silver's are the servers `silver`, `silver-plain` and `silver-inside`, the routes in them whose `@id` begins with
//! `silver`, the automation of certificates, and the logs `silver-…`; everything else is kept as it is.
//! A configuration with none of it is somebody else's, and is refused.

use super::{
    json::{always, ending, is, page, route},
    places::Places,
    settings::{Settings, Tls},
    site::{Ground, Side, Site},
};
use crate::front::Place;
use hyper::StatusCode;
use serde_json::{Map, Value, json};
use std::{cmp::Reverse, collections::BTreeMap};

/// Answers visitors.
const SERVER: &str = "silver";
/// Leads visitors from HTTP to HTTPS.
const PLAIN: &str = "silver-plain";
/// Answers agents.
const INSIDE: &str = "silver-inside";

/// The configuration cannot be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Somebody else has configured Caddy.
    #[error("Caddy on this node serves something that is not silver's: {0}")]
    Foreign(String),
    /// Another app answers there.
    #[error("`{location}` is served by `{app}` already")]
    Taken {
        /// The location.
        location: String,
        /// Whose it is.
        app: String,
    },
}

impl ConfigError {
    /// The way out.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Foreign(_) => Some(
                "nothing of it was touched. To go on: keep a copy (`curl --unix-socket /run/caddy/admin.sock -H 'Host;' \
                 http://caddy/config/`), run `systemctl restart caddy`, which begins with silver's own part, deploy, and then add what is to \
                 stay to the server `silver` (`curl -X POST … /config/apps/http/servers/silver/routes`): silver keeps such routes"
                    .into(),
            ),
            Self::Taken { .. } => Some("choose another location, or deactivate the other application".into()),
        }
    }
}

/// The configuration of Caddy that does for `site` what it says, and for all others what `existing` does. Without
/// locations, nothing is done for it any more.
pub(super) fn with(
    existing: &Value,
    site: &Site<'_>,
    rules: &str,
    ground: Ground<'_>,
    places: &Places,
) -> Result<Value, ConfigError> {
    let settings = ground.settings;
    own(existing)?;
    let mut config = existing.as_object().cloned().unwrap_or_default();
    let mut routes: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
    for (server, side) in [(SERVER, Side::Visitors), (INSIDE, Side::Agents)] {
        let mut all = routes_of(existing, server);
        all.retain(|route| owner(route, side).is_none_or(|(app, _)| app != site.app));
        for (host, base) in &site.places {
            let place = format!("{host}{base}");
            let taken = all.iter().filter_map(|route| owner(route, side)).find(|(_, theirs)| *theirs == place);
            if let Some((app, _)) = taken {
                return Err(ConfigError::Taken { location: place, app: app.to_owned() });
            }
        }
        all.extend(site.routes(ground, side, rules));
        routes.insert(server, ordered(all, side));
    }
    let visitors: Vec<(String, Place)> = routes[SERVER].iter().filter_map(|route| located(route, Side::Visitors)).collect();
    let inside = routes.remove(INSIDE).unwrap_or_default();
    let visible = routes.remove(SERVER).unwrap_or_default();

    let admin = config.entry("admin").or_insert_with(|| json!({}));
    admin["listen"] = json!(format!("unix/{}", places.admin.display()));
    admin["config"] = json!({ "persist": false }); // silver keeps it, atomically
    logs(&mut config, &visitors, places);
    let http = object(object(&mut config, "apps"), "http");
    http.insert("http_port".into(), json!(settings.http_port));
    http.insert("https_port".into(), json!(settings.https_port));
    http.insert("shutdown_delay".into(), json!(format!("{}ms", settings.handover.as_millis())));
    let servers = object(http, "servers");
    let mut server = listening(settings.port(), visible);
    server["automatic_https"] =
        if settings.tls == Tls::Off { json!({ "disable": true }) } else { json!({ "disable_redirects": true }) };
    // all others go to a log that nobody keeps: to skip them would skip names that a `*` stands for
    server["logs"] = json!({ "logger_names": logger_names(&visitors) });
    servers.insert(SERVER.into(), server);
    if settings.tls == Tls::Off {
        servers.remove(PLAIN);
    } else {
        let mut plain = listening(settings.http_port, to_https(&visitors, settings));
        plain["automatic_https"] = json!({ "disable": true });
        servers.insert(PLAIN.into(), plain);
    }
    servers.insert(
        INSIDE.into(),
        json!({
            "listen": [format!("unix/{}", places.inside.display())],
            "automatic_https": { "disable": true },
            "routes": inside,
        }),
    );
    certificates(&mut config, settings, &visitors);
    Ok(Value::Object(config))
}

/// Refuses a configuration in which nothing is silver's and something somebody else's.
pub(super) fn own(existing: &Value) -> Result<(), ConfigError> {
    let Some(apps) = existing.get("apps").and_then(Value::as_object).filter(|apps| !apps.is_empty()) else { return Ok(()) };
    let servers = apps.get("http").and_then(|http| http.get("servers")?.as_object());
    if servers.is_some_and(|servers| servers.contains_key(SERVER)) {
        return Ok(());
    }
    let named = |server: (&String, &Value)| {
        let listen = server.1.get("listen").map(Value::to_string).unwrap_or_default();
        format!("the server `{}` {listen}", server.0)
    };
    let found = match servers {
        Some(servers) if !servers.is_empty() => servers.iter().map(named).collect::<Vec<_>>().join(", "),
        _ => format!("its apps {}", apps.keys().map(|app| format!("`{app}`")).collect::<Vec<_>>().join(", ")),
    };
    Err(ConfigError::Foreign(found.chars().filter(|c| !c.is_control()).take(500).collect()))
}

/// Whose route it is, and where.
fn owner(route: &Value, side: Side) -> Option<(&str, &str)> {
    route.get("@id")?.as_str()?.strip_prefix(side.mark())?.split_once(':')
}

fn located(route: &Value, side: Side) -> Option<(String, Place)> {
    let (app, place) = owner(route, side)?;
    let at = place.find('/').unwrap_or(place.len());
    let (host, base) = place.split_at(at);
    Some((app.to_owned(), (host.to_owned(), base.to_owned())))
}

/// The routes of a server that are somebody's: an app's, or foreign ones.
fn routes_of(existing: &Value, server: &str) -> Vec<Value> {
    let routes = existing.pointer(&format!("/apps/http/servers/{server}/routes")).and_then(Value::as_array);
    let general = |route: &&Value| route.get("@id").and_then(Value::as_str).is_some_and(|id| id.starts_with("silver-general:"));
    routes.into_iter().flatten().filter(|route| !general(route)).cloned().collect()
}

/// What can be read in two ways is refused; foreign routes come before apps, of these the longest path first, since
/// the first that fits answers; at the end nobody does.
fn ordered(mut all: Vec<Value>, side: Side) -> Vec<Value> {
    all.sort_by_cached_key(|route| match located(route, side) {
        None => (false, false, Reverse(0), String::new()),
        Some((_, (host, base))) => (true, host.starts_with('*'), Reverse(base.len()), format!("{host}{base}")),
    });
    let mut routes = vec![no_path(side), root_dot(side)];
    if side == Side::Visitors {
        routes.insert(0, leaving("leaving"));
    }
    routes.append(&mut all);
    let mut unknown = ending(always(vec![page(StatusCode::NOT_FOUND, "No application answers at this address.")]));
    unknown["@id"] = json!(general("unknown", side));
    if side == Side::Agents {
        let mut yes =
            ending(route(json!({ "path": ["/silver-gate"] }), vec![json!({ "handler": "static_response", "status_code": 204 })]));
        yes["@id"] = json!(general("gate", side));
        routes.insert(0, yes);
    }
    routes.push(unknown);
    routes
}

/// When Caddy takes a new configuration, the servers of the former one go on for a while beside the new ones. Who
/// keeps a connection is told in that time that it ends with the answer: the next request then does not meet a
/// connection that is just being closed.
fn leaving(id: &str) -> Value {
    let last = json!({ "handler": "headers", "response": { "set": { "Connection": ["close"] } } });
    let mut leaving = is("{http.shutting_down}", "true");
    leaving["not"] = json!([{ "header": { "Upgrade": ["*"] } }]); // it says itself what becomes of its connection
    let mut route = route(leaving, vec![last]);
    route["@id"] = json!(general(id, Side::Visitors));
    route
}

fn general(what: &str, side: Side) -> String {
    format!("silver-general:{}{what}", if side == Side::Agents { "inside-" } else { "" })
}

fn no_path(side: Side) -> Value {
    let refused = page(StatusCode::BAD_REQUEST, "The request has no path.");
    json!({
        "@id": general("no-path", side),
        "match": [{ "method": ["CONNECT"] }, { "not": [{ "path_regexp": { "pattern": "^/" } }] }],
        "handle": [refused],
        "terminal": true,
    })
}

/// `example.org.` is `example.org`.
fn root_dot(side: Side) -> Value {
    json!({
        "@id": general("root-dot", side),
        "match": [{ "header_regexp": { "Host": { "name": "dot", "pattern": r"^([^:]+)\.(:[0-9]+)?$" } } }],
        "handle": [{ "handler": "headers", "request": { "set": { "Host": ["{http.regexp.dot.1}{http.regexp.dot.2}"] } } }],
    })
}

fn listening(port: u16, routes: Vec<Value>) -> Value {
    let mut server = json!({
        "listen": [format!(":{port}")],
        "protocols": ["h1", "h2"], // no firewall of ours lets QUIC in
        "read_header_timeout": "75s",
        "idle_timeout": "75s",
        "max_header_bytes": 65_536,
    });
    server["routes"] = Value::Array(routes);
    server
}

fn to_https(visitors: &[(String, Place)], settings: &Settings) -> Vec<Value> {
    let hosts = unique(visitors.iter().map(|(_, (host, _))| host.as_str()).collect());
    let authority = settings.authority("{http.request.host}");
    let mut moved = page(StatusCode::PERMANENT_REDIRECT, "It answers over HTTPS.");
    moved["headers"]["Location"] = json!([format!("https://{authority}{{http.request.uri}}")]);
    let mut routes = vec![no_path(Side::Visitors), root_dot(Side::Visitors)];
    for route in &mut routes {
        route["@id"] = json!(format!("{}-plain", route["@id"].as_str().unwrap_or_default()));
    }
    routes.insert(0, leaving("leaving-plain"));
    if !hosts.is_empty() {
        routes.push(ending(route(json!({ "host": hosts }), vec![moved])));
    }
    routes.push(ending(always(vec![page(StatusCode::NOT_FOUND, "No application answers at this address.")])));
    routes
}

/// Who signs.
fn certificates(config: &mut Map<String, Value>, settings: &Settings, visitors: &[(String, Place)]) {
    let apps = object(config, "apps");
    let issuer = match settings.tls {
        Tls::Off => {
            apps.remove("tls");
            apps.remove("pki");
            return;
        }
        Tls::Internal => json!({ "module": "internal" }),
        Tls::Acme => {
            let mut issuer = json!({ "module": "acme" });
            if let Some(email) = &settings.email {
                issuer["email"] = json!(email);
            }
            if let Some(ca) = &settings.ca {
                issuer["ca"] = json!(ca);
            }
            issuer
        }
    };
    let mut policies = Vec::new();
    let wild: Vec<&str> = visitors.iter().map(|(_, (host, _))| host.as_str()).filter(|host| host.starts_with('*')).collect();
    if settings.tls == Tls::Acme && !wild.is_empty() {
        // whoever is named has one before anybody asks
        let named: Vec<&str> =
            visitors.iter().map(|(_, (host, _))| host.as_str()).filter(|host| !host.starts_with('*')).collect();
        if !named.is_empty() {
            policies.push(json!({ "subjects": unique(named), "issuers": [issuer] }));
        }
        let wild = unique(wild.clone());
        // a certificate for all names at once would take access to the DNS: each gets its own when it is first asked for
        policies.push(json!({ "subjects": wild, "issuers": [issuer], "on_demand": true }));
    }
    let mut automation = json!({ "policies": [] });
    if !wild.is_empty() && settings.tls == Tls::Acme {
        automation["on_demand"] = json!({ "rate_limit": { "interval": "1m", "burst": 10 } });
    }
    policies.push(json!({ "issuers": [issuer] }));
    automation["policies"] = json!(policies);
    object(apps, "tls").insert("automation".into(), automation);
    if settings.tls == Tls::Internal {
        // the machine itself is not made to trust it: that is the operator's to do
        let authority = json!({ "certificate_authorities": { "local": { "install_trust": false } } });
        apps.insert("pki".into(), authority);
    } else {
        apps.remove("pki");
    }
}

fn unique(mut hosts: Vec<&str>) -> Vec<&str> {
    hosts.sort_unstable();
    hosts.dedup();
    hosts
}

/// The logger of an app; Caddy takes dots for levels.
fn logger(app: &str) -> String {
    format!("silver-{}", app.replace('.', "+"))
}

/// Which log a host's requests go to: a host that several apps share has one, that of the shortest path, and
/// each line tells its path.
fn logger_names(visitors: &[(String, Place)]) -> Value {
    let mut shortest: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
    for (app, (host, base)) in visitors {
        let known = shortest.entry(host).or_insert((usize::MAX, app));
        if base.len() < known.0 {
            *known = (base.len(), app);
        }
    }
    json!(shortest.into_iter().map(|(host, (_, app))| (host, logger(app))).collect::<BTreeMap<_, _>>())
}

/// Requests go to a file for each app, without queries, headers and cookies; all else that Caddy says to the journal.
fn logs(config: &mut Map<String, Value>, visitors: &[(String, Place)], places: &Places) {
    let logs = object(object(config, "logging"), "logs");
    logs.retain(|name, _| !name.starts_with("silver-"));
    logs.insert("default".into(), json!({ "exclude": ["http.log.access"] }));
    let deleted = json!({ "filter": "delete" });
    for (app, _) in visitors {
        let name = logger(app);
        let file = json!({
            "writer": {
                "output": "file",
                "filename": places.logs.join(format!("{app}.log")),
                "roll_size_mb": 10,
                "roll_keep": 3,
                "roll_gzip": false,
            },
            "encoder": {
                "format": "filter",
                "wrap": { "format": "json" },
                "fields": {
                    "request>uri": { "filter": "regexp", "regexp": "\\?.*", "value": "?" },
                    "request>headers": deleted,
                    "request>tls": deleted,
                    "resp_headers": deleted,
                    "user_id": deleted,
                },
            },
            "include": [format!("http.log.access.{name}")],
        });
        logs.insert(name, file);
    }
}

/// The object at a key, made where there is none.
fn object<'v>(of: &'v mut Map<String, Value>, key: &str) -> &'v mut Map<String, Value> {
    let value = of.entry(key).or_insert_with(|| json!({}));
    if !value.is_object() {
        *value = json!({});
    }
    match value {
        Value::Object(map) => map,
        _ => unreachable!("it was just made one"),
    }
}
