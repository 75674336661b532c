//! The journal stays over a start, and does not fill the disk.

use super::{
    settings::Wanted,
    write::{file, unit},
};
use silver_plugin_api::setup::{Item, OnChange};

pub(super) fn items(wanted: &Wanted) -> Vec<Item> {
    let text = format!("# Written by silver.\n[Journal]\nStorage=persistent\nSystemMaxUse={}\n", wanted.journal);
    let why = format!("it is kept over a start of the machine and takes at most {}", wanted.journal);
    vec![
        Item::new("journal", file("/etc/systemd/journald.conf.d/50-silver.conf", text), why)
            .notify("unit:systemd-journald.service", OnChange::Restart),
        Item::new("unit:systemd-journald.service", unit("systemd-journald.service"), "keeps what services say"),
    ]
}
