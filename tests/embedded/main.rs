//! The real binaries, driven by real kubectl: what a user of an embedded supervisor does and sees.

mod bad_input;
mod bad_requests;
mod bad_upgrades;
mod delete;
mod faults;
mod kubectl;
mod lifecycle;
mod restart;
mod rights;
