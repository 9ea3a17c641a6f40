//! The watch cache: encoded objects in a persistent ordered map, their history, and watchers with a cursor each.
//!
//! One [`Cache`] follows one [`crate::storage::Store`] keyspace with a single watch and serves every resource in it. Objects are
//! kept as encoded JSON bytes with `resourceVersion` spliced in; reads never parse JSON.
