//! Who owns what after a sequence of writes, as clients see it.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{API_VERSION, manager, schema, widget};
use crate::{
    apply::{ApplyError, Conflict, Manager, Operation, apply, fields_v1, show_owners, take_owners, track_update},
    schema::Schema,
};

/// One object and the writes to it; every write comes a minute after the one before.
struct Writes {
    live: Option<Value>,
    now: Timestamp,
}

impl Writes {
    fn new() -> Writes {
        Writes {
            live: None,
            now: "2026-01-01T00:00:00Z".parse().unwrap(),
        }
    }

    fn manager<'a>(&mut self, name: &'a str) -> Manager<'a> {
        self.now += SignedDuration::from_mins(1);
        Manager {
            now: self.now,
            ..manager(name)
        }
    }

    fn try_apply(&mut self, name: &str, config: Value, force: bool) -> Result<(), ApplyError> {
        let manager = self.manager(name);
        self.live = Some(apply(
            &schema(),
            self.live.as_ref(),
            &config,
            &manager,
            force,
            None,
            &[],
        )?);
        Ok(())
    }

    fn apply(&mut self, name: &str, spec: Value) {
        self.try_apply(name, widget(spec), false).unwrap();
    }

    fn conflicts(&mut self, name: &str, spec: Value) -> Vec<Conflict> {
        match self.try_apply(name, widget(spec), false) {
            Err(ApplyError::Conflicts(conflicts)) => conflicts,
            other => panic!("no conflict: {other:?}"),
        }
    }

    /// An update that sends the whole object.
    fn update(&mut self, name: &str, change: impl FnOnce(&mut Value)) {
        let manager = self.manager(name);
        self.update_as(&manager, change);
    }

    fn update_as(&mut self, manager: &Manager<'_>, change: impl FnOnce(&mut Value)) {
        let mut new = self.live.clone().unwrap_or_else(|| widget(json!({})));
        change(&mut new);
        track_update(&schema(), self.live.as_ref(), &mut new, manager, &[]);
        self.live = Some(new);
    }

    fn object(&self) -> &Value {
        self.live.as_ref().unwrap()
    }

    fn spec(&self) -> &Value {
        &self.object()["spec"]
    }

    fn entries(&self) -> &[Value] {
        self.object()["metadata"]["managedFields"]
            .as_array()
            .map_or(&[], Vec::as_slice)
    }

    fn names(&self) -> Vec<String> {
        let name = |entry: &Value| {
            format!(
                "{} {}",
                entry["operation"].as_str().unwrap(),
                entry["manager"].as_str().unwrap()
            )
        };
        self.entries().iter().map(name).collect()
    }

    fn entry(&self, operation: &str, name: &str) -> &Value {
        self.entries()
            .iter()
            .find(|entry| entry["operation"] == operation && entry["manager"] == name)
            .unwrap()
    }

    /// The fields of a manager, as one line.
    fn owned(&self, operation: &str, name: &str) -> String {
        let fields = self.entry(operation, name).get("fieldsV1");
        fields_v1::parse(fields).unwrap().to_string().replace('\n', " ")
    }

    fn time(&self, operation: &str, name: &str) -> Option<&str> {
        self.entry(operation, name)["time"].as_str()
    }
}

#[test]
fn an_apply_creates_the_object_and_its_entry() {
    let mut writes = Writes::new();
    writes.apply(
        "me",
        json!({"n": 1, "ports": [{"port": 80, "name": "http"}], "labels": {"a": "b"}, "whole": {"x": 1}}),
    );
    assert_eq!(
        writes.entries(),
        [json!({
            "manager": "me", "operation": "Apply", "apiVersion": API_VERSION, "fieldsType": "FieldsV1",
            "time": "2026-01-01T00:01:00Z",
            "fieldsV1": {"f:spec": {
                "f:n": {},
                "f:ports": {"k:{\"port\":80,\"protocol\":\"TCP\"}": {".": {}, "f:port": {}, "f:name": {}}},
                "f:labels": {"f:a": {}},
                "f:whole": {},
            }},
        })]
    );
}

