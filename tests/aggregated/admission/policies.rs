//! ValidatingAdmissionPolicies.

use guestcluster_tests::eventually;
use serde_json::{Value, json};

use super::twins::{Twins, Write, create, object};

/// A policy, what is written, and what comes of it.
struct Case {
    name: &'static str,
    policy: Value,
    binding: Value,
    code: u16,
    /// What the message ends with.
    said: &'static str,
}

/// Objects of this label have a policy that comes last.
const LAST: &str = "last";

/// Makes policies, each for the objects of its case, and compares what both servers say of writes.
pub(super) fn compare(twins: &Twins) {
    let cases = cases(twins);
    let mut objects = vec![params()];
    objects.extend(may_read_params(twins.team.namespace()));
    let all = cases.iter().map(|case| (case.name, &case.policy, &case.binding));
    let last = json!({"validations": [{"expression": "false"}]});
    for (name, policy, binding) in all.chain([(LAST, &last, &json!({}))]) {
        objects.extend(policy_for(twins, name, policy, binding));
    }
    twins.apply(&objects, &create(LAST, "?dryRun=All"));
    for case in &cases {
        let answer = twins.same(&create(case.name, "?dryRun=All"));
        let message = answer.body["message"].as_str().unwrap_or_default();
        assert_eq!(answer.code, case.code, "{}: {message}", case.name);
        let said = case.said.replace("TEAM", twins.team.namespace());
        assert!(message.ends_with(&said), "{}: {message}", case.name);
    }
    compare_other_verbs(twins);
}

/// Updates, deletes and subresources.
fn compare_other_verbs(twins: &Twins) {
    let create = create("verbs", "");
    assert_eq!(twins.same(&create).code, 201);
    let write = |method, path: &str, body| Write {
        method,
        path: path.to_owned(),
        body,
    };
    let workers = |replicas: u32| {
        let mut changed = object("verbs");
        changed["spec"]["topology"]["nodePools"][0]["replicas"] = replicas.into();
        Some(changed)
    };
    let labelled = Some(json!({"metadata": {"labels": {"more": "x"}}}));
    let said = |write: &Write, code: u16| {
        let answer = twins.same(write);
        assert_eq!(answer.code, code, "{answer:#?}");
        answer.body["message"].as_str().unwrap_or_default().to_owned()
    };
    let grown = said(&write("PATCH", "/verbs", workers(3)), 422);
    assert!(grown.ends_with("UPDATE by admin of verbs: 2 to 3"), "{grown}");
    said(&write("PATCH", "/verbs", labelled), 200);
    let status = Some(json!({"status": {"phase": "Failed"}}));
    let failed = said(&write("PATCH", "/verbs/status", status), 403);
    assert!(failed.ends_with("no failures, please: status"), "{failed}");
    let gone = said(&write("DELETE", "/verbs", None), 422);
    assert!(gone.ends_with("DELETE of verbs"), "{gone}");
    let all = said(&write("DELETE", "/verbs?dryRun=All", None), 422);
    assert_eq!(all, gone);
}

/// Rules for these resources of both kinds, in the namespace of the test.
pub(super) fn constraints(twins: &Twins, resources: &[&str]) -> Value {
    let of_twins = resources
        .iter()
        .map(|name| name.replace("guestclusters", "twinclusters"));
    let resources: Vec<_> = resources
        .iter()
        .map(|name| (*name).to_owned())
        .chain(of_twins)
        .collect();
    json!({
        "resourceRules": [{
            "operations": ["*"], "apiGroups": ["guestclusters.dev", "twin.example.io"], "apiVersions": ["*"], "resources": resources,
        }],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": twins.team.namespace()}},
    })
}

fn policy_for(twins: &Twins, case: &str, spec: &Value, binding: &Value) -> [Value; 2] {
    let mut constraints = constraints(twins, &["guestclusters", "guestclusters/status"]);
    constraints["objectSelector"] = json!({"matchLabels": {"case": case}});
    let mut full = json!({"matchConstraints": constraints});
    full.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
    policy_and_binding(twins, case, &full, binding)
}

/// A policy and its binding.
fn policy_and_binding(twins: &Twins, name: &str, spec: &Value, binding: &Value) -> [Value; 2] {
    let mut bound = json!({"policyName": name, "validationActions": ["Deny"]});
    bound
        .as_object_mut()
        .unwrap()
        .extend(binding.as_object().unwrap().clone());
    let (api_version, labels) = (
        "admissionregistration.k8s.io/v1",
        json!({"team": twins.team.namespace()}),
    );
    let object = |kind: &str, name: &str, spec: &Value| json!({"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "labels": labels}, "spec": spec});
    [
        object("ValidatingAdmissionPolicy", name, spec),
        object("ValidatingAdmissionPolicyBinding", &format!("{name}-bound"), &bound),
    ]
}

fn params() -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "limits"},
        "data": {"workers": "1"},
    })
}

