//! Strategic merge patches of lists, and their directives.

use serde_json::{Value, json};

use crate::{
    request::{get, post, strategic},
    talk::Talk,
};

pub(crate) const CASES: super::Cases = &[
    ("lists of objects", lists_of_objects),
    ("orders", orders),
    ("lists of texts", lists_of_texts),
    ("maps", maps),
    ("retained keys", retained_keys),
    ("malformed", malformed),
    ("conditions", conditions),
];

fn tries(talk: &mut Talk<'_>, path: &str, patches: impl IntoIterator<Item = Value>) {
    for patch in patches {
        talk.send(strategic(path, patch));
    }
}

/// An account with three secrets, a list that merges by name.
fn account(talk: &mut Talk<'_>) -> &'static str {
    talk.quietly(post(
        "$core/serviceaccounts",
        json!({"metadata": {"name": "a"}, "secrets": [{"name": "one", "namespace": "n"}, {"name": "two"}, {"name": "three"}]}),
    ));
    "$core/serviceaccounts/a?dryRun=All"
}

fn lists_of_objects(talk: &mut Talk<'_>) {
    let path = account(talk);
    tries(
        talk,
        path,
        [
            json!({"secrets": []}),
            json!({"secrets": [{"name": "four"}]}),
            json!({"secrets": [{"name": "one", "kind": "K"}]}),
            json!({"secrets": [{"name": "one", "namespace": null}]}),
            json!({"secrets": [{"name": "two", "$patch": "delete"}, {"name": "four"}]}),
            json!({"secrets": [{"name": "missing", "$patch": "delete"}]}),
            json!({"secrets": [{"name": "one", "$patch": "replace", "kind": "K"}]}),
            json!({"secrets": [{"$patch": "replace"}, {"name": "only"}]}),
            json!({"secrets": [{"$patch": "replace"}]}),
            json!({"secrets": [{"name": "one", "$patch": "merge"}]}),
            json!({"secrets": [{"name": "new", "kind": null}]}),
            json!({"secrets": null}),
            json!({"secrets": {"name": "one"}}),
            json!({"imagePullSecrets": [{"name": "p"}, {"name": "q"}]}),
            json!({"imagePullSecrets": [{"name": "p", "$patch": "delete"}]}),
        ],
    );
}

fn orders(talk: &mut Talk<'_>) {
    let path = account(talk);
    let order = |names: &[&str]| names.iter().map(|name| json!({"name": name})).collect::<Vec<_>>();
    tries(
        talk,
        path,
        [
            json!({"$setElementOrder/secrets": order(&["three", "two", "one"])}),
            json!({"$setElementOrder/secrets": order(&["three", "one"])}),
            json!({"$setElementOrder/secrets": order(&["two", "four", "one"]), "secrets": [{"name": "four"}]}),
            json!({"$setElementOrder/secrets": order(&["four", "two"]), "secrets": [{"name": "four"}, {"name": "two", "kind": "K"}]}),
            json!({"$setElementOrder/secrets": order(&["two", "four"]), "secrets": [{"name": "four"}, {"name": "two"}]}),
            json!({"$setElementOrder/secrets": order(&["one"]), "secrets": [{"name": "four"}]}),
            json!({"$setElementOrder/secrets": order(&["one"]), "secrets": [{"name": "two", "$patch": "delete"}]}),
            json!({"$setElementOrder/secrets": []}),
            json!({"$setElementOrder/secrets": order(&["missing"])}),
            json!({"$setElementOrder/imagePullSecrets": order(&["p"]), "imagePullSecrets": [{"name": "p"}]}),
            json!({"$setElementOrder/imagePullSecrets": order(&["p"])}),
        ],
    );
}

fn lists_of_texts(talk: &mut Talk<'_>) {
    talk.quietly(post(
        "$core/configmaps",
        json!({"metadata": {"name": "a", "finalizers": ["x.io/a", "x.io/b", "x.io/c"]}}),
    ));
    let finalizers = |patch: Value| json!({"metadata": patch});
    tries(
        talk,
        "$core/configmaps/a?dryRun=All",
        [
            finalizers(json!({"finalizers": ["x.io/d"]})),
            finalizers(json!({"finalizers": ["x.io/a"]})),
            finalizers(json!({"finalizers": []})),
            finalizers(json!({"$deleteFromPrimitiveList/finalizers": ["x.io/b"]})),
            finalizers(json!({"$deleteFromPrimitiveList/finalizers": ["x.io/b"], "finalizers": ["x.io/d"]})),
            finalizers(json!({"$deleteFromPrimitiveList/finalizers": ["missing"]})),
            finalizers(json!({"$deleteFromPrimitiveList/finalizers": []})),
            finalizers(json!({"$deleteFromPrimitiveList/nothing": ["x"]})),
            finalizers(json!({"$setElementOrder/finalizers": ["x.io/c", "x.io/a"]})),
            finalizers(json!({"$setElementOrder/finalizers": ["x.io/d", "x.io/a"], "finalizers": ["x.io/d"]})),
            finalizers(json!({"$setElementOrder/finalizers": ["x.io/a"], "finalizers": ["x.io/d"]})),
        ],
    );
}

fn maps(talk: &mut Talk<'_>) {
    talk.quietly(post(
        "$core/configmaps",
        json!({"metadata": {"name": "a", "labels": {"l": "1", "m": "2"}}, "data": {"x": "1", "y": "2"}}),
    ));
    tries(
        talk,
        "$core/configmaps/a?dryRun=All",
        [
            json!({"data": {"$patch": "replace", "z": "3"}}),
            json!({"data": {"$patch": "replace"}}),
            json!({"data": {"$patch": "delete"}}),
            json!({"data": {"$patch": "delete", "x": "9"}}),
            json!({"binaryData": {"$patch": "replace", "b": "YQ=="}}),
            json!({"metadata": {"labels": {"$patch": "replace", "n": "3"}}}),
            json!({"metadata": {"annotations": {"a": null, "b": "c"}}}),
            json!({"data": {"x": null, "missing": null}}),
            json!({"data": {"$retainKeys": ["y", "z"], "z": "3"}}),
            json!({"$patch": "replace", "metadata": {"name": "a"}}),
            json!({"$patch": "delete"}),
        ],
    );
}

fn retained_keys(talk: &mut Talk<'_>) {
    let path = account(talk);
    tries(
        talk,
        path,
        [
            json!({"secrets": [{"name": "one", "$retainKeys": ["name"]}]}),
            json!({"secrets": [{"name": "one", "kind": "K", "$retainKeys": ["name", "kind"]}]}),
            json!({"secrets": [{"name": "one", "kind": "K", "$retainKeys": ["name"]}]}),
            json!({"secrets": [{"name": "new", "kind": "K", "$retainKeys": ["name", "kind"]}]}),
            json!({"secrets": [{"name": "one", "$retainKeys": []}]}),
            json!({"secrets": [{"name": "one", "namespace": null, "$retainKeys": ["name"]}]}),
        ],
    );
}

fn malformed(talk: &mut Talk<'_>) {
    let path = account(talk);
    tries(
        talk,
        path,
        [
            json!({"secrets": [{"kind": "no name"}]}),
            json!({"secrets": ["text"]}),
            json!({"secrets": [1, {"name": "one"}]}),
            json!({"secrets": [["list"]]}),
            json!({"secrets": [{"name": "one", "$patch": "nonsense"}]}),
            json!({"secrets": [{"name": "one", "$patch": 1}]}),
            json!({"secrets": [{"$patch": "delete"}]}),
            json!({"metadata": {"labels": {"$patch": "nonsense"}}}),
            json!({"secrets": [{"name": "one", "$retainKeys": "name"}]}),
            json!({"$setElementOrder/secrets": "text"}),
            json!({"$setElementOrder/secrets": {"name": "one"}}),
            json!({"$setElementOrder/secrets": [{"kind": "no name"}], "secrets": [{"name": "one"}]}),
            json!({"$setElementOrder/secrets": [{"name": "one"}], "secrets": "text"}),
            json!({"$setElementOrder": []}),
            json!({"metadata": {"$deleteFromPrimitiveList/finalizers": "text"}}),
            json!({"metadata": {"$deleteFromPrimitiveList": ["text"]}}),
        ],
    );
}

fn conditions(talk: &mut Talk<'_>) {
    talk.quietly(post(
        "/api/v1/nodes",
        json!({"metadata": {"name": "$ns"}, "spec": {"taints": [{"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}]},
            "status": {"conditions": [{"type": "Ready", "status": "False"}, {"type": "DiskPressure", "status": "False"}],
                "addresses": [{"type": "InternalIP", "address": "10.0.0.1"}, {"type": "ExternalIP", "address": "192.0.2.1"}]}}),
    ));
    tries(
        talk,
        "/api/v1/nodes/$ns/status?dryRun=All",
        [
            json!({"status": {"conditions": [{"type": "Ready", "status": "True"}]}}),
            json!({"status": {"conditions": [{"type": "DiskPressure", "$patch": "delete"}]}}),
            json!({"status": {"$setElementOrder/conditions": [{"type": "DiskPressure"}, {"type": "Ready"}], "conditions": [{"type": "Ready", "reason": "R"}]}}),
            json!({"status": {"addresses": [{"type": "InternalIP", "address": "10.0.0.2"}]}}),
            json!({"status": {"addresses": [{"$patch": "replace"}, {"type": "InternalIP", "address": "10.0.0.9"}]}}),
            json!({"spec": {"taints": [{"key": "x", "effect": "NoSchedule"}]}}),
        ],
    );
    talk.send(get("/api/v1/nodes/$ns"));
}
