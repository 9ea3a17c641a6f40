//! The way to the supervisor's kube-apiserver.

use std::{path::Path, time::Duration};

use anyhow::Context as _;
use http::{HeaderValue, header::USER_AGENT};
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};

/// Longest that a connection may take to be made.
const CONNECT: Duration = Duration::from_secs(5);

/// A client by this kubeconfig, or by the pod's service account.
pub(crate) async fn client(kubeconfig: Option<&Path>) -> anyhow::Result<Client> {
    let config = match kubeconfig {
        Some(path) => from_file(path)
            .await
            .with_context(|| format!("--kubeconfig: {} can't be used", path.display()))?,
        None => Config::incluster()
            .context("this is no pod with a service account: name a kubeconfig for kube-apiserver with --kubeconfig")?,
    };
    finish(config)
}

/// A client for who types a command: by this kubeconfig, or the one that kubectl would read, in this context.
pub(crate) async fn client_of_a_person(kubeconfig: Option<&Path>, context: Option<&str>) -> anyhow::Result<Client> {
    let options = KubeConfigOptions {
        context: context.map(str::to_owned),
        ..KubeConfigOptions::default()
    };
    let mut config = match kubeconfig {
        Some(path) => {
            let read = async {
                Ok::<_, anyhow::Error>(Config::from_custom_kubeconfig(Kubeconfig::read_from(path)?, &options).await?)
            };
            read.await
                .with_context(|| format!("--kubeconfig: {} can't be used", path.display()))?
        }
        None => Config::from_kubeconfig(&options).await.context(
            "kubectl's kubeconfig can't be used: name another with --kubeconfig or in KUBECONFIG, or another --context",
        )?,
    };
    // A person is told at once that something is unavailable.
    config.default_retry = false;
    finish(config)
}

fn finish(mut config: Config) -> anyhow::Result<Client> {
    config.connect_timeout = Some(CONNECT);
    let agent = concat!("guestcluster-apiserver/", env!("CARGO_PKG_VERSION"));
    config.headers.push((USER_AGENT, HeaderValue::from_static(agent)));
    Ok(Client::try_from(config)?)
}

async fn from_file(path: &Path) -> anyhow::Result<Config> {
    let kubeconfig = Kubeconfig::read_from(path)?;
    Ok(Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?)
}
