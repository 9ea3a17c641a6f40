//! Follows what the supervisor says the guest trusts, brings it into force, and reports that.

use std::{pin::pin, sync::Arc, time::Duration};

use futures::{Stream, StreamExt as _};
use guestcluster_credentials::{
    authentication_configuration::{self, Discovery},
    trust_object::{self, CONFIG_MAP, InForce, KEY, NAMESPACE},
};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::{
    Api,
    api::{Patch, PatchParams},
    runtime::{
        WatchStreamExt as _,
        watcher::{self, Event, watcher},
    },
};
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::{
    Config,
    connection::{Connections, Pauses, Told, WATCH_SECONDS, in_time, watch_failure},
    documents::{DISCOVERY_PATH, Documents, KEYS_PATH},
    enforcement::Enforcement,
    folder::Folder,
    loopback::Loopback,
    metrics,
    trusted::Trusted,
};

/// Field manager of reports.
const FIELD_MANAGER: &str = "guestcluster-agent";
/// How long to wait after something failed.
const RETRY: Duration = Duration::from_secs(2);
/// How often files and certificates are looked at, whatever happens.
const LOOK: Duration = Duration::from_mins(1);

/// One node's side of the guest's trust.
pub(super) struct Follower {
    node: String,
    minor: Option<u32>,
    folder: Folder,
    trusted: Trusted,
    loopback: Loopback,
    documents: Arc<Documents>,
    connections: Connections,
    /// The ConfigMap as it was last seen.
    seen: Option<ConfigMap>,
    enforcement: Option<Enforcement>,
    troubles: Told,
    watch_troubles: Told,
}

impl Follower {
    pub(super) fn new(
        config: &Config,
        folder: Folder,
        trusted: Trusted,
        loopback: Loopback,
        documents: Arc<Documents>,
        connections: Connections,
    ) -> Follower {
        let follower = Follower {
            node: config.node.clone(),
            minor: config.minor,
            folder,
            trusted,
            loopback,
            documents,
            connections,
            seen: None,
            enforcement: None,
            troubles: Told::default(),
            watch_troubles: Told::default(),
        };
        follower.show();
        follower
    }

    /// Never ends.
    pub(super) async fn run(mut self) {
        let mut changes = pin!(self.changes());
        loop {
            self.documents.pulse().beat();
            let pause = match self.pass().await {
                Ok(pause) => {
                    self.troubles.forget();
                    pause
                }
                Err(error) => {
                    self.troubles.tell("the guest's trust", &format!("{error:#}"));
                    RETRY
                }
            };
            tokio::select! {
                Some(change) = changes.next() => self.take(change),
                () = sleep(pause) => {}
            }
        }
    }

    /// The one object, as it changes; none when it is not there.
    fn changes(&self) -> impl Stream<Item = Result<Option<ConfigMap>, watcher::Error>> + Send + use<> {
        let maps: Api<ConfigMap> = Api::namespaced(self.connections.guest.clone(), NAMESPACE);
        let only = watcher::Config::default()
            .fields(&format!("metadata.name={CONFIG_MAP}"))
            .timeout(WATCH_SECONDS);
        let events = watcher(maps, only).backoff(Pauses::default());
        events.filter_map(async |event| match event {
            Ok(Event::Apply(map) | Event::InitApply(map)) => Some(Ok(Some(map))),
            Ok(Event::Delete(_)) => Some(Ok(None)),
            Ok(Event::Init | Event::InitDone) => None,
            Err(error) => Some(Err(error)),
        })
    }

    fn take(&mut self, change: Result<Option<ConfigMap>, watcher::Error>) {
        match change {
            Ok(map) => {
                self.watch_troubles.forget();
                self.seen = map;
            }
            Err(error) => self.watch_troubles.tell(CONFIG_MAP, &watch_failure(&error)),
        }
    }

    /// Takes what is offered, brings it into force and reports. How long nothing is to be done, unless something changes.
    async fn pass(&mut self) -> anyhow::Result<Duration> {
        let offered = self.seen.as_ref().and_then(|map| map.data.as_ref()?.get(KEY));
        if let Some(jws) = offered
            && self.trusted.consider(jws, &self.folder)?
        {
            self.show();
        }
        self.loopback.renew(&self.folder)?;
        if self.trusted.taken().is_none() {
            return Ok(LOOK);
        }
        let minor = self.minor().await?;
        self.keep_file(minor)?;
        self.look().await
    }

