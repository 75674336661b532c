//! A program on the node, joined to this terminal: `silver run`, `silver shell`.

use crate::{app_name, context::Context, error::Result, exit::Exit, node, operator};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use silver_core::node::Node;
use silver_plugin_api::plan::{RunInput, RunOutput, RunRequest, RunSpec};
use std::io::{self, IsTerminal, Read, Write};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc,
};

/// What is to be run.
pub struct Request {
    /// Name or location.
    pub app: String,
    /// Empty: the application's shell.
    pub argv: Vec<String>,
    /// `--reason`
    pub reason: Option<String>,
    /// `run` or `shell`
    pub phase: &'static str,
}

/// Runs it to its end; the exit code is the program's.
pub fn run(context: &Context, request: Request) -> Result {
    context.block_on(async {
        let node = node::connect(context)?;
        let app = app_name::find(&node, &request.app).await?.app;
        let terminal = io::stdin().is_terminal() && io::stdout().is_terminal();
        let size = terminal.then(size).flatten();
        let request = RunRequest {
            app,
            spec: RunSpec { argv: request.argv, tty: size, phase: request.phase.to_owned() },
            operator: operator::claimed(),
            reason: request.reason,
        };
        let (input, from_here) = mpsc::channel(16);
        let (to_here, output) = mpsc::channel(64);
        let raw = size.map(|_| RawTerminal::enter()).transpose()?;
        read_stdin(input.clone());
        let signals = tokio::spawn(pass_signals(input, size.is_some()));
        let shown = tokio::spawn(show(output));
        let code = node.run(request, from_here, to_here).await;
        signals.abort();
        let shown = shown.await;
        drop(raw);
        shown.unwrap_or(Ok(()))?;
        Ok(Exit::Program(u8::try_from(code?).unwrap_or(1)))
    })
}

/// Reading a terminal blocks, so it has a thread of its own; it ends with the process.
fn read_stdin(input: mpsc::Sender<RunInput>) {
    std::thread::spawn(move || {
        let mut buffer = [0; 16 * 1024];
        loop {
            let message = match io::stdin().lock().read(&mut buffer) {
                Ok(0) | Err(_) => RunInput::End,
                Ok(length) => RunInput::Data(buffer[..length].to_vec()),
            };
            let end = message == RunInput::End;
            if input.blocking_send(message).is_err() || end {
                return;
            }
        }
    });
}

/// Ctrl-C goes to the program (on a terminal it travels as a byte); so does a new size.
async fn pass_signals(input: mpsc::Sender<RunInput>, terminal: bool) -> io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut resize = signal(SignalKind::window_change())?;
    loop {
        let message = tokio::select! {
            _ = interrupt.recv() => RunInput::Signal("INT".into()),
            _ = terminate.recv() => RunInput::Signal("TERM".into()),
            _ = resize.recv() => match terminal.then(size).flatten() {
                Some((columns, rows)) => RunInput::Size(columns, rows),
                None => continue,
            },
        };
        if input.send(message).await.is_err() {
            return Ok(());
        }
    }
}

/// The program's bytes go through as they are: whoever runs a program here asked for its output.
async fn show(mut output: mpsc::Receiver<RunOutput>) -> io::Result<()> {
    while let Some(piece) = output.recv().await {
        match piece {
            RunOutput::Out(bytes) => write(&mut io::stdout().lock(), &bytes)?,
            RunOutput::Err(bytes) => write(&mut io::stderr().lock(), &bytes)?,
        }
    }
    Ok(())
}

fn write(to: &mut dyn Write, bytes: &[u8]) -> io::Result<()> {
    to.write_all(bytes)?;
    to.flush()
}

fn size() -> Option<(u16, u16)> {
    tcgetwinsize(io::stdout()).ok().map(|size| (size.ws_col, size.ws_row))
}

/// The terminal hands every key through while this lives.
struct RawTerminal(Termios);

impl RawTerminal {
    fn enter() -> Result<Self> {
        let before = tcgetattr(io::stdin()).map_err(io::Error::from)?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(io::stdin(), OptionalActions::Flush, &raw).map_err(io::Error::from)?;
        Ok(Self(before))
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        // the terminal is gone: nothing is left to be put back
        tcsetattr(io::stdin(), OptionalActions::Flush, &self.0).ok();
    }
}
