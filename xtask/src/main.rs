//! Repository chores: demo, test, plugins, bench.
fn main() {}
