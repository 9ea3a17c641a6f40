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
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn spliced(object: &[u8], revision: Revision) -> (String, String) {
        let mut out = b"before".to_vec();
        let range = splice(&mut out, object, revision).unwrap();
        let object = String::from_utf8(out.split_off(6)).unwrap();
        let metadata = object[range].to_owned();
        (object, metadata)
    }

    #[test]
    fn puts_the_version_where_sorted_keys_have_it() {
        let cases = [
            (
                r#"{"kind":"A","metadata":{"name":"a","uid":"u"},"spec":{}}"#,
                r#"{"name":"a","resourceVersion":"7","uid":"u"}"#,
            ),
            (r#"{"metadata":{"name":"a"}}"#, r#"{"name":"a","resourceVersion":"7"}"#),
            (r#"{"metadata":{"uid":"u"}}"#, r#"{"resourceVersion":"7","uid":"u"}"#),
            (r#"{"metadata":{}}"#, r#"{"resourceVersion":"7"}"#),
            (
                r#"{"metadata":{"resourceVersion":"12345","uid":"u"}}"#,
                r#"{"resourceVersion":"7","uid":"u"}"#,
            ),
            (r#"{"metadata":null,"spec":1}"#, r#"{"resourceVersion":"7"}"#),
            (r#"{"kind":"A"}"#, r#"{"resourceVersion":"7"}"#),
            (r#"{"kind":"A","spec":{}}"#, r#"{"resourceVersion":"7"}"#),
            ("{}", r#"{"resourceVersion":"7"}"#),
            (
                " { \"metadata\" : { \"name\" : \"}\\\"{\" } } ",
                "{ \"name\" : \"}\\\"{\",\"resourceVersion\":\"7\" }",
            ),
        ];
        for (object, metadata) in cases {
            let (whole, found) = spliced(object.as_bytes(), 7);
            assert_eq!(found, metadata, "of {object}");
            let mut wanted: Value = serde_json::from_str(object).unwrap();
            if !wanted["metadata"].is_object() {
                wanted["metadata"] = json!({});
            }
            wanted["metadata"]["resourceVersion"] = json!("7");
            assert_eq!(serde_json::from_str::<Value>(&whole).unwrap(), wanted);
        }
    }

    #[test]
    fn sorted_objects_stay_byte_for_byte_sorted() {
        let object = json!({"apiVersion": "v1", "kind": "A", "metadata": {"name": "a", "uid": "u"}, "spec": {"x": [1, {"y": "z"}]}});
        let mut wanted = object.clone();
        wanted["metadata"]["resourceVersion"] = json!("42");
        assert_eq!(spliced(object.to_string().as_bytes(), 42).0, wanted.to_string());
    }

    #[test]
    fn broken_bytes_are_an_error() {
        for object in [
            "",
            "[]",
            "1",
            "{",
            r#"{"metadata""#,
            r#"{"metadata":"#,
            r#"{"metadata":{"#,
            r#"{"metadata":{"a":"\"#,
            r#"{"a":}"#,
            r#"{"a" 1}"#,
        ] {
            assert!(splice(&mut Vec::new(), object.as_bytes(), 1).is_err(), "{object}");
        }
    }

    #[test]
    fn members_are_found_raw() {
        let object = br#"{"name":"a","uid":"6-7","n":{"uid":"no"}}"#;
        assert_eq!(member(object, "uid"), Some(&br#""6-7""#[..]));
        assert_eq!(member(object, "gone"), None);
    }

    fn json_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 48, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::btree_map(key(), inner, 0..6).prop_map(|m| Value::Object(m.into_iter().collect())),
            ]
        })
    }

    fn key() -> impl Strategy<Value = String> {
        prop_oneof![
            Just("metadata".to_owned()),
            Just("resourceVersion".to_owned()),
            "[a-z]{1,3}",
            any::<String>(),
        ]
    }

    proptest! {
        #[test]
        fn any_object_gets_exactly_its_version(
            members in prop::collection::btree_map(key(), json_value(), 0..8),
            revision in any::<u64>(),
            pretty in any::<bool>(),
        ) {
            let object = Value::Object(members.into_iter().collect());
            let bytes = if pretty { serde_json::to_vec_pretty(&object) } else { serde_json::to_vec(&object) }.unwrap();
            let (whole, metadata) = spliced(&bytes, revision);
            let read: Value = serde_json::from_slice(&bytes).unwrap();
            let mut wanted = read;
            if !wanted["metadata"].is_object() {
                wanted["metadata"] = json!({});
            }
            wanted["metadata"]["resourceVersion"] = json!(revision.to_string());
            prop_assert_eq!(&serde_json::from_str::<Value>(&whole).unwrap(), &wanted);
            prop_assert_eq!(&serde_json::from_str::<Value>(&metadata).unwrap(), &wanted["metadata"]);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = splice(&mut Vec::new(), &bytes, 1);
        }
    }
}
