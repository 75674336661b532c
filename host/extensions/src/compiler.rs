//! Compiling in a process of its own: what nothing inside of a compiler bounds (its time, its memory, its stack), the
//! operating system does.
//!
//! The parent starts a [`Compiler`], gives it the component on standard input and takes native code from its standard
//! output; the child calls [`compile`], which limits itself before it reads a byte. The child touches no file, and ends
//! with its parent.

use crate::{
    engine::engine,
    error::ExtensionError,
    host::text,
    inspect::MAX_COMPONENT,
    limits::{Limit, LimitReached, Limits},
};
use rustix::process::{Resource, Rlimit, Signal, set_parent_process_death_signal, setrlimit};
use std::{
    ffi::OsString,
    io::{self, Read, Write},
    os::unix::process::ExitStatusExt,
    path::PathBuf,
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
};

/// The most native code that is taken, in bytes: some ten times the largest component.
const MAX_CODE: u64 = 512 << 20;

/// The exported function's place in messages.
const CALL: &str = "compile";

/// The program that compiles one component: it calls [`compile`] with the two limits that are its last arguments, seconds
/// of processor time and bytes of memory.
#[derive(Debug, Clone)]
pub struct Compiler {
    /// Its file.
    pub program: PathBuf,
    /// Arguments that come before the limits.
    pub arguments: Vec<OsString>,
}

/// The child's part: bounds itself, reads a component from standard input and writes its native code to standard
/// output. The error is one line for the parent to show.
pub fn compile(cpu_seconds: u64, memory: u64) -> Result<(), String> {
    let bounded = |resource, most| setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) });
    let limits = [(Resource::Cpu, cpu_seconds), (Resource::As, memory), (Resource::Core, 0)];
    limits.into_iter().try_for_each(|(resource, most)| bounded(resource, most)).map_err(|error| error.to_string())?;
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(|error| error.to_string())?;
    let mut wasm = Vec::new();
    io::stdin().lock().take(MAX_COMPONENT as u64 + 1).read_to_end(&mut wasm).map_err(|error| error.to_string())?;
    let code = engine().and_then(|engine| engine.precompile_component(&wasm)).map_err(|error| format!("{error:#}"))?;
    io::stdout().lock().write_all(&code).map_err(|error| error.to_string())
}

impl Compiler {
    /// The native code of `wasm`, or why there is none.
    pub(crate) fn run(&self, plugin: &str, wasm: &[u8], limits: &Limits) -> Result<Vec<u8>, ExtensionError> {
        let failed = |message: &str| ExtensionError::Compile { plugin: plugin.to_owned(), message: text(message.trim()) };
        let stopped = |limit| {
            let source = LimitReached::new(limit, limits);
            ExtensionError::Stopped { plugin: plugin.to_owned(), call: CALL, source }
        };
        let mut child = self.start(limits).map_err(|error| failed(&format!("the compiler cannot be started: {error}")))?;
        let (code, said, status) = attend(&mut child, wasm, limits).map_err(|error| failed(&error.to_string()))?;
        let Some(status) = status else { return Err(stopped(Limit::CompileTime)) };
        match (status.code(), status.signal().and_then(Signal::from_named_raw)) {
            (Some(0), _) if code.len() as u64 <= MAX_CODE => Ok(code),
            (Some(0), _) => Err(failed("its native code is too big")),
            (_, Some(Signal::XCPU | Signal::KILL)) => Err(stopped(Limit::CompileTime)),
            // how the allocator ends a program
            (_, Some(Signal::ABORT)) if said.contains("memory allocation of") => Err(stopped(Limit::CompileMemory)),
            (Some(_), _) if !said.trim().is_empty() => Err(failed(&said)),
            _ => Err(failed(&format!("the compiler ended with {status}: {said}"))),
        }
    }

    fn start(&self, limits: &Limits) -> io::Result<Child> {
        // threads of the compiler take memory each; more of them gain little
        let threads = thread::available_parallelism().map_or(1, usize::from).min(8);
        Command::new(&self.program)
            .args(&self.arguments)
            .args([limits.compile_cpu.as_secs().max(1).to_string(), limits.compile_memory.to_string()])
            .env_clear()
            .env("RAYON_NUM_THREADS", threads.to_string())
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
    }
}

/// What the child wrote, what it said, and how it ended; it is killed when its time is over, which is no status.
fn attend(child: &mut Child, wasm: &[u8], limits: &Limits) -> io::Result<(Vec<u8>, String, Option<ExitStatus>)> {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    thread::scope(|scope| {
        // one that ends early does not read it all
        scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(wasm)));
        let said = scope.spawn(move || read(stderr, 16 << 10));
        let (sender, receiver) = mpsc::channel();
        scope.spawn(move || sender.send(read(stdout, MAX_CODE + 1)));
        let code = receiver.recv_timeout(limits.compile_time);
        if code.is_err() {
            child.kill()?;
        }
        let status = child.wait()?;
        let said = String::from_utf8_lossy(&said.join().unwrap_or_default()).into_owned();
        Ok((code.clone().unwrap_or_default(), said, code.is_ok().then_some(status)))
    })
}

/// All of a pipe, or its beginning; what is left is dropped with the pipe.
fn read(pipe: Option<impl Read>, most: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    pipe.map(|pipe| pipe.take(most).read_to_end(&mut bytes));
    bytes
}
