//! What the end-to-end tests share: the real binaries, real kubectl, and conditions awaited with a deadline.

// A test stops at the first thing that is not as it must be.
#![allow(clippy::expect_used, clippy::panic)]

mod background;
mod guest;
mod kubectl;
mod process;
mod supervisor;
mod wait;

pub use background::Background;
pub use guest::{LAYERS, Manifest};
pub use kubectl::{Kubectl, Output};
pub use process::Usage;
pub use supervisor::{Start, Supervisor};
pub use wait::{eventually, until};
