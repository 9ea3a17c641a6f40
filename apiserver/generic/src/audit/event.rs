//! An event (`audit.k8s.io/v1 Event`), made of what is known of a request so far. Pure.

use std::net::IpAddr;

use http::StatusCode;
use jiff::{Timestamp, Unit};
use serde_json::{Map, Value, json};

use super::{Annotations, Level, Stage};
use crate::{
    authn::{Impersonated, User},
    request::RequestInfo,
};

/// What is known of a request.
#[derive(Clone, Debug, Default)]
pub(super) struct Draft {
    pub(super) id: String,
    pub(super) uri: String,
    pub(super) agent: String,
    pub(super) received: Timestamp,
    pub(super) user: Option<User>,
    pub(super) impersonated: Option<Impersonated>,
    pub(super) source: Option<IpAddr>,
    /// `allow` or `forbid`, and why.
    pub(super) decision: Option<(&'static str, String)>,
    /// What the server's parts added.
    pub(super) annotations: Annotations,
    pub(super) request: Option<Value>,
    pub(super) response: Option<Value>,
    pub(super) code: Option<StatusCode>,
}

impl Draft {
    /// The event of a stage.
    pub(super) fn event(&self, info: &RequestInfo, level: Level, stage: Stage, now: Timestamp) -> Value {
        let mut event = json!({
            "kind": "Event",
            "apiVersion": "audit.k8s.io/v1",
            "level": format!("{level:?}"),
            "auditID": self.id,
            "stage": format!("{stage:?}"),
            "requestURI": self.uri,
            "verb": info.verb,
            "user": self.user.as_ref().map_or_else(|| json!({}), user),
            "userAgent": self.agent,
            "requestReceivedTimestamp": micros(self.received),
            "stageTimestamp": micros(now),
        });
        let mut add = |field: &str, value: Option<Value>| {
            if let Some(value) = value {
                event[field] = value;
            }
        };
        let acting = self.impersonated.as_ref();
        add("impersonatedUser", acting.map(|acting| user(&acting.user)));
        let constraint = acting.and_then(|acting| acting.constraint);
        add(
            "authenticationMetadata",
            constraint.map(|verb| json!({"impersonationConstraint": verb})),
        );
        add("sourceIPs", self.source.map(|source| json!([source.to_string()])));
        add("objectRef", info.is_resource.then(|| object_ref(info)));
        add("annotations", self.all_annotations());
        if stage != Stage::RequestReceived {
            add(
                "responseStatus",
                self.code.map(|code| status(code, self.response.as_ref())),
            );
        }
        if level >= Level::Request {
            add("requestObject", self.request.clone());
        }
        if level >= Level::RequestResponse && stage == Stage::ResponseComplete {
            add("responseObject", self.response.clone());
        }
        event
    }

    fn all_annotations(&self) -> Option<Value> {
        let mut all = self.annotations.all();
        if let Some((decision, reason)) = &self.decision {
            all.insert("authorization.k8s.io/decision".to_owned(), (*decision).to_owned());
            all.insert("authorization.k8s.io/reason".to_owned(), reason.clone());
        }
        (!all.is_empty()).then(|| json!(all))
    }
}

/// A Status without its message and details.
pub(super) fn without_words(status: &Value) -> Value {
    json!({"kind": status["kind"], "status": status["status"], "reason": status["reason"]})
}

/// Takes `metadata.managedFields` away from an object, or from the items of a list.
pub(super) fn without_managed_fields(mut object: Value) -> Value {
    let remove = |object: &mut Value| {
        if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.remove("managedFields");
        }
    };
    remove(&mut object);
    let items = object.get_mut("items").and_then(Value::as_array_mut);
    items.into_iter().flatten().for_each(remove);
    object
}

fn user(user: &User) -> Value {
    let mut info = Map::new();
    info.insert("username".to_owned(), json!(user.name));
    if let Some(uid) = &user.uid {
        info.insert("uid".to_owned(), json!(uid));
    }
    if !user.groups.is_empty() {
        info.insert("groups".to_owned(), json!(user.groups));
    }
    if !user.extra.is_empty() {
        info.insert("extra".to_owned(), json!(user.extra));
    }
    info.into()
}

fn object_ref(info: &RequestInfo) -> Value {
    let fields = [
        ("resource", &info.resource),
        ("namespace", &info.namespace),
        ("name", &info.name),
        ("apiGroup", &info.group),
        ("apiVersion", &info.version),
        ("subresource", &info.subresource),
    ];
    let said = fields.into_iter().filter(|(_, value)| !value.is_empty());
    said.map(|(field, value)| (field.to_owned(), json!(value)))
        .collect::<Map<_, _>>()
        .into()
}

/// The code; of an error also its words.
fn status(code: StatusCode, response: Option<&Value>) -> Value {
    let mut status = json!({"metadata": {}, "code": code.as_u16()});
    let failed = response.filter(|response| response["kind"] == "Status" && response["status"] == "Failure");
    for field in ["status", "message", "reason", "details"] {
        if let Some(value) = failed.and_then(|failed| failed.get(field)) {
            status[field] = value.clone();
        }
    }
    status
}

/// With six digits of a second, as Kubernetes' `MicroTime`.
fn micros(time: Timestamp) -> String {
    let rounded = time.round(Unit::Microsecond).unwrap_or(time);
    rounded.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}
