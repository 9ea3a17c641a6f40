//! Keeps the bindings of the levels view and edit in every namespace that is not the system's.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use generic_apiserver::{
    Status,
    authn::User,
    cache::{Next, Watcher},
    registry::{DeleteOptions, Registry, Resource},
};
use guestcluster_credentials::{
    Level,
    levels::{self, Change, NAMESPACED, SYSTEM_LABEL},
};
use serde_json::Value;

use super::{GuestError, agent::agent, server::resource};

/// How long to wait after a pass in which something failed.
const RETRY: Duration = Duration::from_secs(1);

/// Runs until it is dropped; sleeps while no namespace and none of its bindings changes.
pub(super) struct LevelBindings {
    namespaces: Arc<Resource>,
    bindings: Arc<Resource>,
    agent: User,
    /// Namespaces to look at.
    pending: BTreeSet<Box<str>>,
}

/// What changes from a moment on.
struct Changes {
    namespaces: Watcher,
    bindings: Watcher,
}

impl LevelBindings {
    pub(super) fn new(registry: &Registry) -> Result<LevelBindings, GuestError> {
        Ok(LevelBindings {
            namespaces: resource(registry, "", "namespaces")?,
            bindings: resource(registry, levels::RBAC, "rolebindings")?,
            agent: agent(),
            pending: BTreeSet::new(),
        })
    }

    pub(super) async fn run(mut self) {
        while let Some(mut changes) = self.restart() {
            loop {
                self.pass().await;
                if !self.wait(&mut changes).await {
                    break;
                }
            }
        }
    }

    /// Takes every namespace for pending, and follows what changes afterwards.
    fn restart(&mut self) -> Option<Changes> {
        let (namespaces, bindings) = (self.namespaces.cache()?, self.bindings.cache()?);
        let bindings = bindings.watch(bindings.snapshot().revision()).ok()?;
        let snapshot = namespaces.snapshot();
        self.pending.extend(snapshot.iter().map(|entry| entry.name.clone()));
        let namespaces = namespaces.watch(snapshot.revision()).ok()?;
        Some(Changes { namespaces, bindings })
    }

    /// Waits until there is something to look at. False when some changes are lost.
    async fn wait(&mut self, changes: &mut Changes) -> bool {
        loop {
            let (next, is_namespace) = tokio::select! {
                next = changes.namespaces.next() => (next, true),
                next = changes.bindings.next() => (next, false),
                () = tokio::time::sleep(RETRY), if !self.pending.is_empty() => return true,
            };
            match next {
                Next::Event(event) if is_namespace => drop(self.pending.insert(event.entry.name.clone())),
                Next::Event(event) if is_level(&event.entry.name) => {
                    self.pending.insert(event.entry.namespace.clone());
                }
                Next::Event(_) => continue,
                Next::Expired => return false,
                // The server is stopping, and this with it.
                Next::Closed => std::future::pending().await,
            }
            return true;
        }
    }

    async fn pass(&mut self) {
        for namespace in std::mem::take(&mut self.pending) {
            if let Err(status) = self.keep(&namespace).await {
                tracing::warn!(%namespace, error = status.message, "the levels' bindings are not as they should be yet");
                self.pending.insert(namespace);
            }
        }
    }

    async fn keep(&self, name: &str) -> Result<(), Status> {
        let Some(namespace) = self.namespaces.get("", name) else {
            return Ok(());
        };
        if !namespace["metadata"]["deletionTimestamp"].is_null() {
            return Ok(());
        }
        let is_system = levels::is_system(name, namespace["metadata"]["labels"][SYSTEM_LABEL].as_str());
        for (level, role) in NAMESPACED {
            let wanted = (!is_system).then(|| levels::binding(name, level, role));
            self.keep_binding(name, level, wanted).await?;
        }
        Ok(())
    }

    async fn keep_binding(&self, namespace: &str, level: Level, wanted: Option<Value>) -> Result<(), Status> {
        let live = self.bindings.get(namespace, level.group());
        let change = Change::between(live.as_ref(), wanted.as_ref());
        let Some(wanted) = wanted else {
            return match change {
                Change::Delete => self.delete(namespace, level).await,
                _ => Ok(()),
            };
        };
        match change {
            Change::Create => self.create(namespace, wanted).await,
            Change::Replace => {
                self.delete(namespace, level).await?;
                self.create(namespace, wanted).await
            }
            Change::Update => {
                let change = |live: &mut Value| {
                    live["subjects"] = wanted["subjects"].clone();
                    Ok(())
                };
                let updated = self.bindings.update(&self.agent, namespace, level.group(), change);
                unless_gone(updated.await.map(drop))
            }
            Change::Delete | Change::Nothing => Ok(()),
        }
    }

    async fn create(&self, namespace: &str, wanted: Value) -> Result<(), Status> {
        match self.bindings.create(&self.agent, namespace, wanted).await {
            // The namespace is going away.
            Err(status) if status.code == 403 && self.is_going(namespace) => Ok(()),
            // Somebody else was faster: the event of that write brings the next look.
            Err(status) if matches!(status.code, 404 | 409) => Ok(()),
            other => other.map(drop),
        }
    }

    async fn delete(&self, namespace: &str, level: Level) -> Result<(), Status> {
        let deleted = self
            .bindings
            .delete(&self.agent, namespace, level.group(), DeleteOptions::default());
        unless_gone(deleted.await.map(drop))
    }

    fn is_going(&self, namespace: &str) -> bool {
        let namespace = self.namespaces.get("", namespace);
        namespace.is_none_or(|namespace| !namespace["metadata"]["deletionTimestamp"].is_null())
    }
}

fn is_level(binding: &str) -> bool {
    NAMESPACED.iter().any(|(level, _)| level.group() == binding)
}

fn unless_gone(answer: Result<(), Status>) -> Result<(), Status> {
    match answer {
        Err(status) if status.code != 404 => Err(status),
        _ => Ok(()),
    }
}
