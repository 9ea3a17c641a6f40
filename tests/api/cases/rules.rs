//! Rules in the Common Expression Language, `x-kubernetes-validations`.

use serde_json::{Value, json};

use crate::{
    request::{Request, apply, get, json_patch, merge, post, put},
    talk::Talk,
};

pub(crate) const CASES: super::Cases = &[
    ("messages", messages),
    ("values", values),
    ("lists", lists),
    ("libraries", libraries),
    ("transitions", transitions),
    ("unchanged", unchanged),
    ("after structure", after_structure),
    ("status", status),
    ("writes", writes),
    ("openapi", openapi),
];

const TRIPS: &str = "/apis/rules.example.io/v1/namespaces/$ns/trips";

fn trip(name: &str, spec: Value) -> Value {
    json!({"apiVersion": "rules.example.io/v1", "kind": "Trip", "metadata": {"name": name}, "spec": spec})
}

fn dry(spec: Value) -> Request {
    post(&format!("{TRIPS}?dryRun=All"), trip("t", spec))
}

fn change(spec: Value) -> Request {
    merge(&format!("{TRIPS}/t"), json!({"spec": spec}))
}

fn messages(talk: &mut Talk<'_>) {
    talk.send_all(
        [
            json!({}),
            json!({"seats": 5}),
            json!({"seats": -1}),
            json!({"seats": 100}),
            json!({"seats": 0}),
            json!({"train": "a", "ship": "b"}),
            json!({"begin": "2024-01-02T00:00:00Z", "end": "2024-01-01T00:00:00Z"}),
            json!({"begin": "2024-01-01T02:00:00+02:00", "end": "2024-01-01T00:00:00Z"}),
            json!({"train": "a", "ship": "b", "begin": "2024-01-02T00:00:00Z", "end": "2024-01-01T00:00:00Z", "seats": -5}),
            json!({"once": "late"}),
            json!({"once": "early"}),
        ]
        .map(dry),
    );
    talk.send_all([
        post(&format!("{TRIPS}?dryRun=All"), trip("much-too-long-for-a-ticket", json!({}))),
        post(&format!("{TRIPS}?dryRun=All"), trip("much-too-long-for-a-ticket", json!({"seats": -1}))),
        post(
            &format!("{TRIPS}?dryRun=All"),
            json!({"apiVersion": "rules.example.io/v1", "kind": "Trip", "metadata": {"generateName": "generated-name-is-long-"}, "spec": {}}),
        )
        .view(causes),
    ]);
}

/// Without the name, which is made by chance.
fn causes(status: &mut Value) {
    *status = status["details"]["causes"].take();
}

fn values(talk: &mut Talk<'_>) {
    talk.send_all(
        [
            json!({"code": "AB-12"}),
            json!({"code": "ab-12"}),
            json!({"length": "23h59m"}),
            json!({"length": "24h1s"}),
            json!({"length": "-1h"}),
            json!({"day": "2024-05-05"}),
            json!({"day": "2024-05-06"}),
            json!({"blob": "YWJjZA=="}),
            json!({"blob": "YWJjZGU="}),
            json!({"price": 100}),
            json!({"price": 101}),
            json!({"price": 100.25}),
            json!({"price": -1.5}),
            json!({"price": 0}),
            json!({"share": "50%"}),
            json!({"share": "50"}),
            json!({"share": 4}),
            json!({"share": 5}),
            json!({"blunt": 4}),
            json!({"blunt": 6}),
            json!({"blunt": "6"}),
            json!({"note": null}),
            json!({"note": "ab"}),
            json!({"note": "äöü"}),
            json!({"free": {"a": [1]}}),
            json!({"inner": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}}}),
            json!({"inner": {"apiVersion": "v1", "kind": "Trip", "metadata": {"name": "x"}}}),
            json!({"inner": {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "no"}}}),
            json!({"inner": {"apiVersion": "v1", "kind": "Pod"}}),
            json!({"odd-name": {"a-b": "x"}}),
            json!({"odd-name": {"a-b": "x", "namespace": "y"}}),
        ]
        .map(dry),
    );
}

