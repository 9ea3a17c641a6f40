//! One keyspace of etcd as a store.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::watch::{Receiver, Sender};

use super::{
    client::Client,
    failure::Kind,
    newest::Newest,
    protocol::{
        etcdserverpb::{
            self as etcd, DeleteRangeRequest, PutRequest, RangeRequest, RequestOp, ResponseOp, TxnRequest,
            compare::{CompareResult, CompareTarget, TargetUnion},
            request_op::Request,
            response_op::Response,
        },
        mvccpb::KeyValue,
    },
    watch::Watch,
};
use crate::storage::{CommitStream, Compare, Item, Outcome, Page, Revision, Store, StoreError, Transaction, Write};

/// A prefix of etcd's keys.
pub(super) struct Keyspace {
    space: Arc<Space>,
    newest: Newest,
    /// The newest revision of etcd that a reader was told; watches are asked until they have come so far.
    wanted: Sender<i64>,
}

/// What a keyspace and its watches share.
pub(super) struct Space {
    pub(super) client: Arc<Client>,
    pub(super) prefix: String,
    offset: u64,
}

impl Keyspace {
    pub(super) fn new(client: Arc<Client>, prefix: String, offset: u64) -> Self {
        Self {
            space: Arc::new(Space { client, prefix, offset }),
            newest: Newest::new(),
            wanted: Sender::new(0),
        }
    }

    /// Lets the watches find out that they have come to this revision of etcd.
    fn want(&self, revision: i64) {
        self.wanted.send_if_modified(|wanted| {
            let grows = revision > *wanted;
            *wanted = revision.max(*wanted);
            grows
        });
    }

    /// A creation, tried again while nobody knows whether it has been done. It is recognized by its value, which nobody else
    /// writes: an object has a uid.
    async fn create(&self, mut request: TxnRequest, key: &str, value: &Bytes) -> Result<Outcome, StoreError> {
        request.failure = vec![RequestOp {
            request: Some(Request::RequestRange(RangeRequest {
                key: self.space.key(key),
                ..RangeRequest::default()
            })),
        }];
        let (answer, may_be_done) = self.space.client.transact_until_known(request).await?;
        let revision = if answer.succeeded {
            answer.header.map(|header| header.revision)
        } else {
            let found = answer.responses.into_iter().find_map(found);
            let own = found.filter(|found| may_be_done && found.value == *value);
            own.map(|found| found.mod_revision)
        };
        Ok(revision.map_or(Outcome::Conflict, |revision| {
            Outcome::Committed(self.space.shown(revision))
        }))
    }

    /// One range of etcd, of fewer items where these are more than one answer may hold.
    async fn read(&self, mut request: RangeRequest) -> Result<etcd::RangeResponse, StoreError> {
        loop {
            match self.space.client.range(request.clone()).await {
                Err(failure) if failure.kind == Kind::AnswerTooLarge && request.limit > 1 => {
                    request.limit = (request.limit / 8).max(1);
                }
                answer => return Ok(answer?),
            }
        }
    }
}

#[async_trait]
impl Store for Keyspace {
    async fn revision(&self) -> Result<Revision, StoreError> {
        let revision = self.newest.revision(&self.space.client, &self.space.prefix).await?;
        self.want(revision);
        Ok(self.space.shown(revision))
    }

    async fn get(&self, key: &str) -> Result<Option<Item>, StoreError> {
        let request = RangeRequest {
            key: self.space.key(key),
            ..RangeRequest::default()
        };
        let answer = self.read(request).await?;
        Ok(answer.kvs.into_iter().next().and_then(|found| self.space.item(found)))
    }

    async fn range(&self, prefix: &str, start_after: Option<&str>, limit: usize) -> Result<Page, StoreError> {
        let (start, end) = self.space.bounds(prefix, start_after);
        let request = RangeRequest {
            // An empty range is an error of etcd's; this one has no keys.
            key: start.min(end.clone()),
            range_end: end,
            limit: i64::try_from(limit).unwrap_or(i64::MAX),
            ..RangeRequest::default()
        };
        let answer = self.read(request).await?;
        let revision = answer.header.map_or(0, |header| header.revision);
        self.want(revision);
        Ok(Page {
            items: answer
                .kvs
                .into_iter()
                .filter_map(|found| self.space.item(found))
                .collect(),
            revision: self.space.shown(revision),
            more: answer.more,
        })
    }

    async fn transact(&self, transaction: Transaction) -> Result<Outcome, StoreError> {
        let creation = created(&transaction);
        let Some(request) = self.space.request(transaction) else {
            return Ok(Outcome::Conflict);
        };
        if let Some((key, value)) = creation {
            return self.create(request, &key, &value).await;
        }
        let answer = self.space.client.transact(request).await?;
        if !answer.succeeded {
            return Ok(Outcome::Conflict);
        }
        let revision = answer.header.map_or(0, |header| header.revision);
        if !answer.responses.iter().any(changed) {
            // Nothing was there to delete: no event will tell of this revision.
            self.want(revision);
        }
        Ok(Outcome::Committed(self.space.shown(revision)))
    }

