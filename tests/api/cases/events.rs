//! Events, in both of their groups.

use serde_json::{Value, json};

use crate::{
    request::{apply, delete, get, merge, post, put, strategic},
    talk::Talk,
};

pub(crate) const CASES: super::Cases = &[
    ("core", core),
    ("core validation", core_validation),
    ("core selectors", core_selectors),
    ("new", new),
    ("new validation", new_validation),
    ("new changes", new_changes),
    ("tables", tables),
];

const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";
const NEW: &str = "/apis/events.k8s.io/v1/namespaces/$ns/events";

fn event(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Event", "metadata": {"name": name},
        "involvedObject": {"apiVersion": "v1", "kind": "Pod", "name": "p", "namespace": "$ns", "uid": "u", "fieldPath": "spec"},
        "reason": "Because", "message": "It happened.", "type": "Normal", "count": 2, "source": {"component": "c", "host": "h"},
        "firstTimestamp": "2020-01-01T00:00:00Z", "lastTimestamp": "2020-01-02T00:00:00Z",
    })
}

fn with(mut event: Value, changes: Value) -> Value {
    for (field, value) in changes.as_object().unwrap() {
        event[field] = value.clone();
    }
    event
}

fn new_event(name: &str) -> Value {
    json!({
        "apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {"name": name},
        "eventTime": "2020-01-01T00:00:00.000001Z", "reportingController": "example.com/c", "reportingInstance": "c-1",
        "action": "Acting", "reason": "Because", "note": "It happened.", "type": "Normal",
        "regarding": {"apiVersion": "v1", "kind": "Pod", "name": "p", "namespace": "$ns"},
    })
}

fn core(talk: &mut Talk<'_>) {
    let path = "$core/events/e";
    talk.send(post("$core/events", event("e")));
    talk.send_all([
        post("$core/events", event("e")),
        put(
            path,
            with(event("e"), json!({"count": 3, "lastTimestamp": "2020-01-03T00:00:00Z"})),
        ),
        put("$core/events/created", event("created")),
        merge(path, json!({"count": 4, "reason": "Other", "message": "Else"})),
        strategic(path, json!({"count": 5, "lastTimestamp": "2020-01-04T00:00:00Z"})),
        merge(path, json!({"involvedObject": {"name": "q"}})),
        merge(path, json!({"involvedObject": null})),
        apply(
            &format!("{path}?fieldManager=m"),
            json!({"apiVersion": "v1", "kind": "Event", "related": {"name": "r"}}),
        ),
        get(path),
        get("$core/events"),
        delete(path),
        delete("$core/events"),
    ]);
}

fn core_validation(talk: &mut Talk<'_>) {
    let long = "x".repeat(1025);
    for changes in [
        json!({"involvedObject": {}}),
        json!({"involvedObject": {"namespace": "other"}}),
        json!({"involvedObject": {"kind": "Node", "name": "n"}}),
        json!({"type": "Odd"}),
        json!({"type": ""}),
        json!({"reason": ""}),
        json!({"message": long}),
        json!({"eventTime": "2020-01-01T00:00:00.000001Z"}),
        json!({"eventTime": "2020-01-01T00:00:00.000001Z", "reportingComponent": "example.com/c", "reportingInstance": "i", "action": "A"}),
        json!({"eventTime": "2020-01-01T00:00:00.000001Z", "reportingComponent": "a b", "reportingInstance": "x".repeat(129), "action": "x".repeat(129), "reason": "x".repeat(129), "message": "x".repeat(1025)}),
        json!({"series": {"count": 1}}),
        json!({"metadata": {"name": "Bad_Name"}}),
        json!({"metadata": {}}),
    ] {
        talk.send(post("$core/events?dryRun=All", with(event("v"), changes)));
    }
    talk.send(post("$core/events?dryRun=All", json!({"metadata": {"name": "v"}})));
    talk.send(post(
        "/api/v1/namespaces/default/events?dryRun=All",
        json!({"metadata": {"name": "v"}}),
    ));
    talk.send(post(
        "/api/v1/namespaces/default/events?dryRun=All",
        json!({"metadata": {"name": "v"}, "involvedObject": {"kind": "Node", "name": "n"}}),
    ));
}