fn lists(talk: &mut Talk<'_>) {
    talk.send_all(
        [
            json!({"tags": ["good", "bad"]}),
            json!({"tags": ["bad", "bad"]}),
            json!({"stops": []}),
            json!({"stops": [{"name": "home"}]}),
            json!({"stops": [{"name": "away"}]}),
            json!({"stops": [{"name": "home", "minutes": 0}]}),
            json!({"stops": [{"name": "home", "minutes": 7}, {"name": "b", "minutes": 8}]}),
            json!({"stops": [{"name": "home", "minutes": 500}, {"name": "b", "minutes": 100}]}),
            json!({"stops": [{"name": "away", "minutes": -5}]}),
            json!({"people": {"a": {"age": 1}, "b": {"age": 2}}}),
            json!({"people": {"a": {"age": -1}}}),
            json!({"people": {"a": {"age": 150}}}),
            json!({"words": ["a", "b"]}),
            json!({"words": ["b", "a"]}),
            json!({"words": ["a", "1"]}),
            json!({"words": ["a", "x"]}),
        ]
        .map(dry),
    );
}

fn libraries(talk: &mut Talk<'_>) {
    for (field, values) in [
        (
            "address",
            ["10.0.0.1", "::1", "300.0.0.1", "", "10.0.0.01", "::ffff:10.0.0.1"],
        ),
        (
            "range",
            [
                "10.0.0.0/8",
                "10.0.0.0/7",
                "11.0.0.0/8",
                "10.0.0.0",
                "0.0.0.0/0",
                "10.0.0.1/24",
            ],
        ),
        (
            "link",
            [
                "https://a.example/b",
                "http://a.example",
                "a.example",
                "https://",
                "/path",
                "https://a b",
            ],
        ),
        ("size", ["1Gi", "100Mi", "1e9", "0.2Gi", "-1Gi", "104857600001m"]),
        (
            "version",
            ["1.2.3", "2.0.0", "2.0.0-rc.1", "1.99.0+x", "0.0.1", "1.2.30"],
        ),
        (
            "label",
            [
                "a-b",
                "A",
                "-a",
                "a.b",
                "",
                "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            ],
        ),
    ] {
        talk.send_all(values.map(|value| dry(json!({"network": {field: value}}))));
    }
}

/// What `oldSelf` is in updates of every form.
fn transitions(talk: &mut Talk<'_>) {
    talk.send(post(
        TRIPS,
        trip(
            "t",
            json!({
                "seats": 10, "code": "A-1", "train": "x", "once": "a", "tags": ["a", "b"],
                "stops": [{"name": "home", "minutes": 10}, {"name": "b", "minutes": 20}],
                "people": {"ann": {"age": 5}}, "free": {"a": 1},
            }),
        ),
    ));
    talk.send_all([
        change(json!({"seats": 11})),
        change(json!({"seats": 10})),
        change(json!({"seats": -1})),
        change(json!({"code": "A-2"})),
        change(json!({"code": null})),
        change(json!({"code": "A-2"})),
        change(json!({"train": null})),
        change(json!({"train": "y"})),
        change(json!({"once": "b"})),
        change(json!({"once": null})),
        change(json!({"once": "late"})),
        change(json!({"tags": ["b", "a"]})),
        change(json!({"tags": ["c"]})),
        change(json!({"tags": ["c", "free"]})),
        change(json!({"stops": [{"name": "b", "minutes": 15}, {"name": "home", "minutes": 15}]})),
        change(json!({"stops": [{"name": "b", "minutes": 25}, {"name": "home", "minutes": 15}, {"name": "c", "minutes": 5}]})),
        change(json!({"people": {"ann": {"age": 4}}})),
        change(json!({"people": {"ann": {"age": 6}, "bob": {"age": 1}}})),
        change(json!({"free": {"b": 1}})),
        change(json!({"free": {"a": 1}})),
        json_patch(&format!("{TRIPS}/t"), json!([{"op": "replace", "path": "/spec/seats", "value": 1}])),
        put(
            &format!("{TRIPS}/t"),
            json!({"apiVersion": "rules.example.io/v1", "kind": "Trip", "metadata": {"name": "t", "resourceVersion": "0"}, "spec": {"train": "z"}}),
        ),
        get(&format!("{TRIPS}/t")),
    ]);
}

/// What is wrong already and was not changed is only warned of. The rules of a kind don't change in a test, so values come in
/// by a door without rules: a status that makes the rule of the whole object false, and seats that were more.
fn unchanged(talk: &mut Talk<'_>) {
    talk.send_all([
        post(
            TRIPS,
            trip("t", json!({"seats": 10, "stops": [{"name": "home", "minutes": 5}]})),
        ),
        merge(&format!("{TRIPS}/t/status"), json!({"status": {"left": 5}})),
        merge(&format!("{TRIPS}/t/status"), json!({"status": {"left": 11}})),
        merge(&format!("{TRIPS}/t/status"), json!({"status": {"left": -1}})),
        change(json!({"seats": 12})),
        merge(&format!("{TRIPS}/t/status"), json!({"status": {"left": 12}})),
        merge(&format!("{TRIPS}/t"), json!({"metadata": {"labels": {"a": "b"}}})),
        merge(
            &format!("{TRIPS}/t"),
            json!({"metadata": {"finalizers": ["example.com/hold"]}}),
        ),
        merge(&format!("{TRIPS}/t"), json!({"metadata": {"finalizers": null}})),
    ]);
}

/// Rules are asked where the structure is right.
fn after_structure(talk: &mut Talk<'_>) {
    talk.send_all(
        [
            json!({"seats": "many"}),
            json!({"seats": -1, "train": 5}),
            json!({"seats": -1, "code": "much too long for any code of a trip"}),
            json!({"seats": -1, "tags": ["a", "a"]}),
            json!({"seats": -1, "tags": ["1", "2", "3", "4", "5", "6"]}),
            json!({"seats": -1, "stops": [{}]}),
            json!({"seats": -1, "begin": "never"}),
            json!({"seats": -1, "bogus": 1}),
            json!({"seats": 1.5}),
            json!({"seats": null, "note": 1}),
        ]
        .map(dry),
    );
    talk.send_all([
        post(
            &format!("{TRIPS}?dryRun=All"),
            json!({"apiVersion": "rules.example.io/v1", "kind": "Trip", "metadata": {"name": "t"}}),
        ),
        post(&format!("{TRIPS}?dryRun=All"), trip("Upper", json!({"seats": -1}))),
        post(
            &format!("{TRIPS}?dryRun=All"),
            json!({"apiVersion": "rules.example.io/v1", "kind": "Trip", "metadata": {"name": "t", "labels": {"a b": ""}}, "spec": {"seats": -1}}),
        ),
    ]);
}

fn status(talk: &mut Talk<'_>) {
    talk.quietly(post(TRIPS, trip("t", json!({"seats": 3}))));
    let patched = |status: Value| merge(&format!("{TRIPS}/t/status"), json!({"status": status}));
    talk.send_all([
        patched(json!({"left": 3})),
        patched(json!({"left": 4})),
        patched(json!({"left": -1})),
        patched(json!({"left": "all"})),
        patched(json!({"left": null})),
        merge(
            &format!("{TRIPS}/t/status"),
            json!({"spec": {"seats": -9}, "status": {"left": 1}}),
        ),
        get(&format!("{TRIPS}/t")),
    ]);
}

fn writes(talk: &mut Talk<'_>) {
    talk.send_all([
        apply(
            &format!("{TRIPS}/s?fieldManager=one"),
            trip("s", json!({"seats": 5, "code": "A-1"})),
        ),
        apply(
            &format!("{TRIPS}/s?fieldManager=one"),
            trip("s", json!({"seats": 4, "code": "A-1"})),
        ),
        apply(
            &format!("{TRIPS}/s?fieldManager=one"),
            trip("s", json!({"seats": 5, "code": "A-2"})),
        ),
        apply(&format!("{TRIPS}/s?fieldManager=one"), trip("s", json!({"seats": 6}))),
        apply(&format!("{TRIPS}/x?fieldManager=one"), trip("x", json!({"seats": -1}))),
        post(
            &format!("{TRIPS}?fieldValidation=Strict"),
            trip("y", json!({"seats": -1, "bogus": 1})),
        ),
    ]);
}

/// Clients see the rules.
fn openapi(talk: &mut Talk<'_>) {
    talk.send(get("/openapi/v3/apis/rules.example.io/v1").view(|document| {
        let schema = document["components"]["schemas"]["io.example.rules.v1.Trip"].take();
        *document = schema;
    }));
}
