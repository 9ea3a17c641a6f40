//! Bodies that are too long, too deep or too many.

use bytes::Bytes;
use guestcluster_tests::Protocol;
use http::Method;
use serde_json::{Value, json};

use crate::victim::{CONFIG_MAPS, Victim};

/// What a request body may have.
const LIMIT: usize = 3 * 1024 * 1024;
const JSON: &str = "application/json";
const YAML: &str = "application/yaml";
const MERGE: &str = "application/merge-patch+json";
const STRATEGIC: &str = "application/strategic-merge-patch+json";
const PATCH: &str = "application/json-patch+json";
const APPLY: &str = "application/apply-patch+yaml";
const PROTOBUF: &str = "application/vnd.kubernetes.protobuf";

/// Every way in for a body.
const WAYS: [(&str, &str, &str); 8] = [
    ("POST", CONFIG_MAPS, JSON),
    ("POST", CONFIG_MAPS, YAML),
    ("POST", CONFIG_MAPS, PROTOBUF),
    ("PATCH", "/api/v1/namespaces/team-a/configmaps/there", MERGE),
    ("PATCH", "/api/v1/namespaces/team-a/configmaps/there", STRATEGIC),
    ("PATCH", "/api/v1/namespaces/team-a/configmaps/there", PATCH),
    (
        "PATCH",
        "/api/v1/namespaces/team-a/configmaps/there?fieldManager=x",
        APPLY,
    ),
    ("DELETE", "/api/v1/namespaces/team-a/configmaps/absent", JSON),
];

/// A server with a ConfigMap named `there`.
async fn victim() -> Victim {
    let victim = Victim::start(&[]);
    let there = json!({"metadata": {"name": "there"}, "data": {"a": "b"}}).to_string();
    let mut connection = victim.endpoint.connect().await.unwrap();
    let create = victim.request(&Method::POST, CONFIG_MAPS, JSON, there);
    assert_eq!(victim.ask(&mut connection, create).await.0, 201);
    victim
}

fn method(name: &str) -> Method {
    name.parse().unwrap()
}

#[tokio::test]
async fn a_body_may_have_three_mebibytes_and_not_a_byte_more() {
    let victim = victim().await;
    for protocol in [Protocol::Http2, Protocol::Http1] {
        for (name, path, content_type) in WAYS {
            // The server need not read on, so each has a connection of its own.
            let mut connection = victim.endpoint.connect_by(protocol).await.unwrap();
            let request = victim.request(&method(name), path, content_type, vec![b' '; LIMIT + 1]);
            let (code, status) = victim.ask(&mut connection, request).await;
            let what = format!("{protocol:?} {name} {content_type}: {status}");
            assert_eq!(code, 413, "{what}");
            assert_eq!(status["reason"], "RequestEntityTooLarge", "{what}");
            assert_eq!(
                status["message"], "Request entity too large: limit is 3145728",
                "{what}"
            );
            let mut connection = victim.endpoint.connect_by(protocol).await.unwrap();
            let request = victim.request(&method(name), path, content_type, vec![b' '; LIMIT]);
            let (code, status) = victim.ask(&mut connection, request).await;
            assert!(
                [400, 404, 422, 500].contains(&code),
                "{protocol:?} {name} {content_type}: {status}"
            );
        }
    }
    victim.serves_others("bodies that are too long").await;
}

