//! Reading the live object, committing a plan, trying again when somebody was faster.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use serde_json::Value;

use super::{Change, Live, Plan, Shown, State, WriteRequest, Written};
use crate::{
    cache::{Entry, EventKind, Indexer as _, Preparation},
    registry::{Resource, object},
    status::Status,
    storage::{Compare, Outcome, Revision, Transaction, Write},
};

/// How often a change is tried on a newer state. Writers in this process take turns, so only other replicas interfere.
const ATTEMPTS: usize = 32;
/// How long an answer waits for the cache to show the write.
const READ_YOUR_WRITE: Duration = Duration::from_secs(10);

impl Resource {
    /// Changes an existing object. 404 when there is none.
    pub(in crate::registry) async fn modify(
        &self,
        request: &WriteRequest<'_>,
        name: &str,
        change: &Change<'_>,
    ) -> Result<Written, Status> {
        let key = self.definition().names.key(request.namespace, name);
        let _turn = self.turns.take(key.clone()).await;
        let mut live = match self.cached(request.namespace, name)? {
            Some(live) => live,
            None => self.stored(request.namespace, name).await?,
        };
        for _ in 0..ATTEMPTS {
            // What was set aside for the try before, which wrote nothing.
            request.notes.settle();
            let mut plan = self.plan(request, name, &live, change).await;
            if live.stale && matches!(plan, Ok(Plan::Unchanged)) {
                // As it is, in the form in which it is stored now.
                plan = Ok(Plan::Put(live.value.clone()));
            }
            match plan {
                Ok(plan) if plan.writes() && !request.options.dry_run => {
                    match self.commit(request.namespace, name, &live, plan, change).await? {
                        Some(written) => {
                            request.notes.settle();
                            return Ok(written);
                        }
                        None => live = self.stored(request.namespace, name).await?,
                    }
                }
                outcome if live.verified => return outcome.map(|plan| self.unwritten(request, name, live, plan)),
                outcome => {
                    // The cache may lag behind other replicas: nothing is refused or skipped on its word alone.
                    let stored = self.stored(request.namespace, name).await?;
                    if stored.revision == live.revision && !stored.stale {
                        return outcome.map(|plan| self.unwritten(request, name, live, plan));
                    }
                    live = stored;
                }
            }
        }
        Err(Status::modified(&self.definition().names, name))
    }

    async fn plan(
        &self,
        request: &WriteRequest<'_>,
        name: &str,
        live: &Live,
        change: &Change<'_>,
    ) -> Result<Plan, Status> {
        match change {
            Change::Delete(options) => self.plan_delete(request, name, live, options).await,
            Change::Update(update) => {
                let new = (update.make_new)(&live.value)?;
                self.plan_update(request, name, live, new, update).await
            }
        }
    }

    /// Writes a plan; none when the object has changed meanwhile.
    async fn commit(
        &self,
        namespace: &str,
        name: &str,
        live: &Live,
        plan: Plan,
        change: &Change<'_>,
    ) -> Result<Option<Written>, Status> {
        let key = self.definition().names.key(namespace, name);
        let (state, mut object, removes) = match plan {
            Plan::Unchanged => return Ok(None),
            Plan::Put(object) => (State::Kept, object, false),
            Plan::Remove(object) => (State::Removed, object, true),
        };
        let encoded = self.encode(&mut object);
        let (write, _index) = if removes {
            (Write::Delete(key.clone()), None)
        } else {
            (
                Write::Put(key.clone(), encoded.clone()),
                self.prepare(&encoded, &object),
            )
        };
        let transaction = Transaction {
            compare: vec![Compare::At(key, live.revision)],
            write: vec![write],
        };
        let verb = if removes { "delete" } else { "update" };
        match self
            .store
            .transact(transaction)
            .await
            .map_err(|error| self.store_failed(verb, &error))?
        {
            Outcome::Conflict => Ok(None),
            Outcome::Committed(revision) => {
                let entry = self.written_entry(namespace, name, revision, &encoded).await?;
                let object = match change {
                    // Who takes the last finalizer away sees the object as it was read; the watch has the deletion's revision.
                    Change::Update(_) if removes => {
                        object::set(&mut object, "resourceVersion", live.revision.to_string());
                        Shown::Value(object)
                    }
                    _ => Shown::Entry(entry),
                };
                Ok(Some(Written { state, object }))
            }
        }
    }

