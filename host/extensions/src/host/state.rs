//! The data of one store: handles, and what of the limits is used up.

use super::{
    call::Call,
    handles::{OverlayHandle, TreeHandle, WriterHandle},
    wasi::Output,
};
use crate::{
    grants::Grants,
    limits::{Limit, LimitReached, Limits},
    usage::Usage,
};
use silver_plugin_api::{Collision, Failure, Overlay, Reason, Tree, TreePath};
use std::{
    collections::{BTreeMap, VecDeque},
    time::{Duration, Instant},
};
use wasmtime::{ResourceLimiter, component::Resource};

/// Errors of a plugin that are shown when it fails: the end of a traceback, say.
const KEPT: usize = 16;

/// What a tree's handle stands for.
pub(crate) enum TreeSlot {
    /// Lent: the pack's tree.
    App,
    /// Lent: the customization's tree.
    Customization,
    /// Made for the plugin.
    Own(Box<dyn Tree>),
    /// Made for the plugin from a result: there are only a few at a time.
    Snapshot(Box<dyn Tree>),
}

impl TreeSlot {
    /// The tree. A lent one is there as long as its call is: the pack's tree and the customization's.
    pub(crate) fn resolve<'a>(&'a self, (app, customization): Lent<'a>) -> wasmtime::Result<&'a (dyn Tree + 'a)> {
        let lent = match self {
            Self::App => app,
            Self::Customization => customization,
            Self::Own(tree) | Self::Snapshot(tree) => Some(&**tree),
        };
        lent.ok_or_else(|| wasmtime::Error::msg("a tree was used outside of its call"))
    }
}

