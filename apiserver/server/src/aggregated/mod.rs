//! The server behind a real kube-apiserver, which says who asks, what they may do and which namespaces there are.

mod authentication;
mod authorization;
mod lease;
mod namespaces;
#[cfg(test)]
mod testing;
mod transient;