    /// Stores a new object; none when the name is taken.
    pub(super) async fn commit_new(
        &self,
        namespace: &str,
        name: &str,
        mut object: Value,
    ) -> Result<Option<Written>, Status> {
        let key = self.definition().names.key(namespace, name);
        let encoded = self.encode(&mut object);
        let _index = self.prepare(&encoded, &object);
        let transaction = Transaction {
            compare: vec![Compare::Absent(key.clone())],
            write: vec![Write::Put(key, encoded.clone())],
        };
        match self
            .store
            .transact(transaction)
            .await
            .map_err(|error| self.store_failed("create", &error))?
        {
            Outcome::Conflict => Ok(None),
            Outcome::Committed(revision) => {
                let entry = self.written_entry(namespace, name, revision, &encoded).await?;
                Ok(Some(Written {
                    state: State::Created,
                    object: Shown::Entry(entry),
                }))
            }
        }
    }

    /// The bytes that are stored, in the version that is stored.
    fn encode(&self, object: &mut Value) -> Bytes {
        match self.definition().stored_form(object) {
            Some(mut stored) => object::encode(&mut stored),
            None => object::encode(object),
        }
        .into()
    }

    /// Saves the cache the parsing of what is about to be written, until the write is over.
    fn prepare(&self, encoded: &Bytes, object: &Value) -> Option<Preparation> {
        let possible = !self.indexer.shows_revision() && !self.indexer.converts();
        possible.then(|| self.cache.prepare(encoded, self.indexer.index(object, encoded)))
    }

    /// The entry of a write: the cache's, once it shows the write, so that its bytes are shared.
    async fn written_entry(
        &self,
        namespace: &str,
        name: &str,
        revision: Revision,
        encoded: &[u8],
    ) -> Result<Arc<Entry>, Status> {
        if !self.cache.wait_for(revision, READ_YOUR_WRITE).await {
            tracing::warn!(revision, "the watch cache lags behind a write");
        }
        if let Some(entry) = self
            .objects()?
            .get(namespace, name)
            .filter(|entry| entry.revision == revision)
        {
            return Ok(entry);
        }
        Entry::new(EventKind::Modified, (namespace, name), revision, encoded, &self.indexer)
            .map(Arc::new)
            .map_err(|error| Status::internal(error.to_string()))
    }

    /// The answer of a change that writes nothing: a dry run shows what would be.
    fn unwritten(&self, request: &WriteRequest<'_>, name: &str, live: Live, plan: Plan) -> Written {
        request.notes.settle();
        match plan {
            Plan::Put(object) => Written {
                state: State::Kept,
                object: Shown::Value(self.definition().as_if_stored(object)),
            },
            Plan::Remove(object) => Written {
                state: State::Removed,
                object: Shown::Value(object),
            },
            Plan::Unchanged => {
                let cached = self
                    .objects()
                    .ok()
                    .and_then(|objects| objects.get(request.namespace, name));
                let object = match cached.filter(|entry| entry.revision == live.revision) {
                    Some(entry) => Shown::Entry(entry),
                    None => Shown::Value(live.value),
                };
                Written {
                    state: State::Kept,
                    object,
                }
            }
        }
    }

    /// The object as the cache has it.
    fn cached(&self, namespace: &str, name: &str) -> Result<Option<Live>, Status> {
        let Some(entry) = self.objects()?.get(namespace, name) else {
            return Ok(None);
        };
        let value = serde_json::from_slice(&entry.encoded).map_err(|error| Status::internal(error.to_string()))?;
        Ok(Some(Live {
            value,
            revision: entry.revision,
            verified: false,
            stale: false,
        }))
    }

    /// The object as the store has it. 404 when there is none.
    pub(super) async fn stored(&self, namespace: &str, name: &str) -> Result<Live, Status> {
        let names = &self.definition().names;
        let found = self
            .store
            .get(&names.key(namespace, name))
            .await
            .map_err(|error| self.store_failed("get", &error))?;
        let item = found.ok_or_else(|| Status::not_found(names, name))?;
        let mut value: Value =
            serde_json::from_slice(&item.value).map_err(|error| Status::internal(error.to_string()))?;
        self.definition().show(&mut value);
        object::set(&mut value, "resourceVersion", item.revision.to_string());
        Ok(Live {
            value,
            revision: item.revision,
            verified: true,
            stale: item.stale,
        })
    }
}

impl Plan {
    fn writes(&self) -> bool {
        !matches!(self, Plan::Unchanged)
    }
}
