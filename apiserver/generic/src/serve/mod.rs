//! From socket to answer: listener, TLS, the filter chain, routing, drain.

pub(crate) mod answer;
mod body;
mod builder;
mod chain;
mod connections;
mod drain;
mod finish;
mod gzip;
pub mod listener;
mod local;
mod pages;
mod pretty;
mod record;
mod route;
mod server;
#[cfg(test)]
pub(crate) mod testing;
pub mod tls;

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;

pub use self::{
    body::Body,
    builder::{ApiServerBuilder, Limits, VersionInfo},
    local::{LocalHandle, LocalService},
    server::{ApiServer, Caller},
};
use crate::{authz::Access, registry::ResourceDefinition, request::RequestInfo};

/// What the server serves under `/api` and `/apis`: the registry.
#[async_trait]
pub trait Resources: Send + Sync + 'static {
    /// Every served resource, for routing, discovery and OpenAPI. Servers that share it share those documents.
    fn definitions(&self) -> &Arc<[ResourceDefinition]>;

    /// Appends the metrics of what is served, in the text exposition format.
    fn append_metrics(&self, _page: &mut String) {}

    /// Answers a request for a resource that [`Resources::definitions`] names, in a version and with a verb that it serves,
    /// already authorized. The body has been read, within the limit.
    async fn handle(
        &self,
        info: &RequestInfo,
        access: Access<'_>,
        request: http::Request<Bytes>,
    ) -> http::Response<Body>;
}

#[cfg(test)]
mod tests;
