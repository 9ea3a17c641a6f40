//! A whole cluster in one process, asked over HTTP as its users would.

mod access;
mod garbage;
mod kinds;
mod many;
mod namespaces;
mod support;
