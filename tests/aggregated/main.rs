//! The real binaries behind a real kube-apiserver: what a user does and sees there, and what only this mode has.

// A test stops at the first thing that is not as it must be.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod admission;
mod attacks;
mod audit;
mod certificates;
mod check;
mod delegation;
mod direct;
mod disturbances;
#[path = "../e2e/mod.rs"]
mod e2e;
mod encryption;
mod host;
mod identity;
mod kinds;
mod namespaces;
mod orphans;
mod owners;
mod quotas;
mod registration;
mod replicas;
mod snapshots;
mod two_servers;

use guestcluster_tests::Mode;

const MODE: Mode = Mode::Aggregated;
