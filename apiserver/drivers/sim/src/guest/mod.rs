//! One guest: its API server, what `kubeadm init` writes into it, its nodes, and what its agent would do: follow what the
//! guest trusts, judge tokens by it, keep the levels' bindings.

mod agent;
mod init;
mod level_bindings;
mod node;
mod server;
#[cfg(test)]
mod tests;
mod tokens;
mod trust;
mod trust_keys;

pub(crate) use server::{GuestError, GuestServer, ServerOptions};
pub(crate) use trust::{ControlPlane, LastGood};
