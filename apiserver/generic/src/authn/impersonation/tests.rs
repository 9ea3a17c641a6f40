use async_trait::async_trait;
use http::Method;

use super::*;
use crate::authz::{Attributes, Authorizer, Decision, Target};

/// Allows exactly these `verb resource.group/subresource namespace/name`.
struct Only(Vec<&'static str>);

#[async_trait]
impl Authorizer for Only {
    async fn authorize(&self, attributes: &Attributes<'_>) -> Result<Decision, String> {
        let Target::Resource {
            group,
            resource,
            subresource,
            namespace,
            name,
            ..
        } = attributes.target
        else {
            return Err("not a resource".into());
        };
        let asked = format!(
            "{} {resource}.{group}/{subresource} {namespace}/{name}",
            attributes.verb
        );
        let reason = String::new();
        Ok(if self.0.contains(&asked.as_str()) {
            Decision::Allow { reason }
        } else {
            Decision::NoOpinion { reason }
        })
    }
}

type Headers<'h> = &'h [(&'static str, &'h str)];

async fn act_as(
    requestor: &User,
    headers: Headers<'_>,
    allowed: &[&'static str],
) -> Result<Option<Impersonated>, Status> {
    let mut map: HeaderMap = HeaderMap::new();
    for (name, value) in headers {
        map.append(*name, value.parse().unwrap());
    }
    let info = RequestInfo::parse(&Method::GET, &"/api/v1/namespaces/ns/pods/p".parse().unwrap());
    let outcome = impersonate(&mut map, &info, Access::new(requestor, &Only(allowed.to_vec()))).await;
    assert!(outcome.is_err() || map.is_empty(), "the headers are consumed");
    outcome
}

async fn act(headers: Headers<'_>, allowed: &[&'static str]) -> Result<Option<Impersonated>, Status> {
    let root = User {
        name: "root".into(),
        ..User::default()
    };
    act_as(&root, headers, allowed).await
}

fn groups(outcome: Result<Option<Impersonated>, Status>) -> Vec<String> {
    outcome.unwrap().unwrap().user.groups
}

/// Every one of the rights is needed.
async fn all_are_needed(headers: Headers<'_>, allowed: &[&'static str]) {
    for missing in 0..allowed.len() {
        let mut rest = allowed.to_vec();
        let without = rest.remove(missing);
        let refused = act(headers, &rest).await.unwrap_err();
        assert_eq!((refused.code, refused.reason.as_str()), (403, "Forbidden"), "{without}");
    }
}

const EVERYTHING: Headers<'static> = &[
    ("impersonate-user", "jane"),
    ("impersonate-group", "dev"),
    ("impersonate-group", "ops"),
    ("impersonate-extra-acme.com%2fproject", "x"),
    ("impersonate-uid", "7"),
];

#[tokio::test]
async fn users_groups_extra_and_uid_are_each_authorized() {
    let allowed = [
        "impersonate users./ /jane",
        "impersonate groups./ /dev",
        "impersonate groups./ /ops",
        "impersonate userextras.authentication.k8s.io/acme.com/project /x",
        "impersonate uids.authentication.k8s.io/ /7",
    ];
    let acting = act(EVERYTHING, &allowed).await.unwrap().unwrap();
    assert_eq!(acting.constraint, None);
    let user = acting.user;
    assert_eq!(user.name, "jane");
    assert_eq!(user.groups, ["dev", "ops", "system:authenticated"]);
    assert_eq!(user.extra["acme.com/project"], ["x"]);
    assert_eq!(user.uid.as_deref(), Some("7"));
    all_are_needed(EVERYTHING, &allowed).await;
}

#[tokio::test]
async fn a_constrained_mode_also_asks_for_the_request() {
    let allowed = [
        "impersonate-on:user-info:get pods./ ns/p",
        "impersonate:user-info users.authentication.k8s.io/ /jane",
        "impersonate:user-info groups.authentication.k8s.io/ /dev",
        "impersonate:user-info groups.authentication.k8s.io/ /ops",
        "impersonate:user-info userextras.authentication.k8s.io/acme.com/project /x",
        "impersonate:user-info uids.authentication.k8s.io/ /7",
    ];
    let acting = act(EVERYTHING, &allowed).await.unwrap().unwrap();
    assert_eq!(acting.constraint, Some("impersonate:user-info"));
    assert_eq!(acting.user.groups, ["dev", "ops", "system:authenticated"]);
    all_are_needed(EVERYTHING, &allowed).await;
}

