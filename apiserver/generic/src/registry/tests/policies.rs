//! Admission policies over real writes: which are asked, what they see, and what their answers come to.

use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::{WIDGETS, World, widget};
use crate::{
    admission::{
        Admission, Surroundings,
        policy::{Hook, ParamQuery, Policies, PolicySource, ValidatingPolicies},
    },
    status::Status,
    storage::redb::Engine,
};

/// A cluster with one namespace, `ns`.
#[derive(Default)]
struct Cluster {
    policies: Mutex<Policies>,
    params: Vec<Value>,
    unready: bool,
}

#[async_trait]
impl Surroundings for Cluster {
    async fn namespace(&self, name: &str) -> Result<Arc<Value>, Status> {
        assert_eq!(name, "ns");
        Ok(Arc::new(json!({"metadata": {
            "name": "ns", "labels": {"team": "a"}, "creationTimestamp": "2026-01-02T03:04:05Z",
        }})))
    }
}

#[async_trait]
impl PolicySource for Cluster {
    async fn hooks(&self) -> Result<Arc<[Hook]>, String> {
        if self.unready {
            return Err("policies are still being read".to_owned());
        }
        Ok(self.policies.lock().hooks())
    }

    async fn params(&self, query: ParamQuery<'_>) -> Result<Vec<Value>, String> {
        assert_eq!((query.kind.kind.as_str(), query.namespace), ("Limit", "ns"));
        let name = query.reference.name.as_str();
        let named = |params: &&Value| name.is_empty() || params["metadata"]["name"] == name;
        Ok(self.params.iter().filter(named).cloned().collect())
    }
}

/// What every policy here is about.
fn constraints() -> Value {
    let rule = json!({"operations": ["*"], "apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*/*"]});
    json!({"resourceRules": [rule], "namespaceSelector": {}, "objectSelector": {}})
}

/// A policy and its binding, with what is added to either spec.
async fn world(policy: &Value, binding: &Value) -> World {
    let cluster = Cluster {
        params: vec![
            json!({"metadata": {"name": "low"}, "max": 2}),
            json!({"metadata": {"name": "high"}, "max": 5}),
        ],
        ..Cluster::default()
    };
    let mut spec = json!({"matchConstraints": constraints(), "failurePolicy": "Fail"});
    let mut bound = json!({"policyName": "p", "validationActions": ["Deny"]});
    for (into, from) in [(&mut spec, policy), (&mut bound, binding)] {
        into.as_object_mut().unwrap().extend(from.as_object().unwrap().clone());
    }
    cluster
        .policies
        .lock()
        .set_policy(&json!({"metadata": {"name": "p"}, "spec": spec}))
        .unwrap();
    cluster
        .policies
        .lock()
        .set_binding(&json!({"metadata": {"name": "b"}, "spec": bound}))
        .unwrap();
    over(cluster).await
}

async fn over(cluster: Cluster) -> World {
    let plugin: Arc<dyn Admission> = Arc::new(ValidatingPolicies::new(Arc::new(cluster)));
    World::admitted_by(Engine::in_memory().unwrap().keyspace("test/"), vec![plugin]).await
}

/// A policy with one validation.
fn validation(expression: &str) -> Value {
    json!({"validations": [{"expression": expression}]})
}

fn of_replicas(replicas: i64) -> Value {
    let mut widget = widget("a");
    widget["spec"]["replicas"] = replicas.into();
    widget
}

/// The message of the refusal of a widget with so many replicas, after who refuses; none when it would be created.
async fn refusal(world: &World, replicas: i64) -> Option<String> {
    let reply = world
        .post(&format!("{WIDGETS}?dryRun=All"), &of_replicas(replicas))
        .await;
    if reply.code == 201 {
        return None;
    }
    let (_, message) = reply.refused(422);
    let begin =
        "widgets.demo.example.io \"a\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: ";
    Some(message.strip_prefix(begin).unwrap_or(&message).to_owned())
}

#[tokio::test]
async fn a_refusal_is_worded_as_by_kube_apiserver() {
    let world = world(&validation("object.spec.replicas <= 3"), &json!({})).await;
    let refused = world.post(WIDGETS, &of_replicas(4)).await.expect(422);
    let said =
        "ValidatingAdmissionPolicy 'p' with binding 'b' denied request: failed expression: object.spec.replicas <= 3";
    assert_eq!(refused["reason"], "Invalid");
    assert_eq!(
        refused["message"],
        format!("widgets.demo.example.io \"a\" is forbidden: {said}")
    );
    assert_eq!(
        refused["details"],
        json!({"name": "a", "group": "demo.example.io", "kind": "widgets", "causes": [{"message": said}]})
    );
    world.post(WIDGETS, &of_replicas(3)).await.expect(201);
}

