//! The rarer words of schemas and definitions.

use serde_json::{Value, json};

use crate::{
    request::{Request, apply, get, merge, post, put, watch},
    talk::Talk,
};

pub(crate) const CASES: super::Cases = &[
    ("values", values),
    ("lists", lists),
    ("logic", logic),
    ("defaults", defaults),
    ("unknown fields", unknown_fields),
    ("embedded", embedded),
    ("metadata", metadata),
    ("ratcheting", ratcheting),
    ("selectable fields", selectable_fields),
    ("columns", columns),
    ("documents", documents),
];

const FORMS: &str = "/apis/odd.example.io/v1/namespaces/$ns/forms";

fn form(name: &str, spec: Value) -> Value {
    json!({"apiVersion": "odd.example.io/v1", "kind": "Form", "metadata": {"name": name}, "spec": spec})
}

fn dry(spec: Value) -> Request {
    post(&format!("{FORMS}?dryRun=All"), form("f", spec))
}

fn values(talk: &mut Talk<'_>) {
    talk.send_all(
        [
            json!({}),
            json!({"color": "red"}),
            json!({"count": 1}),
            json!({"count": 3}),
            json!({"count": 1.0}),
            json!({"count": "1"}),
            json!({"lit": true}),
            json!({"lit": false}),
            json!({"ratio": 0.25}),
            json!({"ratio": 0.3}),
            json!({"ratio": 10.25}),
            json!({"ratio": 9.75}),
            json!({"ratio": "1"}),
            json!({"small": 101}),
            json!({"small": -101}),
            json!({"small": 3_000_000_000_i64}),
            json!({"level": "low"}),
            json!({"level": null}),
            json!({"level": "mid"}),
            json!({"box": {}}),
            json!({"box": {"a": 1}}),
            json!({"box": {"a": 0, "b": 2}}),
            json!({"box": {"a": null}}),
            json!({"box": {"a": 1, "b": 2, "c": 3}}),
            json!({"box": {"a": "1"}}),
            json!({"ports": [80, "http", 1.5, true]}),
            json!({"ports": [null]}),
            json!({"share": 50}),
            json!({"share": "50"}),
            json!({"share": "5%"}),
            json!({"share": 1.5}),
            json!({"share": null}),
            json!({"color": "a", "count": 1, "lit": true, "since": "2024-01-01", "ratio": 1.5, "small": 1, "level": "low", "ports": [], "numbers": [], "grid": [], "items": []}),
        ]
        .map(dry),
    );
    talk.send_all([
        post(
            &format!("{FORMS}?dryRun=All"),
            json!({"apiVersion": "odd.example.io/v1", "kind": "Form", "metadata": {"name": "f"}}),
        ),
        post(
            &format!("{FORMS}?dryRun=All"),
            json!({"apiVersion": "odd.example.io/v1", "kind": "Form", "metadata": {"name": "f"}, "spec": null}),
        ),
    ]);
}

fn lists(talk: &mut Talk<'_>) {
    talk.send_all(
        [
            json!({"rows": []}),
            json!({"rows": [{"name": "a"}]}),
            json!({"rows": [{"name": "ab"}, {"name": "cd", "size": null}]}),
            json!({"rows": [{}]}),
            json!({"rows": [null]}),
            json!({"numbers": [1, 2, 1, 2, 1]}),
            json!({"numbers": [1, "1"]}),
            json!({"pairs": [[1, 2], [2, 1]]}),
            json!({"pairs": [[1, 2], [1, 2]]}),
            json!({"sets": [{"a": "x"}, {"a": "x"}]}),
            json!({"sets": [{"a": "x"}, {}]}),
            json!({"keyed": [{}, {}]}),
            json!({"keyed": [{}, {"a": "x", "b": 1}]}),
            json!({"keyed": [{"a": "y"}, {"b": 2}, {"a": "x", "b": 2}]}),
            json!({"keyed": [{"a": "z", "inner": [{"k": "1"}, {"k": "1", "v": "long"}]}]}),
            json!({"keyed": [{"a": 1}, {"a": 1}]}),
            json!({"grid": [[1, 2], [1, 2, 3], ["a"]]}),
            json!({"grid": [[], null]}),
        ]
        .map(dry),
    );
}

