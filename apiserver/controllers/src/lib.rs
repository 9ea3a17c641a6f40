//! The reconcilers of the guest, machine and VM layers, over a Kubernetes client and the driver trait.

pub mod applying;
pub mod credential;
pub mod guest;
pub mod machine;
pub mod reports;
mod retries;
pub mod runs;
pub mod vm;
mod watching;
