//! The running aggregated server: what is started in which order, and stopped in the other.

use std::{net::SocketAddr, sync::Arc};

use anyhow::Context as _;
use generic_apiserver::{
    ApiServer, ApiServerBuilder,
    admission::Admission,
    audit::Auditor,
    authn::Authenticator,
    authz::{Authorizer, Cached},
    registry::{Registry, ResourceDefinition},
};
use kube::Client;
use kubernetes_apiserver::quota::QuotaAdmission;
use tokio::{
    net::TcpListener,
    task::{JoinHandle, JoinSet},
};
use tokio_util::sync::CancellationToken;

use super::{
    Config,
    admission::HostAdmission,
    authentication::Delegated,
    authorization::AccessReviews,
    contender, host,
    leading::{self, Leader},
    lease::Lease,
    namespaces::HostNamespaces,
    objects::Objects,
    quotas::HostQuotas,
    serving::{Serving, Shown},
    tokens::TokenReviews,
};
use crate::{
    audit,
    controllers::{Environment, Told},
    data_dir::{DataDir, Lock},
    driver,
    exchange::SubjectTokens,
    kinds::{Clients, Kinds},
    lifetime::Server,
    version::version,
};

/// A server that serves.
pub(super) struct Aggregated {
    address: SocketAddr,
    server: Arc<ApiServer>,
    serving: JoinHandle<std::io::Result<()>>,
    leading: JoinHandle<anyhow::Result<()>>,
    followers: JoinSet<()>,
    /// Stops the controllers.
    stop_leading: CancellationToken,
    /// Stops all else.
    stop: CancellationToken,
    driver: driver::Choice,
    objects: Objects,
    auditor: Option<Arc<Auditor>>,
    // Last, so that the folder is free only when nothing uses it any more.
    _lock: Lock,
}

impl Aggregated {
    /// Starts everything; ready to answer when it returns. Fails when kube-apiserver can't be asked how it authenticates:
    /// without that nobody could be told from anybody else.
    pub(super) async fn start(config: &Config) -> anyhow::Result<Self> {
        let dir = DataDir::open_or_create(&config.data_dir)?;
        let lock = dir.lock()?;
        let auditor = audit::open(config.audit.as_ref())?;
        let client = host::client(config.kubeconfig.as_deref()).await?;
        let delegated = Arc::new(Delegated::read(&client).await?);
        let listener = TcpListener::bind(config.listen)
            .await
            .with_context(|| format!("--listen: cannot serve on {}", config.listen))?;
        let address = listener.local_addr()?;
        let certificate = Serving::start(&config.certificate, &client, address.ip(), delegated.clone()).await?;
        let shown = certificate.shown.clone();

        let objects = Objects::open(config, &dir).await?;
        let namespaces = HostNamespaces::new(client.clone());
        let reviews: Arc<dyn Authorizer> = Arc::new(AccessReviews::new(client.clone()));
        let quotas = HostQuotas::new(client.clone());
        let host_admission = HostAdmission::new(&client, &namespaces);
        // In kube-apiserver's order.
        let mut admission: Vec<Arc<dyn Admission>> = vec![namespaces.clone()];
        admission.extend(host_admission.plugins());
        admission.push(Arc::new(QuotaAdmission::by(quotas.clone())));
        let kinds = Kinds::default();
        let tokens: Arc<dyn Authenticator> = Arc::new(TokenReviews::new(client.clone()));
        let subject_tokens = match config.require_subject_token {
            true => SubjectTokens::judged_by(tokens.clone()),
            false => SubjectTokens::not_required(),
        };
        let definitions = kinds.definitions(config.people.clone(), Some(reviews.clone()), subject_tokens)?;
        let registry = registry(&kinds, &objects, config, &client, definitions, admission).await?;
        let told = Told::new();
        let server = api_server(
            &registry,
            &objects,
            [delegated.authenticator(), tokens],
            reviews,
            &told,
            shown.clone(),
        );
        let (known, counted) = (host_admission.clone(), host_admission.clone());
        let server = server
            .ready_check("host-admission", move || known.were_read())
            .metrics(move |page| counted.append_metrics(page))
            .metrics(kinds.metrics())
            .auditor(auditor.clone())
            .build();

        let stop = CancellationToken::new();
        let serving = tokio::spawn(server.clone().serve(listener, shown.tls(), stop.clone()));
        let authorities = certificate.authorities();
        let mut followers = JoinSet::new();
        followers.spawn(namespaces.follow(stop.clone()));
        followers.spawn(quotas.follow(stop.clone()));
        followers.spawn(kinds.follow(stop.clone()));
        followers.spawn(host_admission.follow(stop.clone()));
        followers.spawn(certificate.follow(client.clone(), stop.clone()));
        let changed = move |_: &Delegated| shown.client_authorities_changed();
        followers.spawn(delegated.follow(client.clone(), changed, stop.clone()));

        let environment = Environment {
            layers: config.layers,
            clients: Box::new({
                let client = client.clone();
                move |_| client.clone()
            }),
            driver: config.driver.clone(),
            engine: objects.simulated(),
            agent_image: config.guest_agent_image.clone(),
            told,
        };
        let stop_leading = CancellationToken::new();
        let leader = Leader {
            lease: Lease::new(client.clone(), contender::of(&dir)?),
            client,
            authorities,
            environment,
        };
        let leading = tokio::spawn(leading::lead(leader, stop_leading.clone()));
        dir.write("server", &format!("https://{address}"))?;
        Ok(Self {
            address,
            server,
            serving,
            leading,
            followers,
            stop_leading,
            stop,
            driver: config.driver.clone(),
            objects,
            auditor,
            _lock: lock,
        })
    }

