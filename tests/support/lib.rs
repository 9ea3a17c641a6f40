//! What the end-to-end tests share: the real binaries, real kubectl, and conditions awaited with a deadline.

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