#[tokio::test]
async fn no_constrained_mode_makes_a_master_or_takes_bad_keys() {
    let on = "impersonate-on:user-info:get pods./ ns/p";
    let user = "impersonate:user-info users.authentication.k8s.io/ /jane";
    let cases: [(Headers<'_>, &'static str, &str); 3] = [
        (
            &[("impersonate-user", "jane"), ("impersonate-group", "system:masters")],
            "impersonate:user-info groups.authentication.k8s.io/ /system:masters",
            "impersonating the system:masters group is not allowed",
        ),
        (
            &[("impersonate-user", "jane"), ("impersonate-group", "")],
            "impersonate:user-info groups.authentication.k8s.io/ /",
            "impersonating the empty string group is not allowed",
        ),
        (
            &[("impersonate-user", "jane"), ("impersonate-extra-a", "x")],
            "impersonate:user-info userextras.authentication.k8s.io/a /x",
            "must be a domain-prefixed path (such as \"acme.io/foo\")",
        ),
    ];
    for (headers, right, why) in cases {
        let refused = act(headers, &[on, user, right]).await.unwrap_err();
        assert!(refused.message.ends_with(why), "{}", refused.message);
    }
}

#[tokio::test]
async fn one_right_to_all_groups_stands_for_many() {
    let mut headers = vec![("impersonate-user", "jane")];
    headers.extend(["a", "b", "c", "d"].map(|group| ("impersonate-group", group)));
    let allowed = [
        "impersonate-on:user-info:get pods./ ns/p",
        "impersonate:user-info users.authentication.k8s.io/ /jane",
        "impersonate:user-info groups.authentication.k8s.io/ /*",
    ];
    assert_eq!(groups(act(&headers, &allowed).await).len(), 5);
    headers.pop();
    assert_eq!(act(&headers, &allowed).await.unwrap_err().code, 403);
}

#[tokio::test]
async fn service_accounts_are_their_own_resource_and_bring_their_groups() {
    let headers: Headers<'_> = &[("impersonate-user", "system:serviceaccount:ns:sa")];
    let own = [
        "system:serviceaccounts",
        "system:serviceaccounts:ns",
        "system:authenticated",
    ];
    let legacy = act(headers, &["impersonate serviceaccounts./ ns/sa"]).await;
    assert_eq!(groups(legacy), own);
    let allowed = [
        "impersonate-on:serviceaccount:get pods./ ns/p",
        "impersonate:serviceaccount serviceaccounts.authentication.k8s.io/ ns/sa",
    ];
    let constrained = act(headers, &allowed).await;
    assert_eq!(groups(constrained), own);
    all_are_needed(headers, &allowed).await;
}

#[tokio::test]
async fn nodes_are_a_mode_of_their_own() {
    let headers: Headers<'_> = &[("impersonate-user", "system:node:n")];
    let allowed = [
        "impersonate-on:arbitrary-node:get pods./ ns/p",
        "impersonate:arbitrary-node nodes.authentication.k8s.io/ /n",
    ];
    assert_eq!(
        groups(act(headers, &allowed).await),
        ["system:nodes", "system:authenticated"]
    );
    all_are_needed(headers, &allowed).await;
}

#[tokio::test]
async fn a_service_account_may_be_given_the_node_that_it_runs_on() {
    let on = |node: &str| User {
        name: "system:serviceaccount:ns:agent".into(),
        extra: [(
            "authentication.kubernetes.io/node-name".to_owned(),
            vec![node.to_owned()],
        )]
        .into(),
        ..User::default()
    };
    let headers: Headers<'_> = &[("impersonate-user", "system:node:n")];
    let allowed = [
        "impersonate-on:associated-node:get pods./ ns/p",
        "impersonate:associated-node nodes.authentication.k8s.io/ /*",
    ];
    let acting = act_as(&on("n"), headers, &allowed).await.unwrap().unwrap();
    assert_eq!(
        (acting.user.name.as_str(), acting.constraint),
        ("system:node:n", Some("impersonate:associated-node"))
    );
    assert_eq!(act_as(&on("m"), headers, &allowed).await.unwrap_err().code, 403);
}

#[tokio::test]
async fn anonymous_stays_unauthenticated() {
    let acting = act(
        &[("impersonate-user", "system:anonymous")],
        &["impersonate users./ /system:anonymous"],
    )
    .await;
    assert_eq!(groups(acting), ["system:unauthenticated"]);
}

#[tokio::test]
async fn a_group_needs_a_user() {
    let refused = act(&[("impersonate-group", "dev")], &[]).await.unwrap_err();
    assert_eq!(refused.code, 400);
    assert_eq!(
        refused.message,
        "requested &user.DefaultInfo{Name:\"\", UID:\"\", Groups:[]string{\"dev\"}, Extra:map[string][]string(nil)} without \
         impersonating a user name"
    );
    assert_eq!(act(&[], &[]).await, Ok(None));
}

#[tokio::test]
async fn the_refusal_is_that_of_the_first_mode() {
    let refused = act(&[("impersonate-user", "jane")], &[]).await.unwrap_err();
    assert_eq!(
        refused.message,
        r#"pods "p" is forbidden: User "root" cannot impersonate-on:user-info:get resource "pods" in API group "" in the namespace "ns""#
    );
}