    /// Where it serves.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Server for Aggregated {
    async fn failed(&mut self) -> anyhow::Error {
        tokio::select! {
            ended = &mut self.serving => match ended {
                Ok(Ok(())) => anyhow::anyhow!("the listener ended"),
                Ok(Err(error)) => anyhow::Error::from(error).context("the listener failed"),
                Err(panic) => anyhow::Error::from(panic).context("the listener failed"),
            },
            ended = &mut self.leading => match ended {
                Ok(Ok(())) => anyhow::anyhow!("the controllers ended"),
                Ok(Err(error)) => error,
                Err(panic) => anyhow::Error::from(panic).context("the controllers failed"),
            },
            Some(ended) = self.followers.join_next() => match ended {
                Ok(()) => anyhow::anyhow!("a watch of the supervisor ended"),
                Err(panic) => anyhow::Error::from(panic).context("a watch of the supervisor failed"),
            },
        }
    }

    fn retire(&self) {
        self.server.retire();
    }

    /// Controllers and their Lease, requests, store, audit log.
    async fn stop(mut self) {
        self.stop_leading.cancel();
        if !self.leading.is_finished()
            && let Ok(Err(error)) = self.leading.await
        {
            tracing::warn!(%error, "the controllers ended badly");
        }
        self.driver.stop().await;
        self.stop.cancel();
        if !self.serving.is_finished()
            && let Ok(Err(error)) = self.serving.await
        {
            tracing::warn!(%error, "the listener ended badly");
        }
        while self.followers.join_next().await.is_some() {}
        self.objects.close().await;
        if let Some(auditor) = &self.auditor {
            auditor.close().await;
        }
    }
}

/// Our kinds over the store.
async fn registry(
    kinds: &Kinds,
    objects: &Objects,
    config: &Config,
    client: &Client,
    definitions: Vec<ResourceDefinition>,
    admission: Vec<Arc<dyn Admission>>,
) -> anyhow::Result<Arc<Registry>> {
    let store = objects.store();
    let registry = Registry::start_with_limits(store, definitions.into(), admission, config.history).await?;
    let clients = Clients {
        guest: client.clone(),
        credential: client.clone(),
    };
    kinds.start(&registry, clients);
    Ok(registry)
}

/// Who asks is kube-apiserver's word, what they may do is its RBAC; health and version are for everyone.
fn api_server(
    registry: &Arc<Registry>,
    objects: &Objects,
    [by_certificate, by_token]: [Arc<dyn Authenticator>; 2],
    reviews: Arc<dyn Authorizer>,
    told: &Told,
    shown: Arc<Shown>,
) -> ApiServerBuilder {
    let (cache, told, expiring) = (registry.cache().clone(), told.clone(), shown.clone());
    let mut builder = ApiServer::builder(registry.clone());
    if let Some(etcd) = objects.etcd().cloned() {
        builder = builder.ready_check("etcd", move || etcd.health());
    }
    builder
        .authenticator(by_certificate)
        .authenticator(by_token)
        .authorizer(Arc::new(Cached::new(reviews)))
        .anonymous(true)
        // kube-apiserver does it before it asks here.
        .impersonation(false)
        .always_allow(&["/version", "/version/"])
        .version(version())
        .check("store", move || cache.health())
        .ready_check("serving-certificate", move || expiring.expiry().check())
        .metrics(move |page| told.render(page))
        .metrics(move |page| shown.expiry().render(page))
}
