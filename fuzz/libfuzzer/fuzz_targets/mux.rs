#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| silver_fuzz::run("mux", data));
