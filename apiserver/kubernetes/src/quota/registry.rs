//! The quotas of the cluster itself.

use std::sync::{Arc, OnceLock, Weak};

use async_trait::async_trait;
use generic_apiserver::{
    Status,
    admission::AdmissionRequest,
    authn::User,
    registry::{Registry, Resource},
};
use serde_json::Value;

use super::{
    Asked, Charge, Quotas, ResourceQuota,
    admission::refused,
    counts::Counts,
    ledger::{Ledger, Pending, What},
};

/// Quotas that are stored beside the objects that they count. Their status is written by compare and write; a quota whose status
/// does not say yet what it wants is counted at once.
pub(crate) struct ClusterQuotas {
    registry: Weak<Registry>,
    quotas: Weak<Resource>,
    /// Made with the first quota: most of the clusters of a process have none.
    counts: OnceLock<Arc<Counts>>,
    pub(super) ledger: Arc<Ledger>,
    user: User,
}

impl ClusterQuotas {
    /// None when the registry serves no quotas.
    pub(crate) fn new(registry: &Arc<Registry>) -> Option<Arc<ClusterQuotas>> {
        Some(Arc::new(ClusterQuotas {
            quotas: Arc::downgrade(&registry.resource("", "resourcequotas")?),
            registry: Arc::downgrade(registry),
            counts: OnceLock::new(),
            ledger: Arc::default(),
            user: crate::controller_user("resourcequota-controller"),
        }))
    }

    pub(super) fn counts(&self) -> &Arc<Counts> {
        self.counts
            .get_or_init(|| Arc::new(Counts::of(self.registry.upgrade().as_deref())))
    }

    /// Counts what a quota counts again, and writes down what differs. A quota that is gone needs nothing.
    pub(super) async fn recount(&self, namespace: &str, name: &str) -> Result<(), Status> {
        let Some(quotas) = self.quotas.upgrade() else {
            return Ok(());
        };
        let differs = |object: &Value| self.counted_again(object, namespace).is_some();
        if !quotas.get(namespace, name).as_ref().is_some_and(differs) {
            return Ok(());
        }
        let change = |object: &mut Value| {
            if let Some(quota) = self.counted_again(object, namespace) {
                quota.write_status(object);
            }
            Ok(())
        };
        match quotas.update_status(&self.user, namespace, name, change).await {
            Err(status) if status.code != 404 => Err(status),
            _ => Ok(()),
        }
    }

    /// A quota with new amounts; none when they are in its status already.
    fn counted_again(&self, object: &Value, namespace: &str) -> Option<ResourceQuota> {
        let before = ResourceQuota::read(object);
        let mut quota = before.clone();
        let pending = self.ledger.of(namespace, &quota.name);
        self.counts().recount(&mut quota, namespace, &pending);
        let has_status = object["status"]["hard"].is_object() && object["status"]["used"].is_object();
        let differs = !has_status || quota.hard != before.hard || quota.used != before.used;
        differs.then_some(quota)
    }

    /// What a write costs of a quota, whose status is brought up to date for it where it must be.
    fn judge(&self, object: &Value, namespace: &str, asked: &Asked<'_>) -> (ResourceQuota, Charge) {
        let mut quota = ResourceQuota::read(object);
        if !self.counts().is_current(&quota) {
            let pending = self.ledger.of(namespace, &quota.name);
            self.counts().recount(&mut quota, namespace, &pending);
        }
        let charge = asked.charge(&quota);
        (quota, charge)
    }
}

#[async_trait]
impl Quotas for ClusterQuotas {
    fn any(&self, namespace: &str) -> bool {
        let quotas = self.quotas.upgrade();
        let cache = quotas.as_ref().and_then(|quotas| quotas.cache());
        cache.is_some_and(|cache| cache.snapshot().range(Some(namespace), None).next().is_some())
    }

    async fn of(&self, namespace: &str) -> Result<Vec<ResourceQuota>, Status> {
        let quotas = self.quotas.upgrade();
        let snapshot = quotas
            .as_ref()
            .and_then(|quotas| quotas.cache())
            .map(|cache| cache.snapshot());
        let entries = snapshot
            .iter()
            .flat_map(|snapshot| snapshot.range(Some(namespace), None));
        let read = |bytes: &[u8]| serde_json::from_slice(bytes).map(|object: Value| ResourceQuota::read(&object));
        let quotas = entries.map(|entry| read(&entry.encoded));
        quotas
            .collect::<Result<_, _>>()
            .map_err(|error| Status::internal(format!("a quota can't be read: {error}")))
    }

    async fn reserve(
        &self,
        request: &AdmissionRequest<'_>,
        quota: &ResourceQuota,
        asked: &Asked<'_>,
    ) -> Result<(), Status> {
        let (namespace, name) = (request.namespace, quota.name.as_str());
        let Some(quotas) = self.quotas.upgrade() else {
            return Ok(());
        };
        if request.dry_run {
            let Some(object) = quotas.get(namespace, name) else {
                return Ok(());
            };
            return match self.judge(&object, namespace, asked).1 {
                Charge::TooMuch(why) => Err(refused(request, &why)),
                Charge::Nothing | Charge::Fits(_) => Ok(()),
            };
        }
        let place = self.ledger.place(self.counts().clone());
        // Writers of one quota take turns, a count too: none sees the reservation in the status and not in the ledger.
        let change = |object: &mut Value| {
            self.ledger.remove(place.id);
            let (mut quota, charge) = self.judge(object, namespace, asked);
            match charge {
                Charge::Nothing => Ok(()),
                Charge::TooMuch(why) => Err(refused(request, &why)),
                Charge::Fits(used) => {
                    if let Some(pending) = self.pending(request, name, asked, used.more.clone()) {
                        self.ledger.put(place.id, pending);
                    }
                    quota.take(used);
                    quota.write_status(object);
                    Ok(())
                }
            }
        };
        match quotas.update_status(&self.user, namespace, name, change).await {
            Ok(_) => {
                request.notes.reserve(place);
                Ok(())
            }
            Err(status) => {
                if self.ledger.remove(place.id) {
                    // It may have been written all the same.
                    self.ledger.count_again(namespace);
                }
                // A quota that is gone limits nothing.
                if status.code == 404 { Ok(()) } else { Err(status) }
            }
        }
    }
}

impl ClusterQuotas {
    fn pending(
        &self,
        request: &AdmissionRequest<'_>,
        quota: &str,
        asked: &Asked<'_>,
        more: super::Amounts,
    ) -> Option<Pending> {
        let metadata = |object: &Value, field: &str| object["metadata"][field].as_str().unwrap_or_default().to_owned();
        Some(Pending {
            namespace: request.namespace.to_owned(),
            quota: quota.to_owned(),
            resource: self.counts().position(&asked.meter)?,
            name: request.name.to_owned(),
            what: match asked.old {
                None => What::New {
                    uid: metadata(asked.object, "uid"),
                },
                Some(old) => What::Changed {
                    from: metadata(old, "resourceVersion"),
                },
            },
            more,
            until: None,
        })
    }
}
