//! GET of collections: pages, selectors, revisions.

use serde_json::json;

use super::{config_map, widget, widget_with};
use crate::{
    request::{delete, get, post},
    talk::Talk,
};

pub(crate) const CASES: super::Cases = &[
    ("pages", pages),
    ("label selectors", label_selectors),
    ("field selectors", field_selectors),
    ("revisions", revisions),
    ("continue", continue_tokens),
    ("namespaces", namespaces),
    ("built-in", built_in),
];

fn five(talk: &mut Talk<'_>) {
    for (name, label) in [("a", "1"), ("b", "2"), ("c", "1"), ("d", "2"), ("e", "3")] {
        talk.quietly(post(
            "$widgets",
            widget_with(json!({"name": name, "labels": {"l": label, name: "x"}})),
        ));
    }
}

fn pages(talk: &mut Talk<'_>) {
    five(talk);
    talk.send(get("$widgets?limit=2"))
        .keep("token", "/metadata/continue")
        .keep("rv", "/metadata/resourceVersion");
    talk.quietly(post("$widgets", widget("bb", json!({}))));
    talk.quietly(delete("$widgets/d"));
    talk.send(get("$widgets?limit=2&continue=$token"))
        .keep("token2", "/metadata/continue");
    talk.send_all([
        get("$widgets?limit=2&continue=$token2"),
        get("$widgets?continue=$token"),
        get("$widgets?limit=5"),
        get("$widgets?limit=6"),
        get("$widgets?limit=0"),
        get("$widgets?limit=1&labelSelector=l=1"),
        get("$widgets?limit=2&labelSelector=l=1"),
        get("$widgets?limit=1&fieldSelector=metadata.name=c"),
        get("$widgets?limit=1&fieldSelector=metadata.name!=c"),
        get("$widgets?limit=2&resourceVersion=0"),
        get("$widgets?limit=2&resourceVersion=$rv"),
        get("$widgets?limit=2&resourceVersion=$rv&resourceVersionMatch=Exact"),
        get("$widgets?limit=2&resourceVersion=$rv&resourceVersionMatch=NotOlderThan"),
    ]);
}

fn label_selectors(talk: &mut Talk<'_>) {
    five(talk);
    for selector in [
        "l=1",
        "l==1",
        "l!=1",
        "l",
        "!l",
        "a",
        "!a",
        "l in (1,2)",
        "l in (1, 2 )",
        "l notin (1,2)",
        "l notin (1)",
        "l=1,a",
        "l=1,!a",
        "l>1",
        "l<2",
        "l>a",
        "l=",
        "",
        ",",
        "l=1,",
        "=1",
        "l in",
        "l in (",
        "l in ()",
        "l in (1",
        "l = 1",
        "-l=1",
        "l=-1",
        "l=1=2",
        "l 1",
        "a/b/c=1",
        "l in (1),a in (x)",
        "(l)",
        "l===1",
    ] {
        talk.send(get(&format!("$widgets?labelSelector={}", selector.replace('=', "%3D"))));
    }
}

fn field_selectors(talk: &mut Talk<'_>) {
    five(talk);
    for selector in [
        "metadata.name=a",
        "metadata.name==a",
        "metadata.name!=a",
        "metadata.namespace=$ns",
        "metadata.namespace=other",
        "metadata.name=a,metadata.namespace=$ns",
        "metadata.name=missing",
        "metadata.name=a,metadata.name=b",
        "metadata.name=",
        "spec.color=red",
        "metadata.uid=x",
        "metadata.name",
        "metadata.name=a\\,b",
        "metadata.name=a\\x",
        "=a",
        ",",
        "metadata.name in (a)",
    ] {
        talk.send(get(&format!(
            "$widgets?fieldSelector={}",
            selector.replace('=', "%3D").replace('\\', "%5C")
        )));
    }
    talk.send(get(
        "/apis/demo.example.io/v1/widgets?fieldSelector=metadata.namespace=$ns",
    ));
    talk.send(get(
        "/apis/demo.example.io/v1/widgets?fieldSelector=metadata.name=a,metadata.namespace=$ns",
    ));
}