#[test]
fn an_update_owns_what_it_adds_with_everything_around_it() {
    let mut writes = Writes::new();
    writes.update("me", |new| {
        *new = widget(json!({"ids": [1], "free": {"x": {"y": [1]}}}));
        new["metadata"]["labels"] = json!({"a": "b"});
        new["metadata"]["finalizers"] = json!(["f/1"]);
    });
    assert_eq!(
        writes.entry("Update", "me")["fieldsV1"],
        json!({
            "f:metadata": {"f:labels": {".": {}, "f:a": {}}, "f:finalizers": {".": {}, "v:\"f/1\"": {}}},
            "f:spec": {".": {}, "f:ids": {".": {}, "v:1": {}}, "f:free": {".": {}, "f:x": {".": {}, "f:y": {}}}},
        })
    );
}

#[test]
fn another_value_conflicts_and_the_same_value_is_shared() {
    let mut writes = Writes::new();
    writes.apply("a", json!({"n": 1, "text": "x"}));
    writes.apply("b", json!({"text": "x"}));
    assert_eq!(writes.owned("Apply", "a"), ".spec.n .spec.text");
    assert_eq!(writes.owned("Apply", "b"), ".spec.text");

    let conflicts = writes.conflicts("b", json!({"n": 2, "text": "y"}));
    let expected = |field: &str| Conflict {
        manager: "a".to_owned(),
        operation: Operation::Apply,
        api_version: API_VERSION.to_owned(),
        subresource: String::new(),
        time: Some("2026-01-01T00:01:00Z".to_owned()),
        field: field.to_owned(),
    };
    assert_eq!(conflicts, [expected(".spec.n"), expected(".spec.text")]);

    writes
        .try_apply("b", widget(json!({"n": 2, "text": "y"})), true)
        .unwrap();
    assert_eq!(*writes.spec(), json!({"n": 2, "text": "y"}));
    assert_eq!(writes.names(), ["Apply b"]);
}

#[test]
fn conflicts_name_list_items_and_come_sorted() {
    let mut writes = Writes::new();
    writes.apply("z", json!({"ports": [{"port": 80, "name": "a"}], "ids": [7]}));
    writes.update("y", |new| new["spec"]["text"] = json!("x"));
    let fields: Vec<String> = writes
        .conflicts(
            "b",
            json!({"ports": [{"port": 80, "name": "b"}], "ids": [7], "text": "z"}),
        )
        .into_iter()
        .map(|conflict| format!("{} {}", conflict.manager, conflict.field))
        .collect();
    assert_eq!(fields, ["y .spec.text", "z .spec.ports[port=80,protocol=\"TCP\"].name"]);
}

#[test]
fn dropped_fields_go_unless_somebody_owns_them() {
    let mut writes = Writes::new();
    writes.apply(
        "a",
        json!({"n": 1, "text": "x", "labels": {"k": "1", "l": "1"}, "ports": [{"port": 1}, {"port": 2}]}),
    );
    writes.apply("b", json!({"text": "x", "labels": {"l": "1"}}));
    writes.apply("a", json!({"ports": [{"port": 2}]}));
    assert_eq!(
        *writes.spec(),
        json!({"text": "x", "labels": {"l": "1"}, "ports": [{"port": 2}]})
    );
    assert_eq!(
        writes.owned("Apply", "a"),
        ".spec.ports[port=2,protocol=\"TCP\"] .spec.ports[port=2,protocol=\"TCP\"].port"
    );
}

#[test]
fn what_an_update_changed_stays_when_the_applier_drops_it() {
    let mut writes = Writes::new();
    writes.apply("a", json!({"n": 1, "text": "x"}));
    writes.update("b", |new| new["spec"]["n"] = json!(2));
    assert_eq!(writes.owned("Apply", "a"), ".spec.text");
    assert_eq!(writes.owned("Update", "b"), ".spec.n");
    writes.apply("a", json!({"text": "x"}));
    assert_eq!(*writes.spec(), json!({"n": 2, "text": "x"}));
}

#[test]
fn an_item_goes_with_what_nobody_owns_in_it() {
    let mut writes = Writes::new();
    writes.apply("a", json!({"ports": [{"port": 1, "name": "x"}]}));
    let live = writes.live.as_mut().unwrap();
    // A default that the server filled in.
    live["spec"]["ports"][0]["protocol"] = json!("TCP");
    writes.apply("a", json!({"n": 1}));
    assert_eq!(*writes.spec(), json!({"n": 1}));
}

#[test]
fn removed_fields_are_nobodys() {
    let mut writes = Writes::new();
    writes.apply("a", json!({"n": 1, "ids": [1, 2]}));
    writes.update("b", |new| new["spec"] = json!({"ids": [2]}));
    assert_eq!(writes.owned("Apply", "a"), ".spec.ids[=2]");
    assert_eq!(writes.names(), ["Apply a"]);
}

