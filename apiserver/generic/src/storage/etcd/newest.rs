//! The newest revision of etcd, asked for once for all who ask at the same time.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::Mutex;

use super::{client::Client, protocol::etcdserverpb::RangeRequest};
use crate::storage::StoreError;

/// Who asks gets an answer that was asked for after they came.
pub(super) struct Newest {
    /// How many have come.
    came: AtomicU64,
    last: Mutex<Last>,
}

/// The answer to all who came before the one of this number.
struct Last {
    covers: u64,
    answer: Result<i64, String>,
}

impl Newest {
    pub(super) fn new() -> Self {
        Self {
            came: AtomicU64::new(0),
            last: Mutex::new(Last {
                covers: 0,
                answer: Ok(0),
            }),
        }
    }

    /// etcd's revision after everything that was finished before the call. `key` need not exist.
    pub(super) async fn revision(&self, client: &Client, key: &str) -> Result<i64, StoreError> {
        let number = self.came.fetch_add(1, Ordering::AcqRel);
        let mut last = self.last.lock().await;
        if number >= last.covers {
            let covers = self.came.load(Ordering::Acquire);
            let request = RangeRequest {
                key: key.as_bytes().to_vec(),
                count_only: true,
                ..RangeRequest::default()
            };
            let answer = client.range(request).await;
            last.answer = answer
                .map(|answer| answer.header.map_or(0, |header| header.revision))
                .map_err(|failure| failure.to_string());
            last.covers = covers;
        }
        last.answer.clone().map_err(StoreError::Unavailable)
    }
}
