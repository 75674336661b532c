//! Where the names of locations lead, said before a certificate is asked for: a public authority looks at the same.

use crate::{context::Context, error::Result, nodes::NodesFile};
use silver_core::{location, nodes::LOCAL};
use std::{collections::BTreeSet, net::IpAddr, time::Duration};
use tokio::{net::lookup_host, time::timeout};

/// The DNS gets so long; no answer says nothing.
const PATIENCE: Duration = Duration::from_secs(3);
/// Names that are nobody's in public.
const PRIVATE: [&str; 6] = ["localhost", "test", "internal", "local", "example", "invalid"];

/// Warns of locations that lead elsewhere than to these nodes, where certificates are public.
pub async fn warn(context: &Context, names: &[String], locations: &[String]) -> Result<()> {
    if names.iter().any(|name| name == LOCAL) {
        return Ok(());
    }
    let file = NodesFile::read(context)?;
    let mut ours = BTreeSet::new();
    for name in names {
        let Some(entry) = file.nodes.nodes.get(name.as_str()) else { return Ok(()) };
        if file.nodes.settings(name).get("tls").is_some_and(|tls| tls != "acme") {
            return Ok(());
        }
        let found = found(&entry.address.host).await.unwrap_or_default();
        if found.is_empty() {
            return Ok(()); // known to the operator's ssh only: there is nothing to compare with
        }
        ours.extend(found);
    }
    for host in locations.iter().map(|location| example(location::split(location).0)).filter(|host| is_public(host)) {
        if let Some(words) = elsewhere(&host, found(&host).await.as_ref(), &ours, &names.join(",")) {
            context.ui.warning(&words);
        }
    }
    Ok(())
}

/// A name that is asked for in place of many: none that anybody has.
fn example(host: &str) -> String {
    host.replacen('*', "any-name", 1)
}

/// The addresses of a name; `None`: nobody says anything about it.
async fn found(host: &str) -> Option<BTreeSet<IpAddr>> {
    match timeout(PATIENCE, lookup_host((host, 443))).await {
        Ok(Ok(found)) => Some(found.map(|address| address.ip()).collect()),
        Ok(Err(_)) => Some(BTreeSet::new()),
        Err(_) => None,
    }
}

fn is_public(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or_default();
    host.contains('.') && !PRIVATE.contains(&last) && host.parse::<IpAddr>().is_err()
}

/// What is wrong with where a name leads.
fn elsewhere(host: &str, found: Option<&BTreeSet<IpAddr>>, ours: &BTreeSet<IpAddr>, nodes: &str) -> Option<String> {
    let found = found?;
    let list = |all: &BTreeSet<IpAddr>| all.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let wanted = format!("there is no certificate for it before its DNS leads to {nodes} ({})", list(ours));
    if found.is_empty() {
        return Some(format!("{host} leads nowhere: {wanted}"));
    }
    let strange: BTreeSet<IpAddr> = found.difference(ours).copied().collect();
    (!strange.is_empty()).then(|| format!("{host} leads to {}: {wanted}", list(&strange)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_elsewhere_are_named() {
        let set = |all: &[&str]| all.iter().map(|text| text.parse().unwrap()).collect::<BTreeSet<IpAddr>>();
        let ours = set(&["203.0.113.7", "2001:db8::7"]);
        let said = |found: &[&str]| elsewhere("www.example.org", Some(&set(found)), &ours, "web1");
        assert_eq!(said(&["203.0.113.7"]), None);
        assert_eq!(said(&["203.0.113.7", "2001:db8::7"]), None);
        let wanted = "there is no certificate for it before its DNS leads to web1 (203.0.113.7, 2001:db8::7)";
        assert_eq!(said(&[]).unwrap(), format!("www.example.org leads nowhere: {wanted}"));
        assert_eq!(said(&["198.51.100.4", "203.0.113.7"]).unwrap(), format!("www.example.org leads to 198.51.100.4: {wanted}"));
        assert_eq!(elsewhere("www.example.org", None, &ours, "web1"), None);
        assert!(is_public("www.example.org"));
        assert_eq!(example("*.example.org"), "any-name.example.org");
        for private in ["trac.localhost", "intranet", "10.0.0.1", "a.internal", "x.test"] {
            assert!(!is_public(private), "{private}");
        }
    }
}
