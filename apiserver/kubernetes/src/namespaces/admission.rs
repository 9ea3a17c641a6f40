//! NamespaceLifecycle: nothing is created in a namespace that is missing or going away.

use std::sync::{Arc, OnceLock, Weak};

use async_trait::async_trait;
use generic_apiserver::{
    Status,
    admission::{Admission, AdmissionRequest, Operation, Step},
    registry::{Names, Registry},
    status::Forbidden,
};
use serde_json::Value;

use super::PERMANENT;

/// What kube-apiserver calls the plug-in.
pub const NAME: &str = "NamespaceLifecycle";

/// Refuses a create in a missing (404) or terminating (403) namespace, and the deletion of the permanent ones.
pub struct NamespaceLifecycle {
    /// Set once the registry that this plugin belongs to runs.
    registry: Arc<OnceLock<Weak<Registry>>>,
}

/// What is known of a namespace, wherever it is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamespacePhase {
    /// There is none of this name.
    Missing,
    /// Objects may be created in it.
    Active,
    /// It is being deleted with everything in it.
    Terminating,
}

impl NamespacePhase {
    /// Whether an object may be created in the namespace; if not, in kube-apiserver's words.
    pub fn admit_create(self, names: &Names, name: &str, namespace: &str) -> Result<(), Status> {
        match self {
            NamespacePhase::Active => Ok(()),
            NamespacePhase::Missing => Err(NamespacePhase::not_found(namespace)),
            NamespacePhase::Terminating => Err(Status::namespace_terminating(names, name, namespace)),
        }
    }

    /// 404: there is no namespace of this name.
    pub fn not_found(namespace: &str) -> Status {
        Status::not_found(&namespace_names(), namespace)
    }
}

impl NamespaceLifecycle {
    /// Looks namespaces up in a registry that starts later.
    pub fn new(registry: Arc<OnceLock<Weak<Registry>>>) -> NamespaceLifecycle {
        NamespaceLifecycle { registry }
    }

    async fn phase(&self, namespace: &str) -> Result<NamespacePhase, Status> {
        let registry = self
            .registry
            .get()
            .and_then(Weak::upgrade)
            .ok_or_else(|| Status::internal("the server is not running"))?;
        let namespaces = registry.resource("", "namespaces");
        let namespaces = namespaces
            .as_ref()
            .and_then(|namespaces| namespaces.cache())
            .ok_or_else(|| Status::internal("no namespaces are served"))?;
        if namespaces.get("", namespace).is_none() {
            // The cache may lag behind another server's write; only the store can say that it is missing.
            registry
                .cache()
                .wait_current()
                .await
                .map_err(|error| Status::internal(error.to_string()))?;
        }
        Ok(match namespaces.get("", namespace) {
            None => NamespacePhase::Missing,
            Some(found) if found.is_terminating() => NamespacePhase::Terminating,
            Some(_) => NamespacePhase::Active,
        })
    }
}

#[async_trait]
impl Admission for NamespaceLifecycle {
    fn name(&self) -> &'static str {
        NAME
    }

    fn handles(&self, step: Step, request: &AdmissionRequest<'_>) -> bool {
        step == Step::Admit && (stores_in_a_namespace(request) || deletes_a_permanent_namespace(request))
    }

    async fn admit(&self, request: &AdmissionRequest<'_>, _: Option<&mut Value>) -> Result<(), Status> {
        let names = &request.resource.names;
        if request.operation == Operation::Delete {
            let what = Forbidden {
                group: "",
                resource: &names.plural,
                name: request.name,
            };
            return Err(Status::forbidden(what, "this namespace may not be deleted"));
        }
        self.phase(request.namespace)
            .await?
            .admit_create(names, request.name, request.namespace)
    }
}

/// Whether the request makes an object in a namespace. Access reviews, which are only answered, would tell of namespaces; what
/// the POST to a subresource stores is a create of its own.
pub fn stores_in_a_namespace(request: &AdmissionRequest<'_>) -> bool {
    let resource = request.resource;
    let is_stored = resource.virtual_create.is_none() && request.subresource.is_empty();
    request.operation == Operation::Create && resource.names.namespaced && is_stored
}

fn deletes_a_permanent_namespace(request: &AdmissionRequest<'_>) -> bool {
    let names = &request.resource.names;
    let is_namespace = names.group.is_empty() && names.plural == "namespaces";
    request.operation == Operation::Delete && is_namespace && PERMANENT.contains(&request.name)
}

fn namespace_names() -> Names {
    Names {
        group: String::new(),
        version: "v1".into(),
        kind: "Namespace".into(),
        plural: "namespaces".into(),
        singular: "namespace".into(),
        short_names: Vec::new(),
        categories: Vec::new(),
        namespaced: false,
    }
}
