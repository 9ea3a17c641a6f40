//! The running supervisor: what is started in which order, and stopped in the other.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context as _;
use arc_swap::ArcSwap;
use generic_apiserver::{
    authn::{AuthenticationConfiguration, ClientCertificates, User},
    serve::tls,
    storage::redb::Engine,
};
use guestcluster_credentials::{SubjectPolicy, x509};
use guestcluster_types::EtcdMode;
use kubernetes_apiserver::{Cluster, ClusterOptions};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::{Config, check_sim_config, pki, seed, sign_in::SignIn};
use crate::{
    audit,
    authority::SUPERVISOR,
    catalogue::Catalogue,
    controllers::{Controllers, Environment, Told},
    data_dir::{DataDir, Lock},
    driver,
    exchange::SubjectTokens,
    kinds::{Clients, Kinds},
    lifetime::Server,
    roles::{self, Controller, SYSTEM_NAMESPACE},
    sso, upstream,
    version::version,
};

/// Part of the store's file that is kept in memory; the watch cache holds every object besides.
const STORE_CACHE_BYTES: usize = 4 * 1024 * 1024;
/// How long controllers may take to finish what they are doing.
const CONTROLLERS_STOP: Duration = Duration::from_secs(10);

/// A supervisor that serves.
pub(crate) struct Supervisor {
    address: SocketAddr,
    issuer: String,
    fingerprint: String,
    signing_in: JoinHandle<()>,
    following: JoinHandle<()>,
    cluster: Arc<Cluster>,
    controllers: Controllers,
    driver: driver::Choice,
    serving: JoinHandle<std::io::Result<()>>,
    stop: CancellationToken,
    engine: Arc<Engine>,
    // Last, so that the folder is free only when nothing uses it any more.
    _lock: Lock,
}

impl Supervisor {
    /// Starts everything; ready to answer when it returns.
    pub(crate) async fn start(config: &Config) -> anyhow::Result<Self> {
        if let Some(text) = &config.sim_config {
            check_sim_config(text)?;
        }
        let issuers = config
            .authentication_config
            .as_deref()
            .map(AuthenticationConfiguration::parse);
        let issuers = issuers.transpose().context("--authentication-config")?;
        let auditor = audit::open(config.audit.as_ref())?;
        let dir = Arc::new(DataDir::open_or_create(&config.data_dir)?);
        let lock = dir.lock()?;
        let listener = TcpListener::bind(config.listen)
            .await
            .with_context(|| format!("--listen: cannot serve on {}", config.listen))?;
        let address = listener.local_addr()?;
        let authority = SUPERVISOR.open(&dir)?;
        let sign_in = SignIn::open(&dir, config.listen, address, authority.certificate()).await?;

        let engine = Engine::open(&dir.file("supervisor.redb"), STORE_CACHE_BYTES)?;
        let (kinds, told) = (Kinds::default(), Told::new());
        let (shown, exchanged) = (told.clone(), kinds.metrics());
        let by_token = sign_in.authenticator(issuers)?;
        let subject_tokens = match config.require_subject_token {
            true => SubjectTokens::judged_by(by_token.clone()),
            false => SubjectTokens::not_required(),
        };
        let mut definitions = kinds.definitions(SubjectPolicy::new(sso::PREFIX, None)?, None, subject_tokens)?;
        definitions.extend(upstream::definitions()?);
        let ca = authority.certificate().as_bytes();
        let cluster = Cluster::start(ClusterOptions {
            definitions,
            authenticators: vec![Arc::new(ClientCertificates::new(ca)?), by_token],
            anonymous: true,
            extra_cluster_roles: roles::embedded(),
            history: config.history,
            auditor,
            metrics: Some(Box::new(move |page| {
                shown.render(page);
                exchanged(page);
            })),
            ..ClusterOptions::new(engine.keyspace("sup/"), Arc::new(version()))
        })
        .await?;
        let clients = Clients {
            guest: client(&cluster, Controller::Guest),
            credential: client(&cluster, Controller::Credential),
        };
        kinds.start(cluster.registry(), clients);
        let catalogue = Catalogue {
            releases: config.driver.releases(),
            etcd: EtcdMode::Stacked,
            follows_programs: matches!(config.driver, driver::Choice::Process(_)),
            sim_config: config.sim_config.as_deref().unwrap_or_default(),
        };
        seed::seed(cluster.registry(), &catalogue).await?;

        seed::publish(cluster.registry(), sign_in.config_map()).await?;

        let certificate = pki::serving(&authority, address.ip())?;
        let tls = Arc::new(ArcSwap::from_pointee(tls::server_config(
            certificate.certificate.as_bytes(),
            certificate.key.as_bytes(),
            Some(ca),
        )?));
        let page_tls = tls::server_config(certificate.certificate.as_bytes(), certificate.key.as_bytes(), None)?;
        let stop = CancellationToken::new();
        let following = tokio::spawn(kinds.follow(stop.clone()));
        let issuer = sign_in.url().to_owned();
        let signing_in = sign_in.serve(page_tls, stop.clone());
        let serving = tokio::spawn(cluster.server().clone().serve(listener, tls, stop.clone()));
        let environment = Environment {
            layers: config.layers,
            clients: Box::new({
                let cluster = cluster.clone();
                move |controller| client(&cluster, controller)
            }),
            driver: config.driver.clone(),
            engine: engine.clone(),
            // Drivers bring it themselves, or play it.
            agent_image: None,
            told,
        };
        let controllers = Controllers::start(&environment).await?;
        pki::write_admin_kubeconfig(&dir, &authority, address)?;
        Ok(Self {
            address,
            issuer,
            fingerprint: x509::fingerprint(authority.certificate())?,
            signing_in,
            following,
            cluster,
            controllers,
            driver: config.driver.clone(),
            serving,
            stop,
            engine,
            _lock: lock,
        })
    }

