//! Plugins that do what they should.

use super::{
    memory::{Asked, Desk, Memory},
    wasm::{component, customizer},
};
use crate::{CacheError, ExtensionError, Extensions, Grants, Limits, Plugin};
use silver_plugin_api::{
    Failure, Tree, TreePath,
    commands::{Commands, Invocation},
    customizer::{Customizer, Options},
};
use std::{fs, os::unix::fs::PermissionsExt};

/// Links `a` of the app to `b` and writes `c`, with bits that NaN arithmetic made.
fn linker() -> Vec<u8> {
    let more = r#"(data (i32.const 4096) "abc")"#;
    let body = "(call $link (local.get 2) (local.get 0) (i32.const 4096) (i32.const 1) (i32.const 4097) (i32.const 1) \
         (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 2048)) \
         (f32.store (i32.const 5000) (f32.div (f32.const 0) (f32.const 0))) \
         (call $put (local.get 2) (i32.const 4098) (i32.const 1) (i32.const 5000) (i32.const 4) (i32.const 0) (i32.const 1) \
         (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 2048)) \
         (call $drop-tree (local.get 0)) (call $drop-tree (local.get 1)) (call $drop-overlay (local.get 2)) (i32.const 1024)";
    customizer(body, more)
}

#[test]
fn a_merge_gives_the_same_tree_every_time() {
    let cache = tempfile::tempdir().unwrap();
    let dir = cache.path().join("plugins");
    let app = Memory::new(&[("a", "content")]);
    let mut digests = Vec::new();
    // compiled, from the cache, and without one
    for dir in [Some(dir.as_path()), Some(dir.as_path()), None] {
        let host = Extensions::new(dir, Limits::default()).unwrap();
        let plugin = host.customizer(&Plugin::new("good"), &linker()).unwrap();
        for _ in 0..2 {
            let mut into = app.clone();
            assert_eq!(plugin.merge(&app, &Memory::default(), &mut into, &Options::default()), Ok(Vec::new()));
            assert_eq!(into.read(&TreePath::new("b").unwrap()).unwrap(), b"content");
            assert_eq!(into.read(&TreePath::new("c").unwrap()).unwrap(), 0x7fc0_0000_u32.to_le_bytes());
            digests.push(Tree::digest(&into));
        }
    }
    digests.dedup();
    assert_eq!(digests.len(), 1);
}

#[test]
fn damaged_compiled_code_is_made_anew_and_never_run() {
    let cache = tempfile::tempdir().unwrap();
    let dir = cache.path().join("plugins");
    let wasm = linker();
    let load =
        || Extensions::new(Some(&dir), Limits::default()).unwrap().customizer(&Plugin::new("good"), &wasm).map(drop).unwrap();
    load();
    let file = fs::read_dir(&dir).unwrap().next().unwrap().unwrap().path();
    let good = fs::read(&file).unwrap();
    assert_eq!(fs::metadata(&dir).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o077, 0);
    let mut flipped = good.clone();
    flipped[good.len() / 2] ^= 1;
    for bad in [&flipped[..], &good[..good.len() / 2], b""] {
        fs::write(&file, bad).unwrap();
        load();
        assert!(fs::read(&file).unwrap() == good, "the file was not made anew");
    }
    assert_eq!(fs::read_dir(&dir).unwrap().count(), 1, "nothing else is left");
}

#[test]
fn a_cache_that_others_may_enter_is_refused() {
    let cache = tempfile::tempdir().unwrap();
    let dir = cache.path().join("plugins");
    fs::create_dir(&dir).unwrap();
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o755)).unwrap();
    let error = Extensions::new(Some(&dir), Limits::default()).err().unwrap();
    assert!(matches!(error, ExtensionError::Cache(CacheError::NotPrivate { .. })), "{error}");
    assert!(error.hint().unwrap().contains("plugins"));
    let link = cache.path().join("link");
    std::os::unix::fs::symlink(&dir, &link).unwrap();
    assert!(matches!(
        Extensions::new(Some(&link), Limits::default()).err().unwrap(),
        ExtensionError::Cache(CacheError::Io { .. })
    ));
}

