//! Rows of a table, written straight from the index.

use jiff::Timestamp;
use serde_json::Value;

use super::{human_age, is_date, names_itself};
use crate::{
    negotiate::{IncludeObject, TableOptions},
    registry::ResourceDefinition,
};

/// What a row is made of.
pub struct RowSource<'a> {
    /// Name of the object.
    pub name: &'a str,
    /// Its cells after NAME, as [`super::cells`] makes them.
    pub cells: &'a str,
    /// Its encoded metadata.
    pub metadata: &'a [u8],
    /// The encoded object.
    pub object: &'a [u8],
}

/// Appends one row as JSON. Ages count up to `now`.
pub fn write_row(
    out: &mut Vec<u8>,
    definition: &ResourceDefinition,
    row: &RowSource<'_>,
    options: TableOptions,
    now: Timestamp,
) {
    out.extend_from_slice(b"{\"cells\":[");
    if !names_itself(definition) {
        write_json(out, &Value::from(row.name));
        out.push(b',');
    }
    for (position, cell) in row.cells.split('\n').enumerate() {
        if position > 0 {
            out.push(b',');
        }
        match text(cell) {
            Some(timestamp) if is_date(definition, position) => {
                write_json(out, &Value::from(human_age(timestamp, now)));
            }
            // An object without a creation time has an unknown age; any other date is just absent.
            None if definition.columns.is_empty() && cell == "null" => out.extend_from_slice(b"\"<unknown>\""),
            _ => out.extend_from_slice(cell.as_bytes()),
        }
    }
    out.extend_from_slice(b"],\"object\":");
    match options.include {
        IncludeObject::None => out.extend_from_slice(b"null"),
        IncludeObject::Object => out.extend_from_slice(row.object),
        IncludeObject::Metadata => {
            out.extend_from_slice(options.version.partial_start().as_bytes());
            out.extend_from_slice(row.metadata);
            out.push(b'}');
        }
    }
    out.push(b'}');
}

/// What stands between the quotes of a JSON string. A timestamp has nothing that would be escaped.
fn text(cell: &str) -> Option<&str> {
    cell.strip_prefix('"')?.strip_suffix('"')
}

fn write_json(out: &mut Vec<u8>, value: &Value) {
    // Writing a value to memory can't fail.
    let _ = serde_json::to_writer(out, value);
}