/// Bodies that nest so deep that a recursive reader would end.
fn deep(content_type: &str, depth: usize) -> Vec<Bytes> {
    let nested = |open: &str, close: &str| format!("{}{}", open.repeat(depth), close.repeat(depth));
    let [lists, objects] = [
        nested("[", "]"),
        format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth)),
    ];
    let within = |inner: &str| {
        format!(
            "{{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{{\"name\":\"there\",\"annotations\":{inner}}}}}"
        )
    };
    let patch = |inner: &str| format!("[{{\"op\":\"add\",\"path\":\"/data/x\",\"value\":{inner}}}]");
    let indented = (0..depth.min(1500)).map(|level| " ".repeat(level) + "a:\n");
    let block: String = indented.collect();
    let mut bodies = vec![
        lists.clone(),
        objects.clone(),
        within(&lists),
        within(&objects),
        "[".repeat(depth),
        "{\"a\":".repeat(depth),
    ];
    match content_type {
        PATCH => bodies.extend([patch(&lists), patch(&objects)]),
        YAML | APPLY => bodies.extend([block, "- ".repeat(depth), "? ".repeat(depth), "&a [*a, ".repeat(depth)]),
        PROTOBUF => return vec![nested_protobuf(depth)],
        _ => {}
    }
    bodies.into_iter().map(Bytes::from).collect()
}

/// A message in a message in a message, as far as three bytes of length lead; the fields are metadata's.
fn nested_protobuf(depth: usize) -> Bytes {
    let mut message = Vec::new();
    for _ in 0..depth {
        let mut outer = vec![0x0a];
        let mut length = message.len();
        while length >= 0x80 {
            outer.push(u8::try_from(length & 0x7f).unwrap() | 0x80);
            length >>= 7;
        }
        outer.push(u8::try_from(length).unwrap());
        outer.append(&mut message);
        message = outer;
    }
    let field = |number: u8, bytes: &[u8]| {
        let mut field = vec![number << 3 | 2];
        let length = bytes.len();
        field.extend([0, 7, 14].map(|shift| u8::try_from(length >> shift & 0x7f).unwrap() | 0x80));
        // A fourth byte of the length ends it.
        field.push(u8::try_from(length >> 21).unwrap());
        field.extend(bytes);
        field
    };
    let kind = [field(1, b"v1"), field(2, b"ConfigMap")].concat();
    [b"k8s\0".to_vec(), field(1, &kind), field(2, &message)].concat().into()
}

#[tokio::test]
async fn bodies_that_nest_ten_thousand_deep_are_refused() {
    let victim = victim().await;
    let mut connection = victim.endpoint.connect().await.unwrap();
    for (name, path, content_type) in WAYS {
        for body in deep(content_type, 10_000) {
            let shown = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
            let request = victim.request(&method(name), path, content_type, body);
            let (code, status) = victim.ask(&mut connection, request).await;
            assert_eq!(code, 400, "{name} {content_type} {shown}: {status}");
        }
    }
    victim.serves_others("bodies that nest deep").await;
}

#[tokio::test]
async fn a_compressed_body_is_not_unpacked() {
    let victim = victim().await;
    let mut connection = victim.endpoint.connect().await.unwrap();
    // 3 MiB of gzip would be gigabytes.
    let mut request = victim.request(
        &Method::POST,
        CONFIG_MAPS,
        JSON,
        b"\x1f\x8b\x08\0\0\0\0\0\0\x03".repeat(100),
    );
    request
        .headers_mut()
        .insert("content-encoding", "gzip".parse().unwrap());
    let (code, status) = victim.ask(&mut connection, request).await;
    assert_eq!((code, &status["reason"]), (400, &json!("BadRequest")), "{status}");
}

/// Objects with very many of something.
fn crowded() -> Vec<(&'static str, Value)> {
    let many = |count: usize, each: fn(usize) -> Value| (0..count).map(each).collect::<Vec<_>>();
    let named = |count: usize| {
        (0..count)
            .map(|n| (format!("n{n}"), json!("x")))
            .collect::<serde_json::Map<_, _>>()
    };
    let owner = |n| json!({"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": format!("u{n}")});
    let entry = |n| json!({"manager": format!("m{n}"), "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": {}});
    vec![
        ("labels", json!({"metadata": {"labels": named(50_000)}})),
        ("annotations", json!({"metadata": {"annotations": named(50_000)}})),
        ("data", json!({"data": named(50_000)})),
        ("owners", json!({"metadata": {"ownerReferences": many(40_000, owner)}})),
        (
            "finalizers",
            json!({"metadata": {"finalizers": many(30_000, |n| json!(format!("a.io/f{n}")))}}),
        ),
        (
            "managed fields",
            json!({"metadata": {"managedFields": many(10_000, entry)}}),
        ),
        ("unknown fields", Value::Object(named(50_000))),
    ]
}