/// Commands that say a line, then call what `body` says; parameters: 0… invocation, 13 workspace.
fn commands(body: &str) -> Vec<u8> {
    let module = format!(
        r#"(module
        (import "silver:plugin/console@0.1.0" "line" (func $line (param i32 i32)))
        (import "silver:plugin/index@0.1.0" "search" (func $search (param i32 i32 i32 i32 i32 i32)))
        (import "silver:plugin/http-fetch@0.1.0" "get" (func $get (param i32 i32 i32 i32 i32 i32 i32 i32 i32)))
        (import "silver:plugin/workspace@0.1.0" "[method]staging.edits" (func $edits (param i32) (result i32)))
        (import "silver:plugin/trees@0.1.0" "[method]overlay.put"
            (func $put (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32)))
        (import "silver:plugin/workspace@0.1.0" "[resource-drop]staging" (func $drop-staging (param i32)))
        (memory (export "memory") 2)
        (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 65536))
        (data (i32.const 4096) "hello\1b[2J")
        (data (i32.const 4128) "https://a.example/x")
        (data (i32.const 4160) "python")
        (func (export "silver:plugin/commands@0.1.0#list-commands") (result i32) (i32.const 1024))
        (func (export "silver:plugin/commands@0.1.0#run-command")
            (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
            (call $line (i32.const 4096) (i32.const 9))
            {body}
            (call $drop-staging (local.get 11))
            (i32.const 1024)))"#
    );
    component("command-plugin", &module)
}

/// What the body's call answers is stored at 2048; an error is given on, as `failure`.
const GIVE_ON: &str = "(if (i32.load8_u (i32.const 2048)) (then \
     (i32.store8 (i32.const 1024) (i32.const 1)) \
     (i64.store (i32.const 1028) (i64.load (i32.const 2052))) (i32.store (i32.const 1036) (i32.load (i32.const 2060)))))";

fn run(body: &str, grants: &[&str]) -> (Result<u8, Failure>, Desk, Vec<String>) {
    let host = Extensions::new(None, Limits::default()).unwrap();
    let owned = || grants.iter().map(|&grant| grant.to_owned());
    let plugin =
        host.commands(&Plugin::new("cmd"), &commands(&format!("{body} {GIVE_ON}")), Grants::new(owned(), owned())).unwrap();
    assert_eq!(plugin.list(), Ok(Vec::new()));
    let (mut desk, asked) = (Desk::default(), Asked::default());
    let result = plugin.run(&Invocation::default(), &mut desk, &asked).map(|outcome| outcome.status);
    (result, desk, asked.0.into_inner())
}

#[test]
fn without_a_grant_every_reach_is_denied() {
    let search = "(call $search (i32.const 4160) (i32.const 6) (i32.const 4096) (i32.const 5) (i32.const 10) (i32.const 2048))";
    let get = "(call $get (i32.const 4128) (i32.const 19) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) \
               (i32.const 0) (i32.const 0) (i32.const 2048))";
    let put = "(call $put (call $edits (local.get 11)) (i32.const 4096) (i32.const 5) (i32.const 4096) (i32.const 5) \
               (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 2048))";
    let file = TreePath::new("hello").unwrap();
    for (body, grant, trace) in [
        (search, "index:python", Some("search hello")),
        (get, "http:a.example", Some("get https://a.example/x")),
        (put, "edit-customization", None),
    ] {
        let (result, desk, asked) = run(body, &[]);
        assert!(matches!(result, Err(Failure::Denied(_))), "{body}: {result:?}");
        // text for people cannot steer the terminal
        assert_eq!(asked, ["line hello\u{fffd}[2J"]);
        assert!(Tree::stat(&desk.edits, &file).is_none());

        let (result, desk, asked) = run(body, &[grant]);
        assert_eq!(result, Ok(0), "{body}");
        assert_eq!(asked.get(1).map(String::as_str), trace);
        assert_eq!(Tree::stat(&desk.edits, &file).is_some(), trace.is_none());
    }
}