fn logic(talk: &mut Talk<'_>) {
    talk.send_all(
        [
            json!({"choice": {}}),
            json!({"choice": {"size": 1}}),
            json!({"choice": {"size": 1, "kind": "number"}}),
            json!({"choice": {"size": 1, "kind": "word"}}),
            json!({"choice": {"size": 1, "text": "a"}}),
            json!({"choice": {"size": 1, "text": "a", "kind": "word"}}),
            json!({"both": "abc"}),
            json!({"both": "xyz"}),
            json!({"both": "abcd"}),
            json!({"both": "b"}),
            json!({"either": 10}),
            json!({"either": 0}),
            json!({"either": -11}),
            json!({"except": "user"}),
            json!({"except": "root"}),
            json!({"nothing": {"c": "x"}}),
            json!({"nothing": {"a": "x"}}),
            json!({"nothing": {"b": "x", "c": "y"}}),
        ]
        .map(dry),
    );
}

fn defaults(talk: &mut Talk<'_>) {
    talk.send_all(
        [
            json!({"maybe": null}),
            json!({"maybe": {}}),
            json!({"maybe": {"b": null}}),
            json!({"never": null}),
            json!({"never": {}}),
            json!({"rows": null}),
            json!({"rows": [{"name": "ab", "more": null}, {"name": "cd", "more": {}}, {"name": "ef", "more": {"deep": null}}]}),
            json!({"maps": {"x": {}, "y": null, "z": {"a": null}}}),
            json!({"keyed": [{"inner": null}]}),
            json!({"box": {"a": null, "b": 1}}),
            json!({"anything": null}),
            json!({"loose": null}),
            json!({"color": null}),
        ]
        .map(dry),
    );
}

fn unknown_fields(talk: &mut Talk<'_>) {
    let specs = [
        json!({"bogus": 1, "color": "a"}),
        json!({"items": [{"known": 1, "more": {"a": null}}, {"known": null}]}),
        json!({"anything": {"a": [1, {"b": null}]}}),
        json!({"anything": [1, null, "a"]}),
        json!({"anything": 5}),
        json!({"loose": {"a": {"b": [null]}, "c": null}}),
        json!({"maps": {"x": {"a": "1", "b": 2, "list": ["a"]}}}),
        json!({"keyed": [{"d": 1, "inner": [{"k": "a", "w": 1}]}]}),
        json!({"grid": [[1], 2]}),
        json!({"rows": [{"name": "ab", "unknown": {"x": 1}, "more": {"y": 1, "deep": {"z": 1}}}]}),
    ];
    for spec in specs {
        talk.send(dry(spec.clone()));
        talk.send(post(
            &format!("{FORMS}?dryRun=All&fieldValidation=Strict"),
            form("f", spec),
        ));
    }
}

fn embedded(talk: &mut Talk<'_>) {
    let whole = |metadata: Value| json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata});
    talk.send_all(
        [
            json!({"strict": {}}),
            json!({"strict": {"apiVersion": "v1", "kind": "ConfigMap"}}),
            json!({"strict": {"apiVersion": "v2", "kind": "ConfigMap"}}),
            json!({"strict": {"apiVersion": "v1", "kind": "", "data": {"a": "b"}, "more": 1}}),
            json!({"strict": {"apiVersion": 1, "kind": "ConfigMap"}}),
            json!({"strict": whole(json!({"name": "a", "labels": {"a": "b"}, "unknown": 1}))}),
            json!({"strict": whole(json!({"name": "A B"}))}),
            json!({"strict": whole(json!({"name": "a", "labels": {"a b": "c"}}))}),
            json!({"strict": whole(json!({"labels": {"a": 1}}))}),
            json!({"strict": whole(json!("text"))}),
            json!({"strict": whole(json!(null))}),
            json!({"strict": whole(json!({"finalizers": ["a", "a"], "generation": -1}))}),
            json!({"manifests": [whole(json!({"name": "a"})), {"kind": "Pod"}, {"apiVersion": "v1", "kind": "Pod", "spec": {"x": null}}]}),
            json!({"manifests": [{"apiVersion": "a/b/c", "kind": "Pod"}]}),
            json!({"manifests": [{"apiVersion": "v1", "kind": "Pod_X"}]}),
            json!({"manifests": [null]}),
        ]
        .map(dry),
    );
}

/// A definition can narrow an object's name.
fn metadata(talk: &mut Talk<'_>) {
    talk.send_all(
        ["a", "zebra", "aaaaaaaaaaaaa", "a.b"]
            .map(|name| post(&format!("{FORMS}?dryRun=All"), form(name, json!({"color": "red"})))),
    );
    talk.send(post(
        &format!("{FORMS}?dryRun=All"),
        json!({"apiVersion": "odd.example.io/v1", "kind": "Form", "metadata": {"generateName": "generated-"}, "spec": {"color": "red"}}),
    )
    .view(|status| *status = status["details"]["causes"].take()));
}

