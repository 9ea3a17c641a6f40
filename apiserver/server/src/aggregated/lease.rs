//! The one Lease of a deployment: only its holder runs controllers.

mod claim;

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::{
    api::coordination::v1::{Lease as LeaseObject, LeaseSpec},
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use kube::{
    Api, Client,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::{Value, json};
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep, sleep_until, timeout, timeout_at},
};
use tokio_util::sync::{CancellationToken, DropGuard};

use self::claim::{Claim, Seen, Terms};
use super::failure::reason;
use crate::roles::{SERVER, SYSTEM_NAMESPACE};

const NAMESPACE: &str = SYSTEM_NAMESPACE;
const NAME: &str = SERVER;
/// As kube-controller-manager's, with a renewal every 5 s.
const TERMS: Terms = Terms {
    duration: Duration::from_secs(15),
    renew_within: Duration::from_secs(10),
    renew_every: Duration::from_secs(5),
    retry: Duration::from_secs(2),
};
/// How long giving the lease up may take; without it the next holder waits for its end.
const RELEASE: Duration = Duration::from_secs(5);

/// A contender for Lease `guestclusters-system/guestcluster-apiserver`.
#[derive(Clone)]
pub(crate) struct Lease {
    api: Api<LeaseObject>,
    contender: String,
    terms: Terms,
}

/// The lease while it is ours. Dropped without [`Held::release`], it runs out by itself.
pub(crate) struct Held {
    lease: Lease,
    lost: CancellationToken,
    renewing: JoinHandle<()>,
    end: DropGuard,
}

/// What came of one try.
enum Attempt {
    Ours,
    Theirs {
        until: Instant,
    },
    /// Somebody else wrote at the same time: look again.
    Raced,
}

impl Lease {
    /// A contender of this name, which no other process may bear at the same time: a lease in its name counts as its own.
    /// The client needs `get`, `create` and `patch` on leases in the namespace.
    pub(crate) fn new(client: Client, contender: String) -> Lease {
        Lease {
            api: Api::namespaced(client, NAMESPACE),
            contender,
            terms: TERMS,
        }
    }

    /// Waits until the lease is ours; none when stopped before.
    pub(crate) async fn acquire(&self, stop: &CancellationToken) -> Option<Held> {
        stop.run_until_cancelled(self.contend()).await
    }

    async fn contend(&self) -> Held {
        let mut seen = Seen::nothing();
        let mut told = None;
        loop {
            let began = Instant::now();
            let mut pause = self.terms.retry;
            match self.attempt(&mut seen).await {
                Ok(Attempt::Ours) => {
                    tracing::info!(holder = self.contender, "the lease {NAMESPACE}/{NAME} is ours");
                    return self.clone().hold(seen, began);
                }
                Ok(Attempt::Theirs { until }) => {
                    if told.as_deref() != seen.holder() {
                        told = seen.holder().map(str::to_owned);
                        tracing::info!(holder = told, "waiting for the lease {NAMESPACE}/{NAME}");
                    }
                    pause = pause.min(until.saturating_duration_since(Instant::now()));
                }
                Ok(Attempt::Raced) => {}
                Err(error) => tracing::warn!(error, "the lease {NAMESPACE}/{NAME} cannot be claimed; trying again"),
            }
            sleep(pause.mul_f64(rand::random_range(1.0..=1.2))).await;
        }
    }

    /// Starts to renew; `renewed` is a moment before the claim was sent.
    fn hold(self, seen: Seen, renewed: Instant) -> Held {
        let (lost, end) = (CancellationToken::new(), CancellationToken::new());
        let renewing = {
            let (lease, end) = (self.clone(), end.clone());
            // However the task ends, the lease is no longer renewed.
            let lost = lost.clone().drop_guard();
            tokio::spawn(async move {
                end.run_until_cancelled(lease.renew(seen, renewed)).await;
                drop(lost);
            })
        };
        Held {
            lease: self,
            lost,
            renewing,
            end: end.drop_guard(),
        }
    }

