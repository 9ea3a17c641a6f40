//! Each level has the rights that its name promises in a real cluster, and leads to no others.

use guestcluster_credentials::Level;
use guestcluster_tests::eventually;
use serde_json::{Value, json};

use super::{
    asked::{Answer, Asked},
    guest::Guest,
};

const DEFAULT: &str = "/api/v1/namespaces/default";
const SYSTEM: &str = "/api/v1/namespaces/kube-system";
const OURS: &str = "/api/v1/namespaces/guestclusters-system";
const RBAC: &str = "/apis/rbac.authorization.k8s.io/v1";
/// Longest until controllers and the agent have followed a change.
const PATIENCE: u64 = 30;

/// A person at a level.
struct Person {
    asked: Asked,
    token: String,
}

impl Person {
    fn at(level: Level) -> Self {
        let guest = Guest::shared();
        Self {
            asked: guest.asked(),
            token: guest.token(&format!("{level}-tester"), level),
        }
    }

    #[track_caller]
    fn gets(&self, code: u16, paths: &[String]) {
        for path in paths {
            let answer = self.asked.send(&self.token, "GET", path, None);
            assert_eq!(answer.code, code, "{path}: {}", answer.body);
        }
    }

    #[track_caller]
    fn posts(&self, code: u16, path: &str, body: &Value) -> Answer {
        let answer = self.asked.post(&self.token, path, body);
        assert_eq!(answer.code, code, "{path}: {body}: {}", answer.body);
        answer
    }

    /// Until the roles are filled and bound.
    #[track_caller]
    fn eventually_gets(&self, code: u16, path: &str) {
        eventually(PATIENCE, path, || match self.asked.get(&self.token, path) {
            found if found == code => Ok(()),
            found => Err(found.to_string()),
        });
    }

