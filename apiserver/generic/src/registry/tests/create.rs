use serde_json::json;

use super::{GADGETS, WIDGETS, World, widget};

#[tokio::test]
async fn a_new_object_gets_what_the_server_owns() {
    let world = World::new().await;
    let mut object = widget("a");
    object["metadata"]["uid"] = "mine".into();
    object["metadata"]["creationTimestamp"] = "2001-01-01T00:00:00Z".into();
    object["metadata"]["deletionTimestamp"] = "2001-01-01T00:00:00Z".into();
    object["metadata"]["generation"] = 9.into();
    object["metadata"]["selfLink"] = "/x".into();
    object["status"] = json!({"replicas": 7});
    let created = world.post(WIDGETS, &object).await.expect(201);
    let metadata = &created["metadata"];
    assert_eq!(metadata["namespace"], "ns");
    assert_eq!(metadata["generation"], 1);
    assert_eq!(metadata["uid"].as_str().unwrap().len(), 36);
    assert!(metadata["creationTimestamp"].as_str().unwrap().starts_with("20"));
    assert_ne!(metadata["creationTimestamp"], "2001-01-01T00:00:00Z");
    assert_eq!(
        metadata["creationTimestamp"].as_str().unwrap().len(),
        "2001-01-01T00:00:00Z".len()
    );
    assert!(metadata.get("deletionTimestamp").is_none() && metadata.get("selfLink").is_none());
    assert!(metadata["resourceVersion"].as_str().unwrap().parse::<u64>().unwrap() > 0);
    assert!(created.get("status").is_none());
    assert_eq!(created["spec"]["size"], "medium", "defaulted");
    assert_eq!(world.get(&format!("{WIDGETS}/a")).await.expect(200), created);
}

#[tokio::test]
async fn fields_are_owned_from_creation() {
    let world = World::new().await;
    let line = format!("POST {WIDGETS}");
    let agent = [("user-agent", "kubectl/v1.37.1 (linux/amd64)")];
    let created = world
        .call(&line, &agent, widget("a").to_string().as_bytes())
        .await
        .expect(201);
    let entry = &created["metadata"]["managedFields"][0];
    assert_eq!(entry["manager"], "kubectl");
    assert_eq!(
        (&entry["operation"], &entry["fieldsType"]),
        (&json!("Update"), &json!("FieldsV1"))
    );
    assert_eq!(entry["apiVersion"], "demo.example.io/v1");
    assert!(entry["fieldsV1"]["f:spec"]["f:replicas"].is_object());
    let named = world
        .post(&format!("{WIDGETS}?fieldManager=me"), &widget("b"))
        .await
        .expect(201);
    assert_eq!(named["metadata"]["managedFields"][0]["manager"], "me");
}

#[tokio::test]
async fn a_taken_name_is_409() {
    let world = World::new().await;
    world.widget("a").await;
    let reply = world.post(WIDGETS, &widget("a")).await;
    let message = "widgets.demo.example.io \"a\" already exists".to_owned();
    assert_eq!(reply.refused(409), ("AlreadyExists".into(), message));
    assert_eq!(
        reply.json()["details"],
        json!({"name": "a", "group": "demo.example.io", "kind": "widgets"})
    );
    let dry = world.post(&format!("{WIDGETS}?dryRun=All"), &widget("a")).await;
    assert_eq!(dry.refused(409).0, "AlreadyExists");
}

#[tokio::test]
async fn names_can_be_generated() {
    let world = World::new().await;
    let mut object = widget("");
    object["metadata"] = json!({"generateName": format!("{}-", "g".repeat(70))});
    let created = world.post(WIDGETS, &object).await.expect(201);
    let name = created["metadata"]["name"].as_str().unwrap();
    assert_eq!(name.len(), 63);
    assert!(name.starts_with("ggg"));
    object["metadata"]["name"] = "given".into();
    let created = world.post(WIDGETS, &object).await.expect(201);
    assert_eq!(created["metadata"]["name"], "given");
}