/// What was not changed is not refused, where it can be told.
fn ratcheting(talk: &mut Talk<'_>) {
    let spec = json!({
        "color": "red", "rows": [{"name": "ab"}],
        "keyed": [{"a": "1", "inner": [{"k": "a", "v": "ok"}]}, {"a": "2"}],
    });
    talk.send(post(FORMS, form("f", spec)));
    let change = |spec: Value| merge(&format!("{FORMS}/f"), json!({"spec": spec}));
    talk.send_all([
        change(json!({"count": 3})),
        change(json!({"keyed": [{"a": "1", "inner": [{"k": "a", "v": "long"}]}, {"a": "2"}]})),
        change(json!({"rows": [{"name": "a"}]})),
        change(json!({"numbers": [1, 1]})),
        change(json!({"color": "blue", "both": "xyz"})),
        merge(&format!("{FORMS}/f"), json!({"metadata": {"annotations": {"a": "b"}}})),
        put(&format!("{FORMS}/f"), form("f", json!({"color": "green"}))),
        get(&format!("{FORMS}/f")),
    ]);
}

fn selectable_fields(talk: &mut Talk<'_>) {
    for (name, spec) in [
        ("a", json!({"color": "red", "count": 1})),
        ("b", json!({"color": "blue", "count": 2, "lit": true})),
        ("c", json!({"count": 2})),
    ] {
        talk.quietly(post(FORMS, form(name, spec)));
    }
    for selector in [
        "spec.color=red",
        "spec.color!=red",
        "spec.color=",
        "spec.count=2",
        "spec.count=2,spec.color!=blue",
        "spec.lit=true",
        "spec.lit=false",
        "spec.since=2024-01-01",
        "spec.color=red,metadata.name=b",
        ".spec.color=red",
    ] {
        talk.send(get(&format!("{FORMS}?fieldSelector={selector}")));
    }
    talk.send(watch(&format!("{FORMS}?watch=true&fieldSelector=spec.count=2"), 2));
    talk.watching(
        watch(&format!("{FORMS}?watch=true&fieldSelector=spec.color=red"), 3),
        |talk| {
            talk.quietly(merge(&format!("{FORMS}/c"), json!({"spec": {"color": "red"}})));
            talk.quietly(merge(&format!("{FORMS}/a"), json!({"spec": {"color": "blue"}})));
        },
    );
}

fn columns(talk: &mut Talk<'_>) {
    for (name, spec) in [
        (
            "a",
            json!({"color": "red", "count": 10, "lit": true, "since": "2024-01-01", "ratio": 2.5}),
        ),
        (
            "b",
            json!({"color": "blue", "rows": [{"name": "one", "size": 1}, {"name": "two", "size": 6}, {"name": "three"}], "box": {"a": 1, "b": 2}}),
        ),
        ("c", json!({"ratio": 3.75, "box": {"x": 5}})),
    ] {
        talk.quietly(post(FORMS, form(name, spec)));
    }
    let table = "application/json;as=Table;v=v1;g=meta.k8s.io";
    talk.send_all([
        merge(
            &format!("{FORMS}/a"),
            json!({"metadata": {"labels": {"example.com/tier": "gold"}}}),
        ),
        get(FORMS).accept(table),
        get(&format!("{FORMS}/b")).accept(table),
        get(&format!("{FORMS}/a?includeObject=None")).accept(table),
    ]);
}

fn documents(talk: &mut Talk<'_>) {
    talk.send_all([
        get("/apis/odd.example.io/v1"),
        get("/openapi/v3/apis/odd.example.io/v1").view(|document| {
            let schema = document["components"]["schemas"]["io.example.odd.v1.Form"].take();
            *document = schema;
        }),
        get("/openapi/v2").view(|document| {
            let schema = document["definitions"]["io.example.odd.v1.Form"].take();
            *document = schema;
        }),
        apply(
            &format!("{FORMS}/s?fieldManager=one"),
            form(
                "s",
                json!({"keyed": [{"a": "1"}, {"a": "2", "b": 5}], "sets": [{"a": "x"}], "numbers": [1]}),
            ),
        ),
        apply(
            &format!("{FORMS}/s?fieldManager=two"),
            form(
                "s",
                json!({"keyed": [{"a": "1", "c": "x"}], "sets": [{"a": "y"}], "numbers": [2]}),
            ),
        ),
    ]);
}