    /// Nobody below admin gets out of a level by these.
    fn stays_below_admin(&self) {
        let in_system = |namespace: &str| {
            ["secrets", "configmaps", "pods", "serviceaccounts"].map(|kind| format!("{namespace}/{kind}"))
        };
        self.gets(403, &in_system(SYSTEM));
        self.gets(403, &in_system(OURS));
        self.gets(
            403,
            &["/api/v1/secrets".to_owned(), format!("{RBAC}/clusterrolebindings")],
        );
        for namespace in [SYSTEM, OURS] {
            self.posts(403, &format!("{namespace}/configmaps"), &named("mine"));
            self.posts(403, &format!("{namespace}/pods"), &pod("mine", json!({})));
            self.posts(403, &format!("{namespace}/serviceaccounts"), &named("mine"));
            self.posts(403, &format!("{namespace}/serviceaccounts/default/token"), &json!({}));
        }
        let binding = |namespace: &str| {
            json!({
                "metadata": {"generateName": "mine-", "namespace": namespace},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
                "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "sso:edit-tester@corp.example"}],
            })
        };
        self.posts(
            403,
            &format!("{RBAC}/namespaces/default/rolebindings"),
            &binding("default"),
        );
        self.posts(403, &format!("{RBAC}/clusterrolebindings"), &binding(""));
        self.posts(403, "/api/v1/namespaces", &named("mine"));
        let relabel = json!({"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}});
        let answer = self.asked.send(&self.token, "PATCH", DEFAULT, Some(&relabel));
        assert_eq!(answer.code, 403, "{}", answer.body);
        let trust = format!("{OURS}/configmaps/guestclusters-trust");
        assert_eq!(self.asked.send(&self.token, "DELETE", &trust, None).code, 403);
        assert_eq!(self.asked.get(&self.token, &trust), 403);
    }
}

fn named(name: &str) -> Value {
    json!({"metadata": {"name": name}})
}

/// A pod with something added to its spec, or to its container's.
fn pod(name: &str, spec: Value) -> Value {
    let mut pod =
        json!({"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "registry.invalid/c"}]}});
    for (field, value) in spec.as_object().unwrap() {
        match field.as_str() {
            "securityContext" | "ports" => pod["spec"]["containers"][0][field] = value.clone(),
            _ => pod["spec"][field] = value.clone(),
        }
    }
    pod
}

#[test]
fn view_reads_what_users_have_but_no_secrets() {
    let person = Person::at(Level::View);
    person.eventually_gets(200, &format!("{DEFAULT}/pods"));
    person.gets(200, &["nodes", "namespaces"].map(|kind| format!("/api/v1/{kind}")));
    person.gets(200, &["/apis/storage.k8s.io/v1/storageclasses".to_owned()]);
    person.gets(403, &[format!("{DEFAULT}/secrets")]);
    person.posts(403, &format!("{DEFAULT}/configmaps"), &named("mine"));
    person.stays_below_admin();
}

#[test]
fn edit_writes_what_users_have_and_takes_over_no_node() {
    let person = Person::at(Level::Edit);
    person.eventually_gets(200, &format!("{DEFAULT}/secrets"));
    person.posts(201, &format!("{DEFAULT}/configmaps"), &named("by-edit"));
    person.gets(200, &["/api/v1/nodes".to_owned()]);
    person.stays_below_admin();
    // The service account controller makes the account of pods.
    eventually(PATIENCE, "a harmless pod", || {
        let answer = person
            .asked
            .post(&person.token, &format!("{DEFAULT}/pods"), &pod("harmless", json!({})));
        if answer.code == 201 {
            Ok(())
        } else {
            Err(answer.body.to_string())
        }
    });
    let host_path = json!([{"name": "node", "hostPath": {"path": "/"}}]);
    let harmful = [
        ("privileged", json!({"securityContext": {"privileged": true}})),
        ("host-path", json!({"volumes": host_path})),
        ("host-network", json!({"hostNetwork": true})),
        ("host-pid", json!({"hostPID": true})),
        ("host-port", json!({"ports": [{"containerPort": 80, "hostPort": 80}]})),
        (
            "capabilities",
            json!({"securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}}),
        ),
    ];
    for (name, spec) in harmful {
        let answer = person.posts(403, &format!("{DEFAULT}/pods"), &pod(name, spec));
        assert!(
            answer.body["message"]
                .as_str()
                .unwrap()
                .contains("violates PodSecurity"),
            "{}",
            answer.body
        );
    }
    let review = json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {"verb": "impersonate", "resource": "users", "name": "admin"}}});
    let answer = person.posts(201, "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", &review);
    assert_eq!(answer.body["status"]["allowed"], false);
}

#[test]
fn login_adds_nothing_and_carries_groups() {
    let person = Person::at(Level::Login);
    person.gets(403, &[format!("{DEFAULT}/pods"), "/api/v1/nodes".to_owned()]);
    let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"});
    let answer = person.posts(201, "/apis/authentication.k8s.io/v1/selfsubjectreviews", &review);
    let user = &answer.body["status"]["userInfo"];
    assert_eq!(user["username"], "sso:login-tester@corp.example");
    assert_eq!(user["groups"], json!(["sso:devs@corp.example", "system:authenticated"]));
}

#[test]
fn bindings_follow_namespaces_and_come_back() {
    let (admin, editor) = (Person::at(Level::Admin), Person::at(Level::Edit));
    admin.posts(201, "/api/v1/namespaces", &named("team-b"));
    let secrets = "/api/v1/namespaces/team-b/secrets";
    editor.eventually_gets(200, secrets);
    let binding = format!("{RBAC}/namespaces/team-b/rolebindings/guestclusters.dev:edit");
    let uid = |answer: &Answer| answer.body["metadata"]["uid"].clone();
    let first = admin.asked.send(&admin.token, "GET", &binding, None);
    assert_eq!(admin.asked.send(&admin.token, "DELETE", &binding, None).code, 200);
    eventually(PATIENCE, "the binding comes back", || {
        let again = admin.asked.send(&admin.token, "GET", &binding, None);
        if again.code == 200 && uid(&again) != uid(&first) {
            Ok(())
        } else {
            Err(again.body.to_string())
        }
    });
    let wrong = json!({"subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "sso:mallory@corp.example"}]});
    assert_eq!(
        admin.asked.send(&admin.token, "PATCH", &binding, Some(&wrong)).code,
        200
    );
    eventually(PATIENCE, "the subjects are put right", || {
        let live = admin.asked.send(&admin.token, "GET", &binding, None).body;
        if live["subjects"][0]["name"] == "guestclusters.dev:edit" {
            Ok(())
        } else {
            Err(live.to_string())
        }
    });
    let system = json!({"metadata": {"labels": {"guestclusters.dev/system": "true"}}});
    assert_eq!(
        admin
            .asked
            .send(&admin.token, "PATCH", "/api/v1/namespaces/team-b", Some(&system))
            .code,
        200
    );
    editor.eventually_gets(403, secrets);
    admin.gets(200, &[secrets.to_owned(), format!("{SYSTEM}/secrets")]);
}