#[tokio::test]
async fn objects_with_very_many_of_something_are_taken_or_refused_soon() {
    let victim = victim().await;
    let mut connection = victim.endpoint.connect().await.unwrap();
    for (number, (what, mut object)) in crowded().into_iter().enumerate() {
        object["apiVersion"] = json!("v1");
        object["kind"] = json!("ConfigMap");
        object["metadata"]["name"] = json!(format!("crowd-{number}"));
        let body = object.to_string();
        assert!(body.len() < LIMIT, "{what}: {}", body.len());
        for path in [
            CONFIG_MAPS.to_owned(),
            format!("{CONFIG_MAPS}?fieldValidation=Strict&dryRun=All"),
        ] {
            let request = victim.request(&Method::POST, &path, JSON, body.clone());
            let (code, status) = victim.ask(&mut connection, request).await;
            let is_taken_or_refused = [200, 201, 400, 409, 413, 422].contains(&code);
            assert!(is_taken_or_refused, "{what}: {code} {status:.300}");
            let answer = status.to_string().len();
            assert!(code == 201 || answer < LIMIT, "{what}: an answer of {answer} bytes");
        }
        let apply = format!("{CONFIG_MAPS}/crowd-{number}?fieldManager=x&force=true");
        let (code, status) = victim
            .ask(&mut connection, victim.request(&Method::PATCH, &apply, APPLY, body))
            .await;
        assert!(
            [200, 201, 400, 413, 422, 500].contains(&code),
            "{what}: {code} {status:.300}"
        );
    }
    victim.serves_others("crowded objects").await;
}

#[tokio::test]
async fn patches_with_very_many_operations_end_soon() {
    let victim = victim().await;
    let mut connection = victim.endpoint.connect().await.unwrap();
    let there = format!("{CONFIG_MAPS}/there");
    let many = |count: usize, operation: Value| Value::from(vec![operation; count]).to_string();
    let too_many = many(10_001, json!({"op": "test", "path": "/data/a", "value": "b"}));
    let (code, status) = victim
        .ask(&mut connection, victim.request(&Method::PATCH, &there, PATCH, too_many))
        .await;
    assert_eq!(code, 413, "{status}");
    assert_eq!(
        status["message"],
        "Request entity too large: The allowed maximum operations in a JSON patch is 10000, got 10001"
    );
    // Each of these is little to write and much to do.
    let large = (0..60_000)
        .map(|n| (format!("k{n}"), json!("")))
        .collect::<serde_json::Map<_, _>>();
    let list = vec![json!(""); 200_000];
    let move_on = |from: &str, to: &str| json!({"op": "move", "from": from, "path": to});
    let patches = [
        (json!(large), vec![move_on("/data", "/b"), move_on("/b", "/data")]),
        (json!(list), vec![json!({"op": "remove", "path": "/data/0"})]),
        (json!(list), vec![json!({"op": "add", "path": "/data/0", "value": 1})]),
        (
            json!(large),
            vec![json!({"op": "copy", "from": "/data", "path": "/data/x"})],
        ),
    ];
    for (value, operations) in patches {
        let mut patch = vec![json!({"op": "add", "path": "/data", "value": value})];
        patch.extend(operations.into_iter().cycle().take(9999));
        let patch = Value::from(patch).to_string();
        let request = victim.request(&Method::PATCH, &there, PATCH, patch);
        let (code, status) = victim.ask(&mut connection, request).await;
        assert_eq!(code, 422, "{status:.300}");
    }
    victim.serves_others("long patches").await;
}
