//! What is added to etcd's revisions before clients see them: 0 until a restore or a move from another store sets it, so that
//! no revision is used twice.

use super::{
    client::Client,
    protocol::etcdserverpb::{PutRequest, RangeRequest, RequestOp, TxnRequest, request_op::Request},
};
use crate::storage::StoreError;

/// Under the prefix, beside the keyspaces; a decimal number.
const KEY: &str = "revision-offset";

/// Reads it. It is changed only while nobody serves.
pub(super) async fn read(client: &Client, prefix: &str) -> Result<u64, StoreError> {
    let key = [prefix, KEY].concat();
    let request = RangeRequest {
        key: key.clone().into_bytes(),
        ..RangeRequest::default()
    };
    let answer = client.range(request).await?;
    let Some(found) = answer.kvs.first() else {
        return Ok(0);
    };
    let text = std::str::from_utf8(&found.value).ok();
    text.and_then(|text| text.trim().parse().ok())
        .ok_or_else(|| StoreError::Unavailable(format!("etcd: {key} is not a number")))
}

/// Writes it. Who is connected goes on with the last one.
pub(super) async fn write(client: &Client, prefix: &str, offset: u64) -> Result<(), StoreError> {
    let put = PutRequest {
        key: [prefix, KEY].concat().into_bytes().into(),
        value: offset.to_string().into_bytes().into(),
        ..PutRequest::default()
    };
    let request = TxnRequest {
        success: vec![RequestOp {
            request: Some(Request::RequestPut(put)),
        }],
        ..TxnRequest::default()
    };
    client.transact(request).await?;
    Ok(())
}
