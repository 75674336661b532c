//! What applications are run with.

use super::{settings::Wanted, write::package};
use silver_plugin_api::setup::Item;

pub(super) fn items(wanted: &Wanted) -> Vec<Item> {
    let item = |name: &&'static str| Item::new(format!("package:{name}"), package(name), "applications are run with it");
    wanted.packages.iter().map(item).collect()
}
