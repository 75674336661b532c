//! The command silver.
fn main() {}
