//! Compiling in a process of its own. This program is that process, too: it has no harness, so that it can start
//! itself with other arguments.
#![expect(clippy::disallowed_macros, reason = "a test without a harness tells by itself how it went")]

use silver_extensions::{Compiler, ExtensionError, Extensions, Limit, Limits, Plugin, compile};
use std::{fmt::Write, fs, io::Read, path::Path, time::Duration};

fn main() {
    let words: Vec<String> = std::env::args().collect();
    match words.get(1).map(String::as_str) {
        Some("run-as:compile") => {
            if let Err(error) = compile(words[2].parse().unwrap(), words[3].parse().unwrap()) {
                eprintln!("{error}");
                std::process::exit(1);
            }
        }
        // neither reads nor ends
        Some("run-as:hang") => std::thread::sleep(Duration::from_mins(10)),
        Some("run-as:lie") => {
            std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
            print!("this is no native code");
        }
        _ => {
            for (name, test) in TESTS {
                test();
                println!("test {name} ... ok");
            }
        }
    }
}

const TESTS: [(&str, fn()); 6] = [
    ("what_was_compiled_elsewhere_is_kept_and_taken", what_was_compiled_elsewhere_is_kept_and_taken),
    ("one_that_is_slow_to_compile_is_stopped", one_that_is_slow_to_compile_is_stopped),
    ("one_that_takes_much_memory_to_compile_is_stopped", one_that_takes_much_memory_to_compile_is_stopped),
    ("a_compiler_that_hangs_is_ended", a_compiler_that_hangs_is_ended),
    ("what_cannot_be_compiled_says_why", what_cannot_be_compiled_says_why),
    ("what_is_no_native_code_is_refused", what_is_no_native_code_is_refused),
];

fn this(mode: &str) -> Compiler {
    Compiler { program: std::env::current_exe().unwrap(), arguments: vec![mode.into()] }
}

fn load(cache: Option<&Path>, compiler: Compiler, limits: Limits, wasm: &[u8]) -> Result<(), ExtensionError> {
    Extensions::with_compiler(cache, limits, compiler).unwrap().customizer(&Plugin::new("p 1.2"), wasm).map(drop)
}

/// A component that exports a customizer's name; it is compiled before anybody looks at its functions.
fn component(module: &str) -> Vec<u8> {
    let text =
        format!(r#"(component (core module $m {module}) (instance $i) (export "silver:plugin/customizer@0.1.0" (instance $i)))"#);
    wat::parse_str(text).unwrap()
}

/// Many loops, each of which changes all of many variables: the compiler has to follow each through each.
fn slow() -> Vec<u8> {
    let (variables, loops) = (300, 600);
    let mut code = String::from("(func (export \"f\") (param i64) (result i64) (local ");
    code.extend((0..variables).map(|_| "i64 "));
    code.push(')');
    for round in 0..loops {
        write!(code, "(loop $l{round} ").unwrap();
        for one in 1..=variables {
            let other = (one * 7 + round) % variables + 1;
            write!(code, "(local.set {one} (i64.add (local.get {other}) (local.get 0)))").unwrap();
        }
        write!(code, "(br_if $l{round} (i64.eqz (local.get {})))", round % variables + 1).unwrap();
        code.push(')');
    }
    code.push_str("(local.get 1))");
    component(&code)
}

fn stopped(result: Result<(), ExtensionError>) -> Limit {
    match result {
        Err(ExtensionError::Stopped { plugin, call: "compile", source }) => {
            assert_eq!(plugin, "p 1.2");
            source.limit
        }
        other => panic!("{other:?}"),
    }
}

/// A component of the right shape is not needed: joined with its imports it is refused by name, but it was compiled.
fn was_compiled(result: Result<(), ExtensionError>) {
    match result {
        Err(ExtensionError::Compile { message, .. }) => assert!(message.contains("claims"), "{message}"),
        other => panic!("{other:?}"),
    }
}

fn what_was_compiled_elsewhere_is_kept_and_taken() {
    let dir = tempfile::tempdir().unwrap();
    let cache = dir.path().join("plugins");
    let wasm = component("(func (export \"f\") (result i32) (i32.const 7))");
    was_compiled(load(Some(&cache), this("run-as:compile"), Limits::default(), &wasm));
    let file = fs::read_dir(&cache).unwrap().next().unwrap().unwrap().path();
    let made = fs::read(&file).unwrap();
    // nobody is asked again
    let nobody = Compiler { program: "/nonexistent/compiler".into(), arguments: Vec::new() };
    was_compiled(load(Some(&cache), nobody.clone(), Limits::default(), &wasm));
    let Err(ExtensionError::Compile { message, .. }) = load(None, nobody, Limits::default(), &wasm) else { panic!() };
    assert!(message.contains("cannot be started"), "{message}");
    // it is the same code that this process makes
    fs::remove_file(&file).unwrap();
    Extensions::new(Some(&cache), Limits::default()).unwrap().customizer(&Plugin::new("p 1.2"), &wasm).err().unwrap();
    assert!(fs::read(&file).unwrap() == made);
}

fn one_that_is_slow_to_compile_is_stopped() {
    let limits = Limits { compile_cpu: Duration::from_secs(1), ..Limits::default() };
    let result = load(None, this("run-as:compile"), limits, &slow());
    let text = result.as_ref().unwrap_err().to_string();
    assert_eq!(stopped(result), Limit::CompileTime);
    assert_eq!(text, "plugin `p 1.2` was stopped in `compile`");
}

fn one_that_takes_much_memory_to_compile_is_stopped() {
    let limits = Limits { compile_memory: 128 << 20, ..Limits::default() };
    assert_eq!(stopped(load(None, this("run-as:compile"), limits, &slow())), Limit::CompileMemory);
}

fn a_compiler_that_hangs_is_ended() {
    let limits = Limits { compile_time: Duration::from_millis(200), ..Limits::default() };
    let wasm = component(&format!("(memory 4) (data (i32.const 0) \"{}\")", "x".repeat(200_000)));
    assert_eq!(stopped(load(None, this("run-as:hang"), limits, &wasm)), Limit::CompileTime);
}

fn what_cannot_be_compiled_says_why() {
    let Err(ExtensionError::Compile { plugin, message }) = load(
        None,
        this("run-as:compile"),
        Limits::default(),
        &component("(func (param i32) (result i32) (return_call 0 (local.get 0)))"),
    ) else {
        panic!()
    };
    assert_eq!(plugin, "p 1.2");
    assert!(message.contains("tail calls"), "{message}");
}

fn what_is_no_native_code_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let cache = dir.path().join("plugins");
    let wasm = component("(func (export \"f\"))");
    for _ in 0..2 {
        let result = load(Some(&cache), this("run-as:lie"), Limits::default(), &wasm);
        assert!(matches!(result, Err(ExtensionError::Compile { .. })), "{result:?}");
    }
    was_compiled(load(Some(&cache), this("run-as:compile"), Limits::default(), &wasm));
}
