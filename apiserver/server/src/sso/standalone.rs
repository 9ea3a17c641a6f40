//! The issuer on its own, beside a supervisor that is not ours. For development.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use generic_apiserver::serve::tls;
use serde_json::json;
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::{CLIENT_ID, FIRST_USER_PASSWORD, Issuer, serve, supervisor, url};
use crate::{
    authority::SUPERVISOR,
    data_dir::{DataDir, Lock},
    lifetime::{self, Server},
};

/// A start makes a new certificate, so this bounds how long one process can serve.
const VALIDITY: Duration = Duration::from_hours(8760);
/// For kube-apiserver's `--authentication-config`.
const AUTHENTICATION_CONFIGURATION: &str = "authentication-config.json";
/// ConfigMap `kube-public/guestcluster-login` and the right to read it.
const LOGIN_OBJECTS: &str = "guestcluster-login.json";

/// What the issuer is started with.
pub(crate) struct Config {
    /// Folder for users, keys and sessions.
    pub(crate) data_dir: PathBuf,
    /// Where it serves; port 0 picks a free one.
    pub(crate) listen: SocketAddr,
}

/// Runs the issuer until SIGTERM or SIGINT.
pub(crate) fn run(config: &Config) -> anyhow::Result<()> {
    lifetime::run(
        Standalone::start(config),
        |server| server.announce(config),
        Duration::ZERO,
    )
}

struct Standalone {
    issuer: Arc<Issuer>,
    serving: JoinHandle<()>,
    stop: CancellationToken,
    // Last, so that the folder is free only when nothing uses it any more.
    _lock: Lock,
}

impl Standalone {
    async fn start(config: &Config) -> anyhow::Result<Self> {
        let dir = Arc::new(DataDir::open_or_create(&config.data_dir)?);
        let lock = dir.lock()?;
        let listener = TcpListener::bind(config.listen)
            .await
            .with_context(|| format!("--listen: cannot serve on {}", config.listen))?;
        let address = listener.local_addr()?;
        let addresses = [address.ip(), IpAddr::from([127, 0, 0, 1])];
        let authority = SUPERVISOR.open(&dir)?;
        let certificate = authority.issue_server("guestclusters-sso", &["localhost"], &addresses, VALIDITY)?;
        let tls = tls::server_config(certificate.certificate.as_bytes(), certificate.key.as_bytes(), None)?;
        let issuer = Arc::new(Issuer::open(&dir, url::issuer_url(address))?);
        let stop = CancellationToken::new();
        let serving = tokio::spawn(serve(issuer.clone(), listener, Arc::new(tls), stop.clone()));
        write_for_a_supervisor(&dir, issuer.url(), authority.certificate())?;
        // Last: who waits for the file finds the others.
        url::record_url(&dir, issuer.url())?;
        Ok(Self {
            issuer,
            serving,
            stop,
            _lock: lock,
        })
    }

    fn announce(&self, config: &Config) {
        let file = |name: &str| config.data_dir.join(name).display().to_string();
        tracing::info!(issuer = self.issuer.url(), "serving");
        eprintln!("An OpenID issuer for development serves; don't use it in production.");
        eprintln!("  issuer                 {}", self.issuer.url());
        eprintln!("  client id              {CLIENT_ID}");
        eprintln!("  certificate authority  {}", file(SUPERVISOR.certificate));
        eprintln!(
            "  first user             dev@guest.local, password in {}",
            file(FIRST_USER_PASSWORD)
        );
        eprintln!(
            "  for kube-apiserver     --authentication-config={}",
            file(AUTHENTICATION_CONFIGURATION)
        );
        eprintln!("  for its users          kubectl apply -f {}", file(LOGIN_OBJECTS));
    }
}

impl Server for Standalone {
    async fn failed(&mut self) -> anyhow::Error {
        match (&mut self.serving).await {
            Ok(()) => anyhow::anyhow!("the listener ended"),
            Err(panic) => anyhow::Error::from(panic).context("the listener failed"),
        }
    }

    async fn stop(self) {
        self.stop.cancel();
        if let Err(error) = self.serving.await {
            tracing::warn!(%error, "the listener ended badly");
        }
    }
}

/// Writes what a supervisor that is not ours takes: kube-apiserver's configuration, and objects for `kubectl apply`.
fn write_for_a_supervisor(dir: &DataDir, issuer: &str, authority_pem: &str) -> anyhow::Result<()> {
    let configuration = supervisor::authentication_configuration(issuer, authority_pem);
    dir.write(AUTHENTICATION_CONFIGURATION, &format!("{configuration:#}\n"))?;
    let mut items = vec![supervisor::login_config_map(issuer, authority_pem)];
    items.extend(supervisor::login_roles());
    let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
    dir.write(LOGIN_OBJECTS, &format!("{list:#}\n"))
}
