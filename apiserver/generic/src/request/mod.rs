//! What a request asks for, read from its method, path and query alone.

mod info;
mod query;

pub use info::RequestInfo;
pub use query::Query;
