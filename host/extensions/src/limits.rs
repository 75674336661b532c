//! Limits are the host's, never the plugin's.

use std::{fmt, time::Duration};

/// What one call of a plugin may use. Each call has a fresh store, so nothing adds up over calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Units of wasmtime's fuel, about one per instruction. The same on every machine, so the
    /// verdict of a pure plugin is, too.
    pub fuel: u64,
    /// Wall clock, for what fuel does not see. Waiting for an index, a server or a person does not
    /// count.
    pub time: Duration,
    /// Bytes of linear memory, all memories together.
    pub memory: usize,
    /// Elements of all tables together.
    pub table_elements: usize,
    /// Live handles of trees, overlays and writers.
    pub handles: usize,
    /// Live snapshots of a result: each holds a list of all its paths.
    pub snapshots: usize,
    /// Calls into the host; a call on a whole subtree counts once per entry.
    pub operations: u64,
    /// Bytes of new content.
    pub written: u64,
    /// Bytes of content that is read, all reads together.
    pub read: u64,
    /// Bytes that one read gives.
    pub one_read: u64,
    /// Bytes that one call into the host carries.
    pub carried: usize,
    /// Processor time for compiling, in whole seconds; all threads together. Components are compiled once.
    pub compile_cpu: Duration,
    /// Wall clock for compiling.
    pub compile_time: Duration,
    /// Bytes of address space for compiling.
    pub compile_memory: u64,
    /// Findings, rows, commands and the like that one answer holds.
    pub items: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            fuel: 20_000_000_000,
            time: Duration::from_mins(1),
            memory: 512 << 20,
            table_elements: 100_000,
            handles: 4096,
            snapshots: 16,
            operations: 2_000_000,
            written: 1 << 30,
            read: 4 << 30,
            one_read: 64 << 20,
            carried: 16 << 20,
            compile_cpu: Duration::from_mins(4),
            compile_time: Duration::from_mins(4),
            compile_memory: 4 << 30,
            items: 10_000,
        }
    }
}

/// Which limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// [`Limits::fuel`].
    Fuel,
    /// [`Limits::time`].
    Time,
    /// [`Limits::memory`].
    Memory,
    /// [`Limits::table_elements`].
    Tables,
    /// The stack, 512 KiB.
    Stack,
    /// [`Limits::handles`].
    Handles,
    /// [`Limits::snapshots`].
    Snapshots,
    /// [`Limits::operations`].
    Operations,
    /// [`Limits::written`].
    Written,
    /// [`Limits::read`].
    Read,
    /// [`Limits::carried`].
    Carried,
    /// [`Limits::items`].
    Items,
    /// [`Limits::compile_cpu`] or [`Limits::compile_time`].
    CompileTime,
    /// [`Limits::compile_memory`].
    CompileMemory,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fuel => "computing (fuel)",
            Self::Time => "time",
            Self::Memory => "memory",
            Self::Tables => "table elements",
            Self::Stack => "stack (endless recursion?)",
            Self::Handles => "open handles",
            Self::Snapshots => "open snapshots",
            Self::Operations => "operations",
            Self::Written => "bytes written",
            Self::Read => "bytes read",
            Self::Carried => "bytes in one call",
            Self::Items => "items in one answer",
            Self::CompileTime => "time for compiling",
            Self::CompileMemory => "memory for compiling",
        })
    }
}

/// A limit was reached; the call is over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("limit of {limit}: {allowed}")]
pub struct LimitReached {
    /// Which.
    pub limit: Limit,
    /// How much was allowed, with its unit.
    pub allowed: String,
}

impl LimitReached {
    pub(crate) fn new(limit: Limit, limits: &Limits) -> Self {
        let bytes = |count: u64| if count < 1 << 20 { format!("{count} bytes") } else { format!("{} MiB", count >> 20) };
        let allowed = match limit {
            Limit::Fuel => format!("{} units", limits.fuel),
            Limit::Time => format!("{:?}", limits.time),
            Limit::Memory => bytes(limits.memory as u64),
            Limit::Tables => limits.table_elements.to_string(),
            Limit::Stack => bytes(crate::engine::STACK as u64),
            Limit::Handles => limits.handles.to_string(),
            Limit::Snapshots => limits.snapshots.to_string(),
            Limit::Operations => limits.operations.to_string(),
            Limit::Written => bytes(limits.written),
            Limit::Read => bytes(limits.read),
            Limit::Carried => bytes(limits.carried as u64),
            Limit::Items => limits.items.to_string(),
            Limit::CompileTime => format!("{:?}", limits.compile_cpu.min(limits.compile_time)),
            Limit::CompileMemory => bytes(limits.compile_memory),
        };
        Self { limit, allowed }
    }
}
