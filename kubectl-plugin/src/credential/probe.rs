//! Whether a guest still accepts a credential.

use std::time::Duration;

use http::{Request, StatusCode};
use kube::client::Body;

use super::Cached;
use crate::https;

/// Longest to wait for the guest: who asks waits for kubectl.
const PATIENCE: Duration = Duration::from_secs(2);

/// Asks the guest. Only a clear no is one: a guest that can't be reached refuses nothing.
pub(super) async fn refuses(cached: &Cached) -> bool {
    let asked = tokio::time::timeout(PATIENCE, status(cached)).await;
    matches!(asked, Ok(Some(StatusCode::UNAUTHORIZED)))
}

async fn status(cached: &Cached) -> Option<StatusCode> {
    let client = https::client(cached.config().ok()?).ok()?;
    let request = Request::get("/version").body(Body::empty()).ok()?;
    client.send(request).await.ok().map(|answer| answer.status())
}
