//! The real binaries, driven by real kubectl: what a user of an embedded supervisor does and sees.

// A test stops at the first thing that is not as it must be.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod bad_input;
mod bad_requests;
mod bad_upgrades;
mod delete;
mod faults;
mod kubectl;
mod lifecycle;
mod restart;
mod rights;