fn revisions(talk: &mut Talk<'_>) {
    five(talk);
    talk.send(get("$widgets")).keep("rv", "/metadata/resourceVersion");
    // Their cache may lag behind a deletion, but not once it has answered for the present.
    talk.quietly(delete("$widgets/b")).quietly(get("$widgets"));
    for query in [
        "resourceVersion=0",
        "resourceVersion=$rv",
        "resourceVersion=$rv&resourceVersionMatch=Exact",
        "resourceVersion=$rv&resourceVersionMatch=NotOlderThan",
        "resourceVersion=0&resourceVersionMatch=NotOlderThan",
        "resourceVersion=0&resourceVersionMatch=Exact",
        "resourceVersionMatch=Exact",
        "resourceVersionMatch=NotOlderThan",
        "resourceVersion=$rv&resourceVersionMatch=Nonsense",
        "resourceVersion=$rv&resourceVersionMatch=",
        "resourceVersion=abc",
        "resourceVersion=-1",
        "resourceVersion=1.5",
        "resourceVersion=",
        "sendInitialEvents=true",
        "sendInitialEvents=true&resourceVersionMatch=NotOlderThan",
        "resourceVersion=9999999999&resourceVersionMatch=Exact",
        "resourceVersion=1&resourceVersionMatch=NotOlderThan",
    ] {
        talk.send(get(&format!("$widgets?{query}")));
    }
    talk.send(get("$widgets?resourceVersion=9999999999&timeout=1s"));
    talk.send(get("$widgets/a?resourceVersion=$rv"));
    talk.send(get("$widgets/b?resourceVersion=$rv"));
    talk.send(get("$widgets/a?resourceVersion=0"));
}

fn continue_tokens(talk: &mut Talk<'_>) {
    five(talk);
    talk.send(get("$widgets?limit=2"))
        .keep("token", "/metadata/continue")
        .keep("rv", "/metadata/resourceVersion");
    talk.send_all([
        get("$widgets?limit=2&continue=nonsense"),
        get("$widgets?limit=2&continue=bm9uc2Vuc2U"),
        get("$widgets?limit=2&continue="),
        get("$widgets?limit=2&continue=$token&resourceVersion=$rv"),
        get("$widgets?limit=2&continue=$token&resourceVersion=0"),
        get("$widgets?limit=2&continue=$token&resourceVersionMatch=Exact"),
        get("$widgets?limit=2&continue=$token&resourceVersion=$rv&resourceVersionMatch=Exact"),
        get("$widgets?limit=2&continue=$token&labelSelector=l=2"),
        get("$core/configmaps?limit=2&continue=$token"),
    ]);
}

fn namespaces(talk: &mut Talk<'_>) {
    five(talk);
    talk.send_all([
        get("/apis/demo.example.io/v1/namespaces/none-such/widgets"),
        get("/apis/demo.example.io/v1/namespaces/none-such/widgets?limit=1"),
        get("/apis/demo.example.io/v1/namespaces/Bad_Name/widgets"),
        get("/apis/demo.example.io/v1/widgets?labelSelector=l=3&fieldSelector=metadata.namespace=$ns"),
    ]);
}

fn built_in(talk: &mut Talk<'_>) {
    for (name, label) in [("a", "1"), ("b", "2"), ("c", "1")] {
        let mut map = config_map(name, json!({"x": "y"}));
        map["metadata"]["labels"] = json!({"l": label});
        talk.quietly(post("$core/configmaps", map));
    }
    talk.send_all([
        get("$core/configmaps"),
        get("$core/configmaps?limit=1"),
        get("$core/configmaps?labelSelector=l=1"),
        get("$core/configmaps?fieldSelector=metadata.name=b"),
        get("$core/configmaps?fieldSelector=data.x=y"),
        get("$core/secrets?fieldSelector=type=Opaque"),
        get("$core/secrets?fieldSelector=data=Opaque"),
        get("$core/secrets"),
        get("$core/events?fieldSelector=involvedObject.name=a"),
        get("/api/v1/namespaces?fieldSelector=metadata.name=$ns"),
        get("/api/v1/namespaces?fieldSelector=status.phase=Active,metadata.name=$ns"),
        get("/api/v1/namespaces?fieldSelector=spec.nothing=a"),
        get("/apis/coordination.k8s.io/v1/namespaces/$ns/leases"),
        get("/apis/rbac.authorization.k8s.io/v1/namespaces/$ns/roles"),
        get("/api/v1/nodes"),
    ]);
}