    /// Renews until it is too late to. Others count from when they saw the last renewal, which was after it was sent: that is
    /// where this counts from.
    async fn renew(&self, mut seen: Seen, mut renewed: Instant) {
        loop {
            sleep_until(renewed + self.terms.renew_every).await;
            match timeout_at(renewed + self.terms.renew_within, self.renew_once(&mut seen)).await {
                Ok(Some(began)) => renewed = began,
                Ok(None) => return tracing::error!(holder = seen.holder(), "the lease {NAMESPACE}/{NAME} was taken"),
                Err(_) => return tracing::error!("the lease {NAMESPACE}/{NAME} could not be renewed in time"),
            }
        }
    }

    /// When the renewal that succeeded was sent; none when somebody else holds the lease.
    async fn renew_once(&self, seen: &mut Seen) -> Option<Instant> {
        loop {
            let began = Instant::now();
            match self.attempt(seen).await {
                Ok(Attempt::Ours) => return Some(began),
                Ok(Attempt::Theirs { .. }) => return None,
                Ok(Attempt::Raced) => {}
                Err(error) => tracing::warn!(error, "the lease {NAMESPACE}/{NAME} is not renewed; trying again"),
            }
            sleep(self.terms.retry).await;
        }
    }

    /// Looks, and claims what may be claimed. A write counts only if nothing was written since the look.
    async fn attempt(&self, seen: &mut Seen) -> Result<Attempt, String> {
        let attempt = async {
            let lease = self.api.get_opt(NAME).await?;
            let now = Instant::now();
            seen.look(lease, now);
            let written = match seen.claim(&self.contender, &self.terms, now, Timestamp::now()) {
                Claim::Wait(until) => return Ok(Attempt::Theirs { until }),
                Claim::Create(spec) => self.api.create(&PostParams::default(), &named(spec)).await?,
                Claim::Write(spec) => self.write(seen, json!(spec)).await?,
            };
            seen.look(Some(written), Instant::now());
            Ok(Attempt::Ours)
        };
        // Half of the time in which a renewal must succeed, so that one answer that never comes costs one try.
        let attempt = timeout(self.terms.renew_within / 2, attempt).await;
        match attempt.map_err(|_| "no answer in time".to_owned())? {
            Err(kube::Error::Api(status)) if status.code == 409 => Ok(Attempt::Raced),
            other => other.map_err(|error| reason(&error)),
        }
    }

    async fn write(&self, seen: &Seen, spec: Value) -> kube::Result<LeaseObject> {
        let patch = json!({"metadata": {"resourceVersion": seen.resource_version()}, "spec": spec});
        self.api
            .patch(NAME, &PatchParams::default(), &Patch::Merge(patch))
            .await
    }

    async fn give_up(&self) -> kube::Result<()> {
        let mut seen = Seen::nothing();
        seen.look(self.api.get_opt(NAME).await?, Instant::now());
        if seen.holder() == Some(&self.contender) {
            let free = json!({"holderIdentity": null, "leaseDurationSeconds": 1});
            self.write(&seen, free).await?;
        }
        Ok(())
    }
}

impl Held {
    /// Fires before the lease can pass to another: whatever needs it must end at once.
    pub(crate) fn lost(&self) -> CancellationToken {
        self.lost.clone()
    }

    /// Gives the lease up, for the next holder not to wait. Only when nothing that needs it runs any more.
    pub(crate) async fn release(self) {
        drop(self.end);
        // It only ends; a panic in it has made the lease lost already.
        let _ = self.renewing.await;
        match timeout(RELEASE, self.lease.give_up()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(
                error = reason(&error),
                "the lease {NAMESPACE}/{NAME} is not given up; it runs out"
            ),
            Err(_) => tracing::warn!("the lease {NAMESPACE}/{NAME} is not given up in time; it runs out"),
        }
    }
}

fn named(spec: LeaseSpec) -> LeaseObject {
    LeaseObject {
        metadata: ObjectMeta {
            name: Some(NAME.to_owned()),
            namespace: Some(NAMESPACE.to_owned()),
            ..ObjectMeta::default()
        },
        spec: Some(spec),
    }
}

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
