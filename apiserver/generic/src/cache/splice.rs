//! Puts `metadata.resourceVersion` into the encoded bytes of an object with one scan and one copy, without parsing it.

use std::io::Write as _;
use std::ops::Range;

use super::Malformed;
use crate::storage::Revision;

const METADATA: &[u8] = b"metadata";
const RESOURCE_VERSION: &[u8] = b"resourceVersion";

/// Appends `object` to `out` with `metadata.resourceVersion` set to `revision`, and returns where the metadata object
/// lies, counted from the object's first appended byte.
///
/// An existing resourceVersion is replaced; a missing one is put where sorted keys have it. Bytes after the metadata are
/// copied unseen.
pub(super) fn splice(out: &mut Vec<u8>, object: &[u8], revision: Revision) -> Result<Range<usize>, Malformed> {
    let edit = plan(object)?;
    let start = out.len();
    out.extend_from_slice(&object[..edit.at.start]);
    out.extend_from_slice(edit.before.as_bytes());
    // Writing into a Vec cannot fail.
    let _ = write!(out, "{revision}");
    out.extend_from_slice(edit.after.as_bytes());
    let edited = out.len() - start;
    out.extend_from_slice(&object[edit.at.end..]);
    Ok(edit.metadata_start..match edit.metadata_end {
        End::Behind(distance) => edited + distance,
        End::Before(distance) => edited - distance,
    })
}

/// The raw value (with its quotes, for a string) of one member of the JSON object in `object`.
pub(super) fn member<'a>(object: &'a [u8], key: &str) -> Option<&'a [u8]> {
    let mut scan = Members::open(object, 0).ok()?;
    while let Some(member) = scan.next_member().ok()? {
        if &object[member.key] == key.as_bytes() {
            return Some(&object[member.value]);
        }
    }
    None
}

/// One replacement: `at` becomes `before`, the number, `after`.
struct Edit {
    at: Range<usize>,
    before: &'static str,
    after: &'static str,
    metadata_start: usize,
    metadata_end: End,
}

/// Where the metadata object ends, from the end of what the edit wrote.
enum End {
    /// So many bytes behind it.
    Behind(usize),
    /// So many bytes before it.
    Before(usize),
}

