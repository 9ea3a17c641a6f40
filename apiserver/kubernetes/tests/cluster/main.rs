//! A whole cluster in one process, asked over HTTP as its users would.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // In a test they are how it fails.

mod access;
mod garbage;
mod kinds;
mod many;
mod namespaces;
mod quotas;
mod support;
mod upstream;
