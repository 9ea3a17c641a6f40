//! Starts programs from one thread that lives as long as they may: the kernel kills them when that thread ends.

use std::{
    io,
    path::{Path, PathBuf},
    process::Stdio,
    thread,
};

use tokio::{
    net::unix::pipe,
    process::{Child, Command},
    runtime::Handle,
    sync::{mpsc, oneshot},
};

/// Starts that may wait for the thread.
const WAITING: usize = 64;

/// What the driver's own program does for it.
#[derive(Clone, Debug)]
pub struct Launcher {
    /// The executable.
    pub executable: PathBuf,
    /// Arguments that make it bind another program to this process: behind them stands `--parent PID -- PROGRAM ARGUMENTS`,
    /// which it hands to [`bound`](super::bound).
    pub bound: Vec<String>,
    /// Arguments that make it the agent of a guest, beside each kube-apiserver; without them there is none.
    pub agent: Option<Vec<String>>,
}

/// Starts programs. When the last handle is dropped, the programs that still run are killed.
pub(crate) struct Spawner {
    launcher: Launcher,
    requests: mpsc::Sender<Request>,
}

struct Request {
    command: Command,
    reply: oneshot::Sender<io::Result<Child>>,
}

impl Spawner {
    /// Starts the thread; must be called within a runtime.
    pub(crate) fn start(launcher: Launcher) -> io::Result<Self> {
        let (requests, received) = mpsc::channel(WAITING);
        let runtime = Handle::current();
        thread::Builder::new()
            .name("spawner".to_owned())
            .spawn(move || serve(received, &runtime))?;
        Ok(Self { launcher, requests })
    }

    /// What this program does for the driver.
    pub(crate) fn launcher(&self) -> &Launcher {
        &self.launcher
    }

    /// Starts a program in a process group of its own, and returns it with what it prints. Dropping it kills it.
    pub(crate) async fn spawn(&self, program: &Path, arguments: &[String]) -> io::Result<(Child, pipe::Receiver)> {
        let (printed, printer) = io::pipe()?;
        let mut command = Command::new(&self.launcher.executable);
        command
            .args(&self.launcher.bound)
            .args(["--parent", &std::process::id().to_string(), "--"])
            .arg(program)
            .args(arguments)
            // What this process was given is no business of theirs.
            .env_clear()
            .stdin(Stdio::null())
            .stdout(printer.try_clone()?)
            .stderr(printer)
            // An interrupt at the terminal is for this process, which stops them in order.
            .process_group(0)
            .kill_on_drop(true);
        let (reply, started) = oneshot::channel();
        let ended = |_| io::Error::other("the thread that starts programs has ended");
        self.requests
            .send(Request { command, reply })
            .await
            .map_err(|_| io::Error::other("the thread that starts programs has ended"))?;
        let child = started.await.map_err(ended)??;
        Ok((child, pipe::Receiver::from_owned_fd(printed.into())?))
    }
}

fn serve(mut requests: mpsc::Receiver<Request>, runtime: &Handle) {
    while let Some(Request { mut command, reply }) = requests.blocking_recv() {
        let _within = runtime.enter();
        // Whoever asked may be gone: then the program is killed with the answer.
        let _ = reply.send(command.spawn());
    }
}