    async fn watch(&self, after: Revision) -> Result<CommitStream, StoreError> {
        let wanted: Receiver<i64> = self.wanted.subscribe();
        let after = self.space.stored(after).ok_or(StoreError::Compacted {
            requested: after,
            oldest: self.space.offset,
        })?;
        Ok(Watch::new(self.space.clone(), wanted, after).into_stream())
    }
}

impl Space {
    /// A revision of etcd as clients see it.
    pub(super) fn shown(&self, revision: i64) -> Revision {
        u64::try_from(revision).unwrap_or(0) + self.offset
    }

    /// A revision of etcd from what clients see; none for one from before this etcd.
    pub(super) fn stored(&self, revision: Revision) -> Option<i64> {
        i64::try_from(revision.checked_sub(self.offset)?).ok()
    }

    /// A key of etcd without the prefix; one that is not text is no key of ours.
    pub(super) fn own_key(&self, key: &[u8]) -> Option<Arc<str>> {
        let own = key.strip_prefix(self.prefix.as_bytes());
        let text = own.and_then(|own| std::str::from_utf8(own).ok());
        if text.is_none() {
            tracing::error!(prefix = self.prefix, "etcd has a key that this program did not write");
        }
        text.map(Into::into)
    }

    /// The range of etcd's keys that are this keyspace's.
    pub(super) fn all(&self) -> (Vec<u8>, Vec<u8>) {
        self.bounds("", None)
    }

    fn key(&self, key: &str) -> Vec<u8> {
        [&self.prefix, key].concat().into_bytes()
    }

    fn item(&self, found: KeyValue) -> Option<Item> {
        Some(Item {
            key: self.own_key(&found.key)?,
            value: found.value,
            revision: self.shown(found.mod_revision),
            stale: false,
        })
    }

    fn bounds(&self, prefix: &str, start_after: Option<&str>) -> (Vec<u8>, Vec<u8>) {
        let start = match start_after {
            Some(after) if after >= prefix => [self.key(after), vec![0]].concat(),
            _ => self.key(prefix),
        };
        let mut end = self.key(prefix);
        // The last byte of UTF-8 is never 255, and the keyspace's prefix is never empty.
        if let Some(last) = end.last_mut() {
            *last += 1;
        }
        (start, end)
    }

    /// The transaction for etcd; none when it compares with a revision from before this etcd.
    fn request(&self, transaction: Transaction) -> Option<TxnRequest> {
        let compare = transaction.compare.into_iter().map(|compare| {
            let (key, revision) = match compare {
                Compare::Absent(key) => (key, 0),
                Compare::At(key, revision) => (key, self.stored(revision)?),
            };
            Some(etcd::Compare {
                result: CompareResult::Equal.into(),
                target: CompareTarget::Mod.into(),
                key: self.key(&key),
                target_union: Some(TargetUnion::ModRevision(revision)),
                ..etcd::Compare::default()
            })
        });
        // etcd takes one write of a key: the last one counts.
        let mut writes: BTreeMap<String, Option<Bytes>> = BTreeMap::new();
        for write in transaction.write {
            match write {
                Write::Put(key, value) => writes.insert(key, Some(value)),
                Write::Delete(key) => writes.insert(key, None),
            };
        }
        let operation = |(key, value): (String, Option<Bytes>)| {
            let key = self.key(&key);
            RequestOp {
                request: Some(match value {
                    Some(value) => Request::RequestPut(PutRequest {
                        key: key.into(),
                        value,
                        ..PutRequest::default()
                    }),
                    None => Request::RequestDeleteRange(DeleteRangeRequest {
                        key,
                        ..DeleteRangeRequest::default()
                    }),
                }),
            }
        };
        Some(TxnRequest {
            compare: compare.collect::<Option<_>>()?,
            success: writes.into_iter().map(operation).collect(),
            failure: Vec::new(),
        })
    }
}

/// The one object that a transaction creates, if that is what it does: its key and value.
fn created(transaction: &Transaction) -> Option<(String, Bytes)> {
    match (&transaction.compare[..], &transaction.write[..]) {
        ([Compare::Absent(absent)], [Write::Put(key, value)]) if absent == key => Some((key.clone(), value.clone())),
        _ => None,
    }
}

/// What an operation of a transaction has read.
fn found(operation: ResponseOp) -> Option<KeyValue> {
    match operation.response {
        Some(Response::ResponseRange(answer)) => answer.kvs.into_iter().next(),
        _ => None,
    }
}

/// Whether an operation of a transaction has changed anything.
fn changed(operation: &ResponseOp) -> bool {
    match &operation.response {
        Some(Response::ResponseDeleteRange(answer)) => answer.deleted > 0,
        Some(Response::ResponsePut(_)) => true,
        _ => false,
    }
}
