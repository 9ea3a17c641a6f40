//! Takes out of an answer what differs between any two servers, and keeps what clients can tell by it: which of two uids or
//! resourceVersions are the same.

use std::sync::LazyLock;

use jiff::Timestamp;
use regex::{Captures, Regex};
use serde_json::{Map, Value};

static UID: LazyLock<Regex> =
    LazyLock::new(|| Regex::new("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}").unwrap());
static TIME: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?(Z|\+00:00)").unwrap());
static AGE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"^\d{1,3}s$").unwrap());
static HASH: LazyLock<Regex> = LazyLock::new(|| Regex::new("hash=[0-9A-F]{128}").unwrap());
static CREDENTIAL: LazyLock<Regex> = LazyLock::new(|| Regex::new("X509SHA256=[0-9a-f]{64}").unwrap());
/// As YAML and indented JSON show it.
static REVISION: LazyLock<Regex> = LazyLock::new(|| Regex::new(r#"(resourceVersion"?: ")(\d+)""#).unwrap());
static REVISIONS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(esource version: |current: |ResourceVersion in (?:the )?(?:precondition|record|object meta)[: ]+\(?)(\d+)( \(\d+\))?|(resourceVersion\\*":\\*")\d+"#).unwrap()
});
/// How far from now a time may be that the servers wrote themselves.
const RECENT_SECONDS: u64 = 600;

/// What one server has shown in a case.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    /// `host:port`.
    address: String,
    uids: Vec<String>,
    revisions: Vec<String>,
}

impl Seen {
    pub(crate) fn new(address: &str) -> Self {
        Self {
            address: address.to_owned(),
            ..Self::default()
        }
    }

    /// Makes a body comparable.
    pub(crate) fn normalise(&mut self, value: &mut Value) {
        match value {
            Value::Object(object) => self.object(object),
            Value::Array(items) => items.iter_mut().for_each(|item| self.normalise(item)),
            Value::String(text) => *text = self.text(text),
            _ => {}
        }
    }

    fn object(&mut self, object: &mut Map<String, Value>) {
        generated_name(object);
        sort_causes(object);
        if let Some(Value::String(revision)) = object.get("resourceVersion") {
            let shown = match revision.as_str() {
                "" | "0" => revision.clone(),
                // The revision of a list or bookmark also moves when others write.
                _ if !object.contains_key("uid") => "a revision".to_owned(),
                _ => format!("revision {}", ordinal(&mut self.revisions, revision)),
            };
            object.insert("resourceVersion".to_owned(), shown.into());
        }
        if let Some(Value::String(token)) = object.get_mut("continue")
            && !token.is_empty()
        {
            "a token".clone_into(token);
        }
        if let Some(Value::Array(cells)) = object.get_mut("cells") {
            for cell in cells {
                if cell.as_str().is_some_and(|cell| AGE.is_match(cell)) {
                    *cell = "an age".into();
                }
            }
        }
        object.values_mut().for_each(|value| self.normalise(value));
        sort_owners(object);
        // In managedFields, owners are named by their uids.
        let named_by_uid: Vec<_> = object.keys().filter(|key| UID.is_match(key)).cloned().collect();
        for key in named_by_uid {
            if let Some(value) = object.remove(&key) {
                object.insert(self.text(&key), value);
            }
        }
    }

    /// Makes a text comparable.
    pub(crate) fn text(&mut self, text: &str) -> String {
        let text = text.replace(&self.address, "SERVER");
        let uids = &mut self.uids;
        let text = UID.replace_all(&text, |found: &Captures<'_>| {
            format!("uid {}", ordinal(uids, &found[0]))
        });
        let text = TIME.replace_all(&text, |found: &Captures<'_>| {
            let recent = found[0]
                .parse::<Timestamp>()
                .is_ok_and(|time| time.as_second().abs_diff(Timestamp::now().as_second()) < RECENT_SECONDS);
            match (recent, found.get(1)) {
                (false, _) => found[0].to_owned(),
                (true, None) => format!("now{}", &found[2]),
                (true, Some(_)) => format!("now in microseconds{}", &found[2]),
            }
        });
        let text = HASH.replace_all(&text, "hash=HASH");
        let text = CREDENTIAL.replace_all(&text, "X509SHA256=HASH");
        let revisions = &mut self.revisions;
        let text = REVISION.replace_all(&text, |found: &Captures<'_>| {
            format!("{}revision {}\"", &found[1], ordinal(revisions, &found[2]))
        });
        REVISIONS.replace_all(&text, "${1}${4}N").into_owned()
    }
}

/// Owners of one operation are in the order of the seconds in which they wrote, which differ from run to run.
fn sort_owners(object: &mut Map<String, Value>) {
    if let Some(Value::Array(owners)) = object.get_mut("managedFields") {
        owners.sort_by_key(|owner| {
            ["operation", "manager", "apiVersion", "subresource"].map(|field| owner[field].to_string())
        });
    }
}

/// Several causes of one refusal come in any order: kube-apiserver walks maps. The message repeats them.
fn sort_causes(status: &mut Map<String, Value>) {
    let Some(Value::Array(causes)) = status.get_mut("details").and_then(|details| details.get_mut("causes")) else {
        return;
    };
    causes.sort_by_key(Value::to_string);
    let text = |cause: &Value, field: &str| cause[field].as_str().unwrap_or_default().to_owned();
    let repeated: Vec<_> = causes
        .iter()
        .map(|cause| format!("{}: {}", text(cause, "field"), text(cause, "message")))
        .collect();
    if let Some(Value::String(message)) = status.get_mut("message")
        && let Some(begin) = message.find(" is invalid: [")
        && repeated
            .iter()
            .all(|cause| message.contains(cause.trim_start_matches(": ")))
    {
        message.truncate(begin);
        message.push_str(" is invalid: [the causes]");
    }
}

/// `generateName` and five characters become the same on both sides.
fn generated_name(object: &mut Map<String, Value>) {
    let base = object.get("generateName").and_then(Value::as_str).map(str::to_owned);
    if let (Some(base), Some(Value::String(name))) = (base, object.get_mut("name"))
        && name.len() == base.len().min(58) + 5
        && name.starts_with(&base[..base.len().min(58)])
    {
        *name = format!("{}(5 characters)", &base[..base.len().min(58)]);
    }
}

/// The number of this value among all that came, from 1 on.
fn ordinal(seen: &mut Vec<String>, value: &str) -> usize {
    let found = seen.iter().position(|other| other == value);
    1 + found.unwrap_or_else(|| {
        seen.push(value.to_owned());
        seen.len() - 1
    })
}
