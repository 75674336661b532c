//! Loads plugins: one engine, one cache, one set of limits.

use crate::{
    cache::{Cache, Code, load},
    commands::WasmCommands,
    compiler::Compiler,
    customizer::WasmCustomizer,
    engine::{Ticker, engine},
    error::ExtensionError,
    grants::Grants,
    host::{State, line, text, wasi},
    inspect::{Inspection, Refusal, World, inspect_known},
    limits::{Limit, LimitReached, Limits},
    node_setup::WasmNodeSetup,
    usage::Usage,
};
use silver_plugin_api::{Diagnostic, Digest, Failure, setup::Grant};
use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};
use wasmtime::{
    Engine, Store, Trap, UpdateDeadline, WasmBacktrace,
    component::{Component, InstancePre, Linker},
};

/// What is known of a plugin before it is loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plugin {
    /// The pack and the file, for messages: `trac-1.6.0: plugins/customizer.wasm`, say.
    pub name: String,
    /// The sha256 of the component, when somebody has just compared it with that.
    digest: Option<Digest>,
}

impl Plugin {
    /// A name for messages.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), digest: None }
    }

    /// The same, of a component whose content was compared with this sha256 when it was read: it is not hashed again.
    #[must_use]
    pub fn checked(self, digest: Digest) -> Self {
        Self { digest: Some(digest), ..self }
    }
}

/// The plugin host.
#[derive(Clone)]
pub struct Extensions {
    shared: Arc<Shared>,
}

struct Shared {
    engine: Engine,
    ticker: Ticker,
    cache: Option<Cache>,
    compiler: Option<Compiler>,
    limits: Limits,
}

impl Extensions {
    /// A host with these limits, which keeps compiled plugins in `cache` (a private directory, made
    /// if need be), or nowhere. It compiles in this process, as is right for plugins of one's own.
    pub fn new(cache: Option<&Path>, limits: Limits) -> Result<Self, ExtensionError> {
        Self::with(cache, limits, None)
    }

    /// The same, for plugins of strangers: a component that is slow to compile, or breaks the compiler, breaks
    /// a process of its own.
    pub fn with_compiler(cache: Option<&Path>, limits: Limits, compiler: Compiler) -> Result<Self, ExtensionError> {
        Self::with(cache, limits, Some(compiler))
    }

    fn with(cache: Option<&Path>, limits: Limits, compiler: Option<Compiler>) -> Result<Self, ExtensionError> {
        let engine = engine().map_err(|error| ExtensionError::Engine(format!("{error:#}")))?;
        let cache = cache.map(Cache::open).transpose().map_err(ExtensionError::Cache)?;
        Ok(Self { shared: Arc::new(Shared { engine, ticker: Ticker::new(), cache, compiler, limits }) })
    }

    /// Loads a customizer.
    pub fn customizer(&self, plugin: &Plugin, wasm: &[u8]) -> Result<WasmCustomizer, ExtensionError> {
        let (inspection, loaded) = self.load(plugin, wasm, World::Customizer, Grants::default())?;
        let adapter = inspection.track.customizer(Arc::clone(&loaded));
        let adapter = adapter.map_err(|error| unfit(plugin, &inspection, &error))?;
        Ok(WasmCustomizer { adapter, loaded, inspection })
    }

    /// Loads commands, which reach what `grants` says.
    pub fn commands(&self, plugin: &Plugin, wasm: &[u8], grants: Grants) -> Result<WasmCommands, ExtensionError> {
        let (inspection, loaded) = self.load(plugin, wasm, World::Commands, grants)?;
        let adapter = inspection.track.commands(Arc::clone(&loaded));
        let adapter = adapter.map_err(|error| unfit(plugin, &inspection, &error))?;
        Ok(WasmCommands { adapter, loaded, inspection })
    }

