//! Each level can do what it promises, and no more.

use guestcluster_credentials::Level;
use http::StatusCode;
use serde_json::{Value, json};

use super::bench::{Client, Guest, TRUST_OBJECT, trusting_guest};

const DEFAULT: &str = "/api/v1/namespaces/default";
const SYSTEM: &str = "/api/v1/namespaces/kube-system";
const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";

fn config_map() -> Value {
    json!({"metadata": {"generateName": "test-"}})
}

fn namespace(name: &str) -> Value {
    json!({"metadata": {"name": name}})
}

/// A binding of alice to cluster-admin, and where it would go.
fn bindings_to_admin() -> [(String, Value); 2] {
    let binding = json!({
        "metadata": {"generateName": "mine-"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "sso:alice@corp.example"}],
    });
    [
        (format!("{RBAC}/namespaces/default/rolebindings"), binding.clone()),
        (format!("{RBAC}/clusterrolebindings"), binding),
    ]
}

#[track_caller]
fn expect(answer: &super::bench::Answer, code: StatusCode, what: &str) {
    assert_eq!(answer.code, code.as_u16(), "{what}: {}", answer.body);
}

async fn allowed(client: &Client, paths: &[&str]) {
    for path in paths {
        expect(&client.get(path).await, StatusCode::OK, path);
    }
}

async fn forbidden(client: &Client, paths: &[&str]) {
    for path in paths {
        expect(&client.get(path).await, StatusCode::FORBIDDEN, path);
    }
}

/// Nobody below admin gets out of a level by these.
async fn stays_below_admin(client: &Client) {
    for (path, binding) in bindings_to_admin() {
        expect(&client.create(&path, binding).await, StatusCode::FORBIDDEN, &path);
    }
    let relabel = json!({"metadata": {"labels": {"guestclusters.dev/system": "true"}}});
    expect(
        &client.merge(DEFAULT, relabel).await,
        StatusCode::FORBIDDEN,
        "label a namespace",
    );
    expect(
        &client.create("/api/v1/namespaces", namespace("mine")).await,
        StatusCode::FORBIDDEN,
        "create a namespace",
    );
    expect(
        &client.merge(TRUST_OBJECT, json!({"data": {}})).await,
        StatusCode::FORBIDDEN,
        "change what is trusted",
    );
    expect(
        &client.delete(TRUST_OBJECT).await,
        StatusCode::FORBIDDEN,
        "remove what is trusted",
    );
    let in_system = [
        ("kube-system", SYSTEM),
        ("guestclusters-system", "/api/v1/namespaces/guestclusters-system"),
    ];
    for (name, path) in in_system {
        let answer = client.create(&format!("{path}/configmaps"), config_map()).await;
        expect(&answer, StatusCode::FORBIDDEN, name);
        forbidden(
            client,
            &[
                &format!("{path}/secrets"),
                &format!("{path}/configmaps"),
                &format!("{path}/pods"),
            ],
        )
        .await;
    }
    let token = format!("{SYSTEM}/serviceaccounts/default/token");
    expect(
        &client.create(&token, json!({})).await,
        StatusCode::FORBIDDEN,
        "a system account's token",
    );
}

#[tokio::test]
async fn view_reads_what_users_have_but_no_secrets() {
    let guest = trusting_guest("view").await;
    let alice = guest.at(Level::View).await;
    alice
        .until(&format!("{DEFAULT}/configmaps"), |answer| answer.code == 200)
        .await;
    allowed(&alice, &[&format!("{DEFAULT}/pods"), &format!("{DEFAULT}/services")]).await;
    allowed(
        &alice,
        &[
            "/api/v1/nodes",
            "/api/v1/namespaces",
            "/apis/storage.k8s.io/v1/storageclasses",
        ],
    )
    .await;
    forbidden(
        &alice,
        &[&format!("{DEFAULT}/secrets"), "/api/v1/pods", "/api/v1/secrets"],
    )
    .await;
    let answer = alice.create(&format!("{DEFAULT}/configmaps"), config_map()).await;
    expect(&answer, StatusCode::FORBIDDEN, "create");
    stays_below_admin(&alice).await;
}

#[tokio::test]
async fn edit_writes_what_users_have_and_never_becomes_admin() {
    let guest = trusting_guest("edit").await;
    let alice = guest.at(Level::Edit).await;
    alice
        .until(&format!("{DEFAULT}/secrets"), |answer| answer.code == 200)
        .await;
    alice.create(&format!("{DEFAULT}/configmaps"), config_map()).await.ok();
    alice.create(&format!("{DEFAULT}/secrets"), config_map()).await.ok();
    allowed(&alice, &["/api/v1/nodes", "/api/v1/namespaces"]).await;
    forbidden(&alice, &["/api/v1/secrets", &format!("{RBAC}/clusterroles")]).await;
    stays_below_admin(&alice).await;
}