#[tokio::test]
async fn messages_and_reasons_are_the_policys() {
    let with = |fields: Value| {
        let mut validation = json!({"expression": "object.spec.replicas < 3"});
        validation
            .as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        json!({"validations": [validation]})
    };
    let table = [
        (json!({"message": " too many "}), "too many"),
        (
            json!({"message": "unused", "messageExpression": "'not ' + string(object.spec.replicas)"}),
            "not 4",
        ),
        (json!({"message": "plain", "messageExpression": "object.nope"}), "plain"),
        (
            json!({"messageExpression": "'two\\nlines'"}),
            "failed expression: object.spec.replicas < 3",
        ),
    ];
    for (fields, expected) in table {
        let world = world(&with(fields), &json!({})).await;
        assert_eq!(refusal(&world, 4).await.as_deref(), Some(expected));
    }
    for (reason, code) in [
        ("Forbidden", 403),
        ("Unauthorized", 401),
        ("RequestEntityTooLarge", 413),
    ] {
        let world = world(&with(json!({"reason": reason})), &json!({})).await;
        let refused = world.post(WIDGETS, &of_replicas(4)).await.expect(code);
        assert_eq!(refused["reason"], reason);
    }
}

#[tokio::test]
async fn expressions_see_the_write_and_what_is_around_it() {
    for expression in [
        "object.metadata.name == 'a' && object.metadata.namespace == 'ns' && oldObject == null && params == null",
        "request.operation == 'CREATE' && request.kind == {'group': 'demo.example.io', 'version': 'v1', 'kind': 'Widget'}",
        "request.resource.resource == 'widgets' && request.namespace == 'ns' && request.name == 'a' && request.dryRun",
        "request.userInfo.username == 'alice' && request.options.kind == 'CreateOptions' && !has(request.subResource)",
        "namespaceObject.metadata.labels.team == 'a' && timestamp(namespaceObject.metadata.creationTimestamp).getFullYear() == 2026",
    ] {
        let world = world(&validation(expression), &json!({})).await;
        assert_eq!(refusal(&world, 1).await, None, "{expression}");
    }
    let policy = validation("request.operation != 'DELETE' || oldObject.spec.replicas == 0 && object == null");
    let world = world(&policy, &json!({})).await;
    world.post(WIDGETS, &of_replicas(1)).await.expect(201);
    let path = format!("{WIDGETS}/a");
    world.delete(&path).await.refused(422);
    world.merge(&path, &json!({"spec": {"replicas": 0}})).await.expect(200);
    world.delete(&path).await.expect(200);
}

#[tokio::test]
async fn what_is_not_meant_is_not_asked() {
    let selecting = |field: &str, value: Value| {
        let mut constraints = constraints();
        constraints[field] = value;
        json!({"matchConstraints": constraints, "validations": [{"expression": "false"}]})
    };
    let rule = |resources: &[&str], operations: &[&str]| json!([{"operations": operations, "apiGroups": ["demo.example.io"], "apiVersions": ["v1"], "resources": resources}]);
    let table = [
        (
            selecting("namespaceSelector", json!({"matchLabels": {"team": "b"}})),
            false,
        ),
        (
            selecting("namespaceSelector", json!({"matchLabels": {"team": "a"}})),
            true,
        ),
        (
            selecting("objectSelector", json!({"matchLabels": {"loud": "yes"}})),
            false,
        ),
        (
            selecting(
                "objectSelector",
                json!({"matchExpressions": [{"key": "loud", "operator": "DoesNotExist"}]}),
            ),
            true,
        ),
        (
            selecting("excludeResourceRules", rule(&["widgets"], &["CREATE"])),
            false,
        ),
        (
            selecting("resourceRules", rule(&["widgets"], &["UPDATE", "DELETE"])),
            false,
        ),
        (
            selecting("resourceRules", rule(&["gadgets", "widgets/status"], &["*"])),
            false,
        ),
        (selecting("resourceRules", rule(&["gadgets", "widgets"], &["*"])), true),
    ];
    for (policy, asked) in table {
        let world = world(&policy, &json!({})).await;
        assert_eq!(refusal(&world, 1).await.is_some(), asked, "{policy}");
    }
    let elsewhere =
        json!({"matchResources": {"namespaceSelector": {"matchLabels": {"team": "b"}}, "objectSelector": {}}});
    let world = world(&validation("false"), &elsewhere).await;
    assert_eq!(refusal(&world, 1).await, None, "the binding is for other namespaces");
}

#[tokio::test]
async fn conditions_decide_whether_a_policy_is_asked() {
    let with = |conditions: &[&str], failure_policy: &str| {
        let conditions: Vec<_> = conditions
            .iter()
            .map(|expression| json!({"name": "c", "expression": expression}))
            .collect();
        json!({"matchConditions": conditions, "validations": [{"expression": "false"}], "failurePolicy": failure_policy})
    };
    let broken = "expression 'object.nope' resulted in error: no such key: nope";
    let table = [
        (
            with(&["true", "object.spec.replicas == 1"], "Fail"),
            Some("failed expression: false"),
        ),
        (with(&["object.nope", "object.spec.replicas == 2"], "Fail"), None),
        (with(&["object.nope", "true"], "Fail"), Some(broken)),
        (with(&["object.nope", "true"], "Ignore"), None),
    ];
    for (policy, expected) in table {
        let world = world(&policy, &json!({})).await;
        assert_eq!(refusal(&world, 1).await.as_deref(), expected, "{policy}");
    }
}