    /// Loads a plugin that sets nodes up. `name` is what the ids of its items begin with; its plans hold only what
    /// `grants` allow.
    pub fn node_setup(
        &self,
        plugin: &Plugin,
        name: &str,
        wasm: &[u8],
        grants: Vec<Grant>,
    ) -> Result<WasmNodeSetup, ExtensionError> {
        let (inspection, loaded) = self.load(plugin, wasm, World::NodeSetup, Grants::default())?;
        let adapter = inspection.track.node_setup(Arc::clone(&loaded));
        let adapter = adapter.map_err(|error| unfit(plugin, &inspection, &error))?;
        Ok(WasmNodeSetup { adapter, loaded, inspection, name: name.to_owned(), grants })
    }

    fn load(
        &self,
        plugin: &Plugin,
        wasm: &[u8],
        wanted: World,
        grants: Grants,
    ) -> Result<(Inspection, Arc<Loaded>), ExtensionError> {
        let refused = |source| ExtensionError::Refused { plugin: plugin.name.clone(), source };
        let inspection = inspect_known(wasm, plugin.digest).map_err(refused)?;
        if inspection.world != wanted {
            return Err(refused(Refusal::OtherWorld { found: inspection.world, wanted }));
        }
        let component = self.compiled(plugin, wasm, &inspection.digest)?;
        let loaded = Loaded { extensions: self.clone(), plugin: plugin.clone(), component, grants, used: Mutex::default() };
        Ok((inspection, Arc::new(loaded)))
    }

    /// The component as native code: from the cache, from the compiler, or made here.
    fn compiled(&self, plugin: &Plugin, wasm: &[u8], digest: &Digest) -> Result<Component, ExtensionError> {
        let Shared { engine, cache, compiler, limits, .. } = &*self.shared;
        if let Some(component) = cache.as_ref().and_then(|cache| cache.get(engine, digest)) {
            return Ok(component);
        }
        let failed = |error| compile_error(plugin, &error);
        let code = match compiler {
            Some(compiler) => compiler.run(&plugin.name, wasm, limits)?,
            None => engine.precompile_component(wasm).map_err(failed)?,
        };
        if let Some(cache) = cache {
            cache.keep(engine, digest, &code);
        }
        load(engine, &Code::Bytes(&code)).map_err(failed)
    }
}

fn compile_error(plugin: &Plugin, error: &wasmtime::Error) -> ExtensionError {
    ExtensionError::Compile { plugin: plugin.name.clone(), message: text(&format!("{error:#}")) }
}

/// Why a component cannot be joined with its imports. One that was built for a newer version of the same track
/// wants a function that this silver does not have yet.
fn unfit(plugin: &Plugin, inspection: &Inspection, error: &wasmtime::Error) -> ExtensionError {
    if inspection.is_newer() {
        let source = Refusal::WrongAbi { found: inspection.abi.clone() };
        return ExtensionError::Refused { plugin: plugin.name.clone(), source };
    }
    compile_error(plugin, error)
}

/// A compiled plugin with its host.
pub(crate) struct Loaded {
    extensions: Extensions,
    pub(crate) plugin: Plugin,
    component: Component,
    grants: Grants,
    used: Mutex<Vec<Usage>>,
}

impl Loaded {
    /// A linker for the imports of a world, with the stand-ins for WASI that the component wants.
    pub(crate) fn linker(&self) -> wasmtime::Result<Linker<State>> {
        let engine = &self.extensions.shared.engine;
        let mut linker = Linker::new(engine);
        wasi::link(&mut linker, engine, &self.component)?;
        Ok(linker)
    }

    /// The component, joined with its imports.
    pub(crate) fn prepare(&self, linker: &Linker<State>) -> wasmtime::Result<InstancePre<State>> {
        linker.instantiate_pre(&self.component)
    }

    /// What the last call of each exported function used.
    pub(crate) fn usage(&self) -> Vec<Usage> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A warning for each limit that the last call of this function came near to.
    pub(crate) fn near_limits(&self, call: &str) -> Vec<Diagnostic> {
        let used = self.usage().into_iter().find(|used| used.call == call);
        used.map(|used| used.warnings(&self.plugin.name, &self.extensions.shared.limits)).unwrap_or_default()
    }

