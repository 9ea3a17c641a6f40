//! How long an embedded supervisor takes from exec to ready, and what it needs when idle.

use std::{
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use guestcluster_tests::Usage;
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};

const STARTS: usize = 10;
/// Until a start has settled and its memory counts as idle.
const IDLE: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(30);

/// Starts of one folder after the other, then one that is left alone.
pub(crate) async fn print() -> anyhow::Result<()> {
    let mut first = vec![];
    let mut again = vec![];
    for _ in 0..STARTS {
        let folder = tempfile::tempdir()?;
        first.push(Running::start(&program()?, folder.path(), &[]).await?.took);
        again.push(Running::start(&program()?, folder.path(), &[]).await?.took);
    }
    println!("exec to ready, median of {STARTS} (least to most)");
    println!("  first start    {}", spread(&mut first));
    println!("  restart        {}", spread(&mut again));
    let idle = idle().await?;
    println!("idle after {} s", IDLE.as_secs());
    println!("  memory         {:6.1} MiB", idle.resident_mib);
    println!(
        "  CPU            {:6.1} %",
        idle.cpu_seconds / IDLE.as_secs_f64() * 100.0
    );
    Ok(())
}

/// What a supervisor that nobody uses needs: memory, and the time on a CPU while it was watched.
pub(crate) async fn idle() -> anyhow::Result<Usage> {
    let folder = tempfile::tempdir()?;
    let running = Running::start(&program()?, folder.path(), &[]).await?;
    let busy = Usage::of(running.process.id()).context("/proc can't be read")?;
    tokio::time::sleep(IDLE).await;
    let idle = Usage::of(running.process.id()).context("/proc can't be read")?;
    Ok(Usage {
        cpu_seconds: idle.cpu_seconds - busy.cpu_seconds,
        ..idle
    })
}

/// The median of some first starts.
pub(crate) async fn median_first_start(starts: usize) -> anyhow::Result<Duration> {
    let mut times = vec![];
    for _ in 0..starts {
        let folder = tempfile::tempdir()?;
        times.push(Running::start(&program()?, folder.path(), &[]).await?.took);
    }
    times.sort_unstable();
    times.get(starts / 2).copied().context("no start was asked for")
}

fn spread(times: &mut [Duration]) -> String {
    times.sort_unstable();
    let milliseconds = |time: Duration| time.as_secs_f64() * 1000.0;
    let (least, most) = (milliseconds(times[0]), milliseconds(times[times.len() - 1]));
    format!(
        "{:6.0} ms ({least:.0} to {most:.0})",
        milliseconds(times[times.len() / 2])
    )
}

/// The build that is measured.
pub(crate) fn program() -> anyhow::Result<PathBuf> {
    let binaries = std::env::var_os("GUESTCLUSTERS_BIN").context("run hack/bench, which names the binaries' folder")?;
    Ok(Path::new(&binaries).join("guestcluster-apiserver"))
}

/// A supervisor that is ready; killed when dropped.
pub(crate) struct Running {
    process: Child,
    took: Duration,
}

impl Running {
    /// Starts one with its data in this folder and these further arguments, and nothing else that tests switch on.
    pub(crate) async fn start(program: &Path, folder: &Path, further: &[&str]) -> anyhow::Result<Self> {
        let address = free_address()?;
        let kubeconfig = kubeconfig(folder);
        // That of the last start names another address.
        let _ = std::fs::remove_file(&kubeconfig);
        let mut command = Command::new(program);
        command
            .arg("embedded")
            .arg("--data-dir")
            .arg(folder)
            .args(["--listen", &address.to_string()]);
        command
            .args(["--log", "error"])
            .args(further)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let started = Instant::now();
        let process = command.spawn()?;
        let mut running = Self {
            process,
            took: Duration::ZERO,
        };
        while !is_ready(&kubeconfig).await {
            ensure!(started.elapsed() < PATIENCE, "not ready after {PATIENCE:?}");
            ensure!(running.process.try_wait()?.is_none(), "the supervisor ended");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        running.took = started.elapsed();
        Ok(running)
    }
}

impl Running {
    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }
}

/// Where a supervisor with its data in this folder puts the administrator's kubeconfig.
pub(crate) fn kubeconfig(folder: &Path) -> PathBuf {
    folder.join("admin.kubeconfig")
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

async fn is_ready(kubeconfig: &Path) -> bool {
    let Ok(kubeconfig) = Kubeconfig::read_from(kubeconfig) else {
        return false;
    };
    let Ok(config) = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await else {
        return false;
    };
    let Ok(client) = Client::try_from(config) else {
        return false;
    };
    let Ok(request) = http::Request::get("/readyz").body(vec![]) else {
        return false;
    };
    client.request_text(request).await.is_ok()
}

fn free_address() -> std::io::Result<SocketAddr> {
    TcpListener::bind("127.0.0.1:0")?.local_addr()
}
