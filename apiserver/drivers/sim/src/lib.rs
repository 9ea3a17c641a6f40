//! Simulated VMs and guests: state machines with delays and faults, a durable ledger, and for each guest an API server that
//! answers on its own loopback address.
//!
//! A control-plane VM starts what kubeadm would start from its bootstrap data, before its address is published; a node VM
//! registers its Node. What is simulated is the hardware and the kubelet; the API server, its certificates and its objects
//! are real.

mod config;
mod control_plane;
mod driver;
mod guest;
mod guest_system;
mod guests;
mod ledger;
mod progress;
mod record;
mod sim;
mod state;
mod steps;

pub use config::{Config, ConfigError, Delays, Fault, FaultKind};
pub use sim::{Sim, SimError};
