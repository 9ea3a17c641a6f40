use std::sync::Arc;

use generic_apiserver::{authn::User, authz::Cached};
use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, RoleBinding};
use serde_json::json;

use super::{
    super::testing::{Host, Wire},
    *,
};

fn ana() -> User {
    User {
        name: "sso:ana".to_owned(),
        uid: Some("7".to_owned()),
        groups: vec!["sso:devs".to_owned(), "system:authenticated".to_owned()],
        extra: [("acme.com/project".to_owned(), vec!["x".to_owned()])].into(),
    }
}

fn guest_clusters<'a>(namespace: &'a str, name: &'a str) -> Target<'a> {
    Target::Resource {
        group: "guestclusters.dev",
        version: "v1alpha1",
        resource: "guestclusters",
        subresource: "",
        namespace,
        name,
    }
}

async fn ask(authorizer: &dyn Authorizer, user: &User, verb: &str, target: Target<'_>) -> Result<bool, String> {
    let decision = authorizer.authorize(&Attributes { user, verb, target }).await?;
    Ok(matches!(decision, Decision::Allow { .. }))
}

/// Members of `sso:devs` may get one GuestCluster of team-a; ana may read metrics.
async fn grant(host: &Host) {
    let admin = host.admin();
    let role = |name: &str, rule: serde_json::Value| -> ClusterRole {
        serde_json::from_value(json!({"metadata": {"name": name}, "rules": [rule]})).unwrap()
    };
    let roles: Api<ClusterRole> = Api::all(admin.clone());
    let get = json!({
        "apiGroups": ["guestclusters.dev"], "resources": ["guestclusters"], "resourceNames": ["dev"], "verbs": ["get"],
    });
    let read = json!({"nonResourceURLs": ["/metrics"], "verbs": ["get"]});
    for role in [role("get-dev", get), role("read-metrics", read)] {
        roles.create(&PostParams::default(), &role).await.unwrap();
    }
    let binding = |role: &str, kind: &str, name: &str| {
        json!({
            "metadata": {"name": role}, "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name}],
        })
    };
    let in_team_a: RoleBinding = serde_json::from_value(binding("get-dev", "Group", "sso:devs")).unwrap();
    let everywhere: ClusterRoleBinding = serde_json::from_value(binding("read-metrics", "User", "sso:ana")).unwrap();
    let bindings: Api<RoleBinding> = Api::namespaced(admin.clone(), "default");
    bindings.create(&PostParams::default(), &in_team_a).await.unwrap();
    let bindings: Api<ClusterRoleBinding> = Api::all(admin);
    bindings.create(&PostParams::default(), &everywhere).await.unwrap();
}

#[tokio::test]
async fn the_hosts_roles_decide() {
    let host = Host::start().await;
    grant(&host).await;
    let authorizer = AccessReviews::new(host.server());
    let ben = User {
        name: "sso:ben".to_owned(),
        ..ana()
    };
    let eve = User {
        groups: vec![],
        ..ben.clone()
    };
    let cases = [
        (&ana(), "get", guest_clusters("default", "dev"), true),
        (&ben, "get", guest_clusters("default", "dev"), true),
        (&eve, "get", guest_clusters("default", "dev"), false),
        (&ana(), "get", guest_clusters("default", "other"), false),
        (&ana(), "get", guest_clusters("elsewhere", "dev"), false),
        (&ana(), "delete", guest_clusters("default", "dev"), false),
        (&ana(), "get", Target::Path("/metrics"), true),
        (&ben, "get", Target::Path("/metrics"), false),
    ];
    for (user, verb, target, allowed) in cases {
        let found = ask(&authorizer, user, verb, target.clone()).await;
        assert_eq!(found, Ok(allowed), "{} {verb} {target:?}", user.name);
    }
}

#[test]
fn everything_that_is_known_is_asked() {
    let target = Target::Resource {
        group: "guestclusters.dev",
        version: "v1alpha1",
        resource: "guestclusters",
        subresource: "scale",
        namespace: "team-a",
        name: "dev",
    };
    let user = ana();
    let asked = |verb, target| {
        let user = &user;
        json!(review(&Attributes { user, verb, target }))["spec"].clone()
    };
    assert_eq!(
        asked("patch", target),
        json!({
            "user": "sso:ana", "uid": "7", "groups": ["sso:devs", "system:authenticated"],
            "extra": {"acme.com/project": ["x"]},
            "resourceAttributes": {
                "group": "guestclusters.dev", "version": "v1alpha1", "resource": "guestclusters", "subresource": "scale",
                "namespace": "team-a", "name": "dev", "verb": "patch",
            },
        })
    );
    let path = asked("get", Target::Path("/metrics"));
    assert_eq!(
        path["nonResourceAttributes"],
        json!({"path": "/metrics", "verb": "get"})
    );
    assert!(path["resourceAttributes"].is_null());
}

#[test]
fn a_denial_wins() {
    let status = |allowed, denied| SubjectAccessReviewStatus {
        allowed,
        denied,
        reason: Some("why".to_owned()),
        ..SubjectAccessReviewStatus::default()
    };
    let reason = || "why".to_owned();
    let cases = [
        (status(true, Some(true)), Decision::Deny { reason: reason() }),
        (status(false, Some(true)), Decision::Deny { reason: reason() }),
        (status(true, Some(false)), Decision::Allow { reason: reason() }),
        (status(false, None), Decision::NoOpinion { reason: reason() }),
    ];
    for (status, expected) in cases {
        assert_eq!(decision(status), expected);
    }
}

#[tokio::test]
async fn a_short_failure_is_tried_again_and_a_refusal_not() {
    let host = Host::start().await;
    grant(&host).await;
    let wire = Arc::new(Wire::default());
    let authorizer = AccessReviews::new(wire.to(&host));
    wire.fail(2);
    assert_eq!(
        ask(&authorizer, &ana(), "get", Target::Path("/metrics")).await,
        Ok(true)
    );
    assert_eq!(wire.sent(), 3);
    wire.fail(3);
    assert!(ask(&authorizer, &ana(), "get", Target::Path("/metrics")).await.is_err());
    assert_eq!(wire.sent(), 6);

    let without_right = AccessReviews::new(host.user("somebody", &[]));
    let refused = ask(&without_right, &ana(), "get", Target::Path("/metrics")).await;
    assert!(
        refused.unwrap_err().contains("subjectaccessreviews"),
        "the log names what is missing"
    );
}

#[tokio::test]
async fn a_host_that_is_silent_allows_nothing_but_what_it_said_lately() {
    let host = Host::start().await;
    grant(&host).await;
    let wire = Arc::new(Wire::default());
    let authorizer = Cached::new(Arc::new(AccessReviews::new(wire.to(&host))));
    assert_eq!(
        ask(&authorizer, &ana(), "get", Target::Path("/metrics")).await,
        Ok(true)
    );
    wire.cut();
    tokio::time::pause();
    assert_eq!(
        ask(&authorizer, &ana(), "get", Target::Path("/metrics")).await,
        Ok(true)
    );
    let began = tokio::time::Instant::now();
    let silent = ask(&authorizer, &ana(), "get", Target::Path("/version")).await;
    assert!(silent.unwrap_err().contains("no answer in time"));
    assert_eq!(began.elapsed().as_secs(), 10);
    assert!(ask(&authorizer, &ana(), "get", Target::Path("/metrics")).await.is_err());
}
