//! What the guest's API server trusts: followed in the guest's own ConfigMap, checked by the trust keys of its control-plane
//! nodes, and reported there.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use arc_swap::ArcSwapOption;
use generic_apiserver::{
    Status,
    authn::User,
    cache::{Next, Watcher},
    registry::{Registry, Resource},
};
use guestcluster_credentials::{
    PublicKey, Trust, TrustRefused, Verifier,
    trust_object::{self, CONFIG_MAP, InForce, KEY, NAMESPACE},
};
use serde_json::{Value, json};
use tokio::sync::watch;
use vm_driver::ObjectUid;

use super::{GuestError, agent::agent, server::resource, trust_keys::TrustKeys};
use crate::ledger::{Ledger, LedgerError};

/// How long to wait after something failed.
const RETRY: Duration = Duration::from_secs(1);

/// Control-plane nodes by name, with the trust key of each.
pub(crate) type ControlPlane = BTreeMap<String, Option<PublicKey>>;

/// What is in force, for whoever judges tokens.
#[derive(Default)]
pub(super) struct Trusted(ArcSwapOption<Standing>);

/// A trust object in force.
pub(super) struct Standing {
    /// Judges by it.
    pub(super) verifier: Verifier,
    jws: String,
    report: InForce,
}

/// The trust object that was taken last, as nodes keep it on disk: it outlives the server, and what is in the ConfigMap
/// after a restart must not be older.
pub(crate) struct LastGood {
    ledger: Ledger,
    guest: ObjectUid,
}

/// Follows the ConfigMap, and the nodes' trust keys.
pub(super) struct TrustFollower {
    config_maps: Arc<Resource>,
    trusted: Arc<Trusted>,
    nodes: watch::Receiver<ControlPlane>,
    last_good: LastGood,
    keys: TrustKeys,
    agent: User,
    /// The hash of what was refused last, so that the log tells it once.
    refused: Option<String>,
}

/// Something to try again.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("{}", .0.message)]
    Refused(Status),
}

impl Trusted {
    /// What is in force; none while the guest trusts nothing.
    pub(super) fn in_force(&self) -> Option<Arc<Standing>> {
        self.0.load_full()
    }
}

impl Standing {
    fn new(trust: Trust, jws: String) -> Standing {
        let report = InForce {
            generation: trust.generation,
            hash: trust_object::hash(&jws),
        };
        Standing {
            verifier: Verifier::new(trust),
            jws,
            report,
        }
    }
}

impl LastGood {
    pub(crate) fn new(ledger: Ledger, guest: ObjectUid) -> LastGood {
        LastGood { ledger, guest }
    }

    async fn read(&self) -> Result<Option<String>, LedgerError> {
        self.ledger.trust(&self.guest).await
    }

    async fn keep(&self, jws: &str) -> Result<(), LedgerError> {
        self.ledger.keep_trust(&self.guest, jws).await
    }
}

impl TrustFollower {
    /// Takes what is there already, so that the server judges by it from its first request on.
    pub(super) async fn start(
        registry: &Registry,
        trusted: Arc<Trusted>,
        nodes: watch::Receiver<ControlPlane>,
        last_good: LastGood,
    ) -> Result<TrustFollower, GuestError> {
        let mut follower = TrustFollower {
            config_maps: resource(registry, "", "configmaps")?,
            trusted,
            nodes,
            last_good,
            keys: TrustKeys::default(),
            agent: agent(),
            refused: None,
        };
        follower.learn_keys();
        if let Some(jws) = follower.last_good.read().await?
            && let Ok(trust) = follower.keys.verify(&jws)
        {
            follower.put_in_force(Some(Standing::new(trust, jws)));
        }
        if let Err(trouble) = follower.look().await {
            tracing::warn!(%trouble, "what the guest trusts could not be taken yet");
        }
        Ok(follower)
    }

    /// Runs until it is dropped; sleeps while nothing changes.
    pub(super) async fn run(mut self) {
        loop {
            let Some(mut changes) = self.changes() else { return };
            let looked = self.look().await;
            if let Err(trouble) = &looked {
                tracing::warn!(%trouble, "what the guest trusts could not be taken yet");
            }
            tokio::select! {
                () = a_change(&mut changes) => {}
                changed = self.nodes.changed() => match changed {
                    Ok(()) => self.learn_keys(),
                    Err(_) => return,
                },
                () = tokio::time::sleep(RETRY), if looked.is_err() => {}
            }
        }
    }

