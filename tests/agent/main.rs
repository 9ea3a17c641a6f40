//! The guest agent beside a real kube-apiserver and the controllers that fill its roles: what a person's token may do there, and
//! how long it goes on when that changes. All tests share one guest with one control-plane node.
//!
//! `GUESTCLUSTERS_ROUNDS` is how many revocations are measured, and printed when there are more than the usual ones.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)] // In a test they are how it fails.

mod asked;
mod guest;
mod levels;
mod node;
mod trust;