#[tokio::test]
async fn login_has_what_bindings_to_the_person_and_their_groups_give() {
    let guest = trusting_guest("login").await;
    let alice = guest.at(Level::Login).await;
    forbidden(
        &alice,
        &[&format!("{DEFAULT}/configmaps"), "/api/v1/nodes", "/api/v1/namespaces"],
    )
    .await;
    stays_below_admin(&alice).await;
    let cases = [
        ("User", "sso:alice@corp.example", "configmaps"),
        ("Group", "sso:devs@corp.example", "pods"),
    ];
    for (kind, name, readable) in cases {
        bind(&guest, kind, name, readable).await;
        let path = format!("{DEFAULT}/{readable}");
        alice.until(&path, |answer| answer.code == 200).await;
    }
    forbidden(&alice, &[&format!("{DEFAULT}/services")]).await;
}

/// Lets somebody read one kind of object in `default`.
async fn bind(guest: &Guest, kind: &str, name: &str, readable: &str) {
    let admin = guest.admin().await;
    let (role, path) = (format!("read-{readable}"), format!("{RBAC}/namespaces/default"));
    let rules = json!([{"apiGroups": [""], "resources": [readable], "verbs": ["list"]}]);
    let object = json!({"metadata": {"name": role}, "rules": rules});
    admin.create(&format!("{path}/roles"), object).await.ok();
    let object = json!({
        "metadata": {"name": role},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": role},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name}],
    });
    admin.create(&format!("{path}/rolebindings"), object).await.ok();
}

#[tokio::test]
async fn admin_may_do_anything() {
    let guest = trusting_guest("admin").await;
    let alice = guest.at(Level::Admin).await;
    allowed(
        &alice,
        &[
            "/api/v1/secrets",
            &format!("{SYSTEM}/secrets"),
            &format!("{RBAC}/clusterroles"),
        ],
    )
    .await;
    alice.create("/api/v1/namespaces", namespace("mine")).await.ok();
    for (path, binding) in bindings_to_admin() {
        alice.create(&path, binding).await.ok();
    }
}

#[tokio::test]
async fn namespaces_get_and_lose_the_levels_as_they_come_and_change() {
    let guest = trusting_guest("spaces").await;
    let (admin, alice) = (guest.admin().await, guest.at(Level::View).await);
    let pods = "/api/v1/namespaces/team/pods";
    forbidden(&alice, &[pods]).await;
    for name in ["kube-extra", "team"] {
        admin.create("/api/v1/namespaces", namespace(name)).await.ok();
    }
    alice.until(pods, |answer| answer.code == 200).await;
    forbidden(&alice, &["/api/v1/namespaces/kube-extra/pods"]).await;

    let label = |value: Value| json!({"metadata": {"labels": {"guestclusters.dev/system": value}}});
    admin.merge("/api/v1/namespaces/team", label(json!("true"))).await.ok();
    alice.until(pods, |answer| answer.code == 403).await;
    admin.merge("/api/v1/namespaces/team", label(Value::Null)).await.ok();
    alice.until(pods, |answer| answer.code == 200).await;

    admin.delete("/api/v1/namespaces/team").await.ok();
    admin
        .until("/api/v1/namespaces/team", |answer| answer.code == 404)
        .await;
    forbidden(&alice, &[pods]).await;
    admin.create("/api/v1/namespaces", namespace("team")).await.ok();
    alice.until(pods, |answer| answer.code == 200).await;
}

#[tokio::test]
async fn a_binding_that_was_changed_is_brought_back() {
    let guest = trusting_guest("mend").await;
    let (admin, alice) = (guest.admin().await, guest.at(Level::View).await);
    let (pods, secrets) = (format!("{DEFAULT}/pods"), format!("{DEFAULT}/secrets"));
    let binding = format!("{RBAC}/namespaces/default/rolebindings/guestclusters.dev:view");
    alice.until(&pods, |answer| answer.code == 200).await;

    let uid = admin.get(&binding).await.ok()["metadata"]["uid"].clone();
    admin.delete(&binding).await.ok();
    admin
        .until(&binding, |answer| {
            answer.code == 200 && answer.body["metadata"]["uid"] != uid
        })
        .await;

    admin.merge(&binding, json!({"subjects": []})).await.ok();
    alice.until(&pods, |answer| answer.code == 200).await;

    admin.delete(&binding).await.ok();
    let stronger = json!({
        "metadata": {"name": "guestclusters.dev:view"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "admin"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "guestclusters.dev:view"}],
    });
    // Either this one is there first and is replaced, or the agent was faster.
    let created = admin
        .create(&format!("{RBAC}/namespaces/default/rolebindings"), stronger)
        .await;
    assert!(matches!(created.code, 201 | 409), "{created:?}");
    admin
        .until(&binding, |answer| answer.body["roleRef"]["name"] == "view")
        .await;
    forbidden(&alice, &[&secrets]).await;
    alice.until(&pods, |answer| answer.code == 200).await;
}
