//! Clients that mean harm, on the real binary over TLS: none takes it down, makes it grow without bound, or keeps others waiting.
//! What they may take is in `generic_apiserver::serve::{Limits, listener::Bounds}`; clients that are slow are in the unit tests
//! beside them, where time is short.

// A test stops at the first thing that is not as it must be.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod bodies;
mod crowds;
mod frames;
mod http1;
mod http2;
mod victim;