    /// Where it serves.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Where people sign in.
    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// SHA-256 of the authority's certificate.
    pub(crate) fn fingerprint(&self) -> &str {
        &self.fingerprint
    }
}

impl Server for Supervisor {
    async fn failed(&mut self) -> anyhow::Error {
        tokio::select! {
            ended = &mut self.serving => match ended {
                Ok(Ok(())) => anyhow::anyhow!("the listener ended"),
                Ok(Err(error)) => anyhow::Error::from(error).context("the listener failed"),
                Err(panic) => anyhow::Error::from(panic).context("the listener failed"),
            },
            ended = &mut self.signing_in => match ended {
                Ok(()) => anyhow::anyhow!("the listener of the sign-in page ended"),
                Err(panic) => anyhow::Error::from(panic).context("the sign-in page failed"),
            },
            ended = &mut self.following => match ended {
                Ok(()) => anyhow::anyhow!("the watches of what GuestClusters name ended"),
                Err(panic) => anyhow::Error::from(panic).context("the watches of what GuestClusters name failed"),
            },
            error = self.controllers.failed() => error,
        }
    }

    fn retire(&self) {
        self.cluster.server().retire();
    }

    /// Controllers, requests, cluster, store.
    async fn stop(self) {
        self.controllers.stop(CONTROLLERS_STOP).await;
        self.driver.stop().await;
        self.stop.cancel();
        if let Ok(Err(error)) = self.serving.await {
            tracing::warn!(%error, "the listener ended badly");
        }
        if let Err(error) = self.signing_in.await {
            tracing::warn!(%error, "the sign-in page ended badly");
        }
        if let Err(error) = self.following.await {
            tracing::warn!(%error, "the watches of what GuestClusters name ended badly");
        }
        self.cluster.stop().await;
        self.engine.close().await;
    }
}

/// A client within the process, authorized as the controller's service account.
fn client(cluster: &Cluster, controller: Controller) -> kube::Client {
    let user = User {
        name: format!("system:serviceaccount:{SYSTEM_NAMESPACE}:{}", controller.name()),
        groups: vec![
            "system:serviceaccounts".to_owned(),
            format!("system:serviceaccounts:{SYSTEM_NAMESPACE}"),
        ],
        ..User::default()
    };
    kube::Client::new(cluster.server().local_service(user), "default")
}
