//! Guests whose control planes are real programs, with an embedded supervisor that runs them.

// A test stops at the first thing that is not as it must be.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod credentials;
mod guest;
mod life;
mod load;
mod login;
mod members;
mod outage;
mod processes;
mod session;
mod wire;
