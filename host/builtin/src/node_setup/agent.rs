//! What of silver starts with the machine.

use silver_plugin_api::setup::Item;

pub(super) fn items() -> Vec<Item> {
    vec![]
}
