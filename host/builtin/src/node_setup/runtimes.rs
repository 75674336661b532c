//! What applications are run and made with.

use super::{settings::Wanted, write::package};
use silver_plugin_api::setup::Item;

pub(super) fn items(wanted: &Wanted) -> Vec<Item> {
    let item = |name: &&'static str| Item::new(format!("package:{name}"), package(name), "applications are run with it");
    let sandbox =
        Item::new("package:bubblewrap", package("bubblewrap"), "build steps of packs run in its sandbox, or not at all");
    wanted.packages.iter().map(item).chain([sandbox]).collect()
}
