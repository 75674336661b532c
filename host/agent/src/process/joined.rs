//! A program whose standard streams are joined with somebody's, through pipes or a terminal.
//!
//! A terminal has to be the program's controlling one. For a process of ours setsid(1) of util-linux does that, for a unit
//! systemd.

use super::{Control, Ended, Launch, find_program, parse_signal};
use rustix::{
    fs::{Mode, OFlags},
    process::Signal,
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{Winsize, tcsetwinsize},
};
use silver_plugin_api::plan::{RunInput, RunOutput};
use std::{ffi::OsStr, fs::File, io, os::unix::ffi::OsStrExt as _, path::Path, process::Stdio, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    process::{Child, ChildStderr},
    sync::mpsc,
    task::JoinHandle,
};

/// Output goes on in pieces of at most so many bytes.
const PIECE: usize = 32 << 10;

/// Why a program could not be run.
pub(crate) type Refused = Box<dyn std::error::Error + Send + Sync>;

/// Makes of a program the one that has the terminal at this path for its controlling one.
pub(crate) type Opens<'a> = &'a (dyn Fn(&Launch, &str) -> Result<Launch, Refused> + Sync);

/// What terminals are called to programs.
pub(crate) const TERM: &str = "xterm-256color";

/// [`Opens`] by setsid(1) of util-linux, where it is.
pub(crate) fn by_setsid() -> Option<impl Fn(&Launch, &str) -> Result<Launch, Refused> + Sync> {
    let setsid = find_program("setsid", "/usr/bin:/bin", Path::new("/"))?;
    Some(move |launch: &Launch, _: &str| {
        // asks whether the program is there before setsid would
        launch.command()?;
        let wrapper = [setsid.display().to_string(), "--ctty".into(), "--".into()];
        Ok(Launch { argv: [&wrapper[..], &launch.argv].concat(), ..launch.clone() })
    })
}

/// Runs a program until it ends or until nobody listens. `terminal` has the size of one, if there is to be one;
/// `control` makes the power over it from its process id.
pub(crate) async fn joined<C: Control>(
    mut launch: Launch,
    terminal: Option<((u16, u16), Opens<'_>)>,
    control: impl FnOnce(u32) -> C,
    mut input: mpsc::Receiver<RunInput>,
    output: mpsc::Sender<RunOutput>,
) -> Result<Ended, Refused> {
    let (mut child, joined) = match terminal {
        Some((size, opens)) => {
            launch.env.push(("TERM".into(), TERM.into()));
            on_terminal(&launch, opens, size)?
        }
        None => on_pipes(&launch)?,
    };
    let Some(pid) = child.id() else { return Err("it ended before it began".into()) };
    let control = control(pid);
    let Joined { input: mut to, terminal, out, err } = joined;
    let mut readers = vec![pass(out, output.clone(), RunOutput::Out)];
    readers.extend(err.map(|err| pass(err, output.clone(), RunOutput::Err)));
    let status = loop {
        tokio::select! {
            status = child.wait() => break status,
            () = output.closed() => {
                // who asked for it is gone: as when a terminal is closed
                control.signal(Signal::HUP).await;
                if tokio::time::timeout(Duration::from_secs(3), child.wait()).await.is_err() {
                    control.signal(Signal::KILL).await;
                }
                break child.wait().await;
            }
            message = input.recv() => match message {
                Some(RunInput::Data(bytes)) => write(&mut to, &bytes).await,
                // end of transmission, as the key ^D sends it
                Some(RunInput::End) if terminal.is_some() => write(&mut to, &[4]).await,
                Some(RunInput::End) => to = None,
                None => {
                    if terminal.is_some() {
                        write(&mut to, &[4]).await;
                    }
                    to = None;
                    tokio::select! {
                        status = child.wait() => break status,
                        () = output.closed() => {}
                    }
                }
                Some(RunInput::Size(columns, rows)) => {
                    if let Some(terminal) = &terminal {
                        resize(terminal, (columns, rows));
                    }
                }
                Some(RunInput::Signal(name)) => {
                    if let Some(wanted) = parse_signal(&name) {
                        control.signal(wanted).await;
                    }
                }
            },
        }
    };
    let ended = control.end(status?).await;
    for reader in readers {
        let abort = reader.abort_handle();
        if tokio::time::timeout(Duration::from_secs(1), reader).await.is_err() {
            abort.abort(); // somebody who got away holds it
        }
    }
    Ok(ended)
}

/// What joins a program with somebody.
struct Joined {
    input: Option<Box<dyn AsyncWrite + Send + Unpin>>,
    /// For its size.
    terminal: Option<File>,
    out: Box<dyn AsyncRead + Send + Unpin>,
    err: Option<ChildStderr>,
}

fn on_pipes(launch: &Launch) -> Result<(Child, Joined), Refused> {
    let mut child = launch.start(Stdio::piped())?;
    let (Some(input), Some(out), err) = (child.stdin.take(), child.stdout.take(), child.stderr.take()) else {
        return Err(io::Error::other("the pipes are missing").into());
    };
    Ok((child, Joined { input: Some(Box::new(input)), terminal: None, out: Box::new(out), err }))
}

fn on_terminal(launch: &Launch, opens: Opens<'_>, size: (u16, u16)) -> Result<(Child, Joined), Refused> {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    grantpt(&ours)?;
    unlockpt(&ours)?;
    let name = ptsname(&ours, Vec::new())?;
    let theirs =
        rustix::fs::open(OsStr::from_bytes(name.as_bytes()), OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty())?;
    let wrapped = opens(launch, &name.to_string_lossy())?;
    let mut command = wrapped.command()?;
    let theirs = File::from(theirs);
    command.stdin(theirs.try_clone()?).stdout(theirs.try_clone()?).stderr(theirs);
    // no group: a session of its own is made, and with it a group, without another process
    let child = wrapped.spawn(&mut command)?;
    let ours = File::from(ours);
    resize(&ours, size);
    let out = Box::new(tokio::fs::File::from_std(ours.try_clone()?));
    let input = Box::new(tokio::fs::File::from_std(ours.try_clone()?));
    Ok((child, Joined { input: Some(input), terminal: Some(ours), out, err: None }))
}

/// Passes on what the program says. (A terminal reads EIO when the last one has closed its other side.)
fn pass(
    mut stream: impl AsyncRead + Send + Unpin + 'static,
    output: mpsc::Sender<RunOutput>,
    wrap: fn(Vec<u8>) -> RunOutput,
) -> JoinHandle<()> {
    tokio::spawn(async move {
        let mut piece = vec![0; PIECE];
        while let Ok(count) = stream.read(&mut piece).await
            && count > 0
            && output.send(wrap(piece[..count].to_vec())).await.is_ok()
        {}
    })
}

/// Gives bytes to the program; that it does not read any more is its own affair.
async fn write(input: &mut Option<Box<dyn AsyncWrite + Send + Unpin>>, bytes: &[u8]) {
    let Some(open) = input else { return };
    if open.write_all(bytes).await.is_err() || open.flush().await.is_err() {
        *input = None;
    }
}

fn resize(terminal: &File, (columns, rows): (u16, u16)) {
    let size = Winsize { ws_col: columns, ws_row: rows, ws_xpixel: 0, ws_ypixel: 0 };
    if let Err(error) = tcsetwinsize(terminal, size) {
        tracing::debug!(%error, "cannot resize a terminal");
    }
}
