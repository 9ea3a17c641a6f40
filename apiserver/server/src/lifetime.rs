//! A server's life: started, waited on until a signal asks it to stop, stopped.

use std::{future::Future, time::Duration};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{
    signal::unix::{SignalKind, signal},
    time::sleep,
};

/// Something that serves until it is stopped.
pub(crate) trait Server: Sized {
    /// Waits for something to end that must not.
    async fn failed(&mut self) -> anyhow::Error;

    /// Says that it goes away, where anybody watches for that: it is not ready any more, and answers as before.
    fn retire(&self) {}

    /// Stops in an order that lets everyone finish.
    async fn stop(self);
}

/// Runs a server until SIGTERM or SIGINT; `started` is told when it answers. Who watches whether it is ready has `notice` to send
/// requests elsewhere before it stops. A second signal ends it where it is.
pub(crate) fn run<S: Server>(
    start: impl Future<Output = anyhow::Result<S>>,
    started: impl FnOnce(&S),
    notice: Duration,
) -> anyhow::Result<()> {
    // Only the first call in a process counts, and all of them name the same one.
    rustls::crypto::aws_lc_rs::default_provider().install_default().ok();
    allow_many_files();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(async {
        // Installed first, so that a signal during the start is not lost.
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut server = tokio::select! {
            server = start => server?,
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
        };
        started(&server);
        let ended = tokio::select! {
            failure = server.failed() => Err(failure),
            _ = terminate.recv() => Ok(()),
            _ = interrupt.recv() => Ok(()),
        };
        tracing::info!("stopping");
        server.retire();
        let stopping = async {
            if ended.is_ok() {
                sleep(notice).await;
            }
            server.stop().await;
        };
        let impatient = tokio::select! {
            () = stopping => return ended,
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        };
        Err(anyhow::anyhow!(
            "ended by a second {impatient}, before everything had stopped"
        ))
    });
    // Nothing that still runs is waited for.
    runtime.shutdown_background();
    ended
}

/// Each connection is a file: as many as the system allows, where the usual limit is lower. Go programs do the same.
fn allow_many_files() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: maximum,
            maximum,
        },
    );
    if let Err(error) = raised {
        tracing::warn!(?current, %error, "the limit of open files stays as it is");
    }
}
