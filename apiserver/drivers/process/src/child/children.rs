//! The programs of one VM: each started when it is asked for, started again with a pause when it ends, stopped together.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
    process::ExitStatus,
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    process::Child,
    sync::watch,
    time::{Instant, sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Spawner, log::Log};

/// First and longest pause before a program that ended is started again.
const PAUSES: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));
/// One that ran so long starts over with the first pause.
const SETTLED: Duration = Duration::from_mins(1);
/// How long a program may take to stop before it is killed.
const STOP: Duration = Duration::from_secs(3);

/// A program and how it is started. Its arguments hold no secret: every user of the machine can read them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Program {
    /// Name, which its log has too.
    pub(crate) name: &'static str,
    /// Its file.
    pub(crate) path: PathBuf,
    /// Its arguments.
    pub(crate) arguments: Vec<String>,
}

/// The programs of one VM.
pub(crate) struct Children {
    spawner: Arc<Spawner>,
    logs: PathBuf,
    asked_for: Mutex<BTreeSet<&'static str>>,
    /// By program, why it is not running, for as long as it is not.
    ended: watch::Sender<BTreeMap<&'static str, String>>,
    tasks: TaskTracker,
    stop: CancellationToken,
    /// Whether they are stopped at once.
    kill: CancellationToken,
}

impl Children {
    /// None yet; their logs go to this folder.
    pub(crate) fn new(spawner: Arc<Spawner>, logs: &Path) -> Arc<Self> {
        Arc::new(Self {
            spawner,
            logs: logs.to_owned(),
            asked_for: Mutex::default(),
            ended: watch::Sender::default(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            kill: CancellationToken::new(),
        })
    }

    /// Keeps the program running from now on. What it is started with does not change while the VM runs.
    pub(crate) fn ensure(self: &Arc<Self>, program: Program) {
        if !self.asked_for.lock().insert(program.name) {
            return;
        }
        let children = self.clone();
        self.tasks.spawn(async move { children.keep_running(&program).await });
    }

    /// This program and what makes it the agent of a guest, where it is.
    pub(crate) fn agent(&self) -> Option<(&Path, &[String])> {
        let launcher = self.spawner.launcher();
        Some((&launcher.executable, launcher.agent.as_deref()?))
    }

    /// Whether the program was asked for.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.asked_for.lock().contains(name)
    }

    /// Why a program is not running, if one is not that should.
    pub(crate) fn trouble(&self) -> Option<String> {
        self.ended.borrow().values().next().cloned()
    }

    /// Waits until a program ended.
    pub(crate) async fn ended(&self) {
        let mut ended = self.ended.subscribe();
        // The sender lives as long as this.
        let _ = ended.wait_for(|ended| !ended.is_empty()).await;
    }

    /// Stops all of them, which ends when the last one has ended.
    pub(crate) async fn stop(&self) {
        self.stop.cancel();
        self.finish().await;
    }

    /// Kills all of them, when what they have on disk is of no use any more.
    pub(crate) async fn kill(&self) {
        self.kill.cancel();
        self.stop.cancel();
        self.finish().await;
    }

    async fn finish(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    async fn keep_running(&self, program: &Program) {
        let log = Log::new(self.logs.join(format!("{}.log", program.name)));
        let mut pause = PAUSES.0;
        while !self.stop.is_cancelled() {
            let began = Instant::now();
            let why = match self.run(program, &log).await {
                Ok(None) => return,
                Ok(Some(status)) => format!("{} ended ({status}): {}", program.name, log.last_line()),
                Err(error) => format!("{} can't be started: {error}", program.name),
            };
            tracing::warn!(program = program.name, why, "a program of a VM ended");
            self.ended.send_modify(|ended| drop(ended.insert(program.name, why)));
            if began.elapsed() >= SETTLED {
                pause = PAUSES.0;
            }
            self.stop.run_until_cancelled(sleep(pause)).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    /// Runs it until it ends by itself, or until it is stopped: then none.
    async fn run(&self, program: &Program, log: &Log) -> io::Result<Option<ExitStatus>> {
        let (mut child, printed) = self.spawner.spawn(&program.path, &program.arguments).await?;
        self.ended
            .send_if_modified(|ended| ended.remove(program.name).is_some());
        let ended = async {
            tokio::select! {
                status = child.wait() => status.map(Some),
                () = self.stop.cancelled() => self.terminate(&mut child).await.map(|()| None),
            }
        };
        let (ended, kept) = tokio::join!(ended, log.keep(printed));
        if let Err(error) = kept {
            tracing::warn!(program = program.name, %error, "its log is not kept");
        }
        ended
    }

    /// Asks the program to stop, and kills it when it takes too long.
    async fn terminate(&self, child: &mut Child) -> io::Result<()> {
        let pid = child.id().and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
        // It was not waited for, so the id is still its own.
        if let Some(pid) = pid
            && !self.kill.is_cancelled()
            && kill_process(pid, Signal::TERM).is_ok()
            && let Ok(ended) = timeout(STOP, child.wait()).await
        {
            return ended.map(drop);
        }
        child.kill().await
    }
}