/// What an administrator adds where policies take parameters.
fn may_read_params(namespace: &str) -> [Value; 2] {
    let (api_version, name) = ("rbac.authorization.k8s.io/v1", "policy-params");
    let metadata = json!({"name": name, "namespace": namespace});
    [
        json!({
            "apiVersion": api_version, "kind": "Role", "metadata": metadata,
            "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"]}],
        }),
        json!({
            "apiVersion": api_version, "kind": "RoleBinding", "metadata": metadata,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
            "subjects": [{
                "kind": "ServiceAccount", "name": "guestcluster-apiserver", "namespace": "guestclusters-system",
            }],
        }),
    ]
}

fn cases(twins: &Twins) -> Vec<Case> {
    let workers = "object.spec.topology.nodePools.map(p, p.replicas).sum()";
    let case = |name, policy, code, said| Case {
        name,
        policy,
        binding: json!({}),
        code,
        said,
    };
    let validation = |validation: Value| json!({"validations": [validation]});
    let reason = |reason: &str| validation(json!({"expression": "false", "reason": reason, "message": "no"}));
    let with_params = validation(json!({
        "expression": format!("{workers} <= int(params.data.workers)"),
        "messageExpression": "'at most ' + params.data.workers + ' by ' + params.kind + ' ' + params.metadata.name",
    }));
    let with_params = |reference: Value| Case {
        name: "",
        policy: {
            let mut policy = with_params.clone();
            policy["paramKind"] = json!({"apiVersion": "v1", "kind": "ConfigMap"});
            policy
        },
        binding: json!({"paramRef": reference}),
        code: 422,
        said: "denied request: at most 1 by ConfigMap limits",
    };
    let seen = "request.operation + ' ' + request.kind.kind + ' ' + request.resource.resource + ' ' + request.name + ' ' \
                + request.namespace + ' ' + request.userInfo.username + ' ' + string(request.dryRun) + ' ' \
                + string(request.options.kind) + ' ' + string(has(request.subResource)) + ' ' + string(oldObject == null)";
    let around = "namespaceObject.metadata.name + ' ' + namespaceObject.status.phase";
    vec![
        case(
            "plain",
            validation(json!({"expression": format!("{workers} <= 1")})),
            422,
            "<= 1",
        ),
        case(
            "message",
            validation(json!({"expression": "false", "message": "too many"})),
            422,
            ": too many",
        ),
        case(
            "made-message",
            validation(json!({"expression": "false", "messageExpression": format!("'found ' + string({workers})")})),
            422,
            ": found 2",
        ),
        case("forbidden", reason("Forbidden"), 403, ": no"),
        case("too-large", reason("RequestEntityTooLarge"), 413, ": no"),
        case(
            "missing",
            validation(json!({"expression": "object.spec.nope == 1"})),
            422,
            "no such key: nope",
        ),
        case(
            "mistyped",
            validation(json!({"expression": "object.metadata.name + 1 == 2"})),
            422,
            "no such overload",
        ),
        case(
            "endless",
            validation(json!({"expression": "lists.range(3000).all(a, lists.range(3000).all(b, a != b || a == b))"})),
            422,
            "actual cost limit exceeded",
        ),
        case(
            "ignored",
            json!({"validations": [{"expression": "object.spec.nope == 1"}], "failurePolicy": "Ignore"}),
            201,
            "",
        ),
        case(
            "conditions",
            json!({
                "matchConditions": [{"name": "small", "expression": format!("{workers} == 1")}],
                "validations": [{"expression": "false"}],
            }),
            201,
            "",
        ),
        case(
            "broken-conditions",
            json!({
                "matchConditions": [
                    {"name": "one", "expression": "object.spec.nope == 1"}, {"name": "two", "expression": "object.nope == 1"},
                ],
                "validations": [{"expression": "false"}],
            }),
            422,
            "no such key: nope]",
        ),
        case(
            "variables",
            json!({
                "variables": [
                    {"name": "workers", "expression": workers},
                    {"name": "twice", "expression": "variables.workers * 2"},
                ],
                "validations": [{
                    "expression": "variables.twice < 4", "messageExpression": "'twice is ' + string(variables.twice)",
                }],
            }),
            422,
            ": twice is 4",
        ),
        case(
            "broken-variables",
            json!({
                "variables": [{"name": "nope", "expression": "object.spec.nope"}],
                "validations": [{"expression": "variables.nope == 1"}],
            }),
            422,
            "composited variable \"nope\" fails to evaluate: no such key: nope",
        ),
        case(
            "seen",
            validation(json!({"expression": "false", "messageExpression": seen})),
            422,
            "CREATE GuestCluster guestclusters seen TEAM admin true CreateOptions false true",
        ),
        case(
            "around",
            validation(json!({"expression": "false", "messageExpression": around})),
            422,
            "Active",
        ),
        case(
            "first-of-two",
            json!({"validations": [{"expression": "false", "message": "one"}, {"expression": "false", "message": "two"}]}),
            422,
            ": one",
        ),
        case(
            "annotated",
            json!({
                "auditAnnotations": [{"key": "bad", "valueExpression": "string(object.spec.nope)"}],
                "validations": [{"expression": "true"}],
            }),
            422,
            "no such key: nope",
        ),
        case(
            "elsewhere",
            json!({
                "matchConstraints": {
                    "resourceRules": constraints(twins, &["guestclusters"])["resourceRules"],
                    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "nowhere"}},
                },
                "validations": [{"expression": "false"}],
            }),
            201,
            "",
        ),
        Case {
            binding: json!({"validationActions": ["Warn", "Audit"]}),
            ..case(
                "warned",
                validation(json!({"expression": "false", "message": "mind this"})),
                201,
                "",
            )
        },
        Case {
            binding: json!({"matchResources": {"excludeResourceRules": constraints(twins, &["guestclusters"])["resourceRules"]}}),
            ..case("excluded", validation(json!({"expression": "false"})), 201, "")
        },
        Case {
            name: "params",
            ..with_params(json!({"name": "limits", "parameterNotFoundAction": "Deny"}))
        },
        Case {
            name: "no-params",
            said: "no params found for policy binding with `Deny` parameterNotFoundAction",
            ..with_params(json!({"name": "none", "parameterNotFoundAction": "Deny"}))
        },
        Case {
            name: "params-allowed",
            code: 201,
            said: "",
            ..with_params(json!({"selector": {"matchLabels": {"no": "such"}}, "parameterNotFoundAction": "Allow"}))
        },
        case(
            "verbs",
            json!({"validations": [
                {
                    "expression": "request.operation != 'UPDATE' || has(request.subResource) || object.spec == oldObject.spec",
                    "messageExpression": "request.operation + ' by ' + request.userInfo.username + ' of ' + oldObject.metadata.name + ': ' + string(oldObject.spec.topology.nodePools[0].replicas) + ' to ' + string(object.spec.topology.nodePools[0].replicas)",
                },
                {
                    "expression": "!has(request.subResource) || object.status.phase != 'Failed'", "reason": "Forbidden",
                    "messageExpression": "'no failures, please: ' + request.subResource",
                },
                {
                    "expression": "request.operation != 'DELETE' || object != null",
                    "messageExpression": "request.operation + ' of ' + request.name",
                },
            ]}),
            201,
            "",
        ),
    ]
}

