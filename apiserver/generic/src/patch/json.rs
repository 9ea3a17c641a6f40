//! JSON patch, RFC 6902.

use std::io;

use json_patch::{
    AddOperation, CopyOperation, MoveOperation, PatchOperation, RemoveOperation, ReplaceOperation,
    jsonptr::{Pointer, PointerBuf},
};
use serde_json::{Map, Value};

use super::{JsonPatched, PatchError};
use crate::{
    apply::same_value,
    schema::decode::{self, DecodeError, Decoded, word},
};

/// Most operations of one patch.
const MAX_OPERATIONS: usize = 10_000;
/// Most bytes, as JSON, that all `copy` operations of a patch may copy.
const MAX_COPIED: usize = 3 * 1024 * 1024;
/// Most values that all operations of a patch may look at or push along: a few bytes of an operation can ask for a whole object to
/// be moved.
const MAX_MOVED: usize = 4_000_000;
/// So many items of a list are pushed along as quickly as one value is looked at.
const ITEMS_OF_A_VALUE: usize = 16;
/// Deepest nesting that an operation may make; the JSON parser that reads objects back gives up at 128.
const MAX_DEPTH: usize = 120;

/// Applies an RFC 6902 patch document: all operations in order, or none.
pub fn json_patch(object: &Value, patch: &[u8]) -> Result<JsonPatched, PatchError> {
    let Decoded { value, duplicates } = decode::json(patch).map_err(undecodable)?;
    let operations = operations(value)?;
    if operations.len() > MAX_OPERATIONS {
        return Err(PatchError::TooManyOperations {
            limit: MAX_OPERATIONS,
            count: operations.len(),
        });
    }
    let mut problems: Vec<String> = duplicates
        .iter()
        .map(|path| format!("json patch duplicate field \"{path}\""))
        .collect();
    problems.extend(unknown_keys(&operations));
    let operations = operations
        .into_iter()
        .map(Operation::read)
        .collect::<Result<Vec<_>, _>>()?;

    let mut value = object.clone();
    let mut spent = Spent::default();
    for operation in operations {
        operation.apply(&mut value, &mut spent)?;
    }
    if !value.is_object() {
        return Err(PatchError::NotApplicable(
            "the patched document is not an object".to_owned(),
        ));
    }
    Ok(JsonPatched {
        value,
        unknown: problems,
    })
}

fn undecodable(error: DecodeError) -> PatchError {
    match error {
        DecodeError::Json(_) | DecodeError::Yaml(_) => PatchError::Malformed("invalid JSON patch".to_owned()),
    }
}

fn malformed(problem: &str) -> PatchError {
    PatchError::Malformed(format!("error decoding patch: {problem}"))
}

/// The operations of a patch document; null stands for none, and for an operation without fields.
fn operations(patch: Value) -> Result<Vec<Map<String, Value>>, PatchError> {
    let mistyped = |value: &Value, expected: &str| {
        malformed(&format!(
            "json: cannot unmarshal {} into Go value of type {expected}",
            word(value)
        ))
    };
    let operation = |value: Value| match value {
        Value::Object(fields) => Ok(fields),
        Value::Null => Ok(Map::new()),
        other => Err(mistyped(&other, "handlers.jsonPatchOp")),
    };
    match patch {
        Value::Array(items) => items.into_iter().map(operation).collect(),
        Value::Null => Ok(Vec::new()),
        other => Err(mistyped(&other, "[]handlers.jsonPatchOp")),
    }
}

fn unknown_keys(operations: &[Map<String, Value>]) -> Vec<String> {
    let known = ["op", "path", "from", "value"];
    let keys = operations
        .iter()
        .enumerate()
        .flat_map(|(at, operation)| operation.keys().map(move |key| (at, key)));
    keys.filter(|(_, key)| !known.contains(&key.as_str()))
        .map(|(at, key)| format!("json patch unknown field \"[{at}].{key}\""))
        .collect()
}

/// What a patch has cost so far.
#[derive(Default)]
struct Spent {
    copied: usize,
    moved: usize,
}

impl Spent {
    fn copy(&mut self, bytes: usize) -> Result<(), PatchError> {
        self.copied = self.copied.saturating_add(bytes);
        if self.copied <= MAX_COPIED {
            return Ok(());
        }
        Err(PatchError::NotApplicable(format!(
            "the copy operations of the patch copy more than {MAX_COPIED} bytes"
        )))
    }

    fn look_at(&mut self, values: usize) -> Result<(), PatchError> {
        self.moved = self.moved.saturating_add(values);
        if self.moved <= MAX_MOVED {
            return Ok(());
        }
        Err(PatchError::NotApplicable(format!(
            "the operations of the patch move more than {MAX_MOVED} values"
        )))
    }
}

/// One operation as it was sent. Its words are checked only when it runs: those before it come first.
struct Operation {
    op: String,
    path: String,
    from: String,
    value: Value,
}

impl Operation {
    fn read(mut operation: Map<String, Value>) -> Result<Operation, PatchError> {
        let mut text = |key: &str| match operation.remove(key) {
            None | Some(Value::Null) => Ok(String::new()),
            Some(Value::String(text)) => Ok(text),
            Some(other) => Err(malformed(&format!(
                "json: cannot unmarshal {} into Go struct field jsonPatchOp.{key} of type string",
                word(&other)
            ))),
        };
        let (op, path, from) = (text("op")?, text("path")?, text("from")?);
        Ok(Operation {
            op,
            path,
            from,
            value: operation.remove("value").unwrap_or(Value::Null),
        })
    }

