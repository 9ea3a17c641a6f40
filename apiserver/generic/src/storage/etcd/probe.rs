//! Asks etcd now and then, so that its health is known when nobody else asks.

use std::{sync::Arc, time::Duration};

use super::{client::Client, protocol::etcdserverpb::RangeRequest};

/// How old what is known may be, beside the time that a failure takes.
const INTERVAL: Duration = Duration::from_secs(2);

/// Reads a key, which need not exist, for ever.
pub(super) async fn run(client: Arc<Client>, key: String) {
    let mut interval = tokio::time::interval(INTERVAL);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut was_well = true;
    loop {
        interval.tick().await;
        let request = RangeRequest {
            key: key.clone().into_bytes(),
            count_only: true,
            ..RangeRequest::default()
        };
        let answer = client.range(request).await;
        match &answer {
            Err(error) if was_well => tracing::warn!(%error, "etcd does not answer"),
            Ok(_) if !was_well => tracing::info!("etcd answers again"),
            _ => {}
        }
        was_well = answer.is_ok();
    }
}
