//! Each way to misbehave ends the call with its own error, and the host goes on.

use super::{memory::Memory, wasm::customizer};
use crate::{ExtensionError, Extensions, Limits, Plugin};
use silver_plugin_api::{
    Failure,
    customizer::{Customizer, Options},
};
use std::time::{Duration, Instant};

/// Limits that are reached soon; the clock is no part of the game unless a test says so.
fn small() -> Limits {
    Limits {
        fuel: 50_000_000,
        time: Duration::from_mins(10),
        memory: 64 << 20,
        handles: 100,
        operations: 10_000,
        written: 4 << 20,
        carried: 1 << 20,
        items: 100,
        ..Limits::default()
    }
}

/// The end of a body that gives back what it was lent, and finds nothing.
const END: &str = "(call $drop-tree (local.get 0)) (call $drop-tree (local.get 1)) (call $drop-overlay (local.get 2)) \
                   (i32.const 1024)";

fn merge_with(limits: Limits, body: &str, more: &str) -> Result<usize, Failure> {
    let host = Extensions::new(None, limits).unwrap();
    let plugin = host.customizer(&Plugin::new("bad"), &customizer(body, more)).unwrap();
    let (app, mine, mut into) = (Memory::new(&[("a", "1")]), Memory::default(), Memory::default());
    let result = plugin.merge(&app, &mine, &mut into, &Options::default()).map(|found| found.len());
    // the plugin harmed nobody: the next call has a store of its own
    assert_eq!(plugin.check(&app, &mine, &Options::default()), Ok(Vec::new()));
    result
}

fn stopped(body: &str, more: &str) -> String {
    match merge_with(small(), body, more) {
        Err(Failure::Limit(text)) => text,
        other => panic!("{other:?}"),
    }
}