    fn apply(self, document: &mut Value, spent: &mut Spent) -> Result<(), PatchError> {
        let Operation { op, path, from, value } = self;
        let path = counted_from_the_end(document, pointer(path)?);
        spent.look_at(behind(document, &path))?;
        let operation = match op.as_str() {
            "test" => return test(document, &path, &value),
            "remove" => PatchOperation::Remove(RemoveOperation { path }),
            // A member that is missing is added.
            "replace" if is_missing_member(document, &path) => {
                check_depth(&path, &value, spent)?;
                PatchOperation::Add(AddOperation { path, value })
            }
            "replace" => {
                check_depth(&path, &value, spent)?;
                PatchOperation::Replace(ReplaceOperation { path, value })
            }
            "add" => {
                check_depth(&path, &value, spent)?;
                PatchOperation::Add(AddOperation { path, value })
            }
            "move" => {
                let from = pointer(from)?;
                spent.look_at(behind(document, &from))?;
                check_depth(&path, at(document, &from)?, spent)?;
                PatchOperation::Move(MoveOperation { from, path })
            }
            "copy" => {
                let from = pointer(from)?;
                let source = at(document, &from)?;
                check_depth(&path, source, spent)?;
                spent.copy(encoded_length(source))?;
                PatchOperation::Copy(CopyOperation { from, path })
            }
            other => return Err(PatchError::NotApplicable(format!("unexpected operation: {other}"))),
        };
        json_patch::patch_unsafe(document, &[operation]).map_err(|error| PatchError::NotApplicable(error.to_string()))
    }
}

fn pointer(text: String) -> Result<PointerBuf, PatchError> {
    PointerBuf::parse(text).map_err(|error| PatchError::NotApplicable(error.to_string()))
}

/// Whether the path names a member that an object, which is there, does not have.
fn is_missing_member(document: &Value, path: &Pointer) -> bool {
    let parent = path.parent().and_then(|parent| document.pointer(parent.as_str()));
    parent.is_some_and(Value::is_object) && document.pointer(path.as_str()).is_none()
}

/// The same path with an index from a list's end, such as -1, counted from its beginning.
fn counted_from_the_end(document: &Value, path: PointerBuf) -> PointerBuf {
    let Some((parent, last)) = path.split_back() else {
        return path;
    };
    let items = document.pointer(parent.as_str()).and_then(Value::as_array);
    let back = last
        .decoded()
        .strip_prefix('-')
        .and_then(|digits| digits.parse::<usize>().ok());
    match (items, back) {
        (Some(items), Some(back)) if back > 0 && back <= items.len() => {
            let mut counted = parent.to_buf();
            counted.push_back(items.len() - back);
            counted
        }
        _ => path,
    }
}

fn at<'v>(document: &'v Value, path: &Pointer) -> Result<&'v Value, PatchError> {
    let missing = || PatchError::NotApplicable(format!("the document has no {path}"));
    document.pointer(path.as_str()).ok_or_else(missing)
}

fn test(document: &Value, path: &Pointer, expected: &Value) -> Result<(), PatchError> {
    // Null also stands for what is not there.
    let found = match at(document, path) {
        Err(_) if expected.is_null() => return Ok(()),
        found => found?,
    };
    if same_value(found, expected) {
        return Ok(());
    }
    Err(PatchError::NotApplicable(format!("testing value {path} failed")))
}

/// What it costs to push the items along that are behind a place in a list: they go in a block.
fn behind(document: &Value, path: &Pointer) -> usize {
    let Some((parent, last)) = path.split_back() else {
        return 0;
    };
    let items = document.pointer(parent.as_str()).and_then(Value::as_array);
    let index = last.decoded().parse::<usize>().ok();
    match (items, index) {
        (Some(items), Some(index)) => items.len().saturating_sub(index) / ITEMS_OF_A_VALUE,
        _ => 0,
    }
}

fn check_depth(path: &Pointer, value: &Value, spent: &mut Spent) -> Result<(), PatchError> {
    let above = path.tokens().count();
    let mut values = 0;
    let fits = above <= MAX_DEPTH && fits(value, MAX_DEPTH - above, &mut values);
    spent.look_at(values)?;
    if fits {
        return Ok(());
    }
    Err(PatchError::NotApplicable(format!(
        "the patched document nests deeper than {MAX_DEPTH} levels"
    )))
}

/// Whether a value has at most this many levels; looks no deeper, and counts what it looked at.
fn fits(value: &Value, levels: usize, values: &mut usize) -> bool {
    *values += 1;
    let below = |value: &Value| levels > 0 && fits(value, levels - 1, values);
    match value {
        Value::Array(items) => items.iter().all(below),
        Value::Object(fields) => fields.values().all(below),
        _ => true,
    }
}

fn encoded_length(value: &Value) -> usize {
    let mut counter = Counter(0);
    match serde_json::to_writer(&mut counter, value) {
        Ok(()) => counter.0,
        Err(_) => usize::MAX,
    }
}

/// Counts what is written.
struct Counter(usize);

impl io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
