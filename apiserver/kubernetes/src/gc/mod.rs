//! Garbage collection: objects go with their last owner, and deletions that wait for dependents end when those are gone.
//!
//! [`graph`] knows who owns whom, [`judge`] decides what is to be done with one object, [`collector`] follows the watch
//! cache and has it done by [`actions`].

mod actions;
mod collector;
mod graph;
mod judge;

pub(crate) use collector::GarbageCollector;
