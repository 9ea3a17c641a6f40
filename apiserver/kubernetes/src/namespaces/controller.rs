//! Gives each namespace its default service account, and deletes the content of those that are going away.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use futures::{StreamExt, stream};
use generic_apiserver::{
    Status,
    authn::User,
    cache::{Entry, Next, Watcher},
    registry::{DeleteOptions, Preconditions, Propagation, Registry, Resource},
};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{DEFAULT_SERVICE_ACCOUNT, content::Remaining};
use crate::metadata::Metadata;

/// Deletions of one namespace's content at one time.
const PARALLEL: usize = 32;
/// Passes over terminating namespaces start at most this often; changes in between count for one pass.
const PAUSE: Duration = Duration::from_millis(50);
/// How long to wait after a pass in which something failed.
const RETRY: Duration = Duration::from_secs(1);

/// Runs until it is stopped; sleeps while nothing in the cluster changes.
pub(crate) struct NamespaceController {
    registry: Arc<Registry>,
    namespaces: Arc<Resource>,
    service_accounts: Arc<Resource>,
    user: User,
    /// Namespaces that are going away.
    terminating: BTreeSet<Box<str>>,
    /// Active namespaces that may lack their service account.
    incomplete: BTreeSet<Box<str>>,
}

/// What changed since the last look.
struct Changes {
    namespaces: Watcher,
    service_accounts: Watcher,
}

