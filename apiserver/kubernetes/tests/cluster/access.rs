//! RBAC as users meet it.

use serde_json::{Value, json};

use crate::support::TestCluster;

const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";

fn binding(kind: &str, name: &str, role: (&str, &str), user: &str) -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": role.0, "name": role.1},
        "subjects": [{"kind": "User", "name": user}],
    })
}

fn role(kind: &str, name: &str, rules: Value) -> Value {
    json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": {"name": name}, "rules": rules})
}

#[tokio::test]
async fn rights_begin_and_end_with_bindings() {
    let cluster = TestCluster::start().await;
    let (admin, ana) = (cluster.admin(), cluster.user("ana", &["devs"]));
    let path = "/api/v1/namespaces/default/configmaps";
    assert_eq!(
        ana.get(path).await.refused(403),
        "configmaps is forbidden: User \"ana\" cannot list resource \"configmaps\" in API group \"\" in the namespace \
         \"default\""
    );

    let bindings = format!("{RBAC}/namespaces/default/rolebindings");
    admin
        .create(&bindings, binding("RoleBinding", "ana", ("ClusterRole", "view"), "ana"))
        .await
        .ok();
    ana.get(path).await.ok();
    ana.get("/api/v1/namespaces/default/secrets").await.refused(403);
    ana.get("/api/v1/namespaces/kube-system/configmaps").await.refused(403);
    ana.create(path, crate::support::config_map("a")).await.refused(403);

    admin.delete(&format!("{bindings}/ana"), "Background").await.ok();
    ana.get(path).await.refused(403);
}

#[tokio::test]
async fn a_group_binding_counts_and_a_missing_role_is_named() {
    let cluster = TestCluster::start().await;
    let (admin, ana) = (cluster.admin(), cluster.user("ana", &["devs"]));
    let mut group = binding("ClusterRoleBinding", "devs", ("ClusterRole", "nodes"), "x");
    group["subjects"] = json!([{"kind": "Group", "name": "devs"}]);
    admin.create(&format!("{RBAC}/clusterrolebindings"), group).await.ok();
    let refusal = ana.get("/api/v1/nodes").await.refused(403);
    assert!(
        refusal.ends_with("at the cluster scope: RBAC: clusterrole.rbac.authorization.k8s.io \"nodes\" not found"),
        "{refusal}"
    );

    let rules = json!([{"apiGroups": [""], "resources": ["nodes"], "verbs": ["list"]}]);
    admin
        .create(&format!("{RBAC}/clusterroles"), role("ClusterRole", "nodes", rules))
        .await
        .ok();
    ana.get("/api/v1/nodes").await.ok();
    assert_eq!(
        ana.get("/api/v1/nodes/n").await.refused(403),
        "nodes \"n\" is forbidden: User \"ana\" cannot get resource \"nodes\" in API group \"\" at the cluster scope"
    );
}

