//! Moves the pods of a Node elsewhere: no new ones, and those that can move are evicted, which their disruption budgets may
//! refuse for now.

mod evict;
mod message;
pub(super) mod pods;

use super::node;
use crate::machine::error::Error;
use evict::evict;
use futures::{StreamExt, stream};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::Client;
use message::Left;
use pods::{Fate, fate};
use std::time::Duration;

/// Evictions at a time.
const CONCURRENCY: usize = 8;
/// So long evictions are asked for in one go; the others have their turn in the next one.
const GO: Duration = Duration::from_secs(10);

/// Does what can be done; none if no pod is left that must move, otherwise which ones are and why.
pub(super) async fn proceed(client: &Client, node: &Node, now: Timestamp) -> Result<Option<String>, Error> {
    node::cordon(client, node).await?;
    let silent = node::is_silent(node);
    let mut left = Left::default();
    let mut going = Vec::new();
    for (pod, orphan) in pods::on_node(client, node).await? {
        match fate(&pod, orphan, silent, now) {
            Fate::Stays => {}
            Fate::Ends => left.ending.push(named(&pod)),
            Fate::Completes => left.completing.push(named(&pod)),
            Fate::Moves => going.push(pod),
        }
    }
    let names: Vec<_> = going.iter().map(named).collect();
    // A kubelet that is silent confirms no end: waiting for its pods' own time would be in vain.
    let grace = silent.then_some(1);
    let evictions = stream::iter(going).map(|pod| evict(client, pod, grace));
    let mut evictions = std::pin::pin!(
        evictions
            .buffer_unordered(CONCURRENCY)
            .take_until(tokio::time::sleep(GO))
    );
    let mut asked = Vec::new();
    while let Some((name, refused)) = evictions.next().await {
        match refused {
            None => left.ending.push(name.clone()),
            Some(refused) => left.refused.entry(refused).or_default().push(name.clone()),
        }
        asked.push(name);
    }
    left.later = names.into_iter().filter(|name| !asked.contains(name)).collect();
    Ok(left.message())
}

/// Namespace and name of a pod.
fn named(pod: &Pod) -> String {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    format!("{}/{}", text(&pod.metadata.namespace), text(&pod.metadata.name))
}

#[cfg(test)]
mod tests;