impl NamespaceController {
    /// None when the registry serves no namespaces or service accounts.
    pub(crate) fn new(registry: Arc<Registry>) -> Option<NamespaceController> {
        Some(NamespaceController {
            namespaces: registry.resource("", "namespaces")?,
            service_accounts: registry.resource("", "serviceaccounts")?,
            registry,
            user: crate::controller_user("namespace-controller"),
            terminating: BTreeSet::new(),
            incomplete: BTreeSet::new(),
        })
    }

    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let _ = stop.run_until_cancelled(self.follow()).await;
    }

    async fn follow(&mut self) {
        let mut changes: Option<Changes> = None;
        loop {
            let seen = self.registry.cache().revision();
            if !changes.as_mut().is_some_and(|changes| self.take(changes)) {
                changes = self.restart();
            }
            let complete = self.pass().await;
            if complete {
                self.registry.cache().wait_after(seen).await;
            } else {
                tokio::time::sleep(RETRY).await;
            }
            if !self.terminating.is_empty() {
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    /// Looks at everything, and follows what changes afterwards.
    fn restart(&mut self) -> Option<Changes> {
        let (namespaces, accounts) = (self.namespaces.cache()?, self.service_accounts.cache()?);
        let account_changes = accounts.watch(accounts.snapshot().revision()).ok()?;
        let snapshot = namespaces.snapshot();
        let changes = Changes {
            namespaces: namespaces.watch(snapshot.revision()).ok()?,
            service_accounts: account_changes,
        };
        snapshot.iter().for_each(|entry| self.note(entry));
        Some(changes)
    }

    /// Notes what is new. False when some of it is lost.
    fn take(&mut self, changes: &mut Changes) -> bool {
        while let Some(next) = changes.namespaces.try_next() {
            match next {
                Next::Event(event) => self.note(&event.entry),
                Next::Expired => return false,
                Next::Closed => break,
            }
        }
        while let Some(next) = changes.service_accounts.try_next() {
            match next {
                Next::Event(event) if *event.entry.name == *DEFAULT_SERVICE_ACCOUNT => {
                    self.incomplete.insert(event.entry.namespace.clone());
                }
                Next::Event(_) => {}
                Next::Expired => return false,
                Next::Closed => break,
            }
        }
        true
    }

    fn note(&mut self, namespace: &Entry) {
        if Metadata::of(namespace).is_terminating() {
            self.terminating.insert(namespace.name.clone());
        } else {
            self.incomplete.insert(namespace.name.clone());
        }
    }

    /// Does what can be done for now. False when something failed and should be tried again.
    async fn pass(&mut self) -> bool {
        let mut complete = true;
        for namespace in std::mem::take(&mut self.incomplete) {
            if let Err(status) = self.ensure_service_account(&namespace).await {
                tracing::warn!(%namespace, error = status.message, "no default service account yet");
                self.incomplete.insert(namespace);
                complete = false;
            }
        }
        for namespace in std::mem::take(&mut self.terminating) {
            match self.empty(&namespace).await {
                Ok(true) => {}
                Ok(false) => {
                    self.terminating.insert(namespace);
                }
                Err(status) => {
                    tracing::warn!(%namespace, error = status.message, "could not empty the namespace");
                    self.terminating.insert(namespace);
                    complete = false;
                }
            }
        }
        complete
    }

    async fn ensure_service_account(&self, namespace: &str) -> Result<(), Status> {
        let is_active = self
            .namespaces
            .get("", namespace)
            .is_some_and(|found| !is_terminating(&found));
        if !is_active || self.service_accounts.get(namespace, DEFAULT_SERVICE_ACCOUNT).is_some() {
            return Ok(());
        }
        let account = json!({"metadata": {"name": DEFAULT_SERVICE_ACCOUNT}});
        match self.service_accounts.create(&self.user, namespace, account).await {
            // Somebody else made it, or the namespace began to go away.
            Err(status) if !matches!(status.code, 403 | 404 | 409) => Err(status),
            _ => Ok(()),
        }
    }

    /// Deletes what a namespace holds; once nothing is left, lets it go. True when there is nothing more to do.
    async fn empty(&self, name: &str) -> Result<bool, Status> {
        match self.namespaces.get("", name) {
            Some(namespace) if is_terminating(&namespace) => {}
            _ => return Ok(true),
        }
        let failures = self.delete_content(name).await;
        let remaining = self.remaining(name, failures);
        if !remaining.is_empty() {
            self.report(name, &remaining).await?;
            return if remaining.failures.is_empty() {
                Ok(false)
            } else {
                Err(Status::internal(remaining.failures.join("; ")))
            };
        }
        self.release(name).await?;
        Ok(true)
    }

    /// Deletes all objects that are not being deleted yet; returns why some could not be.
    async fn delete_content(&self, namespace: &str) -> Vec<String> {
        let resources = self.content();
        let objects = resources.iter().flat_map(|resource| {
            let entries = entries(resource, namespace);
            entries
                .into_iter()
                .map(move |entry| (resource, Metadata::of(&entry), entry))
        });
        let live = objects.filter(|(_, metadata, _)| !metadata.is_terminating());
        let deletions = live.map(|(resource, metadata, entry)| self.delete(resource, namespace, metadata, entry));
        stream::iter(deletions.collect::<Vec<_>>())
            .buffer_unordered(PARALLEL)
            .filter_map(async |failure| failure)
            .collect()
            .await
    }

    async fn delete(
        &self,
        resource: &Resource,
        namespace: &str,
        metadata: Metadata,
        entry: Arc<Entry>,
    ) -> Option<String> {
        let options = DeleteOptions {
            propagation: Some(Propagation::Background),
            preconditions: Preconditions {
                uid: Some(metadata.uid.into()),
                resource_version: None,
            },
            ..DeleteOptions::default()
        };
        match resource.delete(&self.user, namespace, &entry.name, options).await {
            // Gone or replaced: the next look decides.
            Err(status) if !matches!(status.code, 404 | 409) => Some(status.message),
            _ => None,
        }
    }

    fn remaining(&self, namespace: &str, failures: Vec<String>) -> Remaining {
        let mut remaining = Remaining {
            failures,
            ..Remaining::default()
        };
        for resource in self.content() {
            let name = resource.definition().names.group_resource();
            for entry in entries(&resource, namespace) {
                remaining.add(&name, Metadata::of(&entry).finalizers.as_deref().unwrap_or_default());
            }
        }
        remaining
    }

    async fn report(&self, name: &str, remaining: &Remaining) -> Result<(), Status> {
        let now = Timestamp::now();
        let current = self.namespaces.get("", name);
        if current.is_none_or(|mut namespace| !remaining.report(&mut namespace, now)) {
            return Ok(());
        }
        let report = |namespace: &mut Value| {
            remaining.report(namespace, now);
            Ok(())
        };
        gone_is_fine(self.namespaces.update_status(&self.user, "", name, report).await)
    }

    /// Takes the namespace's own finalizer away: with the last one it goes.
    async fn release(&self, name: &str) -> Result<(), Status> {
        let release = |namespace: &mut Value| {
            if let Some(finalizers) = namespace["spec"]["finalizers"].as_array_mut() {
                finalizers.retain(|finalizer| finalizer != "kubernetes");
            }
            Ok(())
        };
        gone_is_fine(
            self.namespaces
                .update_subresource(&self.user, "", name, "finalize", release)
                .await,
        )
    }

    /// Resources that a namespace may hold objects of.
    fn content(&self) -> Vec<Arc<Resource>> {
        let definitions = self.registry.definitions().iter();
        let namespaced =
            definitions.filter(|definition| definition.names.namespaced && definition.virtual_create.is_none());
        namespaced
            .filter_map(|definition| {
                self.registry
                    .resource(&definition.names.group, &definition.names.plural)
            })
            .collect()
    }
}

fn entries(resource: &Resource, namespace: &str) -> Vec<Arc<Entry>> {
    let Some(cache) = resource.cache() else {
        return Vec::new();
    };
    cache.snapshot().range(Some(namespace), None).cloned().collect()
}

fn is_terminating(namespace: &Value) -> bool {
    !namespace["metadata"]["deletionTimestamp"].is_null()
}

fn gone_is_fine(answer: Result<Value, Status>) -> Result<(), Status> {
    match answer {
        Err(status) if status.code != 404 => Err(status),
        _ => Ok(()),
    }
}
