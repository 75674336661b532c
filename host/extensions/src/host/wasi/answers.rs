//! What the functions answer.

use super::{State, output::Stream};
use wasmtime::{
    StoreContextMut,
    component::{ComponentNamedList, ComponentType, Lift, LinkerInstance, Lower, Resource},
};

/// The type of `input-stream`: standard input, at its end.
pub(super) struct InputStream;
/// The type of `output-stream`; the number says which of [`Stream`].
pub(super) struct OutputStream;
/// The type of `pollable`: always ready.
pub(super) struct Pollable;
/// Errors, directories, terminals: there never is one.
pub(super) struct Never;

/// `stream-error`.
#[derive(ComponentType, Lower)]
#[component(variant)]
enum StreamError {
    #[component(name = "last-operation-failed")]
    #[expect(dead_code, reason = "part of the type; no operation fails")]
    LastOperationFailed(Resource<Never>),
    #[component(name = "closed")]
    Closed,
}

/// `datetime`.
#[derive(ComponentType, Lower)]
#[component(record)]
struct Datetime {
    seconds: u64,
    nanoseconds: u32,
}

/// 1970-01-01T00:00:00Z, for ever.
const NOW: Datetime = Datetime { seconds: 0, nanoseconds: 0 };
/// Every random byte.
const RANDOM: u8 = 0x2a;
/// The most random bytes that one call gives.
const MOST_RANDOM: u64 = 64 << 10;
/// Bytes that a stream takes at once.
const ROOM: u64 = 64 << 10;

type Out = Resource<OutputStream>;
type In = Resource<InputStream>;
/// What the methods of streams answer.
type Done<T> = Result<(Result<T, StreamError>,), wasmtime::Error>;

/// Defines `name` of `interface`; false when it has no answer.
pub(super) fn define(into: &mut LinkerInstance<'_, State>, interface: &str, name: &str) -> wasmtime::Result<bool> {
    let f = &mut Function { into, name };
    match (interface, name) {
        ("wasi:cli/environment", "get-environment") => f.gives(Vec::<(String, String)>::new),
        ("wasi:cli/environment", "get-arguments") => f.gives(Vec::<String>::new),
        ("wasi:cli/environment", "initial-cwd") => f.gives(|| None::<String>),
        ("wasi:cli/stdin", "get-stdin") => f.gives(|| In::new_own(0)),
        ("wasi:cli/stdout", "get-stdout") => f.gives(|| Out::new_own(Stream::Output as u32)),
        ("wasi:cli/stderr", "get-stderr") => f.gives(|| Out::new_own(Stream::Error as u32)),
        ("wasi:cli/terminal-stdin", "get-terminal-stdin")
        | ("wasi:cli/terminal-stdout", "get-terminal-stdout")
        | ("wasi:cli/terminal-stderr", "get-terminal-stderr") => f.gives(|| None::<Resource<Never>>),

        ("wasi:io/streams", "[method]output-stream.check-write") => f.does(|_, (_,): (Out,)| -> Done<u64> { Ok((Ok(ROOM),)) }),
        ("wasi:io/streams", "[method]output-stream.write" | "[method]output-stream.blocking-write-and-flush") => {
            f.does(|state, (stream, bytes): (Out, Vec<u8>)| -> Done<()> {
                state.print(Stream::of(stream.rep()), &bytes)?;
                Ok((Ok(()),))
            })
        }
        ("wasi:io/streams", "[method]output-stream.flush" | "[method]output-stream.blocking-flush") => {
            f.does(|_, (_,): (Out,)| -> Done<()> { Ok((Ok(()),)) })
        }
        ("wasi:io/streams", "[method]output-stream.subscribe") => f.does(|_, (_,): (Out,)| Ok((ready(),))),
        ("wasi:io/streams", "[method]input-stream.read" | "[method]input-stream.blocking-read") => {
            f.does(|_, (_, _): (In, u64)| -> Done<Vec<u8>> { Ok((Err(StreamError::Closed),)) })
        }
        ("wasi:io/streams", "[method]input-stream.skip" | "[method]input-stream.blocking-skip") => {
            f.does(|_, (_, _): (In, u64)| -> Done<u64> { Ok((Err(StreamError::Closed),)) })
        }
        ("wasi:io/streams", "[method]input-stream.subscribe") => f.does(|_, (_,): (In,)| Ok((ready(),))),

        ("wasi:io/poll", "poll") => {
            f.does(|_, (list,): (Vec<Resource<Pollable>>,)| Ok(((0_u32..).take(list.len()).collect::<Vec<_>>(),)))
        }
        ("wasi:io/poll", "[method]pollable.ready") => f.does(|_, (_,): (Resource<Pollable>,)| Ok((true,))),
        ("wasi:io/poll", "[method]pollable.block") => f.does(|_, (_,): (Resource<Pollable>,)| Ok(())),

        ("wasi:clocks/monotonic-clock", "now") => f.gives(|| 0_u64),
        ("wasi:clocks/monotonic-clock", "resolution") => f.gives(|| 1_u64),
        ("wasi:clocks/monotonic-clock", "subscribe-instant" | "subscribe-duration") => f.does(|_, (_,): (u64,)| Ok((ready(),))),
        ("wasi:clocks/wall-clock", "now" | "resolution") => f.gives(|| NOW),

        ("wasi:random/random", "get-random-bytes") | ("wasi:random/insecure", "get-insecure-random-bytes") => f.does(random),
        ("wasi:random/random", "get-random-u64") | ("wasi:random/insecure", "get-insecure-random-u64") => {
            f.gives(|| u64::from_le_bytes([RANDOM; 8]))
        }
        ("wasi:random/insecure-seed", "insecure-seed") => f.gives(|| (u64::from(RANDOM), u64::from(RANDOM))),

        ("wasi:filesystem/preopens", "get-directories") => f.gives(Vec::<(Resource<Never>, String)>::new),
        _ => return Ok(false),
    }
    .map(|()| true)
}

/// A function that is being defined.
struct Function<'f, 'l> {
    into: &'f mut LinkerInstance<'l, State>,
    name: &'f str,
}

impl Function<'_, '_> {
    /// It counts the call, then answers.
    fn does<P, R>(
        &mut self,
        answer: impl Fn(&mut State, P) -> wasmtime::Result<R> + Send + Sync + 'static,
    ) -> wasmtime::Result<()>
    where
        P: ComponentNamedList + Lift + 'static,
        R: ComponentNamedList + Lower + 'static,
    {
        self.into.func_wrap(self.name, move |mut store: StoreContextMut<'_, State>, arguments: P| {
            let state = store.data_mut();
            state.operation(1)?;
            answer(state, arguments)
        })
    }

    /// It takes nothing and gives always the same.
    fn gives<R: ComponentType + Lower + 'static>(
        &mut self,
        answer: impl Fn() -> R + Send + Sync + 'static,
    ) -> wasmtime::Result<()> {
        self.does(move |_, (): ()| Ok((answer(),)))
    }
}

fn ready() -> Resource<Pollable> {
    Resource::new_own(0)
}

fn random(_: &mut State, (length,): (u64,)) -> wasmtime::Result<(Vec<u8>,)> {
    match usize::try_from(length) {
        Ok(short) if length <= MOST_RANDOM => Ok((vec![RANDOM; short],)),
        _ => Err(wasmtime::Error::msg(format!("it wanted {length} random bytes; {MOST_RANDOM} are given at once"))),
    }
}