#[test]
fn times_change_only_with_values() {
    let mut writes = Writes::new();
    writes.apply("a", json!({"n": 1, "text": "x"}));
    let first = writes.live.clone();
    writes.apply("a", json!({"n": 1, "text": "x"}));
    assert_eq!(writes.live, first);

    // Sharing a field changes no value, so the new entry has no time, as in kube-apiserver.
    writes.apply("b", json!({"text": "x"}));
    assert_eq!(writes.time("Apply", "b"), None);
    writes.apply("a", json!({"n": 1}));
    assert_eq!(writes.time("Apply", "a"), Some("2026-01-01T00:01:00Z"));
    writes.apply("a", json!({"n": 2}));
    assert_eq!(writes.time("Apply", "a"), Some("2026-01-01T00:05:00Z"));

    writes.update("c", |new| new["spec"]["n"] = json!(3));
    writes.update("c", |_| ());
    assert_eq!(writes.time("Update", "c"), Some("2026-01-01T00:06:00Z"));
}

#[test]
fn entries_are_sorted() {
    let mut writes = Writes::new();
    writes.update("z", |new| new["spec"]["n"] = json!(1));
    writes.apply("y", json!({"text": "x"}));
    writes.update("a", |new| new["spec"]["list"] = json!([1]));
    writes.apply("b", json!({"ids": [1]}));
    assert_eq!(writes.names(), ["Apply y", "Apply b", "Update z", "Update a"]);
}

#[test]
fn managed_fields_in_an_update() {
    let mut writes = Writes::new();
    writes.apply("a", json!({"n": 1}));
    let entries = writes.entries().to_vec();

    // Left out or broken: the live ones stay.
    for sent in [json!(null), json!([{"manager": "x"}]), json!("x")] {
        writes.update("b", |new| new["metadata"]["managedFields"] = sent);
        assert_eq!(writes.entries(), entries);
    }
    // Edited: taken, and the change is the writer's.
    writes.update("b", |new| {
        new["metadata"]["managedFields"][0]["manager"] = json!("renamed");
        new["spec"]["text"] = json!("x");
    });
    assert_eq!(writes.names(), ["Apply renamed", "Update b"]);
    // Emptied: forgotten, and nothing is tracked until the next apply.
    for sent in [json!([{}]), json!([])] {
        writes.update("b", |new| {
            new["metadata"]["managedFields"] = sent;
            new["spec"]["text"] = json!("y");
        });
        assert!(writes.entries().is_empty());
        writes.update("b", |new| new["spec"]["text"] = json!("z"));
        assert!(writes.entries().is_empty());
        assert!(writes.object()["metadata"].get("managedFields").is_none());
        writes.try_apply("a", widget(json!({"n": 1})), true).unwrap();
        assert_eq!(writes.names(), ["Apply a", "Update before-first-apply"]);
    }
}

#[test]
fn fields_from_before_the_first_apply_conflict() {
    let mut writes = Writes::new();
    let mut old = widget(json!({"n": 1, "text": "x"}));
    old["metadata"]["uid"] = json!("u");
    writes.live = Some(old);
    let conflicts = writes.conflicts("a", json!({"n": 2}));
    assert_eq!(conflicts[0].manager, "before-first-apply");
    assert_eq!(conflicts[0].operation, Operation::Update);

    writes.apply("a", json!({"n": 1}));
    assert_eq!(writes.owned("Apply", "a"), ".spec.n");
    assert_eq!(writes.owned("Update", "before-first-apply"), ".spec .spec.n .spec.text");
}

#[test]
fn the_oldest_updates_become_one_manager() {
    let mut writes = Writes::new();
    for at in 0..14 {
        writes.update(&format!("u{at:02}"), |new| {
            new["spec"]["free"][format!("f{at:02}")] = json!(at);
        });
    }
    let names = writes.names();
    assert_eq!(names.len(), 10);
    assert_eq!(names[..2], ["Update ancient-changes", "Update u05"]);
    assert_eq!(writes.time("Update", "ancient-changes"), Some("2026-01-01T00:05:00Z"));
    let owned = writes.owned("Update", "ancient-changes");
    assert!(
        (0..5).all(|at| owned.contains(&format!(".spec.free.f{at:02}"))),
        "{owned}"
    );
    assert!(!owned.contains("f05"), "{owned}");

    // Appliers are never merged.
    for at in 0..12 {
        writes.apply(&format!("a{at}"), json!({"labels": {format!("l{at}"): "x"}}));
    }
    assert_eq!(writes.names().len(), 22);
}