#[tokio::test]
async fn what_does_not_fit_the_path_is_400() {
    let world = World::new().await;
    let mut other_namespace = widget("a");
    other_namespace["metadata"]["namespace"] = "other".into();
    assert_eq!(
        world.post(WIDGETS, &other_namespace).await.refused(400).1,
        "the namespace of the provided object does not match the namespace sent on the request"
    );
    let mut other_version = widget("a");
    other_version["apiVersion"] = "demo.example.io/v2".into();
    assert_eq!(
        world.post(WIDGETS, &other_version).await.refused(400).1,
        "the API version in the data (demo.example.io/v2) does not match the expected API version (demo.example.io/v1)"
    );
    let mut other_kind = widget("a");
    other_kind["kind"] = "Gizmo".into();
    let message = world.post(WIDGETS, &other_kind).await.refused(422).1;
    assert_eq!(
        message,
        "Gizmo.demo.example.io \"a\" is invalid: kind: Invalid value: \"Gizmo\": must be Widget"
    );
    let no_kind = world
        .post(WIDGETS, &json!({"metadata": {"name": "a"}}))
        .await
        .refused(400)
        .1;
    assert!(no_kind.contains("Object 'Kind' is missing in"), "{no_kind}");
    let created = world
        .post(GADGETS, &json!({"metadata": {"name": "a"}}))
        .await
        .expect(201);
    assert_eq!(
        (&created["kind"], &created["apiVersion"]),
        (&json!("Gadget"), &json!("builtin.example.io/v1"))
    );
}

#[tokio::test]
async fn what_is_no_object_is_400() {
    let world = World::new().await;
    let line = format!("POST {WIDGETS}");
    for body in ["", "{", "[]", "1", "{\"a\":", "null"] {
        let (reason, message) = world.call(&line, &[], body.as_bytes()).await.refused(400);
        assert_eq!(reason, "BadRequest");
        assert!(
            message.starts_with("the object provided is unrecognized (must be of type Widget): "),
            "{message}"
        );
    }
    let yaml = "apiVersion: demo.example.io/v1\nkind: Widget\nmetadata: {name: yam}\nspec: {replicas: 2}\n";
    let created = world
        .call(&line, &[("content-type", "application/yaml")], yaml.as_bytes())
        .await
        .expect(201);
    assert_eq!(created["spec"]["replicas"], 2);
    let refused = world
        .call(&line, &[("content-type", "application/vnd.kubernetes.protobuf")], b"x")
        .await;
    assert_eq!(refused.refused(415).0, "UnsupportedMediaType");
}

#[tokio::test]
async fn bad_metadata_is_422() {
    let world = World::new().await;
    let error = |metadata: serde_json::Value| {
        let mut object = widget("a");
        for (field, value) in metadata.as_object().unwrap() {
            object["metadata"][field] = value.clone();
        }
        let world = &world;
        async move {
            let (reason, message) = world.post(WIDGETS, &object).await.refused(422);
            assert_eq!(reason, "Invalid");
            message
        }
    };
    assert_eq!(
        error(json!({"name": ""})).await,
        "Widget.demo.example.io \"\" is invalid: metadata.name: Required value: name or generateName is required"
    );
    let message = error(json!({"name": "A_"})).await;
    assert!(
        message.starts_with(
            "Widget.demo.example.io \"A_\" is invalid: metadata.name: Invalid value: \"A_\": a lowercase RFC 1123 subdomain"
        ),
        "{message}"
    );
    assert!(
        error(json!({"labels": {"a b": "x"}}))
            .await
            .contains("metadata.labels: Invalid value: \"a b\"")
    );
    assert!(
        error(json!({"labels": {"a": "-"}}))
            .await
            .contains("metadata.labels: Invalid value: \"-\"")
    );
    assert!(
        error(json!({"finalizers": ["no/t/ok"]}))
            .await
            .contains("metadata.finalizers")
    );
    let large = error(json!({"annotations": {"a": "x".repeat(262_144)}})).await;
    assert!(
        large.ends_with("metadata.annotations: Too long: may not be more than 262144 bytes"),
        "{large}"
    );
    let owner = json!({"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": ""});
    let message = error(json!({"ownerReferences": [owner]})).await;
    assert!(
        message.contains("metadata.ownerReferences[0].uid: Required value: must not be empty"),
        "{message}"
    );
    let owner = |uid: &str| json!({"apiVersion": "v1", "kind": "Pod", "name": uid, "uid": uid, "controller": true});
    let message = error(json!({"ownerReferences": [owner("a"), owner("b")]})).await;
    assert!(
        message.contains("Only one reference can have Controller set to true"),
        "{message}"
    );
}

#[tokio::test]
async fn equal_owners_are_kept_once_with_a_warning() {
    let world = World::new().await;
    let owner = json!({"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u1"});
    let mut object = widget("a");
    object["metadata"]["ownerReferences"] = json!([owner, owner]);
    let reply = world.post(WIDGETS, &object).await;
    assert_eq!(reply.expect(201)["metadata"]["ownerReferences"], json!([owner]));
    assert!(
        reply.warnings()[0].ends_with("duplicate UID(s) observed: u1\""),
        "{:?}",
        reply.warnings()
    );
}

