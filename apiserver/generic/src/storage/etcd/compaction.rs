//! Lets etcd forget its past beyond an interval, as kube-apiserver does and together with it: whoever is first notes it in a
//! key that all look at, and only that one compacts.

use std::{sync::Arc, time::Duration};

use super::{
    client::Client,
    failure::{Failure, Kind},
    protocol::etcdserverpb::{
        Compare, PutRequest, RangeRequest, RequestOp, TxnRequest,
        compare::{CompareResult, CompareTarget, TargetUnion},
        request_op::Request,
        response_op::Response,
    },
};

/// The key of kube-apiserver's, outside of all prefixes: an etcd has one history.
const KEY: &str = "compact_rev_key";

/// What was found or written at the last look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Seen {
    /// How often the key was written.
    version: i64,
    /// etcd's revision then; 0 before the first look.
    revision: i64,
}

/// Compacts once in an interval, for ever.
pub(super) async fn run(client: Arc<Client>, interval: Duration) {
    let mut seen = Seen::default();
    loop {
        tokio::time::sleep(interval).await;
        match step(&client, seen).await {
            Ok(next) => seen = next,
            Err(error) => tracing::warn!(%error, "etcd's history was not compacted"),
        }
    }
}

/// Notes that an interval has passed. Who did so first compacts up to the revision that the interval began with.
async fn step(client: &Client, seen: Seen) -> Result<Seen, Failure> {
    let answer = client.transact(note(seen)).await?;
    let revision = answer.header.map_or(0, |header| header.revision);
    if !answer.succeeded {
        let found = answer.responses.into_iter().find_map(|one| match one.response {
            Some(Response::ResponseRange(range)) => range.kvs.into_iter().next(),
            _ => None,
        });
        let version = found.map_or(0, |found| found.version);
        return Ok(Seen { version, revision });
    }
    let next = Seen {
        version: seen.version + 1,
        revision,
    };
    if seen.revision == 0 {
        return Ok(next);
    }
    match client.compact(seen.revision).await {
        // Somebody else has done more.
        Err(failure) if failure.kind == Kind::Compacted => Ok(next),
        Ok(()) => {
            tracing::debug!(revision = seen.revision, "etcd's history is compacted");
            Ok(next)
        }
        Err(failure) => Err(failure),
    }
}

fn note(seen: Seen) -> TxnRequest {
    let key = KEY.as_bytes();
    let put = PutRequest {
        key: key.to_vec().into(),
        value: seen.revision.to_string().into_bytes().into(),
        ..PutRequest::default()
    };
    let range = RangeRequest {
        key: key.to_vec(),
        ..RangeRequest::default()
    };
    TxnRequest {
        compare: vec![Compare {
            result: CompareResult::Equal.into(),
            target: CompareTarget::Version.into(),
            key: key.to_vec(),
            target_union: Some(TargetUnion::Version(seen.version)),
            ..Compare::default()
        }],
        success: vec![RequestOp {
            request: Some(Request::RequestPut(put)),
        }],
        failure: vec![RequestOp {
            request: Some(Request::RequestRange(range)),
        }],
    }
}