#[test]
fn subresources_have_entries_of_their_own() {
    let mut writes = Writes::new();
    writes.apply("a", json!({"n": 1}));
    let status = Manager {
        subresource: "status",
        ..writes.manager("a")
    };
    writes.update_as(&status, |new| {
        new["status"] = json!({"phase": "Running"});
        // A subresource can't edit the managers.
        new["metadata"]["managedFields"] = json!([]);
    });
    assert_eq!(writes.names(), ["Apply a", "Update a"]);
    assert_eq!(writes.entry("Update", "a")["subresource"], "status");
    assert_eq!(writes.owned("Update", "a"), ".status .status.phase");

    let mut config = widget(json!({}));
    config["status"] = json!({"phase": "Failed"});
    let Err(ApplyError::Conflicts(conflicts)) = writes.try_apply("b", config, false) else {
        panic!("no conflict")
    };
    assert_eq!(
        (conflicts[0].subresource.as_str(), conflicts[0].field.as_str()),
        ("status", ".status.phase")
    );
}

#[test]
fn reset_fields_are_never_owned() {
    let mut config = widget(json!({"n": 1}));
    config["status"] = json!({"phase": "x", "conditions": [{"type": "Ready"}]});
    let applied = apply(&schema(), None, &config, &manager("a"), false, None, &["status"]).unwrap();
    assert_eq!(
        applied["metadata"]["managedFields"][0]["fieldsV1"],
        json!({"f:spec": {"f:n": {}}})
    );

    let mut new = config.clone();
    track_update(&schema(), None, &mut new, &manager("a"), &["spec", "metadata"]);
    let fields = &new["metadata"]["managedFields"][0]["fieldsV1"];
    assert_eq!(fields.as_object().unwrap().keys().collect::<Vec<_>>(), ["f:status"]);

    // Their values are nobody's conflict either.
    let mut live = config.clone();
    track_update(&schema(), None, &mut live, &manager("owner"), &[]);
    config["status"]["phase"] = json!("y");
    assert!(apply(&schema(), Some(&live), &config, &manager("b"), false, None, &["status"]).is_ok());
}

#[test]
fn who_scales_owns_replicas_that_somebody_owned_until_there_are_none() {
    const VERSION: &str = "autoscaling/v1";
    fn scale(writes: &mut Writes, name: &str, n: i64) -> Value {
        let manager = Manager {
            subresource: "scale",
            api_version: VERSION,
            ..writes.manager(name)
        };
        let shown = |n: &Value| {
            let spec = if *n == 0 { json!({}) } else { json!({"replicas": n}) };
            json!({"apiVersion": VERSION, "kind": "Scale", "metadata": {}, "spec": spec})
        };
        let mut object = writes.object().clone();
        let mut before = shown(&object["spec"]["n"]);
        show_owners(&object, ".spec.n", &mut before, VERSION);
        let mut after = shown(&n.into());
        track_update(&scale_schema(), Some(&before), &mut after, &manager, &[]);
        object["spec"]["n"] = n.into();
        take_owners(&mut object, ".spec.n", API_VERSION, &after);
        writes.live = Some(object);
        let fields = writes.entries().iter().map(|entry| {
            let keys = entry["fieldsV1"]["f:spec"].as_object().unwrap().keys();
            json!([entry["manager"], keys.collect::<Vec<_>>(), entry["time"].is_string()])
        });
        fields.collect()
    }
    fn scale_schema() -> Schema {
        Schema::builtin_from_json(&json!({"type": "object", "properties": {
            "spec": {"type": "object", "properties": {"replicas": {"type": "integer"}}},
        }}))
        .unwrap()
    }
    let mut writes = Writes::new();
    writes.update("person", |object| object["spec"] = json!({"n": 1, "list": [1]}));
    let stolen = json!([["hpa", ["f:n"], false], ["person", [".", "f:list"], true]]);
    assert_eq!(scale(&mut writes, "hpa", 2), stolen);
    assert_eq!(scale(&mut writes, "hpa", 2), stolen, "nothing changed");
    assert_eq!(scale(&mut writes, "hpa", 3), stolen);
    let nobodys = json!([["person", [".", "f:list"], true]]);
    assert_eq!(scale(&mut writes, "hpa", 0), nobodys);
    assert_eq!(scale(&mut writes, "hpa", 4), nobodys);
}