#[tokio::test]
async fn schema_and_strategy_refuse_with_causes() {
    let world = World::new().await;
    let mut object = widget("a");
    object["spec"] = json!({"replicas": -1, "color": "pink"});
    let reply = world.post(WIDGETS, &object).await;
    let (reason, message) = reply.refused(422);
    assert_eq!(reason, "Invalid");
    assert!(
        message.starts_with("Widget.demo.example.io \"a\" is invalid: ["),
        "{message}"
    );
    assert!(
        message.contains("spec.color: Unsupported value: \"pink\": supported values: \"red\", \"blue\""),
        "{message}"
    );
    let causes = reply.json()["details"]["causes"].as_array().unwrap().len();
    assert_eq!(causes, 3, "the schema on both fields, and what a Scale can show");
    object["spec"] = json!({"replicas": 4, "color": "blue"});
    assert_eq!(
        world.post(WIDGETS, &object).await.refused(422).1,
        "Widget.demo.example.io \"a\" is invalid: spec.replicas: Invalid value: 4: at most 3 when blue"
    );
    // A refusal warns of what was found on the way, not of what an accepted object would do.
    object["spec"]["bogus"] = 1.into();
    let refused = world.post(WIDGETS, &object).await;
    refused.expect(422);
    assert_eq!(refused.warnings(), ["299 - \"unknown field \\\"spec.bogus\\\"\""]);
    object["spec"] = json!({"replicas": 3, "color": "blue"});
    let reply = world.post(WIDGETS, &object).await;
    reply.expect(201);
    assert_eq!(reply.warnings(), ["299 - \"blue fades\""]);
}

#[tokio::test]
async fn unknown_and_duplicate_fields_follow_field_validation() {
    let world = World::new().await;
    let body = |name: &str| {
        format!(
            r#"{{"apiVersion":"demo.example.io/v1","kind":"Widget","metadata":{{"name":"{name}"}},
                "spec":{{"replicas":1,"replicas":2,"bogus":1}}}}"#
        )
    };
    let send = |query: &str, name: &str| {
        let (line, body, world) = (format!("POST {WIDGETS}{query}"), body(name), &world);
        async move { world.call(&line, &[], body.as_bytes()).await }
    };
    let strict = send("?fieldValidation=Strict", "a").await;
    assert_eq!(
        strict.refused(400),
        (
            "BadRequest".into(),
            "Widget in version \"v1\" cannot be handled as a Widget: strict decoding error: duplicate field \
             \"spec.replicas\", unknown field \"spec.bogus\""
                .into()
        )
    );
    for (query, name, warnings) in [
        ("", "b", 2),
        ("?fieldValidation=Warn", "c", 2),
        ("?fieldValidation=Ignore", "d", 0),
    ] {
        let reply = send(query, name).await;
        let created = reply.expect(201);
        assert_eq!(created["spec"].get("bogus"), None);
        assert_eq!(created["spec"]["replicas"], 2);
        assert_eq!(reply.warnings().len(), warnings, "{query}");
    }
    let warned = send("", "e").await;
    assert_eq!(warned.warnings()[1], "299 - \"unknown field \\\"spec.bogus\\\"\"");
}

#[tokio::test]
async fn a_dry_run_shows_the_object_and_stores_nothing() {
    let world = World::new().await;
    let before = world.registry.cache().revision();
    let shown = world
        .post(&format!("{WIDGETS}?dryRun=All"), &widget("a"))
        .await
        .expect(201);
    assert_eq!(shown["metadata"]["uid"].as_str().unwrap().len(), 36);
    assert!(shown["metadata"].get("resourceVersion").is_none());
    assert_eq!(shown["spec"]["size"], "medium");
    world.get(&format!("{WIDGETS}/a")).await.refused(404);
    assert_eq!(world.registry.cache().revision(), before);
    let refused = world.post(&format!("{WIDGETS}?dryRun=maybe"), &widget("a")).await;
    assert_eq!(
        refused.refused(422).1,
        "CreateOptions.meta.k8s.io \"\" is invalid: dryRun: Unsupported value: [\"maybe\"]: supported values: \"All\""
    );
}

#[tokio::test]
async fn a_revision_can_not_be_chosen() {
    let world = World::new().await;
    let mut object = widget("a");
    object["metadata"]["resourceVersion"] = "5".into();
    let reply = world.post(WIDGETS, &object).await;
    let message = "resourceVersion should not be set on objects to be created".to_owned();
    assert_eq!(reply.refused(500), (String::new(), message));
    let cluster_wide = world.post("/apis/demo.example.io/v1/widgets", &widget("a")).await;
    assert_eq!(cluster_wide.refused(405).0, "MethodNotAllowed");
}
