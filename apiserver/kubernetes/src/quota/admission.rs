//! The plug-in: asks the quotas of a namespace whether there may be one more.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use generic_apiserver::{
    Status,
    admission::{Admission, AdmissionRequest, Operation, Step},
    status::Forbidden,
};
use serde_json::Value;

use super::{Asked, Charge, ResourceQuota, meter};

/// Where the quotas of a server are: in the cluster itself, or on the host behind an aggregated server.
#[async_trait]
pub trait Quotas: Send + Sync + 'static {
    /// Whether a namespace may have any. Asked for every create: it must be quick.
    fn any(&self, namespace: &str) -> bool;

    /// The quotas of a namespace, as new as possible.
    async fn of(&self, namespace: &str) -> Result<Vec<ResourceQuota>, Status>;

    /// Judges a write by the newest state of a quota and, where it fits, writes down what it uses, unless it is a dry run. Two writes
    /// at one time never take the same place. 403 where it does not fit.
    async fn reserve(
        &self,
        request: &AdmissionRequest<'_>,
        quota: &ResourceQuota,
        asked: &Asked<'_>,
    ) -> Result<(), Status>;
}

/// Refuses what would be more than a quota of the namespace allows.
pub struct QuotaAdmission {
    /// Set once they can be read.
    quotas: Arc<OnceLock<Arc<dyn Quotas>>>,
}

impl QuotaAdmission {
    /// By quotas that are named later; until then there are none.
    pub fn new(quotas: Arc<OnceLock<Arc<dyn Quotas>>>) -> QuotaAdmission {
        QuotaAdmission { quotas }
    }

    /// By these.
    pub fn by(quotas: Arc<dyn Quotas>) -> QuotaAdmission {
        QuotaAdmission::new(Arc::new(OnceLock::from(quotas)))
    }
}

#[async_trait]
impl Admission for QuotaAdmission {
    fn name(&self) -> &'static str {
        "ResourceQuota"
    }

    fn handles(&self, step: Step, request: &AdmissionRequest<'_>) -> bool {
        let names = &request.resource.names;
        let counts = match request.operation {
            Operation::Create => meter::is_counted(names),
            Operation::Update => meter::is_measured(names),
            Operation::Delete => false,
        };
        let is_stored = request.resource.virtual_create.is_none() && request.subresource.is_empty();
        step == Step::Validate
            && counts
            && is_stored
            && self.quotas.get().is_some_and(|quotas| quotas.any(request.namespace))
    }

    async fn validate(&self, request: &AdmissionRequest<'_>, object: Option<&Value>) -> Result<(), Status> {
        let asked = object.and_then(|object| Asked::of(&request.resource.names, object, request.old));
        let (Some(asked), Some(source)) = (asked, self.quotas.get()) else {
            return Ok(());
        };
        let mut quotas = source.of(request.namespace).await?;
        quotas.retain(|quota| asked.concerns(quota));
        // The full ones first: nothing is reserved of one quota for what another refuses.
        quotas.sort_by_key(|quota| !matches!(asked.charge(quota), Charge::TooMuch(_)));
        for quota in &quotas {
            source.reserve(request, quota, &asked).await?;
        }
        Ok(())
    }
}

/// 403 in kube-apiserver's words.
pub fn refused(request: &AdmissionRequest<'_>, why: &str) -> Status {
    let names = &request.resource.names;
    let what = Forbidden {
        group: &names.group,
        resource: &names.plural,
        name: request.name,
    };
    Status::forbidden(what, why)
}
