//! The ways to the guest's API.

use std::{net::SocketAddr, path::Path, time::Duration};

use anyhow::Context as _;
use http::{HeaderValue, header::USER_AGENT};
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
    runtime::{utils::Backoff, watcher},
};
use tokio::time::timeout;

use crate::aggregated::failure;

/// Longest that a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);
/// Longest that a request may take to be answered.
const ANSWER: Duration = Duration::from_secs(15);

/// Longest that one watch goes on, in seconds: one that was cut off without a word is noticed by then.
pub(super) const WATCH_SECONDS: u32 = 60;
/// The first pause after a watch failed, and the longest.
const FIRST: Duration = Duration::from_millis(200);
const LONGEST: Duration = Duration::from_secs(5);

/// Both of them.
pub(super) struct Connections {
    /// Any kube-apiserver of the guest: for its objects.
    pub(super) guest: Client,
    /// The one of this node: for what it says of itself.
    pub(super) own: Client,
}

/// A request failed or was not answered in time.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unanswered {
    #[error("{}", failure::reason(.0))]
    Refused(#[from] kube::Error),
    #[error("no answer within {} s", ANSWER.as_secs())]
    Late,
}

impl Connections {
    /// By a kubeconfig, or by the pod's service account.
    pub(super) async fn open(kubeconfig: Option<&Path>, own: SocketAddr) -> anyhow::Result<Connections> {
        let mut config = match kubeconfig {
            Some(path) => from_file(path)
                .await
                .with_context(|| format!("--kubeconfig: {} can't be used", path.display()))?,
            None => Config::incluster()
                .context("this is no pod with a service account: name a kubeconfig for the guest with --kubeconfig")?,
        };
        config.connect_timeout = Some(CONNECT);
        // Whoever asks tries again in its own time.
        config.default_retry = false;
        let agent = concat!("guestcluster-agent/", env!("CARGO_PKG_VERSION"));
        config.headers.push((USER_AGENT, HeaderValue::from_static(agent)));
        let guest = Client::try_from(config.clone())?;
        config.cluster_url = format!("https://{own}").parse()?;
        // A proxy leads to somebody else's loopback.
        config.proxy_url = None;
        Ok(Connections {
            guest,
            own: Client::try_from(config)?,
        })
    }
}

/// A request's answer, if it comes in time.
pub(super) async fn in_time<T>(answer: impl Future<Output = kube::Result<T>>) -> Result<T, Unanswered> {
    match timeout(ANSWER, answer).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(Unanswered::Late),
    }
}

/// Pauses between tries to watch, twice as long each time: short ones, as a revocation may wait behind them.
#[derive(Default)]
pub(super) struct Pauses(u32);

impl Iterator for Pauses {
    type Item = Duration;

    fn next(&mut self) -> Option<Duration> {
        let pause = FIRST.saturating_mul(1 << self.0.min(16)).min(LONGEST);
        self.0 = self.0.saturating_add(1);
        Some(pause)
    }
}

impl Backoff for Pauses {
    fn reset(&mut self) {
        self.0 = 0;
    }
}

/// What failed last, so that the log tells it once.
#[derive(Default)]
pub(super) struct Told(Option<String>);

impl Told {
    /// Tells of a failure, if it is not the last one again.
    pub(super) fn tell(&mut self, what: &str, error: &str) {
        if self.0.as_deref() != Some(error) {
            tracing::warn!(what, error, "trying again");
            self.0 = Some(error.to_owned());
        }
    }

    /// It went well since.
    pub(super) fn forget(&mut self) {
        self.0 = None;
    }
}

/// Why something can't be followed, for people.
pub(super) fn watch_failure(error: &watcher::Error) -> String {
    match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => failure::reason(error),
        other => other.to_string(),
    }
}

async fn from_file(path: &Path) -> anyhow::Result<Config> {
    let kubeconfig = Kubeconfig::read_from(path)?;
    Ok(Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?)
}