    /// Keys are served before kube-apiserver is told of them.
    fn show(&self) {
        if let Some(taken) = self.trusted.taken() {
            self.documents.show(&taken.trust, &self.loopback.url(KEYS_PATH));
        }
    }

    async fn minor(&mut self) -> anyhow::Result<u32> {
        if let Some(minor) = self.minor {
            return Ok(minor);
        }
        let version = in_time(self.connections.own.apiserver_version()).await?;
        // Some distributions put a plus behind it.
        let digits = version
            .minor
            .trim_end_matches(|character: char| !character.is_ascii_digit());
        let minor = digits.parse()?;
        self.minor = Some(minor);
        Ok(minor)
    }

    /// Writes the file where it is not as it should be.
    fn keep_file(&mut self, minor: u32) -> anyhow::Result<()> {
        let Some(taken) = self.trusted.taken() else {
            return Ok(());
        };
        let url = self.loopback.url(DISCOVERY_PATH);
        let discovery = Discovery {
            url: &url,
            certificate_authority: self.loopback.authority(),
        };
        let wanted = authentication_configuration::render(minor, &taken.trust, &discovery);
        let hash = trust_object::hash(&wanted);
        let is_there = self.folder.configuration()?.as_deref() == Some(wanted.as_str());
        if !is_there {
            self.folder.put_configuration(&wanted)?;
        }
        let is_known = self.enforcement.as_ref().is_some_and(|known| known.is_of(&hash));
        if !is_there || !is_known {
            self.enforcement = Some(Enforcement::of(hash, !is_there, Instant::now()));
        }
        Ok(())
    }

    /// Asks kube-apiserver how far it is, when it is time to, and reports what is new.
    async fn look(&mut self) -> anyhow::Result<Duration> {
        let Some(enforcement) = &mut self.enforcement else {
            return Ok(LOOK);
        };
        if enforcement.pause(Instant::now()).is_zero() {
            let reading = metrics::read(&self.connections.own).await;
            let reading =
                reading.map_err(|error| anyhow::anyhow!("kube-apiserver's metrics can't be read: {error}"))?;
            if let Some(word) = enforcement.saw(reading, Instant::now()) {
                tracing::warn!("{word}");
            }
        }
        let (pause, in_force, elsewhere) = (
            enforcement.pause(Instant::now()),
            enforcement.is_in_force(Instant::now()),
            enforcement.is_elsewhere(),
        );
        self.report(in_force, elsewhere).await?;
        Ok(pause.min(LOOK))
    }

    /// Says at the ConfigMap what this node judges by, and takes it back where that turned out wrong.
    async fn report(&self, in_force: bool, elsewhere: bool) -> anyhow::Result<()> {
        let (Some(taken), Some(map)) = (self.trusted.taken(), &self.seen) else {
            return Ok(());
        };
        let report = InForce {
            generation: taken.trust.generation,
            hash: trust_object::hash(&taken.jws),
        };
        let annotation = InForce::annotation(&self.node);
        let annotations = map.metadata.annotations.as_ref();
        let told = annotations.and_then(|all| InForce::of(all, &self.node));
        let value = if in_force && told.as_ref() != Some(&report) {
            json!(report.to_json())
        } else if elsewhere && told.as_ref() == Some(&report) {
            tracing::warn!("kube-apiserver judges by another file again");
            json!(null)
        } else {
            return Ok(());
        };
        let patch = Patch::Merge(json!({"metadata": {"annotations": {annotation: value}}}));
        let parameters = PatchParams {
            field_manager: Some(FIELD_MANAGER.to_owned()),
            ..PatchParams::default()
        };
        let maps: Api<ConfigMap> = Api::namespaced(self.connections.guest.clone(), NAMESPACE);
        in_time(maps.patch_metadata(CONFIG_MAP, &parameters, &patch)).await?;
        tracing::info!(generation = report.generation, in_force, "reported");
        Ok(())
    }
}
