//! The constant stand-ins for WASI, called from a plugin.

use super::{
    memory::Memory,
    wasm::{component_of, customizer_module},
};
use crate::{Extensions, Limits, Plugin, inspect};
use silver_plugin_api::{
    Failure,
    customizer::{Customizer, Options},
};

/// As much of WASI as the tests call; of another patch release than any that is named in the host.
const WIT: &str = "
world with-wasi {
    include customizer-plugin;
    import wasi:cli/stderr@0.2.77;
    import wasi:cli/stdin@0.2.77;
    import wasi:cli/environment@0.2.77;
    import wasi:cli/exit@0.2.77;
    import wasi:clocks/monotonic-clock@0.2.77;
    import wasi:clocks/wall-clock@0.2.77;
    import wasi:random/random@0.2.77;
    import wasi:filesystem/preopens@0.2.77;
}
package wasi:io@0.2.77 {
    interface error { resource error; }
    interface streams {
        use error.{error};
        variant stream-error { last-operation-failed(error), closed }
        resource input-stream { read: func(len: u64) -> result<list<u8>, stream-error>; }
        resource output-stream { blocking-write-and-flush: func(contents: list<u8>) -> result<_, stream-error>; }
    }
}
package wasi:cli@0.2.77 {
    interface stderr { use wasi:io/streams@0.2.77.{output-stream}; get-stderr: func() -> output-stream; }
    interface stdin { use wasi:io/streams@0.2.77.{input-stream}; get-stdin: func() -> input-stream; }
    interface environment { get-environment: func() -> list<tuple<string, string>>; get-arguments: func() -> list<string>; }
    interface exit { exit: func(status: result); }
}
package wasi:clocks@0.2.77 {
    interface monotonic-clock { now: func() -> u64; }
    interface wall-clock { record datetime { seconds: u64, nanoseconds: u32 } now: func() -> datetime; }
}
package wasi:random@0.2.77 {
    interface random { get-random-bytes: func(len: u64) -> list<u8>; get-random-u64: func() -> u64; }
}
package wasi:filesystem@0.2.77 {
    interface types { resource descriptor; }
    interface preopens { use types.{descriptor}; get-directories: func() -> list<tuple<descriptor, string>>; }
}
";

const IMPORTS: &str = r#"
    (import "wasi:cli/stderr@0.2.77" "get-stderr" (func $stderr (result i32)))
    (import "wasi:cli/stdin@0.2.77" "get-stdin" (func $stdin (result i32)))
    (import "wasi:io/streams@0.2.77" "[method]output-stream.blocking-write-and-flush"
        (func $write (param i32 i32 i32 i32)))
    (import "wasi:io/streams@0.2.77" "[method]input-stream.read" (func $read (param i32 i64 i32)))
    (import "wasi:cli/environment@0.2.77" "get-environment" (func $environment (param i32)))
    (import "wasi:cli/environment@0.2.77" "get-arguments" (func $arguments (param i32)))
    (import "wasi:cli/exit@0.2.77" "exit" (func $exit (param i32)))
    (import "wasi:clocks/monotonic-clock@0.2.77" "now" (func $ticks (result i64)))
    (import "wasi:clocks/wall-clock@0.2.77" "now" (func $date (param i32)))
    (import "wasi:random/random@0.2.77" "get-random-u64" (func $dice (result i64)))
    (import "wasi:random/random@0.2.77" "get-random-bytes" (func $bytes (param i64 i32)))
    (import "wasi:filesystem/preopens@0.2.77" "get-directories" (func $directories (param i32)))
    (func $demand (param i32) (if (i32.eqz (local.get 0)) (then (unreachable))))
    (data (i32.const 4096) "line one\nTypeError: x\1b[2J\n")
"#;

/// What was lent is given back.
const DROP: &str = "(call $drop-tree (local.get 0)) (call $drop-tree (local.get 1)) (call $drop-overlay (local.get 2))";

fn merge(body: &str) -> Result<usize, Failure> {
    // imports stand before everything else
    let module = customizer_module(&format!("{body} {DROP} (i32.const 1024)"), "");
    let (imports, definitions) = IMPORTS.split_once("    (func $demand").unwrap();
    let module = module.replacen("(module", &format!("(module {imports}"), 1);
    let module = format!("{} (func $demand{definitions})", module.trim_end().strip_suffix(')').unwrap());
    let wasm = component_of("with-wasi", &module, WIT);
    assert!(inspect(&wasm).unwrap().imports.iter().any(|name| name.starts_with("wasi:")));
    let plugin = Extensions::new(None, Limits::default()).unwrap().customizer(&Plugin::new("p"), &wasm).unwrap();
    let (app, mine, mut into) = (Memory::default(), Memory::default(), Memory::default());
    plugin.merge(&app, &mine, &mut into, &Options::default()).map(|found| found.len())
}

#[test]
fn every_answer_is_a_constant_without_anything_of_the_world() {
    let result = merge(
        "(call $environment (i32.const 2048)) (call $demand (i32.eqz (i32.load (i32.const 2052))))
         (call $arguments (i32.const 2048)) (call $demand (i32.eqz (i32.load (i32.const 2052))))
         (call $directories (i32.const 2048)) (call $demand (i32.eqz (i32.load (i32.const 2052))))
         (call $demand (i64.eqz (call $ticks)))
         (call $date (i32.const 2048)) (call $demand (i64.eqz (i64.load (i32.const 2048))))
         (call $demand (i64.eq (call $dice) (i64.const 0x2a2a2a2a2a2a2a2a)))
         (call $bytes (i64.const 3) (i32.const 2048)) (call $demand (i32.eq (i32.load (i32.const 2052)) (i32.const 3)))
         (call $demand (i32.eq (i32.load8_u (i32.load (i32.const 2048))) (i32.const 0x2a)))
         ;; standard input is at its end: error, closed
         (call $read (call $stdin) (i64.const 10) (i32.const 2048))
         (call $demand (i32.load8_u (i32.const 2048))) (call $demand (i32.load8_u (i32.const 2052)))",
    );
    assert_eq!(result, Ok(0));
}

#[test]
fn what_it_prints_is_told_when_it_fails() {
    let write = "(call $write (call $stderr) (i32.const 4096) (i32.const 26) (i32.const 2048))";
    assert_eq!(merge(write), Ok(0));
    let Err(Failure::Internal(told)) = merge(&format!("{write} (unreachable)")) else { panic!("it did not fail") };
    assert!(told.contains("\n  it said: line one\n  it said: TypeError: x\u{fffd}[2J\n"), "{told}");
}

#[test]
fn what_has_no_answer_ends_the_call_by_name() {
    for (body, told) in [
        ("(call $exit (i32.const 0))", "it called `wasi:cli/exit` `exit`, which plugins do not have"),
        ("(call $bytes (i64.const 99999999) (i32.const 2048))", "it wanted 99999999 random bytes; 65536 are given at once"),
    ] {
        let Err(Failure::Internal(text)) = merge(body) else { panic!("it did not fail") };
        assert!(text.contains(told), "{text}");
    }
}
