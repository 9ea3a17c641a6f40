//! One served resource: its definition, its cached objects, and access for code in the same process.

use std::{sync::Arc, time::Duration};

use serde_json::Value;

use super::{
    DeleteOptions, Deleted, ResourceDefinition,
    definition_ref::DefinitionRef,
    index::DefinitionIndexer,
    turns::Turns,
    watching::WatchCounts,
    write::{Part, Update, WriteRequest},
};
use crate::{
    admission::{Chain, Notes},
    authn::User,
    cache::{Cache, ResourceCache},
    request::options::WriteOptions,
    status::Status,
    storage::{Store, StoreError},
};

/// Longest a write may take from its first read to its answer.
pub(super) const WRITE_DEADLINE: Duration = Duration::from_secs(34);

/// One served resource.
pub struct Resource {
    definition: DefinitionRef,
    pub(super) store: Arc<dyn Store>,
    pub(super) cache: Arc<Cache>,
    /// None for a virtual resource, which stores nothing.
    objects: Option<Arc<ResourceCache>>,
    pub(super) indexer: DefinitionIndexer,
    pub(super) admission: Arc<Chain>,
    pub(super) turns: Turns,
    pub(super) watch_counts: Arc<WatchCounts>,
}

impl Resource {
    pub(super) fn new(
        definition: DefinitionRef,
        store: Arc<dyn Store>,
        cache: Arc<Cache>,
        admission: Arc<Chain>,
    ) -> Resource {
        Resource {
            objects: cache.version(&definition.names.key_prefix(), &definition.names.version),
            indexer: DefinitionIndexer(definition.clone()),
            definition,
            store,
            cache,
            admission,
            turns: Turns::default(),
            watch_counts: Arc::default(),
        }
    }

    /// What it is.
    pub fn definition(&self) -> &ResourceDefinition {
        &self.definition
    }

    /// What it is, for something that outlives the request.
    pub(super) fn shared_definition(&self) -> DefinitionRef {
        self.definition.clone()
    }

    /// Its cached objects; none for a virtual resource, such as an access review.
    pub fn cache(&self) -> Option<&Arc<ResourceCache>> {
        self.objects.as_ref()
    }

    /// Its cached objects, or the status for a verb that needs them.
    pub(super) fn objects(&self) -> Result<&Arc<ResourceCache>, Status> {
        self.objects.as_ref().ok_or_else(Status::method_not_supported)
    }

    /// One object as the cache has it.
    pub fn get(&self, namespace: &str, name: &str) -> Option<Value> {
        let entry = self.objects.as_ref()?.get(namespace, name)?;
        serde_json::from_slice(&entry.encoded).ok()
    }

    /// Stores a new object as a POST does, without authorization. `metadata.name` or `generateName` must be set.
    pub async fn create(&self, user: &User, namespace: &str, object: Value) -> Result<Value, Status> {
        let request = WriteRequest::in_process(user, namespace, "");
        let object = self.definition().complete(object, &request)?;
        let written = self.within_deadline(self.insert(&request, object)).await?;
        written.into_value()
    }

    /// Changes an object as a PUT does, without authorization. `change` may run several times, on newer states.
    pub async fn update(
        &self,
        user: &User,
        namespace: &str,
        name: &str,
        change: impl Fn(&mut Value) -> Result<(), Status> + Send + Sync,
    ) -> Result<Value, Status> {
        self.change(user, namespace, name, Part::Main, change).await
    }

    /// As [`Resource::update`], through `/status`.
    pub async fn update_status(
        &self,
        user: &User,
        namespace: &str,
        name: &str,
        change: impl Fn(&mut Value) -> Result<(), Status> + Send + Sync,
    ) -> Result<Value, Status> {
        self.change(user, namespace, name, Part::Status, change).await
    }

    /// As [`Resource::update`], through one of the definition's `update_subresources`.
    pub async fn update_subresource(
        &self,
        user: &User,
        namespace: &str,
        name: &str,
        subresource: &'static str,
        change: impl Fn(&mut Value) -> Result<(), Status> + Send + Sync,
    ) -> Result<Value, Status> {
        self.change(user, namespace, name, Part::Subresource(subresource), change)
            .await
    }

    /// Deletes an object as a DELETE does, without authorization.
    pub async fn delete(
        &self,
        user: &User,
        namespace: &str,
        name: &str,
        options: DeleteOptions,
    ) -> Result<Deleted, Status> {
        let request = WriteRequest::in_process(user, namespace, "");
        self.within_deadline(self.remove(&request, name, &options)).await
    }

    async fn change(
        &self,
        user: &User,
        namespace: &str,
        name: &str,
        part: Part,
        change: impl Fn(&mut Value) -> Result<(), Status> + Send + Sync,
    ) -> Result<Value, Status> {
        let request = WriteRequest::in_process(user, namespace, part.subresource());
        let changed = |live: &Value| {
            let mut object = live.clone();
            change(&mut object)?;
            self.definition().complete(object, &request)
        };
        let written = self
            .within_deadline(self.modify(&request, name, &Update::of(part, &changed).into()))
            .await?;
        written.into_value()
    }

    pub(super) async fn within_deadline<T>(&self, work: impl Future<Output = Result<T, Status>>) -> Result<T, Status> {
        tokio::time::timeout(WRITE_DEADLINE, work)
            .await
            .unwrap_or_else(|_| Err(Status::request_timeout()))
    }

    /// The answer for a store that did not do its work; the reason goes to the log.
    pub(super) fn store_failed(&self, verb: &str, error: &StoreError) -> Status {
        let names = &self.definition().names;
        if let StoreError::TooLarge(why) = error {
            return Status::too_large(why);
        }
        tracing::error!(resource = names.group_resource(), verb, %error, "the store failed");
        match error {
            // Trying again is of no use before somebody makes room: said as kube-apiserver does of a full etcd.
            StoreError::Full(_) => Status::internal(error.to_string()),
            _ => Status::server_timeout(names, verb),
        }
    }
}

impl<'a> WriteRequest<'a> {
    fn in_process(user: &'a User, namespace: &'a str, subresource: &'a str) -> WriteRequest<'a> {
        WriteRequest {
            user,
            access: None,
            source: None,
            namespace,
            subresource,
            options: WriteOptions {
                manager: user.name.clone(),
                ..WriteOptions::default()
            },
            notes: Notes::default(),
        }
    }
}