#[test]
fn who_applied_the_replicas_stays_one_manager_through_a_scale() {
    let mut writes = Writes::new();
    writes.apply("person", json!({"n": 1, "list": [1]}));
    let mut object = writes.object().clone();
    let mut scale = json!({"metadata": {}, "spec": {"replicas": 1}});
    show_owners(&object, ".spec.n", &mut scale, "autoscaling/v1");
    let shown = &scale["metadata"]["managedFields"][0];
    assert_eq!(
        (&shown["manager"], &shown["apiVersion"], &shown["fieldsV1"]),
        (
            &json!("person"),
            &json!("autoscaling/v1"),
            &json!({"f:spec": {"f:replicas": {}}})
        )
    );
    take_owners(&mut object, ".spec.n", API_VERSION, &scale);
    assert_eq!(&object, writes.object());
}

#[test]
fn a_field_that_became_atomic_is_owned_as_a_whole() {
    let mut live = widget(json!({"whole": {"a": 1, "b": 1}, "list": [1]}));
    live["metadata"]["managedFields"] = json!([{
        "manager": "a", "operation": "Apply", "apiVersion": API_VERSION, "fieldsType": "FieldsV1",
        "fieldsV1": {"f:spec": {"f:whole": {"f:a": {}}, "f:list": {".": {}, "v:1": {}}}},
    }]);
    let mut writes = Writes {
        live: Some(live),
        ..Writes::new()
    };
    let fields: Vec<String> = writes
        .conflicts("b", json!({"whole": {"c": 1}, "list": [2]}))
        .into_iter()
        .map(|conflict| conflict.field)
        .collect();
    assert_eq!(fields, [".spec.list", ".spec.whole"]);
    writes.update("c", |new| new["spec"]["n"] = json!(1));
    assert_eq!(writes.owned("Apply", "a"), ".spec.list .spec.whole");
}

#[test]
fn configurations_that_do_not_fit_are_refused() {
    let mut writes = Writes::new();
    let refused = writes.try_apply("a", widget(json!({"bogus": 1})), true);
    let message = "failed to create typed patch object (ns/a; example.com/v1, Kind=Widget): .spec.bogus: field not \
                   declared in schema";
    assert_eq!(refused, Err(ApplyError::Invalid(message.to_owned())));

    let core = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "spec": 1});
    let Err(ApplyError::Invalid(message)) = writes.try_apply("a", core, true) else {
        panic!("accepted")
    };
    assert!(
        message.starts_with("failed to create typed patch object (/c; /v1, Kind=ConfigMap): "),
        "{message}"
    );
}

const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// An object that `kubectl apply` made on the client.
fn applied_on_the_client(spec: Value) -> Writes {
    let mut writes = Writes::new();
    writes.update("kubectl-client-side-apply", |new| {
        *new = widget(spec);
        let text = new.to_string();
        new["metadata"]["annotations"] = json!({LAST_APPLIED: text});
    });
    writes
}

#[test]
fn kubectl_takes_over_from_its_client_side_apply() {
    let mut writes = applied_on_the_client(json!({"n": 1, "text": "x"}));
    assert_eq!(writes.conflicts("other", json!({"n": 2})).len(), 1);

    writes.apply("kubectl", json!({"n": 2, "text": "x"}));
    assert_eq!(writes.spec()["n"], 2);
    assert_eq!(writes.owned("Apply", "kubectl"), ".spec.n .spec.text");
    let annotation = writes.object()["metadata"]["annotations"][LAST_APPLIED]
        .as_str()
        .unwrap();
    assert_eq!(
        serde_json::from_str::<Value>(annotation).unwrap(),
        widget(json!({"n": 2, "text": "x"}))
    );
    assert!(annotation.ends_with('\n'));
}

#[test]
fn kubectl_does_not_take_what_others_changed() {
    let mut writes = applied_on_the_client(json!({"n": 1, "text": "x"}));
    writes.update("scaler", |new| new["spec"]["n"] = json!(5));
    let conflicts = writes.conflicts("kubectl", json!({"n": 2, "text": "y"}));
    let shown: Vec<_> = conflicts
        .iter()
        .map(|conflict| (&*conflict.manager, &*conflict.field))
        .collect();
    assert_eq!(shown, [("scaler", ".spec.n")]);
}
