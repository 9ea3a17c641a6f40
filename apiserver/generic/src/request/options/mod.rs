//! The query parameters of resource requests, as `meta/v1`'s ListOptions, CreateOptions and so on, parsed and checked.

mod list;
mod write;

pub use list::{InitialEvents, ListOptions, ResourceVersion, VersionMatch, WatchOptions};
pub use write::{FieldValidation, PatchType, WriteOptions};

use super::Query;
use crate::status::Status;

/// A flag: absent, `false` and `0` are false, everything else is true, as in apimachinery's conversion.
fn flag(query: &Query, name: &str) -> Option<bool> {
    let value = query.first(name)?;
    Some(!(value == "0" || value.eq_ignore_ascii_case("false")))
}

/// An integer; the empty string counts as absent.
fn integer(query: &Query, name: &str) -> Result<Option<i64>, Status> {
    match query.first(name) {
        None | Some("") => Ok(None),
        Some(text) => text
            .parse()
            .map(Some)
            .map_err(|_| Status::bad_request(format!("strconv.ParseInt: parsing \"{text}\": invalid syntax"))),
    }
}
