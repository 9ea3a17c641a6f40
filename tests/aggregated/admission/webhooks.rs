//! Webhooks, validating and mutating, by URL and by service.

use guestcluster_tests::Host;
use serde_json::{Value, json};

use super::{
    hooks::{HookServer, SERVICE},
    policies::constraints,
    twins::{Twins, create},
};

/// Compares what both servers make of what webhooks say.
pub(super) fn compare(twins: &Twins) {
    let namespace = twins.team.namespace();
    let server = HookServer::start(&twins.runtime, Host::reachable_address().ip(), namespace);
    let denied = |name: &str, why: &str| format!("admission webhook \"{name}.example.io\" denied the request{why}");
    let cases = [
        ("deny-plain", 400, denied("deny-plain", " without explanation")),
        ("deny-worded", 403, denied("deny-worded", ": not today")),
        ("deny-reason", 418, denied("deny-reason", ": Teapot")),
        ("by-service", 403, denied("by-service", ": not today")),
        ("break", 500, "has prevented the request from succeeding".to_owned()),
        (
            "patch-here",
            500,
            "validating webhook may not return response.patch".to_owned(),
        ),
        (
            "absent",
            500,
            "the server could not find the requested resource".to_owned(),
        ),
        ("unmet", 403, "no such key: nope".to_owned()),
        ("told", 400, "}".to_owned()),
    ];
    let names = cases.iter().map(|(name, ..)| *name);
    let validating = names.chain(["deny-last"]).map(|name| hook(twins, &server, name, name));
    let mutating = ["mutate-1", "mutate-2"].map(|name| hook(twins, &server, name, "mutated"));
    let mut objects = service(&server).to_vec();
    objects.push(configuration(twins, "MutatingWebhookConfiguration", &mutating));
    objects.push(configuration(
        twins,
        "ValidatingWebhookConfiguration",
        &validating.collect::<Vec<_>>(),
    ));
    twins.apply(&objects, &create("deny-last", "?dryRun=All"));
    for (case, code, said) in cases {
        let answer = twins.same(&create(case, "?dryRun=All"));
        let message = answer.body["message"].as_str().unwrap_or_default();
        assert_eq!(answer.code, code, "{case}: {message}");
        assert!(message.ends_with(&said), "{case}: {message}");
    }
    let mutated = twins.same(&create("mutated", "?dryRun=All"));
    assert_eq!(mutated.code, 201, "{mutated:?}");
    assert_eq!(mutated.body["annotations"]["by"], "first and second");
    assert_eq!(mutated.warnings, ["299 - \"changed it\""]);
}

fn configuration(twins: &Twins, kind: &str, hooks: &[Value]) -> Value {
    let labels = json!({"team": twins.team.namespace()});
    json!({
        "apiVersion": "admissionregistration.k8s.io/v1", "kind": kind,
        "metadata": {"name": "hooks", "labels": labels}, "webhooks": hooks,
    })
}

/// A webhook for the objects of a case.
fn hook(twins: &Twins, server: &HookServer, name: &str, case: &str) -> Value {
    let constraints = constraints(twins, &["guestclusters"]);
    let HookServer {
        address,
        port,
        authority,
    } = server;
    let at = match name {
        "by-service" => json!({
            "service": {"name": SERVICE, "namespace": twins.team.namespace(), "path": format!("/{name}")}, "caBundle": authority,
        }),
        _ => json!({"url": format!("https://{address}:{port}/{name}"), "caBundle": authority}),
    };
    let mut hook = json!({
        "name": format!("{name}.example.io"), "clientConfig": at, "rules": constraints["resourceRules"],
        "namespaceSelector": constraints["namespaceSelector"], "objectSelector": {"matchLabels": {"case": case}},
        "sideEffects": "None", "admissionReviewVersions": ["v1"], "timeoutSeconds": 5,
    });
    if name == "unmet" {
        hook["matchConditions"] = json!([{"name": "nope", "expression": "object.spec.nope == 1"}]);
    }
    hook
}

/// The server as a service of the namespace.
fn service(server: &HookServer) -> [Value; 2] {
    [
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": {"name": SERVICE},
            "spec": {"ports": [{"name": "https", "port": 443, "targetPort": server.port}]},
        }),
        json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": {"name": SERVICE, "labels": {"kubernetes.io/service-name": SERVICE}},
            "ports": [{"name": "https", "port": server.port}],
            "endpoints": [{"addresses": [server.address.to_string()]}],
        }),
    ]
}