/// What a client sends to prove who it is must not be seen by those who only judge.
pub(super) fn assert_secret_is_kept(twins: &Twins) {
    let seen = "'it is ' + string(has(object.spec.subjectToken)) + ' ' + object.kind + ' ' + request.name + ' ' \
                + request.subResource + ' ' + object.spec.level";
    let spec = json!({
        "matchConstraints": constraints(twins, &["guestclusters/credential"]),
        "validations": [{"expression": "false", "messageExpression": seen}],
    });
    let ask = Write {
        method: "POST",
        path: "/dev/credential".to_owned(),
        body: Some(json!({
            "apiVersion": "guestclusters.dev/v1alpha1", "kind": "GuestCredentialRequest",
            "spec": {"level": "view", "subjectToken": "hush-hush"},
        })),
    };
    twins.add(&policy_and_binding(twins, "sees", &spec, &json!({})));
    eventually(60, "our server knows the policy", || {
        let answer = twins.ours(&ask);
        let message = answer.body["message"].as_str().unwrap_or_default();
        assert!(!message.contains("hush-hush"), "{message}");
        let seen = "denied request: it is false GuestCredentialRequest dev credential view";
        if message.ends_with(seen) {
            Ok(())
        } else {
            Err(message.to_owned())
        }
    });
}
