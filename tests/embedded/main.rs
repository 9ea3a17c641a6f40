//! The real binaries, driven by real kubectl: what a user of an embedded supervisor does and sees.

// A test stops at the first thing that is not as it must be.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used)]

mod blocked;
#[path = "../blocked/mod.rs"]
mod causes_of_blocks;
#[path = "../e2e/mod.rs"]
mod e2e;
mod flow;
mod health;
mod keys;
mod login_files;
mod raw;
mod shutdown;
mod subject_tokens;
mod zones;

use guestcluster_tests::Mode;

const MODE: Mode = Mode::Embedded;
