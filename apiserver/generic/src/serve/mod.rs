//! From socket to answer: listener, TLS, the filter chain, routing, drain.

/// A running API server.
pub struct ApiServer;
/// Builds an [`ApiServer`].
pub struct ApiServerBuilder;
