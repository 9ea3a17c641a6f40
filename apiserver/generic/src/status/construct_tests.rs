use serde_json::json;

use super::*;

fn widgets() -> Names {
    Names {
        group: "demo.example.io".into(),
        version: "v1".into(),
        kind: "Widget".into(),
        plural: "widgets".into(),
        singular: "widget".into(),
        short_names: vec![],
        categories: vec![],
        namespaced: true,
    }
}

#[test]
fn object_errors_name_the_resource() {
    let names = widgets();
    let cases = [
        (
            Status::not_found(&names, "x"),
            404,
            "NotFound",
            "widgets.demo.example.io \"x\" not found",
        ),
        (
            Status::already_exists(&names, "x"),
            409,
            "AlreadyExists",
            "widgets.demo.example.io \"x\" already exists",
        ),
        (
            Status::being_deleted(&names, "x"),
            409,
            "AlreadyExists",
            "object is being deleted: widgets.demo.example.io \"x\" already exists",
        ),
        (
            Status::modified(&names, "x"),
            409,
            "Conflict",
            "Operation cannot be fulfilled on widgets.demo.example.io \"x\": the object has been modified; please apply \
             your changes to the latest version and try again",
        ),
    ];
    for (status, code, reason, message) in cases {
        assert_eq!(
            (status.code, status.reason.as_str(), status.message.as_str()),
            (code, reason, message)
        );
        let details = status.details.unwrap();
        assert_eq!((details.name.as_str(), details.kind.as_str()), ("x", "widgets"));
        assert_eq!(details.group, "demo.example.io");
    }
}

#[test]
fn preconditions_name_the_kind() {
    let status = Status::precondition_failed(&widgets(), "x", "the UID ...");
    assert_eq!(
        status.message,
        "Operation cannot be fulfilled on Widget.demo.example.io \"x\": the UID ..."
    );
    assert_eq!(status.details.unwrap().kind, "Widget");
}

#[test]
fn invalid_lists_every_cause_once() {
    let error = FieldError::invalid("spec.a", 1, "no");
    let one = Status::invalid("Widget", "demo.example.io", "x", vec![error.clone()]);
    assert_eq!(
        one.message,
        "Widget.demo.example.io \"x\" is invalid: spec.a: Invalid value: 1: no"
    );
    let two = Status::invalid(
        "Pod",
        "",
        "x",
        vec![error.clone(), error, FieldError::required("spec.b", "")],
    );
    assert_eq!(
        two.message,
        "Pod \"x\" is invalid: [spec.a: Invalid value: 1: no, spec.b: Required value]"
    );
    assert_eq!(two.details.unwrap().causes.len(), 3);
    let options = Status::invalid_options(
        "CreateOptions",
        vec![FieldError::not_supported("dryRun", json!(["x"]), &["All"])],
    );
    assert_eq!(
        options.message,
        "CreateOptions.meta.k8s.io \"\" is invalid: dryRun: Unsupported value: [\"x\"]: supported values: \"All\""
    );
}

#[test]
fn forbidden_has_three_forms() {
    let what = |resource, name| Forbidden {
        group: "demo.example.io",
        resource,
        name,
    };
    assert_eq!(
        Status::forbidden(what("widgets", "x"), "no").message,
        "widgets.demo.example.io \"x\" is forbidden: no"
    );
    assert_eq!(
        Status::forbidden(what("widgets", ""), "no").message,
        "widgets.demo.example.io is forbidden: no"
    );
    assert_eq!(Status::forbidden(what("", ""), "no").message, "forbidden: no");
}

#[test]
fn a_future_revision_is_a_timeout_with_a_cause() {
    let status = Status::too_large_resource_version(9, 4);
    assert_eq!(
        (status.code, status.message.as_str()),
        (504, "Timeout: Too large resource version: 9, current: 4")
    );
    let details = status.details.unwrap();
    assert_eq!(details.retry_after_seconds, Some(1));
    assert_eq!(details.causes[0].reason, "ResourceVersionTooLarge");
}

#[test]
fn a_terminating_namespace_is_a_cause() {
    let status = Status::namespace_terminating(&widgets(), "x", "ns");
    assert_eq!(
        status.message,
        "widgets.demo.example.io \"x\" is forbidden: unable to create new content in namespace ns because it is being \
         terminated"
    );
    assert_eq!(status.details.unwrap().causes[0].reason, "NamespaceTerminating");
}