    fn changes(&self) -> Option<Watcher> {
        let cache = self.config_maps.cache()?;
        cache.watch(cache.snapshot().revision()).ok()
    }

    /// Takes the nodes' trust keys. What none of them vouches for any more is not in force any more.
    fn learn_keys(&mut self) {
        let nodes = self.nodes.borrow_and_update().clone();
        self.keys.take(nodes.into_values().flatten());
        let Some(standing) = self.trusted.in_force() else {
            return;
        };
        if self.keys.verify(&standing.jws).is_err() {
            tracing::warn!("no trust key of the control plane stands behind what was in force");
            self.put_in_force(None);
        }
    }

    /// Looks at the ConfigMap: takes what it offers, reports what is in force.
    async fn look(&mut self) -> Result<(), Trouble> {
        let Some(object) = self.config_maps.get(NAMESPACE, CONFIG_MAP) else {
            return Ok(());
        };
        if let Some(jws) = object["data"][KEY].as_str() {
            self.consider(jws).await?;
        }
        self.report(&object).await
    }

    async fn consider(&mut self, jws: &str) -> Result<(), Trouble> {
        let in_force = self.trusted.in_force();
        if in_force.as_ref().is_some_and(|standing| standing.jws == jws) || self.keys.is_empty() {
            return Ok(());
        }
        let in_force = in_force.as_ref().map(|standing| standing.verifier.trust());
        match self.keys.judge(jws, in_force) {
            Ok(trust) => {
                self.last_good.keep(jws).await?;
                tracing::debug!(generation = trust.generation, "the guest trusts anew");
                self.put_in_force(Some(Standing::new(trust, jws.to_owned())));
            }
            Err(refused) => self.tell(jws, &refused),
        }
        Ok(())
    }

    fn tell(&mut self, jws: &str, refused: &TrustRefused) {
        let hash = Some(trust_object::hash(jws));
        if self.refused != hash {
            tracing::warn!(%refused, "what is in force stays");
            self.refused = hash;
        }
    }

    fn put_in_force(&mut self, standing: Option<Standing>) {
        self.refused = None;
        self.trusted.0.store(standing.map(Arc::new));
    }

    async fn report(&self, object: &Value) -> Result<(), Trouble> {
        let wanted = self.reports();
        if reports_of(object) == wanted {
            return Ok(());
        }
        let change = |object: &mut Value| {
            set_reports(object, &wanted);
            Ok(())
        };
        match self
            .config_maps
            .update(&self.agent, NAMESPACE, CONFIG_MAP, change)
            .await
        {
            Err(status) if status.code != 404 => Err(Trouble::Refused(status)),
            _ => Ok(()),
        }
    }

    /// The annotations of nodes that have a trust key.
    fn reports(&self) -> BTreeMap<String, String> {
        let Some(standing) = self.trusted.in_force() else {
            return BTreeMap::new();
        };
        let nodes = self.nodes.borrow();
        let with_key = nodes.iter().filter(|(_, key)| key.is_some());
        with_key
            .map(|(node, _)| (InForce::annotation(node), standing.report.to_json()))
            .collect()
    }
}

/// Waits until the ConfigMap may be another one.
async fn a_change(changes: &mut Watcher) {
    loop {
        match changes.next().await {
            Next::Event(event) if *event.entry.namespace == *NAMESPACE && *event.entry.name == *CONFIG_MAP => return,
            Next::Event(_) => {}
            Next::Expired => return,
            // The server is stopping, and this with it.
            Next::Closed => std::future::pending().await,
        }
    }
}

fn reports_of(object: &Value) -> BTreeMap<String, String> {
    let annotations = object["metadata"]["annotations"].as_object().into_iter().flatten();
    annotations
        .filter(|(key, _)| InForce::is_report(key))
        .map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned()))
        .collect()
}

fn set_reports(object: &mut Value, reports: &BTreeMap<String, String>) {
    if !object["metadata"]["annotations"].is_object() {
        object["metadata"]["annotations"] = json!({});
    }
    if let Some(annotations) = object["metadata"]["annotations"].as_object_mut() {
        annotations.retain(|key, _| !InForce::is_report(key));
        annotations.extend(reports.iter().map(|(key, value)| (key.clone(), json!(value))));
    }
}