fn plan(object: &[u8]) -> Result<Edit, Malformed> {
    let mut scan = Members::open(object, 0)?;
    let mut slot = Slot::default();
    while let Some(member) = scan.next_member()? {
        if object[member.key.clone()] == *METADATA {
            return plan_in_metadata(object, member.value);
        }
        slot.pass(object, &member, METADATA);
    }
    let at = slot.position(&scan);
    let (before, after, lead, tail) = match slot.kind() {
        SlotKind::Before => (r#""metadata":{"resourceVersion":""#, r#""},"#, 11, 1),
        SlotKind::After => (r#","metadata":{"resourceVersion":""#, r#""}"#, 12, 0),
        SlotKind::Only => (r#""metadata":{"resourceVersion":""#, r#""}"#, 11, 0),
    };
    Ok(Edit {
        at: at..at,
        before,
        after,
        metadata_start: at + lead,
        metadata_end: End::Before(tail),
    })
}

fn plan_in_metadata(object: &[u8], value: Range<usize>) -> Result<Edit, Malformed> {
    if object[value.start] != b'{' {
        return Ok(Edit {
            at: value.clone(),
            before: r#"{"resourceVersion":""#,
            after: r#""}"#,
            metadata_start: value.start,
            metadata_end: End::Before(0),
        });
    }
    let mut scan = Members::open(object, value.start)?;
    let mut slot = Slot::default();
    let edit = |at: Range<usize>, before, after| Edit {
        metadata_end: End::Behind(value.end - at.end),
        at,
        before,
        after,
        metadata_start: value.start,
    };
    while let Some(member) = scan.next_member()? {
        if object[member.key.clone()] == *RESOURCE_VERSION {
            return Ok(edit(member.value, "\"", "\""));
        }
        slot.pass(object, &member, RESOURCE_VERSION);
    }
    let at = slot.position(&scan);
    let (before, after) = match slot.kind() {
        SlotKind::Before => (r#""resourceVersion":""#, r#"","#),
        SlotKind::After => (r#","resourceVersion":""#, r#"""#),
        SlotKind::Only => (r#""resourceVersion":""#, r#"""#),
    };
    Ok(edit(at..at, before, after))
}

/// Finds where a missing key belongs among sorted members.
#[derive(Default)]
struct Slot {
    before: Option<usize>,
    after: Option<usize>,
}

enum SlotKind {
    Before,
    After,
    Only,
}

impl Slot {
    fn pass(&mut self, object: &[u8], member: &Member, key: &[u8]) {
        if self.before.is_none() && object[member.key.clone()] > *key {
            self.before = Some(member.start);
        }
        self.after = Some(member.value.end);
    }

    fn kind(&self) -> SlotKind {
        match (self.before, self.after) {
            (Some(_), _) => SlotKind::Before,
            (None, Some(_)) => SlotKind::After,
            (None, None) => SlotKind::Only,
        }
    }

    fn position(&self, scan: &Members<'_>) -> usize {
        self.before.or(self.after).unwrap_or(scan.open + 1)
    }
}

/// One member of a JSON object, as byte ranges.
struct Member {
    /// The opening quote of the key.
    start: usize,
    /// The key without its quotes, escapes untouched.
    key: Range<usize>,
    value: Range<usize>,
}

/// Walks the members of the JSON object that opens at `open`.
struct Members<'a> {
    bytes: &'a [u8],
    open: usize,
    at: usize,
    first: bool,
}

impl<'a> Members<'a> {
    fn open(bytes: &'a [u8], from: usize) -> Result<Self, Malformed> {
        let open = skip_space(bytes, from);
        expect(bytes, open, b'{')?;
        Ok(Self {
            bytes,
            open,
            at: open + 1,
            first: true,
        })
    }

    fn next_member(&mut self) -> Result<Option<Member>, Malformed> {
        let mut start = skip_space(self.bytes, self.at);
        if self.bytes.get(start) == Some(&b'}') {
            return Ok(None);
        }
        if !self.first {
            expect(self.bytes, start, b',')?;
            start = skip_space(self.bytes, start + 1);
        }
        self.first = false;
        let key_end = string_end(self.bytes, start)?;
        let colon = skip_space(self.bytes, key_end);
        expect(self.bytes, colon, b':')?;
        let value_start = skip_space(self.bytes, colon + 1);
        let value_end = value_end(self.bytes, value_start)?;
        self.at = value_end;
        Ok(Some(Member {
            start,
            key: start + 1..key_end - 1,
            value: value_start..value_end,
        }))
    }
}

fn expect(bytes: &[u8], at: usize, wanted: u8) -> Result<(), Malformed> {
    if bytes.get(at) == Some(&wanted) {
        Ok(())
    } else {
        Err(Malformed { at })
    }
}

fn skip_space(bytes: &[u8], from: usize) -> usize {
    let space = bytes
        .iter()
        .skip(from)
        .take_while(|b| matches!(b, b' ' | b'\t' | b'\n' | b'\r'))
        .count();
    from + space
}

/// One past the closing quote of the string that opens at `start`.
fn string_end(bytes: &[u8], start: usize) -> Result<usize, Malformed> {
    expect(bytes, start, b'"')?;
    let mut at = start + 1;
    loop {
        match bytes.get(at) {
            Some(b'"') => return Ok(at + 1),
            Some(b'\\') => at += 2,
            Some(_) => at += 1,
            None => return Err(Malformed { at: start }),
        }
    }
}

/// One past the value that begins at `start`. Nested values are skipped by counting brackets, so depth costs no stack.
fn value_end(bytes: &[u8], start: usize) -> Result<usize, Malformed> {
    let mut depth = 0usize;
    let mut at = start;
    loop {
        match bytes.get(at) {
            None => return Err(Malformed { at: start }),
            Some(b'"') => at = string_end(bytes, at)?,
            Some(b'{' | b'[') => {
                depth += 1;
                at += 1;
                continue;
            }
            Some(b'}' | b']') => {
                depth = depth.checked_sub(1).ok_or(Malformed { at })?;
                at += 1;
            }
            Some(b',' | b':' | b' ' | b'\t' | b'\n' | b'\r') if depth > 0 => {
                at += 1;
                continue;
            }
            Some(_) => at = scalar_end(bytes, at)?,
        }
        if depth == 0 {
            return Ok(at);
        }
    }
}

fn scalar_end(bytes: &[u8], start: usize) -> Result<usize, Malformed> {
    let length = bytes[start..]
        .iter()
        .take_while(|b| matches!(b, b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'+' | b'-' | b'.'))
        .count();
    if length == 0 {
        Err(Malformed { at: start })
    } else {
        Ok(start + length)
    }
}

#[cfg(test)]
mod tests;
