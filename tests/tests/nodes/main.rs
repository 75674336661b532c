//! What silver promises on servers, tried on real Debian nodes. One file for each promise, listed here with its tests.

mod access;
mod apps;
mod built;
mod carry;
mod certificates;
mod client;
mod disturbed;
mod first;
mod front;
mod halfway;
mod harness;
mod load;
mod names;
mod neighbours;
mod outdated;
mod plugin;
mod power;
mod provider;
mod reach;
mod registry;
mod resources;
mod setup;
mod several;

use std::process::ExitCode;

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some(harness::HOLD) {
        return harness::hold();
    }
    if std::env::args().nth(1).as_deref() == Some(apps::ON_A_NODE) {
        return apps::on_a_node();
    }
    if std::env::args().nth(1).as_deref() == Some(carry::CLIENT) {
        return carry::run();
    }
    silver_tests::nodes::main(&[
        ("access", access::TESTS),
        ("apps", apps::TESTS),
        ("built", built::TESTS),
        ("carry", carry::TESTS),
        ("certificates", certificates::TESTS),
        ("client", client::TESTS),
        ("disturbed", disturbed::TESTS),
        ("first", first::TESTS),
        ("front", front::TESTS),
        ("halfway", halfway::TESTS),
        ("harness", harness::TESTS),
        ("load", load::TESTS),
        ("names", names::TESTS),
        ("neighbours", neighbours::TESTS),
        ("outdated", outdated::TESTS),
        ("plugin", plugin::TESTS),
        ("power", power::TESTS),
        ("provider", provider::TESTS),
        ("reach", reach::TESTS),
        ("registry", registry::TESTS),
        ("resources", resources::TESTS),
        ("setup", setup::TESTS),
        ("several", several::TESTS),
    ])
}
