//! One guest: its API server, what `kubeadm init` writes into it, and its nodes.

mod init;
mod node;
mod server;

pub(crate) use node::NodeFacts;
pub(crate) use server::{GuestError, GuestServer, ServerOptions};
