//! What the end-to-end tests share: the real binaries, real kubectl, and conditions awaited with a deadline.

// A test stops at the first thing that is not as it must be.
#![allow(clippy::expect_used, clippy::panic)]

mod background;
mod client;
mod daemon;
mod endpoint;
mod guest;
mod host;
mod kept;
mod kubectl;
mod leaks;
mod mix;
mod process;
mod seeds;
mod stranger;
mod supervisor;
mod team;
mod wait;

pub use background::Background;
pub use client::client;
pub use daemon::Daemon;
pub use endpoint::{Connection, Endpoint, Protocol};
pub use guest::{LAYERS, Manifest};
pub use host::{ClusterApi, EtcdMembers, Host, built, program, published_definitions};
pub use kubectl::{Kubectl, Output, Running, faketime};
pub use mix::{MachineLayer, Mix, Vms, process_vms};
pub use process::Usage;
pub use seeds::seeds;
pub use stranger::Stranger;
pub use supervisor::{Mode, Objects, Start, Supervisor, WHOLE_BODIES, binaries};
pub use team::Team;
pub use wait::{eventually, until};
