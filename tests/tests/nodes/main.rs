//! What silver promises on servers, tried on real Debian nodes. One file for each promise, listed here with its tests.

mod apps;
mod carry;
mod front;
mod harness;
mod provider;

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
        ("apps", apps::TESTS),
        ("carry", carry::TESTS),
        ("front", front::TESTS),
        ("harness", harness::TESTS),
        ("provider", provider::TESTS),
    ])
}
