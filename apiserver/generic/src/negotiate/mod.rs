//! Which form a client reads and sends: media types, tables, metadata only.

mod accept;
mod body;
#[cfg(test)]
mod fuzz;
mod media_type;

pub use accept::{Accepted, Answered, Form, IncludeObject, MetaVersion, TableOptions};
pub use body::{BodyFormat, patch_type};
pub use media_type::MediaType;