#[tokio::test]
async fn a_failure_refuses_unless_it_is_ignored() {
    let broken = |failure_policy: &str| json!({"validations": [{"expression": "object.nope == 1"}], "failurePolicy": failure_policy});
    let said = "expression 'object.nope == 1' resulted in error: no such key: nope";
    assert_eq!(
        refusal(&world(&broken("Fail"), &json!({})).await, 1).await.as_deref(),
        Some(said)
    );
    assert_eq!(refusal(&world(&broken("Ignore"), &json!({})).await, 1).await, None);
    let endless = "lists.range(3000).all(a, lists.range(3000).all(b, a != b || a == b))";
    let refused = refusal(&world(&validation(endless), &json!({})).await, 1)
        .await
        .unwrap();
    assert!(
        refused.ends_with("operation cancelled: actual cost limit exceeded"),
        "{refused}"
    );
    let unparsed = refusal(&world(&validation("object."), &json!({})).await, 1)
        .await
        .unwrap();
    assert!(
        unparsed.starts_with("compilation error: compilation failed: "),
        "{unparsed}"
    );
}

#[tokio::test]
async fn variables_are_shared() {
    let policy = json!({
        "variables": [
            {"name": "replicas", "expression": "object.spec.replicas"},
            {"name": "doubled", "expression": "variables.replicas * 2"},
        ],
        "validations": [{
            "expression": "variables.doubled < 6", "messageExpression": "'twice is ' + string(variables.doubled)",
        }],
    });
    let world = world(&policy, &json!({})).await;
    assert_eq!(refusal(&world, 2).await, None);
    assert_eq!(refusal(&world, 3).await.as_deref(), Some("twice is 6"));
}

#[tokio::test]
async fn every_parameter_must_be_content() {
    let policy = json!({
        "paramKind": {"apiVersion": "rules.example.io/v1", "kind": "Limit"},
        "validations": [{"expression": "object.spec.replicas <= params.max", "messageExpression": "'at most ' + string(params.max)"}],
    });
    let with = |reference: Value| json!({"paramRef": reference});
    let table = [
        (with(json!({"name": "high"})), 5, None),
        (with(json!({"name": "high"})), 6, Some("at most 5")),
        (with(json!({"selector": {}})), 3, Some("at most 2")),
        (
            with(json!({"name": "none", "parameterNotFoundAction": "Allow"})),
            9,
            None,
        ),
        (
            with(json!({"name": "none", "parameterNotFoundAction": "Deny"})),
            1,
            Some("failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction"),
        ),
    ];
    for (binding, replicas, expected) in table {
        let world = world(&policy, &binding).await;
        assert_eq!(refusal(&world, replicas).await.as_deref(), expected, "{binding}");
    }
}

#[tokio::test]
async fn a_binding_may_warn_instead() {
    let binding = json!({"validationActions": ["Warn", "Audit"]});
    let world = world(&validation("object.spec.replicas < 3"), &binding).await;
    let reply = world.post(WIDGETS, &of_replicas(4)).await;
    reply.expect(201);
    let said = "Validation failed for ValidatingAdmissionPolicy 'p' with binding 'b': failed expression: object.spec.replicas < 3";
    assert_eq!(reply.warnings(), [format!("299 - \"{said}\"")]);
}

#[tokio::test]
async fn nothing_is_written_while_the_policies_are_not_known() {
    let world = over(Cluster {
        unready: true,
        ..Cluster::default()
    })
    .await;
    let reply = world.post(WIDGETS, &widget("a")).await;
    let (reason, message) = reply.refused(503);
    assert_eq!(reason, "ServiceUnavailable");
    assert_eq!(
        message,
        "not yet ready to handle request: policies are still being read"
    );
    assert_eq!(reply.headers["retry-after"], "1");
    world.get(&format!("{WIDGETS}/a")).await.refused(404);
}

#[tokio::test]
async fn a_secret_of_a_body_is_seen_by_its_handler_alone() {
    let policy = validation("has(object.spec.password) || request.name != 'a'");
    let world = world(&policy, &json!({})).await;
    let ticket = json!({"spec": {"who": "me", "password": "hush"}});
    let said = world.post(&format!("{WIDGETS}/a/ticket"), &ticket).await;
    let (_, message) = said.refused(422);
    assert!(
        message.contains("widgets.demo.example.io \"a\" is forbidden"),
        "{message}"
    );
    let answered = world
        .post(&format!("{WIDGETS}/other/ticket"), &ticket)
        .await
        .expect(201);
    assert_eq!(answered["spec"]["password"], "hush");
}
