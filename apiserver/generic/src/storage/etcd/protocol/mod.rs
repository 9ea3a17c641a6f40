//! The part of etcd's protocol that is used, made by `hack/protocols/stubs update`.

// Made by a program for a program.
#![allow(missing_docs, dead_code, clippy::all, clippy::pedantic)]

#[rustfmt::skip]
pub(super) mod authpb;
#[rustfmt::skip]
pub(super) mod etcdserverpb;
#[rustfmt::skip]
pub(super) mod mvccpb;
