//! Kubeconfigs that we write into: which file, which entries, and how. Other entries and fields that we don't know stay as they are,
//! and no secret goes in.

mod document;
mod entries;
mod exec_args;
mod files;
mod names;
mod write;

pub(crate) use self::{
    entries::{Entries, Written, check},
    exec_args::ExecArgs,
    files::{Files, settled, unreadable},
    names::context_name,
};
