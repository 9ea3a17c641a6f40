//! Signing in with an OpenID provider that others wrote and certified, as a person does it: in a browser here, or by a code on
//! another device; and as a program does it, with nobody there.

// A test stops at the first thing that is not as it must be.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod device;
mod keyring;
mod provider;
mod session;
mod unattended;
