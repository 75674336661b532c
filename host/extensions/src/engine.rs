//! The one configuration of wasmtime, and the clock of its deadlines.

use std::{
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread,
    time::Duration,
};
use wasmtime::{Config, Engine, EngineWeak, WasmFeatures};

/// Bytes of a plugin's stack.
pub(crate) const STACK: usize = 512 << 10;

/// How often deadlines are looked at.
const TICK: Duration = Duration::from_millis(10);

/// Everything that a plugin may use of WebAssembly; named one by one, so that an update of
/// wasmtime never adds anything.
fn features() -> WasmFeatures {
    WasmFeatures::MUTABLE_GLOBAL
        | WasmFeatures::SATURATING_FLOAT_TO_INT
        | WasmFeatures::SIGN_EXTENSION
        | WasmFeatures::REFERENCE_TYPES
        | WasmFeatures::MULTI_VALUE
        | WasmFeatures::BULK_MEMORY
        | WasmFeatures::MULTI_MEMORY // of adapters between components inside of one, which carry strings from memory to memory
        | WasmFeatures::EXTENDED_CONST
        | WasmFeatures::SIMD
        | WasmFeatures::FLOATS
        | WasmFeatures::COMPONENT_MODEL
}

/// The configuration: deterministic (canonical NaN, no threads, no relaxed SIMD), metered by fuel,
/// stopped by epochs, native code only from Cranelift.
fn config() -> Config {
    let mut config = Config::new();
    config
        .wasm_features(WasmFeatures::all().difference(features()), false)
        .wasm_features(features(), true)
        .concurrency_support(false)
        .cranelift_nan_canonicalization(true)
        .relaxed_simd_deterministic(true)
        .consume_fuel(true)
        .epoch_interruption(true)
        .max_wasm_stack(STACK);
    config
}

/// Makes the engine.
pub(crate) fn engine() -> wasmtime::Result<Engine> {
    Engine::new(&config())
}

/// Advances the engine's epoch while a call is running; sleeps otherwise.
pub(crate) struct Ticker {
    running: Arc<Running>,
}

struct Running {
    calls: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    calls: usize,
    thread: bool,
    stop: bool,
}

impl Running {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A running call; dropped when it is over.
pub(crate) struct Ticking<'a>(&'a Ticker);

impl Ticker {
    pub(crate) fn new() -> Self {
        Self { running: Arc::new(Running { calls: Mutex::default(), changed: Condvar::new() }) }
    }

    /// Ticks until the result is dropped.
    pub(crate) fn start(&self, engine: &Engine) -> std::io::Result<Ticking<'_>> {
        let mut state = self.running.lock();
        if !state.thread {
            let (engine, running) = (engine.weak(), Arc::clone(&self.running));
            thread::Builder::new().name("plugin-clock".into()).spawn(move || tick(&engine, &running))?;
            state.thread = true;
        }
        state.calls += 1;
        drop(state);
        self.running.changed.notify_all();
        Ok(Ticking(self))
    }
}

fn tick(engine: &EngineWeak, running: &Running) {
    let mut state = running.lock();
    while !state.stop {
        if state.calls == 0 {
            state = running.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            continue;
        }
        let Some(engine) = engine.upgrade() else { return };
        state = running.changed.wait_timeout(state, TICK).unwrap_or_else(PoisonError::into_inner).0;
        engine.increment_epoch();
    }
}

impl Drop for Ticking<'_> {
    fn drop(&mut self) {
        self.0.running.lock().calls -= 1;
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.running.lock().stop = true;
        self.running.changed.notify_all();
    }
}