    fn note(&self, used: Usage) {
        let mut all = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|other| other.call != used.call);
        all.push(used);
    }

    /// A plugin's own internal error, with the plugin's name.
    pub(crate) fn blame(&self, failure: Failure) -> Failure {
        match failure {
            Failure::Internal(what) => Failure::Internal(text(&format!("plugin `{}`: {what}", self.plugin.name))),
            other => other,
        }
    }

    /// Runs one exported function in a store of its own.
    pub(crate) fn run<R>(
        &self,
        call: &'static str,
        run: impl FnOnce(&mut Store<State>) -> wasmtime::Result<R>,
    ) -> Result<R, ExtensionError> {
        let Shared { engine, ticker, limits, .. } = &*self.extensions.shared;
        let host = |error: wasmtime::Error| ExtensionError::Engine(format!("{error:#}"));
        let state = State::new(self.plugin.name.clone(), limits.clone(), self.grants.clone());
        let mut store = Store::new(engine, state);
        store.limiter(|state| &mut state.memory);
        store.set_fuel(limits.fuel).map_err(host)?;
        store.set_hostcall_fuel(limits.carried);
        // the host counts its own handles; this bounds what instances keep of each other
        store.set_max_component_handles(limits.handles + 16);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|store| match store.data().time_left() {
            Some(_) => Ok(UpdateDeadline::Continue(1)),
            None => Err(store.data().reached(Limit::Time)),
        });
        let _ticking = ticker.start(engine).map_err(|error| ExtensionError::Engine(error.to_string()))?;
        let result = run(&mut store);
        let left = store.get_fuel().unwrap_or(0);
        self.note(store.data().usage(call, limits.fuel.saturating_sub(left)));
        result.map_err(|error| self.explain(call, &error, store.into_data()))
    }

    fn explain(&self, call: &'static str, error: &wasmtime::Error, state: State) -> ExtensionError {
        let plugin = self.plugin.name.clone();
        if let Some(source) = limit(error, &state.limits) {
            return ExtensionError::Stopped { plugin, call, source };
        }
        let message = match error.downcast_ref::<Trap>() {
            // how Rust's panics end
            Some(Trap::UnreachableCodeReached) => "it gave up".to_owned(),
            Some(trap) => trap.to_string(),
            None => line(&error.root_cause().to_string()),
        };
        ExtensionError::Trapped { plugin, call, message, said: state.said.into(), backtrace: frames(error) }
    }
}

/// Which limit ended the call, if one did.
fn limit(error: &wasmtime::Error, limits: &Limits) -> Option<LimitReached> {
    if let Some(reached) = error.downcast_ref::<LimitReached>() {
        return Some(reached.clone());
    }
    let limit = match error.downcast_ref::<Trap>() {
        Some(Trap::OutOfFuel) => Limit::Fuel,
        Some(Trap::Interrupt) => Limit::Time,
        Some(Trap::StackOverflow) => Limit::Stack,
        // wasmtime has no public types for these two
        _ if error.root_cause().to_string().contains("fuel allocated for hostcalls has been exhausted") => Limit::Carried,
        _ if error.root_cause().to_string().contains("store handle limit exceeded") => Limit::Handles,
        _ => return None,
    };
    Some(LimitReached::new(limit, limits))
}

/// The plugin's functions on the stack, innermost first.
fn frames(error: &wasmtime::Error) -> Vec<String> {
    let Some(backtrace) = error.downcast_ref::<WasmBacktrace>() else { return Vec::new() };
    let name = |frame: &wasmtime::FrameInfo| {
        let symbol = frame.symbols().first();
        let function = symbol
            .and_then(wasmtime::FrameSymbol::name)
            .or(frame.func_name())
            .map_or_else(|| format!("function {}", frame.func_index()), short_name);
        match symbol.and_then(|symbol| Some((symbol.file()?, symbol.line()?))) {
            Some((file, at)) => line(&format!("{function} ({file}:{at})")),
            None => line(&function),
        }
    };
    backtrace.frames().iter().take(16).map(name).collect()
}

/// Drops the hash of a Rust symbol; wasmtime has demangled the rest.
fn short_name(name: &str) -> String {
    match name.rsplit_once("::h") {
        Some((path, hash)) if hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) => path.to_owned(),
        _ => name.to_owned(),
    }
}
