//! What a request asks for, read from its method, path and query alone.

#[cfg(test)]
mod fuzz;
mod info;
pub mod options;
mod query;
pub mod selector;

pub use info::RequestInfo;
pub use query::Query;
