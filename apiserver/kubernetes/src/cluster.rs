//! A cluster: the registry with the core kinds, RBAC, and the controllers that keep it in order.

use std::sync::{Arc, OnceLock};

use generic_apiserver::{
    ApiServer,
    admission::Admission,
    audit::Auditor,
    authn::Authenticator,
    cache::Limits as History,
    registry::{Registry, ResourceDefinition},
    serve::{Limits, VersionInfo},
    storage::{Store, StoreError},
};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{
    gc::GarbageCollector,
    kinds::core_definitions,
    namespaces::{NamespaceController, NamespaceLifecycle},
    quota::{ClusterQuotas, QuotaAdmission, QuotaController, Quotas},
    rbac::{AggregationController, EscalationGuard, NotServed, Rbac},
    seed,
};

/// What a cluster is made of.
pub struct ClusterOptions {
    /// Where its objects are.
    pub store: Arc<dyn Store>,
    /// Resources beside the core kinds.
    pub definitions: Vec<ResourceDefinition>,
    /// Who may sign in, asked in order.
    pub authenticators: Vec<Arc<dyn Authenticator>>,
    /// Whether a request without a credential goes on as `system:anonymous`, which may read health, version and what
    /// bindings give it.
    pub anonymous: bool,
    /// Admission after the cluster's own.
    pub admission: Vec<Arc<dyn Admission>>,
    /// What `/version` says.
    pub version: Arc<VersionInfo>,
    /// Roles and bindings (any of the four kinds) to create beside the default ones, kept complete in the same way.
    pub extra_cluster_roles: Vec<Value>,
    /// How much history watches can resume from.
    pub history: History,
    /// Bounds of the server; none for the usual ones.
    pub limits: Option<Limits>,
    /// Writes an audit log, which is closed when the cluster is stopped.
    pub auditor: Option<Arc<Auditor>>,
    /// Appends to `/metrics` what others than the server count: whole lines in the text exposition format.
    pub metrics: Option<MetricsPage>,
}

/// Appends to a page of metrics.
pub type MetricsPage = Box<dyn Fn(&mut String) + Send + Sync>;

impl ClusterOptions {
    /// A cluster with nothing but the core kinds, in which nobody can sign in.
    pub fn new(store: Arc<dyn Store>, version: Arc<VersionInfo>) -> ClusterOptions {
        ClusterOptions {
            store,
            definitions: Vec::new(),
            authenticators: Vec::new(),
            anonymous: false,
            admission: Vec::new(),
            version,
            extra_cluster_roles: Vec::new(),
            history: History::default(),
            limits: None,
            auditor: None,
            metrics: None,
        }
    }
}

/// Why a cluster did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The store can't be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A resource that the cluster itself needs is missing.
    #[error(transparent)]
    NotServed(#[from] NotServed),
    /// An object that every cluster has could not be written.
    #[error("{what}: {message}")]
    Seed {
        /// The object.
        what: String,
        /// The server's words.
        message: String,
    },
}

/// A running cluster: what one has by itself, without nodes.
pub struct Cluster {
    server: Arc<ApiServer>,
    registry: Arc<Registry>,
    stop: CancellationToken,
    controllers: Mutex<JoinSet<()>>,
    auditor: Option<Arc<Auditor>>,
}

impl Cluster {
    /// Starts a cluster over a store. A store without objects first receives those that every cluster has.
    pub async fn start(options: ClusterOptions) -> Result<Arc<Cluster>, StartError> {
        let definitions = all_definitions(options.definitions);
        let seeds = seed::objects(&options.extra_cluster_roles);
        let is_new = seed::plant(options.store.as_ref(), &definitions, &seeds).await?;

        let late_registry = Arc::new(OnceLock::new());
        let late_rbac = Arc::new(OnceLock::new());
        let late_quotas = Arc::new(OnceLock::new());
        let mut admission: Vec<Arc<dyn Admission>> = vec![
            Arc::new(NamespaceLifecycle::new(late_registry.clone())),
            Arc::new(EscalationGuard::new(late_rbac.clone())),
        ];
        admission.extend(options.admission);
        // Last, as kube-apiserver has it: nothing is reserved for what another plug-in refuses.
        admission.push(Arc::new(QuotaAdmission::new(late_quotas.clone())));
        let registry = Registry::start_with_limits(options.store, definitions, admission, options.history).await?;
        let rbac = Arc::new(Rbac::new(registry.cache().clone())?);
        // Nothing else sets them.
        let _ = late_registry.set(Arc::downgrade(&registry));
        let _ = late_rbac.set(rbac.clone());
        let quotas = ClusterQuotas::new(&registry);
        if let Some(quotas) = &quotas {
            let quotas: Arc<dyn Quotas> = quotas.clone();
            let _ = late_quotas.set(quotas);
        }
        if !is_new {
            seed::reconcile(&registry, &seeds).await?;
        }

        let cache = registry.cache().clone();
        let mut server = ApiServer::builder(registry.clone())
            .check("store", move || cache.health())
            .authorizer(rbac)
            .anonymous(options.anonymous)
            .auditor(options.auditor.clone())
            .version(options.version);
        for authenticator in options.authenticators {
            server = server.authenticator(authenticator);
        }
        if let Some(limits) = options.limits {
            server = server.limits(limits);
        }
        if let Some(metrics) = options.metrics {
            server = server.metrics(metrics);
        }
        let stop = CancellationToken::new();
        let controllers = Mutex::new(start_controllers(&registry, quotas, &stop));
        Ok(Arc::new(Cluster {
            server: server.build(),
            registry,
            stop,
            controllers,
            auditor: options.auditor,
        }))
    }

    /// What answers its requests.
    pub fn server(&self) -> &Arc<ApiServer> {
        &self.server
    }

    /// Its objects, for code in the same process.
    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// Stops the controllers, waits until they have stopped, and ends the audit log. Requests are still answered.
    pub async fn stop(&self) {
        self.stop.cancel();
        let mut controllers = std::mem::take(&mut *self.controllers.lock());
        while controllers.join_next().await.is_some() {}
        if let Some(auditor) = &self.auditor {
            auditor.close().await;
        }
    }
}

/// A cluster that nobody holds any more ends its controllers.
impl Drop for Cluster {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

fn all_definitions(further: Vec<ResourceDefinition>) -> Arc<[ResourceDefinition]> {
    let core = core_definitions();
    if further.is_empty() {
        return core;
    }
    core.iter().cloned().chain(further).collect()
}

fn start_controllers(
    registry: &Arc<Registry>,
    quotas: Option<Arc<ClusterQuotas>>,
    stop: &CancellationToken,
) -> JoinSet<()> {
    let mut controllers = JoinSet::new();
    controllers.spawn(GarbageCollector::new(registry.clone()).run(stop.clone()));
    if let Some(namespaces) = NamespaceController::new(registry.clone()) {
        controllers.spawn(namespaces.run(stop.clone()));
    }
    let quotas = quotas.and_then(|quotas| QuotaController::new(registry.clone(), quotas));
    if let Some(quotas) = quotas {
        controllers.spawn(quotas.run(stop.clone()));
    }
    if let Some(aggregation) = AggregationController::new(registry) {
        controllers.spawn(aggregation.run(stop.clone()));
    }
    controllers
}