fn core_selectors(talk: &mut Talk<'_>) {
    talk.quietly(post("$core/events", event("a")));
    talk.quietly(post(
        "$core/events",
        with(
            event("b"),
            json!({"type": "Warning", "source": {}, "reportingComponent": "r", "reason": "Other"}),
        ),
    ));
    for selector in [
        "involvedObject.kind=Pod",
        "involvedObject.name=p,involvedObject.namespace=$ns,involvedObject.uid=u",
        "involvedObject.fieldPath=spec",
        "involvedObject.apiVersion=v1",
        "involvedObject.resourceVersion=1",
        "reason=Because",
        "reportingComponent=r",
        "source=c",
        "source=r",
        "type!=Normal",
        "metadata.name=a",
        "message=x",
    ] {
        talk.send(get(&format!("$core/events?fieldSelector={selector}")));
    }
}

fn new(talk: &mut Talk<'_>) {
    talk.send(post(NEW, new_event("e")));
    let path = format!("{NEW}/e");
    talk.send_all([
        post(NEW, new_event("e")),
        get(&path),
        merge(
            &path,
            json!({"series": {"count": 2, "lastObservedTime": "2020-01-01T00:00:05.000000Z"}}),
        ),
        merge(&path, json!({"metadata": {"labels": {"a": "b"}}})),
        strategic(&path, json!({"series": {"count": 3}})),
        get(&format!("{NEW}?fieldSelector=reason=Because")),
        get(&format!("{NEW}?fieldSelector=regarding.kind=Pod")),
        get(&format!("{NEW}?fieldSelector=reportingController=example.com/c")),
        get(&format!("{NEW}?fieldSelector=type=Warning")),
        delete(&path),
    ]);
}

fn new_validation(talk: &mut Talk<'_>) {
    for changes in [
        json!({"eventTime": null}),
        json!({"type": "Odd"}),
        json!({"type": null}),
        json!({"reportingController": null}),
        json!({"reportingController": "a b"}),
        json!({"reportingInstance": null}),
        json!({"reportingInstance": "x".repeat(129)}),
        json!({"action": null}),
        json!({"reason": null}),
        json!({"note": "x".repeat(1025)}),
        json!({"regarding": null}),
        json!({"regarding": {"namespace": "other", "name": "x"}}),
        json!({"regarding": {"kind": "Node", "name": "n"}}),
        json!({"deprecatedCount": 1}),
        json!({"deprecatedFirstTimestamp": "2020-01-01T00:00:00Z"}),
        json!({"deprecatedLastTimestamp": "2020-01-01T00:00:00Z"}),
        json!({"deprecatedSource": {"component": "c"}}),
        json!({"series": {"count": 1, "lastObservedTime": "2020-01-01T00:00:00.000000Z"}}),
        json!({"series": {"count": 2}}),
        json!({"series": {}}),
    ] {
        talk.send(post(&format!("{NEW}?dryRun=All"), with(new_event("v"), changes)));
    }
}

fn new_changes(talk: &mut Talk<'_>) {
    talk.quietly(post(NEW, new_event("e")));
    let path = format!("{NEW}/e");
    for patch in [
        json!({"reason": "Other"}),
        json!({"note": "Other"}),
        json!({"type": "Warning"}),
        json!({"action": "Other"}),
        json!({"regarding": {"name": "q"}}),
        json!({"related": {"name": "q"}}),
        json!({"eventTime": "2020-01-01T00:00:09.000001Z"}),
        json!({"reportingController": "example.com/d"}),
        json!({"reportingInstance": "d-1"}),
        json!({"series": {"count": 1}}),
        json!({"deprecatedCount": 5}),
    ] {
        talk.send(merge(&path, patch));
    }
}

fn tables(talk: &mut Talk<'_>) {
    talk.quietly(post("$core/events", event("a")));
    talk.quietly(post("$core/events", with(event("b"), json!({"firstTimestamp": null, "lastTimestamp": null, "count": 0, "message": " \n spaced \n", "eventTime": "2020-01-01T00:00:00.000000Z", "reportingComponent": "r", "reportingInstance": "i", "action": "a", "source": {}}))));
    talk.quietly(post(
        "$core/events",
        with(
            event("c"),
            json!({"series": {"count": 7, "lastObservedTime": "2020-01-05T00:00:00.000000Z"}}),
        ),
    ));
    talk.quietly(post(
        "$core/events",
        json!({"metadata": {"name": "d"}, "involvedObject": {"namespace": "$ns"}}),
    ));
    talk.send(get("$core/events").accept(TABLE));
}