fn trapped(body: &str, more: &str) -> String {
    match merge_with(small(), body, more) {
        Err(Failure::Internal(text)) => text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_endless_loop_runs_out_of_fuel() {
    assert_eq!(
        stopped("(loop $on (br $on)) (unreachable)", ""),
        "plugin `bad` was stopped in `merge`: limit of computing (fuel): 50000000 units"
    );
}

#[test]
fn an_endless_loop_runs_out_of_time() {
    let limits = Limits { fuel: u64::MAX / 2, time: Duration::from_millis(50), ..small() };
    let start = Instant::now();
    let result = merge_with(limits, "(loop $on (br $on)) (unreachable)", "");
    let text = "plugin `bad` was stopped in `merge`: limit of time: 50ms".to_owned();
    assert_eq!(result, Err(Failure::Limit(text)));
    assert!(start.elapsed() >= Duration::from_millis(50));
}

#[test]
fn memory_is_bounded() {
    let body = "(loop $on (drop (memory.grow (i32.const 64))) (br $on)) (unreachable)";
    assert_eq!(stopped(body, ""), "plugin `bad` was stopped in `merge`: limit of memory: 64 MiB");
}

#[test]
fn recursion_ends_at_the_stack() {
    let more = "(func $deep (param i64) (result i64) (i64.add (call $deep (i64.add (local.get 0) (i64.const 1))) (local.get 0)))";
    let text = stopped("(drop (call $deep (i64.const 0))) (i32.const 1024)", more);
    assert_eq!(text, "plugin `bad` was stopped in `merge`: limit of stack (endless recursion?): 524288 bytes");
}

#[test]
fn handles_are_bounded() {
    let endless = "(loop $on (drop (call $snapshot (local.get 2))) (br $on)) (unreachable)";
    assert_eq!(stopped(endless, ""), "plugin `bad` was stopped in `merge`: limit of open snapshots: 16");
    let limits = Limits { snapshots: 1000, ..small() };
    let Err(Failure::Limit(text)) = merge_with(limits, endless, "") else { panic!() };
    assert_eq!(text, "plugin `bad` was stopped in `merge`: limit of open handles: 100");
    // what is given back does not count
    let body = "(local.set $n (i32.const 200)) (loop $on (call $drop-tree (call $snapshot (local.get 2))) \
                (br_if $on (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))";
    assert_eq!(merge_with(small(), &format!("(local $n i32) {body} {END}"), ""), Ok(0));
}

#[test]
fn tables_are_bounded() {
    let more = "(table $t 1 funcref) (elem declare func $merge)";
    let body = "(drop (table.grow $t (ref.func $merge) (i32.const 200000))) (i32.const 1024)";
    assert_eq!(stopped(body, more), "plugin `bad` was stopped in `merge`: limit of table elements: 100000");
}

#[test]
fn a_flood_of_calls_into_the_host_is_bounded() {
    let log = "(call $log (i32.const 4) (i32.const 4096) (i32.const 3) (i32.const 0) (i32.const 0))";
    let text = stopped(&format!("(loop $on {log} (br $on)) (unreachable)"), "(data (i32.const 4096) \"abc\")");
    assert_eq!(text, "plugin `bad` was stopped in `merge`: limit of operations: 10000");
}

#[test]
fn giant_strings_are_not_carried_and_long_ones_are_cut() {
    let log = |bytes: usize| {
        format!(
            "(drop (memory.grow (i32.const 100))) (memory.fill (i32.const 131072) (i32.const 120) (i32.const {bytes})) \
             (call $log (i32.const 4) (i32.const 131072) (i32.const {bytes}) (i32.const 0) (i32.const 0)) "
        )
    };
    let text = stopped(&format!("{} (i32.const 1024)", log(5 << 20)), "");
    assert_eq!(text, "plugin `bad` was stopped in `merge`: limit of bytes in one call: 1 MiB");
    let text = trapped(&format!("{} (unreachable)", log(500_000)), "");
    assert!(text.contains("it said: xxx") && text.len() < 20_000, "{} bytes", text.len());
    // a length that is a lie
    let body = "(call $log (i32.const 4) (i32.const 1024) (i32.const -1) (i32.const 0) (i32.const 0)) (i32.const 1024)";
    assert!(trapped(body, "").starts_with("plugin `bad` failed in `merge`"));
}

#[test]
fn bulk_operations_end_with_the_time() {
    let limits = Limits { fuel: u64::MAX / 2, time: Duration::from_millis(100), ..small() };
    let body = "(drop (memory.grow (i32.const 900))) \
                (loop $on (memory.fill (i32.const 0) (i32.const 1) (i32.const 58000000)) (br $on)) (unreachable)";
    let Err(Failure::Limit(text)) = merge_with(limits, body, "") else { panic!() };
    assert!(text.contains("limit of time") || text.contains("limit of computing"), "{text}");
}

#[test]
fn what_happens_at_start_is_bounded_and_told_as_well() {
    let host = Extensions::new(None, small()).unwrap();
    for (start, told) in [
        ("(unreachable)", "failed in `claims`: it gave up"),
        ("(loop $on (br $on))", "was stopped in `claims`: limit of computing (fuel)"),
        ("(drop (memory.grow (i32.const 2000)))", "was stopped in `claims`: limit of memory: 64 MiB"),
    ] {
        let component = customizer("(i32.const 1024)", &format!("(func $begin {start}) (start $begin)"));
        let plugin = host.customizer(&Plugin::new("bad"), &component).unwrap();
        let (Failure::Internal(text) | Failure::Limit(text)) = plugin.claims(&Options::default()).unwrap_err() else { panic!() };
        assert!(text.contains(told), "{text}");
    }
}

#[test]
fn a_path_outside_of_the_tree_is_refused_and_nothing_is_written() {
    for path in ["../p", "/etc/p", "a//b", "a/./b", "a\\\\b", "a\\00"] {
        let body = format!(
            "(call $put (local.get 2) (i32.const 4096) (i32.const {}) (i32.const 32) (i32.const 1) (i32.const 0) (i32.const 1) \
             (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 2048)) \
             (if (i32.eqz (i32.load8_u (i32.const 2048))) (then (unreachable))) {END}",
            path.replace("\\\\", "b").replace("\\00", "b").len()
        );
        assert_eq!(merge_with(small(), &body, &format!("(data (i32.const 4096) \"{path}\")")), Ok(0), "{path}");
    }
}

#[test]
fn coming_near_a_limit_is_told() {
    let written = put(3 << 20);
    let limits = || Limits { carried: 8 << 20, ..small() };
    let body = format!("(drop (memory.grow (i32.const 100))) {written} {END}");
    let host = Extensions::new(None, limits()).unwrap();
    let plugin = host.customizer(&Plugin::new("bad"), &customizer(&body, "")).unwrap();
    let (app, mine, mut into) = (Memory::default(), Memory::default(), Memory::default());
    let found = plugin.merge(&app, &mine, &mut into, &Options::default()).unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].code.as_str(), found[0].severity), ("plugin-near-limit", silver_plugin_api::Severity::Warning));
    assert_eq!(found[0].message, "plugin `bad` used 75 % of its limit of bytes written");
    let used = plugin.usage();
    assert_eq!((used[0].call, used[0].written), ("merge", 3 << 20));
    assert!(used[0].memory > 6 << 20 && used[0].fuel > 0, "{used:?}");
}

