//! Counts again when a quota or what it counts has changed, and now and then.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use generic_apiserver::{
    cache::{Event, EventKind, Next, ResourceCache, Watcher},
    registry::{Registry, Resource},
};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{ClusterQuotas, ResourceQuota, counts::Counts};

/// How often all quotas are counted, whatever is known to have changed.
const EVERY: Duration = Duration::from_mins(5);
/// How long to wait after a count that failed.
const RETRY: Duration = Duration::from_secs(1);
/// Passes start at most this often; changes in between count for one pass.
const PAUSE: Duration = Duration::from_millis(20);

/// Runs until it is stopped; sleeps while there are no quotas, or nothing in the cluster changes.
pub(crate) struct QuotaController {
    registry: Arc<Registry>,
    quotas: Arc<Resource>,
    cluster: Arc<ClusterQuotas>,
}

/// What changed since the last look.
struct Changes {
    quotas: Watcher,
    counted: Vec<Source>,
}

/// One counted resource.
struct Source {
    watcher: Watcher,
    /// Whether a changed object may use something else.
    is_measured: bool,
}

impl QuotaController {
    /// None when the registry serves no quotas.
    pub(crate) fn new(registry: Arc<Registry>, cluster: Arc<ClusterQuotas>) -> Option<QuotaController> {
        Some(QuotaController {
            quotas: registry.resource("", "resourcequotas")?,
            registry,
            cluster,
        })
    }

    pub(crate) async fn run(self, stop: CancellationToken) {
        let following = async {
            loop {
                self.first_quota().await;
                self.keep().await;
            }
        };
        let _ = stop.run_until_cancelled(following).await;
    }

    /// Waits until there are quotas.
    async fn first_quota(&self) {
        let Some(cache) = self.quotas.cache() else {
            return std::future::pending().await;
        };
        loop {
            let snapshot = cache.snapshot();
            if !snapshot.is_empty() {
                return;
            }
            match cache.watch(snapshot.revision()) {
                Err(_) => sleep(RETRY).await,
                Ok(mut quotas) => {
                    if matches!(quotas.next().await, Next::Closed) {
                        return std::future::pending().await;
                    }
                }
            }
        }
    }

    /// Keeps the quotas' status right until there are none any more.
    async fn keep(&self) {
        let mut changes: Option<Changes> = None;
        let mut namespaces = BTreeSet::new();
        let mut next_full = Instant::now();
        loop {
            let seen = self.registry.cache().revision();
            let counts = self.cluster.counts();
            if !changes
                .as_mut()
                .is_some_and(|changes| changes.take(counts, &mut namespaces))
            {
                changes = self.restart();
                next_full = Instant::now();
            }
            namespaces.append(&mut self.cluster.ledger.take_changed());
            if self.quotas.cache().is_none_or(|cache| cache.snapshot().is_empty()) {
                return;
            }
            if Instant::now() >= next_full {
                namespaces.extend(self.quotas_in(None).map(|(namespace, _)| namespace));
                next_full = Instant::now() + EVERY;
            }
            let counted = !namespaces.is_empty();
            namespaces = self.count(std::mem::take(&mut namespaces)).await;
            if !namespaces.is_empty() {
                sleep(RETRY).await;
            } else if counted {
                sleep(PAUSE).await;
            }
            tokio::select! {
                () = self.registry.cache().wait_after(seen) => {}
                () = self.cluster.ledger.changed() => {}
                () = sleep_until(next_full) => {}
                () = std::future::ready(()), if !namespaces.is_empty() => {}
            }
        }
    }

    /// Counts the quotas of namespaces; returns those where it failed.
    async fn count(&self, namespaces: BTreeSet<String>) -> BTreeSet<String> {
        let mut failed = BTreeSet::new();
        for namespace in namespaces {
            for (_, quota) in self.quotas_in(Some(&namespace)) {
                if let Err(status) = self.cluster.recount(&namespace, &quota).await {
                    tracing::warn!(namespace, quota, error = status.message, "a quota could not be counted");
                    failed.insert(namespace.clone());
                }
            }
        }
        failed
    }

    /// Namespace and name of the quotas of a namespace, or of all.
    fn quotas_in(&self, namespace: Option<&str>) -> impl Iterator<Item = (String, String)> + use<> {
        let snapshot = self.quotas.cache().map(|cache| cache.snapshot());
        let entries = snapshot.iter().flat_map(|snapshot| snapshot.range(namespace, None));
        let names = entries.map(|entry| (entry.namespace.to_string(), entry.name.to_string()));
        names.collect::<Vec<_>>().into_iter()
    }

    /// Follows what changes from now on; all that is there is to be counted.
    fn restart(&self) -> Option<Changes> {
        let counted = self.cluster.counts().counted().iter().map(|counted| {
            Some(Source {
                watcher: watch(counted.resource.upgrade()?.cache()?)?,
                is_measured: !counted.meter.is_plain(),
            })
        });
        Some(Changes {
            counted: counted.collect::<Option<_>>()?,
            quotas: watch(self.quotas.cache()?)?,
        })
    }
}

impl Changes {
    /// Notes the namespaces where something is to be counted. False when some of it is lost.
    fn take(&mut self, counts: &Counts, namespaces: &mut BTreeSet<String>) -> bool {
        let wants_a_count = |event: &Event| {
            let object = serde_json::from_slice(&event.entry.encoded).unwrap_or_default();
            event.kind != EventKind::Deleted && !counts.is_current(&ResourceQuota::read(&object))
        };
        if !take(&mut self.quotas, wants_a_count, namespaces) {
            return false;
        }
        self.counted.iter_mut().all(|source| {
            let is_measured = source.is_measured;
            // What is new was reserved before it was stored.
            let frees =
                |event: &Event| event.kind == EventKind::Deleted || (is_measured && event.kind == EventKind::Modified);
            take(&mut source.watcher, frees, namespaces)
        })
    }
}

fn take(watcher: &mut Watcher, matters: impl Fn(&Event) -> bool, namespaces: &mut BTreeSet<String>) -> bool {
    while let Some(next) = watcher.try_next() {
        match next {
            Next::Event(event) if matters(&event) => {
                namespaces.insert(event.entry.namespace.to_string());
            }
            Next::Event(_) => {}
            Next::Expired => return false,
            Next::Closed => break,
        }
    }
    true
}

fn watch(cache: &Arc<ResourceCache>) -> Option<Watcher> {
    cache.watch(cache.snapshot().revision()).ok()
}