/// The two trees that a call may lend.
type Lent<'a> = (Option<&'a (dyn Tree + 'a)>, Option<&'a (dyn Tree + 'a)>);

/// What an overlay's handle stands for.
#[derive(Clone, Copy)]
pub(crate) enum OverlaySlot {
    /// Lent: the result of a merge.
    Into,
    /// Lent: the edits of a workspace.
    Edits,
}

impl OverlaySlot {
    /// The overlay, as long as its call is.
    pub(crate) fn resolve<'a>(self, call: &'a mut Call<'_>) -> wasmtime::Result<&'a mut dyn Overlay> {
        let overlay: Option<&mut dyn Overlay> = match self {
            Self::Into => match &mut call.into {
                Some(overlay) => Some(&mut **overlay),
                None => None,
            },
            Self::Edits => call.workspace.as_mut().map(|workspace| workspace.edits()),
        };
        overlay.ok_or_else(|| wasmtime::Error::msg("an overlay was used outside of its call"))
    }
}

/// A file under construction; it is put as a whole when it is finished.
pub(crate) struct Writer {
    pub(crate) overlay: OverlaySlot,
    pub(crate) dest: TreePath,
    pub(crate) executable: bool,
    pub(crate) on: Collision,
    pub(crate) why: Reason,
    pub(crate) content: Vec<u8>,
}

/// A failure that the plugin sees, or the end of the call.
pub(crate) enum HostError {
    Failure(Failure),
    Trap(wasmtime::Error),
}

impl From<Failure> for HostError {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl From<wasmtime::Error> for HostError {
    fn from(error: wasmtime::Error) -> Self {
        Self::Trap(error)
    }
}

/// Handles by number.
pub(crate) struct Table<T> {
    slots: BTreeMap<u32, T>,
    next: u32,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { slots: BTreeMap::new(), next: 0 }
    }
}

impl<T> Table<T> {
    pub(crate) fn get(&self, rep: u32) -> wasmtime::Result<&T> {
        self.slots.get(&rep).ok_or_else(stale)
    }

    pub(crate) fn get_mut(&mut self, rep: u32) -> wasmtime::Result<&mut T> {
        self.slots.get_mut(&rep).ok_or_else(stale)
    }

    pub(crate) fn take(&mut self, rep: u32) -> wasmtime::Result<T> {
        self.slots.remove(&rep).ok_or_else(stale)
    }

    fn put(&mut self, slot: T) -> u32 {
        let rep = self.next;
        self.next += 1;
        self.slots.insert(rep, slot);
        rep
    }
}

fn stale() -> wasmtime::Error {
    wasmtime::Error::msg("a handle that is not open")
}

/// The data of one store.
pub(crate) struct State {
    pub(crate) plugin: String,
    pub(crate) limits: Limits,
    pub(crate) grants: Grants,
    pub(crate) memory: Memory,
    pub(crate) trees: Table<TreeSlot>,
    pub(crate) overlays: Table<OverlaySlot>,
    pub(crate) writers: Table<Writer>,
    /// The last errors that the plugin logged.
    pub(crate) said: VecDeque<String>,
    /// The line that it is printing.
    pub(super) printed: Output,
    started: Instant,
    waited: Duration,
    operations: u64,
    written: u64,
    read: u64,
}

impl State {
    pub(crate) fn new(plugin: String, limits: Limits, grants: Grants) -> Self {
        let memory = Memory { limits: limits.clone(), bytes: 0, elements: 0 };
        Self {
            plugin,
            limits,
            grants,
            memory,
            trees: Table::default(),
            overlays: Table::default(),
            writers: Table::default(),
            said: VecDeque::new(),
            printed: Output::default(),
            started: Instant::now(),
            waited: Duration::ZERO,
            operations: 0,
            written: 0,
            read: 0,
        }
    }

    /// The end of the call, by this limit.
    pub(crate) fn reached(&self, limit: Limit) -> wasmtime::Error {
        wasmtime::Error::new(LimitReached::new(limit, &self.limits))
    }

    /// Counts calls into the host and looks at the clock, since no epoch ends a host function.
    pub(crate) fn operation(&mut self, count: u64) -> wasmtime::Result<()> {
        self.operations = self.operations.saturating_add(count);
        if self.operations > self.limits.operations {
            return Err(self.reached(Limit::Operations));
        }
        if self.time_left().is_none() {
            return Err(self.reached(Limit::Time));
        }
        Ok(())
    }

    /// Keeps an error that the plugin told of, for the message when it fails.
    pub(crate) fn complain(&mut self, said: String) {
        if self.said.len() == KEPT {
            self.said.pop_front();
        }
        self.said.push_back(said);
    }

    /// Counts new content.
    pub(crate) fn write(&mut self, bytes: usize) -> wasmtime::Result<()> {
        self.written = self.written.saturating_add(bytes as u64);
        if self.written > self.limits.written { Err(self.reached(Limit::Written)) } else { Ok(()) }
    }

    /// Counts content that is read.
    pub(crate) fn read(&mut self, bytes: u64) -> wasmtime::Result<()> {
        self.read = self.read.saturating_add(bytes);
        if self.read > self.limits.read { Err(self.reached(Limit::Read)) } else { Ok(()) }
    }

    /// What the call used.
    pub(crate) fn usage(&self, call: &'static str, fuel: u64) -> Usage {
        let (operations, read, written) = (self.operations, self.read, self.written);
        Usage { call, fuel, memory: self.memory.bytes as u64, operations, read, written }
    }

    /// What is left of the wall clock.
    pub(crate) fn time_left(&self) -> Option<Duration> {
        self.limits.time.checked_sub(self.started.elapsed().saturating_sub(self.waited)).filter(|left| !left.is_zero())
    }

    /// Runs something that waits for others; the time is not the plugin's.
    pub(crate) fn waiting<R>(&mut self, wait: impl FnOnce(&mut Self) -> R) -> R {
        let start = Instant::now();
        let result = wait(self);
        self.waited += start.elapsed();
        result
    }

    pub(crate) fn new_tree(&mut self, slot: TreeSlot) -> wasmtime::Result<Resource<TreeHandle>> {
        self.room()?;
        Ok(Resource::new_own(self.trees.put(slot)))
    }

    /// Is there room for one more snapshot? Asked before it is made.
    pub(crate) fn room_for_snapshot(&self) -> wasmtime::Result<()> {
        let live = self.trees.slots.values().filter(|slot| matches!(slot, TreeSlot::Snapshot(_))).count();
        if live < self.limits.snapshots { Ok(()) } else { Err(self.reached(Limit::Snapshots)) }
    }

    pub(crate) fn new_overlay(&mut self, slot: OverlaySlot) -> wasmtime::Result<Resource<OverlayHandle>> {
        self.room()?;
        Ok(Resource::new_own(self.overlays.put(slot)))
    }

    pub(crate) fn new_writer(&mut self, slot: Writer) -> wasmtime::Result<Resource<WriterHandle>> {
        self.room()?;
        Ok(Resource::new_own(self.writers.put(slot)))
    }

    fn room(&self) -> wasmtime::Result<()> {
        let open = self.trees.slots.len() + self.overlays.slots.len() + self.writers.slots.len();
        if open < self.limits.handles { Ok(()) } else { Err(self.reached(Limit::Handles)) }
    }
}

/// Counts linear memory and tables of all of the plugin's instances.
pub(crate) struct Memory {
    limits: Limits,
    bytes: usize,
    elements: usize,
}

impl ResourceLimiter for Memory {
    fn memory_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        self.bytes = self.bytes.saturating_add(desired.saturating_sub(current));
        if self.bytes > self.limits.memory {
            return Err(wasmtime::Error::new(LimitReached::new(Limit::Memory, &self.limits)));
        }
        Ok(true)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _: Option<usize>) -> wasmtime::Result<bool> {
        self.elements = self.elements.saturating_add(desired.saturating_sub(current));
        if self.elements > self.limits.table_elements {
            return Err(wasmtime::Error::new(LimitReached::new(Limit::Tables, &self.limits)));
        }
        Ok(true)
    }

    fn instances(&self) -> usize {
        64
    }

    fn tables(&self) -> usize {
        64
    }

    fn memories(&self) -> usize {
        16
    }
}
