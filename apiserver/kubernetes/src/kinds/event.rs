//! Event, as `core/v1` and as `events.k8s.io/v1`.

mod validate;

use async_trait::async_trait;
use generic_apiserver::{
    FieldError, Status,
    registry::{Cell, Column, Findings, NameRule, ResourceDefinition, Strategy, StrategyContext},
};
use serde_json::Value;

use super::{
    builtin::{self, Builtin},
    cells::{column, number, or, since, some_text, text, wide},
};

/// `core/v1 Event`.
pub(super) fn core_definition() -> ResourceDefinition {
    let schema = include_str!("../../schemas/events.json");
    shared(builtin::of(("", "v1"), "Event", "events", schema))
        .name_rule(NameRule::PathSegment)
        .strategy(Event { is_core: true })
        .selectable(&[
            ("involvedObject.kind", |object| {
                some_text(object, "/involvedObject/kind")
            }),
            ("involvedObject.namespace", |object| {
                some_text(object, "/involvedObject/namespace")
            }),
            ("involvedObject.name", |object| {
                some_text(object, "/involvedObject/name")
            }),
            ("involvedObject.uid", |object| some_text(object, "/involvedObject/uid")),
            ("involvedObject.apiVersion", |object| {
                some_text(object, "/involvedObject/apiVersion")
            }),
            ("involvedObject.resourceVersion", |object| {
                some_text(object, "/involvedObject/resourceVersion")
            }),
            ("involvedObject.fieldPath", |object| {
                some_text(object, "/involvedObject/fieldPath")
            }),
            ("reason", |object| some_text(object, "/reason")),
            ("reportingComponent", |object| some_text(object, "/reportingComponent")),
            ("source", |object| {
                some_text(object, "/source/component").or_else(|| some_text(object, "/reportingComponent"))
            }),
            ("type", |object| some_text(object, "/type")),
        ])
        .build()
}

/// `events.k8s.io/v1 Event`.
pub(super) fn definition() -> ResourceDefinition {
    let schema = include_str!("../../schemas/events.events.k8s.io.json");
    shared(builtin::of(("events.k8s.io", "v1"), "Event", "events", schema))
        .strategy(Event { is_core: false })
        .selectable(&[
            ("regarding.kind", |object| some_text(object, "/regarding/kind")),
            ("regarding.namespace", |object| {
                some_text(object, "/regarding/namespace")
            }),
            ("regarding.name", |object| some_text(object, "/regarding/name")),
            ("regarding.uid", |object| some_text(object, "/regarding/uid")),
            ("reason", |object| some_text(object, "/reason")),
            ("reportingController", |object| {
                some_text(object, "/reportingController")
            }),
            ("type", |object| some_text(object, "/type")),
        ])
        .build()
}

struct Event {
    is_core: bool,
}

#[async_trait]
impl Strategy for Event {
    async fn validate_create(&self, _: &StrategyContext<'_>, object: &Value) -> Result<Findings, Status> {
        let mut errors = validate::any(object, self.is_core);
        if !self.is_core {
            errors.extend(validate::new(object));
        }
        refuse(object, errors)
    }

    async fn validate_update(&self, _: &StrategyContext<'_>, object: &Value, old: &Value) -> Result<Findings, Status> {
        let mut errors = validate::any(object, self.is_core);
        if !self.is_core {
            errors.extend(validate::changed(object, old));
        }
        refuse(object, errors)
    }
}

/// As events of the core group, whichever they are.
fn refuse(object: &Value, errors: Vec<FieldError>) -> Result<Findings, Status> {
    if errors.is_empty() {
        return Ok(Findings::default());
    }
    Err(Status::invalid("Event", "", text(object, "/metadata/name"), errors))
}

fn shared(event: Builtin) -> Builtin {
    event.short(&["ev"]).create_on_update().columns(vec![
        since("Last Seen", "When it happened last.", |object| last_seen(object).into()),
        column("Type", "Normal or Warning.", |object| text(object, "/type").into()),
        column("Reason", "What happened, in one word.", |object| {
            text(object, "/reason").into()
        }),
        column("Object", "The object that it happened to.", |object| {
            involved(object).into()
        }),
        wide("Subobject", "The part of the object.", |object| {
            text(about(object), "/fieldPath").into()
        }),
        wide("Source", "Who reports it.", |object| source(object).into()),
        column("Message", "What happened.", |object| {
            or(text(object, "/message"), text(object, "/note")).trim().into()
        }),
        Column {
            priority: 1,
            ..since("First Seen", "When it happened first.", |object| {
                first_seen(object).into()
            })
        },
        wide("Count", "How often it happened.", |object| count(object).into()),
        Column {
            format: "name".to_owned(),
            cell: Cell::Path(".metadata.name".to_owned()),
            ..wide("Name", "Name of the event.", |object| {
                text(object, "/metadata/name").into()
            })
        },
    ])
}

fn about(object: &Value) -> &Value {
    object
        .get("involvedObject")
        .or_else(|| object.get("regarding"))
        .unwrap_or(&Value::Null)
}

fn involved(object: &Value) -> String {
    let kind = text(about(object), "/kind").to_lowercase();
    match text(about(object), "/name") {
        "" => kind,
        name => format!("{kind}/{name}"),
    }
}

fn first_seen(object: &Value) -> &str {
    let first = or(
        text(object, "/firstTimestamp"),
        text(object, "/deprecatedFirstTimestamp"),
    );
    or(first, text(object, "/eventTime"))
}

fn last_seen(object: &Value) -> &str {
    let last = or(text(object, "/lastTimestamp"), text(object, "/deprecatedLastTimestamp"));
    or(text(object, "/series/lastObservedTime"), or(last, first_seen(object)))
}

fn count(object: &Value) -> i64 {
    let counts = ["/series/count", "/count", "/deprecatedCount"].map(|pointer| number(object, pointer));
    counts.into_iter().find(|&count| count != 0).unwrap_or(1)
}

fn source(object: &Value) -> String {
    let component = or(
        text(object, "/source/component"),
        text(object, "/deprecatedSource/component"),
    );
    let reporter = or(
        text(object, "/reportingComponent"),
        text(object, "/reportingController"),
    );
    let host = or(text(object, "/source/host"), text(object, "/reportingInstance"));
    match host {
        "" => or(component, reporter).to_owned(),
        host => format!("{}, {host}", or(component, reporter)),
    }
}