#[tokio::test]
async fn the_roles_of_a_fresh_cluster_are_there_and_work() {
    let cluster = TestCluster::start().await;
    let admin = cluster.admin();
    for role in [
        "admin",
        "cluster-admin",
        "edit",
        "system:basic-user",
        "system:discovery",
        "system:node",
        "view",
    ] {
        admin.get(&format!("{RBAC}/clusterroles/{role}")).await.ok();
    }
    // By system:basic-user and system:discovery, for everybody who is signed in.
    let ana = cluster.user("ana", &[]);
    ana.get("/version").await.ok();
    ana.get("/apis").await.ok();
    let review = json!({"spec": {"resourceAttributes": {"verb": "get", "resource": "pods", "namespace": "default"}}});
    let answer = ana
        .create("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)
        .await
        .ok();
    assert_eq!(answer["status"]["allowed"], false);
}

#[tokio::test]
async fn nobody_grants_what_they_do_not_hold() {
    let cluster = TestCluster::start().await;
    let (admin, ana) = (cluster.admin(), cluster.user("ana", &["devs"]));
    let roles = format!("{RBAC}/namespaces/default/roles");
    let bindings = format!("{RBAC}/namespaces/default/rolebindings");
    let rules = json!([
        {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles", "rolebindings"], "verbs": ["create"]},
        {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]},
    ]);
    admin.create(&roles, role("Role", "keeper", rules)).await.ok();
    admin
        .create(&bindings, binding("RoleBinding", "keeper", ("Role", "keeper"), "ana"))
        .await
        .ok();

    let held = json!([{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}]);
    ana.create(&roles, role("Role", "reader", held)).await.ok();
    let more = json!([{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list"]}]);
    assert_eq!(
        ana.create(&roles, role("Role", "thief", more)).await.refused(403),
        "roles.rbac.authorization.k8s.io \"thief\" is forbidden: user \"ana\" (groups=[\"devs\" \"system:authenticated\"]) is \
         attempting to grant RBAC permissions not currently held:\n{APIGroups:[\"\"], Resources:[\"secrets\"], \
         Verbs:[\"get\" \"list\"]}"
    );
    ana.create(
        &bindings,
        binding("RoleBinding", "thief", ("ClusterRole", "cluster-admin"), "ana"),
    )
    .await
    .refused(403);
    assert_eq!(
        ana.create(&bindings, binding("RoleBinding", "ghost", ("Role", "ghost"), "ana"))
            .await
            .refused(404),
        "roles.rbac.authorization.k8s.io \"ghost\" not found"
    );

    // With the verb bind on one role, that role may be handed out.
    let bind = json!([{
        "apiGroups": ["rbac.authorization.k8s.io"], "resources": ["clusterroles"], "resourceNames": ["view"], "verbs": ["bind"],
    }]);
    admin.create(&roles, role("Role", "binder", bind)).await.ok();
    admin
        .create(&bindings, binding("RoleBinding", "binder", ("Role", "binder"), "ana"))
        .await
        .ok();
    ana.create(
        &bindings,
        binding("RoleBinding", "view", ("ClusterRole", "view"), "ana"),
    )
    .await
    .ok();
    ana.create(
        &bindings,
        binding("RoleBinding", "edit", ("ClusterRole", "edit"), "ana"),
    )
    .await
    .refused(403);
}

#[tokio::test]
async fn bindings_are_checked_and_their_role_is_fixed() {
    let cluster = TestCluster::start().await;
    let admin = cluster.admin();
    let bindings = format!("{RBAC}/clusterrolebindings");
    let refusal = admin
        .create(&bindings, binding("ClusterRoleBinding", "b", ("Role", "r"), "u"))
        .await
        .refused(422);
    assert!(
        refusal.contains("roleRef.kind: Unsupported value: \"Role\": supported values: \"ClusterRole\""),
        "{refusal}"
    );

    let mut stored = admin
        .create(
            &bindings,
            binding("ClusterRoleBinding", "b", ("ClusterRole", "view"), "u"),
        )
        .await
        .ok();
    assert_eq!(stored["subjects"][0]["apiGroup"], "rbac.authorization.k8s.io");
    stored["roleRef"]["name"] = "edit".into();
    let refusal = admin.replace(&format!("{bindings}/b"), stored).await.refused(422);
    assert!(refusal.contains("field is immutable"), "{refusal}");

    let refusal = admin
        .create(
            &format!("{RBAC}/clusterroles"),
            role("ClusterRole", "r", json!([{"verbs": ["get"]}])),
        )
        .await
        .refused(422);
    assert!(refusal.contains("rules[0].apiGroups: Required value"), "{refusal}");
}

#[tokio::test]
async fn aggregated_roles_follow_their_parts() {
    let cluster = TestCluster::start().await;
    let (admin, ana) = (cluster.admin(), cluster.user("ana", &[]));
    let bindings = format!("{RBAC}/namespaces/default/rolebindings");
    admin
        .create(&bindings, binding("RoleBinding", "ana", ("ClusterRole", "view"), "ana"))
        .await
        .ok();
    ana.get("/apis/coordination.k8s.io/v1/namespaces/default/leases")
        .await
        .refused(403);

    let mut part = role(
        "ClusterRole",
        "leases",
        json!([
            {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"], "verbs": ["list"]},
        ]),
    );
    part["metadata"]["labels"] = json!({"rbac.authorization.k8s.io/aggregate-to-view": "true"});
    admin.create(&format!("{RBAC}/clusterroles"), part).await.ok();
    let view = format!("{RBAC}/clusterroles/view");
    admin
        .until(&view, "the part in view", |role| {
            role.body["rules"].to_string().contains("leases")
        })
        .await;
    // admin collects edit, which collects view.
    let whole = format!("{RBAC}/clusterroles/admin");
    admin
        .until(&whole, "the part in admin", |role| {
            role.body["rules"].to_string().contains("leases")
        })
        .await;
    ana.get("/apis/coordination.k8s.io/v1/namespaces/default/leases")
        .await
        .ok();
}

#[tokio::test]
async fn reviews_answer_for_the_caller_and_for_others() {
    let cluster = TestCluster::start().await;
    let (admin, ana) = (cluster.admin(), cluster.user("ana", &["devs"]));
    let bindings = format!("{RBAC}/namespaces/default/rolebindings");
    admin
        .create(&bindings, binding("RoleBinding", "ana", ("ClusterRole", "view"), "ana"))
        .await
        .ok();

    let question = json!({"verb": "list", "resource": "configmaps", "namespace": "default"});
    let review = json!({"spec": {"user": "ana", "resourceAttributes": question}});
    let answer = admin
        .create("/apis/authorization.k8s.io/v1/subjectaccessreviews", review.clone())
        .await
        .ok();
    assert_eq!(answer["status"]["allowed"], true);
    assert_eq!(
        answer["status"]["reason"],
        "RBAC: allowed by RoleBinding \"ana/default\" of ClusterRole \"view\" to User \"ana\""
    );
    ana.create("/apis/authorization.k8s.io/v1/subjectaccessreviews", review.clone())
        .await
        .refused(403);

    let local = "/apis/authorization.k8s.io/v1/namespaces/default/localsubjectaccessreviews";
    assert_eq!(admin.create(local, review).await.ok()["status"]["allowed"], true);
    let elsewhere = json!({"spec": {"user": "ana", "resourceAttributes": {"verb": "get", "resource": "pods", "namespace": "other"}}});
    admin.create(local, elsewhere).await.refused(422);

    let rules = json!({"spec": {"namespace": "default"}});
    let rules = ana
        .create("/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", rules)
        .await
        .ok();
    let listed = rules["status"]["resourceRules"].to_string();
    assert!(
        listed.contains("configmaps") && !listed.contains("\"secrets\""),
        "{listed}"
    );
    assert_eq!(rules["status"]["incomplete"], false);

    let who = ana
        .create("/apis/authentication.k8s.io/v1/selfsubjectreviews", json!({}))
        .await
        .ok();
    assert_eq!(who["status"]["userInfo"]["username"], "ana");
    assert_eq!(
        who["status"]["userInfo"]["groups"],
        json!(["devs", "system:authenticated"])
    );
}

#[tokio::test]
async fn without_a_credential_only_public_paths_answer() {
    let cluster = TestCluster::with(|options| options.anonymous = true).await;
    let nobody = cluster.anonymous();
    nobody.get("/version").await.ok();
    assert_eq!(
        nobody
            .get("/api/v1/namespaces/kube-public/configmaps/cluster-info")
            .await
            .refused(403),
        "configmaps \"cluster-info\" is forbidden: User \"system:anonymous\" cannot get resource \"configmaps\" in API group \
         \"\" in the namespace \"kube-public\""
    );
    let closed = TestCluster::start().await;
    closed.anonymous().get("/version").await.refused(401);
}

#[tokio::test]
async fn the_objects_of_kubeadm_let_a_joining_node_read_cluster_info() {
    let objects = kubernetes_apiserver::rbac::kubeadm_objects();
    let cluster = TestCluster::with(|options| {
        options.anonymous = true;
        options.extra_cluster_roles = objects;
    })
    .await;
    let mut info = crate::support::config_map("cluster-info");
    info["data"] = json!({"kubeconfig": "{}"});
    cluster
        .admin()
        .create("/api/v1/namespaces/kube-public/configmaps", info)
        .await
        .ok();
    cluster
        .anonymous()
        .get("/api/v1/namespaces/kube-public/configmaps/cluster-info")
        .await
        .ok();
    cluster
        .anonymous()
        .get("/api/v1/namespaces/kube-public/configmaps")
        .await
        .refused(403);
    let joining = cluster.user(
        "system:bootstrap:abcdef",
        &["system:bootstrappers:kubeadm:default-node-token"],
    );
    assert_eq!(
        joining.get("/api/v1/nodes/n").await.refused(404),
        "nodes \"n\" not found"
    );
    cluster
        .user("root", &["kubeadm:cluster-admins"])
        .get("/api/v1/secrets")
        .await
        .ok();
}

#[tokio::test]
async fn a_restart_completes_default_roles_and_leaves_owned_ones_alone() {
    let engine = generic_apiserver::storage::redb::Engine::in_memory().unwrap();
    let cluster = TestCluster::over(&engine, "c/", |_| {}).await;
    let admin = cluster.admin();
    let discovery = format!("{RBAC}/clusterroles/system:discovery");
    let monitoring = format!("{RBAC}/clusterroles/system:monitoring");
    admin.merge(&discovery, json!({"rules": []})).await.ok();
    let own =
        json!({"rules": [], "metadata": {"annotations": {"rbac.authorization.kubernetes.io/autoupdate": "false"}}});
    admin.merge(&monitoring, own).await.ok();
    admin
        .delete(&format!("{RBAC}/clusterrolebindings/system:discovery"), "Background")
        .await
        .ok();
    let uid = admin.get("/api/v1/namespaces/default").await.ok()["metadata"]["uid"].clone();
    cluster.cluster.stop().await;
    drop((admin, cluster));

    let cluster = TestCluster::over(&engine, "c/", |_| {}).await;
    let admin = cluster.admin();
    assert!(
        admin.get(&discovery).await.ok()["rules"]
            .to_string()
            .contains("/openapi")
    );
    assert_eq!(admin.get(&monitoring).await.ok()["rules"], Value::Null);
    admin
        .get(&format!("{RBAC}/clusterrolebindings/system:discovery"))
        .await
        .ok();
    assert_eq!(
        admin.get("/api/v1/namespaces/default").await.ok()["metadata"]["uid"],
        uid
    );
    cluster.user("ana", &[]).get("/apis").await.ok();
}