#[test]
fn operations_are_bounded() {
    let body = "(loop $on (call $stat (local.get 2) (i32.const 0) (i32.const 0) (i32.const 2048)) (br $on)) (unreachable)";
    assert_eq!(stopped(body, ""), "plugin `bad` was stopped in `merge`: limit of operations: 10000");
}

/// `put` of `bytes` bytes at the path `p`.
fn put(bytes: usize) -> String {
    format!(
        "(i32.store8 (i32.const 16) (i32.const 112)) \
         (call $put (local.get 2) (i32.const 16) (i32.const 1) (i32.const 32) (i32.const {bytes}) (i32.const 0) (i32.const 1) \
         (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 2048))"
    )
}

#[test]
fn one_call_carries_a_bounded_number_of_bytes() {
    let text = stopped(&format!("(drop (memory.grow (i32.const 100))) {} (i32.const 1024)", put(5 << 20)), "");
    assert_eq!(text, "plugin `bad` was stopped in `merge`: limit of bytes in one call: 1 MiB");
}

#[test]
fn written_bytes_are_bounded() {
    let text = stopped(&format!("(loop $on {} (br $on)) (unreachable)", put(100_000)), "");
    assert_eq!(text, "plugin `bad` was stopped in `merge`: limit of bytes written: 4 MiB");
}

#[test]
fn an_answer_with_too_many_items_is_refused() {
    // `ok`, a list of 2,000 findings at address 65536: all zero, which reads as an error without text
    let body = "(call $drop-tree (local.get 0)) (call $drop-tree (local.get 1)) (call $drop-overlay (local.get 2)) \
                (drop (memory.grow (i32.const 10))) (i32.store (i32.const 1028) (i32.const 65536)) \
                (i32.store (i32.const 1032) (i32.const 2000)) (i32.const 1024)";
    assert_eq!(stopped(body, ""), "plugin `bad` was stopped in `merge`: limit of items in one answer: 100");
}

#[test]
fn a_trap_names_the_plugin_and_its_functions() {
    let text = trapped("(call $inner) (i32.const 1024)", "(func $inner unreachable)");
    assert!(text.starts_with("plugin `bad` failed in `merge`: it gave up\n"), "{text}");
    assert!(text.contains("at inner"), "{text}");
    assert!(text.contains("at merge"), "{text}");
}

#[test]
fn what_it_logged_as_an_error_stands_beside_the_trap() {
    let more = r#"(data (i32.const 4096) "panicked \1b[31mhere")"#;
    let body = "(call $log (i32.const 4) (i32.const 4096) (i32.const 18) (i32.const 0) (i32.const 0)) (unreachable)";
    let text = trapped(body, more);
    assert!(text.contains("it said: panicked \u{fffd}[31mhere"), "{text}");
}

#[test]
fn text_that_is_not_utf8_ends_the_call() {
    let more = r#"(data (i32.const 4096) "\ff\fe")"#;
    let body = "(call $log (i32.const 4) (i32.const 4096) (i32.const 2) (i32.const 0) (i32.const 0)) (i32.const 1024)";
    let text = trapped(body, more);
    assert!(text.contains("utf-8"), "{text}");
}

#[test]
fn an_answer_outside_of_memory_ends_the_call() {
    let body = "(i32.store (i32.const 1028) (i32.const -8)) (i32.store (i32.const 1032) (i32.const 50)) (i32.const 1024)";
    let text = trapped(body, "");
    assert!(text.starts_with("plugin `bad` failed in `merge`"), "{text}");
}

#[test]
fn a_handle_that_it_was_not_given_ends_the_call() {
    let text = trapped("(drop (call $snapshot (i32.const 77))) (i32.const 1024)", "");
    assert!(text.contains("handle"), "{text}");
}

#[test]
fn features_that_were_not_chosen_do_not_compile() {
    for more in [
        "(memory $second 1)",
        "(func (param i32) (result i32) (return_call 0 (local.get 0)))",
        "(func (drop (f32x4.relaxed_madd (v128.const i64x2 0 0) (v128.const i64x2 0 0) (v128.const i64x2 0 0))))",
        "(func (throw_ref (unreachable)))",
        "(type (struct (field i32)))",
    ] {
        let module = format!("(module {more})");
        let component = wat::parse_str(format!(
            r#"(component (core {}
                (instance $i) (export "silver:plugin/customizer@0.1.0" (instance $i)))"#,
            module.replacen("(module", "module $m", 1),
        ));
        let Ok(component) = component else { panic!("{more}: {component:?}") };
        let host = Extensions::new(None, small()).unwrap();
        let error = host.customizer(&Plugin::new("bad"), &component).err().unwrap();
        assert!(matches!(error, ExtensionError::Compile { .. }), "{more}: {error}");
    }
}
