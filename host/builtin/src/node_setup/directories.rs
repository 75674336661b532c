//! Silver's own directories. What applications own is made when they are deployed; these are what stands above it.

use super::write::{directory, file};
use silver_plugin_api::setup::Item;

/// Path, mode, why. The modes are those that the agent gives them (`silver_agent::systemd`): who knows the name of an
/// application may get to its door, and no further.
const DIRECTORIES: [(&str, u32, &str); 23] = [
    ("/etc/silver", 0o755, "what people write for silver"),
    ("/var/lib/silver", 0o711, "everything that silver keeps"),
    ("/var/lib/silver/apps", 0o700, "which release of an application is current, and where it answers"),
    ("/var/lib/silver/assembled", 0o700, "what build steps made"),
    ("/var/lib/silver/checkpoints", 0o700, "copies of data, made before updates"),
    ("/var/lib/silver/current", 0o755, "links to the current releases, for people"),
    ("/var/lib/silver/data", 0o711, "what applications write, each in a directory of its own"),
    ("/var/lib/silver/envs", 0o711, "interpreters with what applications need"),
    ("/var/lib/silver/journal", 0o700, "updates under way, so that they can be finished or undone"),
    ("/var/lib/silver/keys", 0o700, "the key that signs the node's log"),
    ("/var/lib/silver/registry", 0o700, "the record of what ran here"),
    ("/var/lib/silver/releases", 0o711, "releases, read by the users of their applications"),
    ("/var/lib/silver/secrets", 0o700, "secrets of applications"),
    ("/var/lib/silver/store", 0o700, "files that releases share"),
    ("/var/lib/silver/trash", 0o700, "what was removed, until it is reaped"),
    ("/var/cache/silver", 0o711, "what can be made again"),
    ("/var/cache/silver/apps", 0o711, "home and temporary files of applications"),
    ("/var/log/silver", 0o755, "what silver and applications say"),
    ("/var/log/silver/apps", 0o711, "logs of applications, each in a directory of its own"),
    ("/run/silver", 0o711, "locks and sockets, until the next start"),
    ("/run/silver/apps", 0o711, "rendered files of applications"),
    ("/run/silver/sockets", 0o711, "sockets of applications, each in a directory of its own"),
    ("/run/silver/front", 0o755, "links that Caddy follows"),
];

pub(super) fn items() -> Vec<Item> {
    let made = |(path, mode, why): (&str, u32, &str)| Item::new(format!("directory:{path}"), directory(path, mode), why);
    let mut items: Vec<Item> = DIRECTORIES.map(made).into();
    // /run is empty after a start
    let volatile = DIRECTORIES.iter().filter(|(path, ..)| path.starts_with("/run/"));
    let lines = volatile.fold(String::new(), |lines, (path, mode, _)| lines + &format!("d {path} {mode:04o} root root\n"));
    items.push(Item::new(
        "directories-at-start",
        file("/etc/tmpfiles.d/silver.conf", lines),
        "makes them again when the machine starts, before Caddy and the applications",
    ));
    items
}
