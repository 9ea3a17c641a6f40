//! Keeps the bindings of the levels view and edit in every namespace that is not the system's. Each control-plane node's agent
//! does, by the same server-side apply.

use std::{collections::BTreeSet, fmt::Debug, time::Duration};

use futures::{Stream, StreamExt as _, stream};
use guestcluster_credentials::{
    Level,
    levels::{self, Change, NAMESPACED, SYSTEM_LABEL},
};
use k8s_openapi::api::{core::v1::Namespace, rbac::v1::RoleBinding};
use kube::{
    Api, Client, Resource, ResourceExt as _,
    api::{DeleteParams, PartialObjectMeta, Patch, PatchParams},
    runtime::{
        WatchStreamExt as _,
        reflector::{self, ObjectRef, Store},
        watcher::{self, Event, watcher},
    },
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::time::sleep;

use super::connection::{Pauses, Told, Unanswered, WATCH_SECONDS, in_time, watch_failure};

/// Field manager of the bindings.
const FIELD_MANAGER: &str = "guestcluster-agent";
/// How long to wait after a pass in which something failed.
const RETRY: Duration = Duration::from_secs(2);

/// Runs until it is dropped; sleeps while no namespace and none of its bindings changes.
pub(super) struct LevelBindings {
    keeper: Keeper,
    changes: stream::SelectAll<stream::BoxStream<'static, Result<Touched, watcher::Error>>>,
    /// Namespaces to look at.
    pending: BTreeSet<String>,
    troubles: Told,
}

/// What there is, and what brings it to what there should be.
struct Keeper {
    client: Client,
    namespaces: Store<PartialObjectMeta<Namespace>>,
    bindings: [Store<RoleBinding>; 2],
}

/// What may have to be looked at.
enum Touched {
    Namespace(String),
    All,
}

impl LevelBindings {
    pub(super) fn new(client: Client) -> LevelBindings {
        let (namespaces, writer) = reflector::store();
        let config = || watcher::Config::default().timeout(WATCH_SECONDS);
        let events = watcher(Api::<PartialObjectMeta<Namespace>>::all(client.clone()), config());
        let name = |namespace: &PartialObjectMeta<Namespace>| namespace.name_any();
        let mut changes = stream::SelectAll::new();
        changes.push(touched(events.backoff(Pauses::default()).reflect(writer), name).boxed());
        let bindings = NAMESPACED.map(|(level, _)| {
            let (bindings, writer) = reflector::store();
            let only = config().fields(&format!("metadata.name={}", level.group()));
            let events = watcher(Api::<RoleBinding>::all(client.clone()), only);
            let namespace = |binding: &RoleBinding| binding.namespace().unwrap_or_default();
            changes.push(touched(events.backoff(Pauses::default()).reflect(writer), namespace).boxed());
            bindings
        });
        LevelBindings {
            keeper: Keeper {
                client,
                namespaces,
                bindings,
            },
            changes,
            pending: BTreeSet::new(),
            troubles: Told::default(),
        }
    }

    pub(super) async fn run(mut self) {
        loop {
            tokio::select! {
                Some(change) = self.changes.next() => self.take(change),
                () = sleep(RETRY), if !self.pending.is_empty() => {}
            }
            // What has come in meanwhile is looked at together.
            while let Some(Some(change)) = futures::FutureExt::now_or_never(self.changes.next()) {
                self.take(change);
            }
            self.pass().await;
        }
    }

    fn take(&mut self, change: Result<Touched, watcher::Error>) {
        match change {
            Ok(Touched::Namespace(namespace)) => drop(self.pending.insert(namespace)),
            Ok(Touched::All) => {
                let all = self.keeper.namespaces.state();
                self.pending.extend(all.iter().map(|namespace| namespace.name_any()));
            }
            Err(error) => self.troubles.tell("the levels' bindings", &watch_failure(&error)),
        }
    }

    async fn pass(&mut self) {
        let mut failed = false;
        for namespace in std::mem::take(&mut self.pending) {
            if let Err(error) = self.keeper.keep(&namespace).await {
                self.troubles
                    .tell("the levels' bindings", &format!("namespace {namespace}: {error}"));
                self.pending.insert(namespace);
                failed = true;
            }
        }
        if !failed {
            self.troubles.forget();
        }
    }
}

impl Keeper {
    async fn keep(&self, name: &str) -> Result<(), Unanswered> {
        let Some(namespace) = self.namespaces.get(&ObjectRef::new(name)) else {
            return Ok(());
        };
        if namespace.metadata.deletion_timestamp.is_some() {
            return Ok(());
        }
        let label = namespace.labels().get(SYSTEM_LABEL).map(String::as_str);
        let is_system = levels::is_system(name, label);
        for ((level, role), live) in NAMESPACED.into_iter().zip(&self.bindings) {
            let live = live.get(&ObjectRef::new(level.group()).within(name));
            let live = live.and_then(|live| serde_json::to_value(live.as_ref()).ok());
            let wanted = (!is_system).then(|| levels::binding(name, level, role));
            self.bring(name, level, live.as_ref(), wanted).await?;
        }
        Ok(())
    }

    async fn bring(
        &self,
        namespace: &str,
        level: Level,
        live: Option<&Value>,
        wanted: Option<Value>,
    ) -> Result<(), Unanswered> {
        let change = Change::between(live, wanted.as_ref());
        let bindings: Api<RoleBinding> = Api::namespaced(self.client.clone(), namespace);
        if matches!(change, Change::Delete | Change::Replace) {
            let deleted = in_time(bindings.delete(level.group(), &DeleteParams::default())).await;
            unless_gone(deleted.map(drop))?;
        }
        if let Some(wanted) = wanted
            && matches!(change, Change::Create | Change::Update | Change::Replace)
        {
            let parameters = PatchParams::apply(FIELD_MANAGER).force();
            let applied = in_time(bindings.patch(level.group(), &parameters, &Patch::Apply(&wanted))).await;
            unless_gone(applied.map(drop))?;
        }
        Ok(())
    }
}

/// The namespaces that the events of a watch are about, while the store behind it is filled.
fn touched<K>(
    events: impl Stream<Item = Result<Event<K>, watcher::Error>> + Send,
    namespace: impl Fn(&K) -> String + Send + Sync,
) -> impl Stream<Item = Result<Touched, watcher::Error>> + Send
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
{
    events.filter_map(move |event| {
        let touched = match event {
            Ok(Event::Apply(object) | Event::Delete(object)) => Some(Ok(Touched::Namespace(namespace(&object)))),
            // What is missing from a list was deleted unseen.
            Ok(Event::InitDone) => Some(Ok(Touched::All)),
            Ok(Event::Init | Event::InitApply(_)) => None,
            Err(error) => Some(Err(error)),
        };
        std::future::ready(touched)
    })
}

fn unless_gone(answer: Result<(), Unanswered>) -> Result<(), Unanswered> {
    match answer {
        Err(Unanswered::Refused(kube::Error::Api(status))) if status.code == 404 => Ok(()),
        other => other,
    }
}
