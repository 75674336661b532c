//! What silver promises on servers, tried on real Debian nodes. One file for each promise, listed here with its tests.

mod harness;

use std::process::ExitCode;

fn main() -> ExitCode {
    if std::env::args().nth(1).as_deref() == Some(harness::HOLD) {
        return harness::hold();
    }
    silver_tests::nodes::main(&[("harness", harness::TESTS)])
}
