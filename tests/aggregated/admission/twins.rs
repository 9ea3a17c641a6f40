//! GuestClusters, and a custom resource that looks like them.

use guestcluster_tests::{Kubectl, Manifest, Supervisor, client, eventually};
use http::Request;
use kube::Client;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

const OURS: &str = "guestclusters.dev";
const TWIN: &str = "twin.example.io";

/// Two kinds of one name, one of them ours.
pub(super) struct Twins {
    pub(super) kubectl: Kubectl,
    runtime: Runtime,
    client: Client,
}

/// An answer, as far as both must be the same.
#[derive(Debug, PartialEq)]
pub(super) struct Answer {
    pub(super) code: u16,
    /// Of a refusal the whole Status, of an object what admission may change.
    pub(super) body: Value,
    pub(super) warnings: Vec<String>,
}

/// A write, for both kinds.
#[derive(Clone, Debug)]
pub(super) struct Write {
    pub(super) method: &'static str,
    /// After `.../namespaces/team-a/guestclusters`.
    pub(super) path: String,
    pub(super) body: Option<Value>,
}

impl Twins {
    /// Defines the custom resource beside our kind.
    pub(super) fn make(supervisor: &Supervisor) -> Twins {
        let kubectl = supervisor.kubectl();
        kubectl
            .run_with("create -f -", Some(&definition().to_string()))
            .success();
        kubectl
            .run("wait crd/guestclusters.twin.example.io --for=condition=Established --timeout=30s")
            .success();
        let runtime = Runtime::new().unwrap();
        let client = runtime.block_on(client(&supervisor.admin_kubeconfig())).unwrap();
        Twins {
            kubectl,
            runtime,
            client,
        }
    }

    /// Applies objects, and waits until both kinds are refused by the last of them.
    pub(super) fn apply(&self, objects: &[Value], refused: &Write) {
        let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
        self.kubectl
            .run_with("apply --server-side -f -", Some(&list.to_string()))
            .success();
        eventually(60, "both servers know the admission objects", || {
            let codes = [OURS, TWIN].map(|group| self.send(group, refused).code);
            if codes.iter().all(|code| (400..500).contains(code)) {
                Ok(())
            } else {
                Err(format!("{codes:?}"))
            }
        });
    }

    /// Both answers, which must be the same.
    #[track_caller]
    pub(super) fn same(&self, write: &Write) -> Answer {
        let [ours, twins] = [OURS, TWIN].map(|group| self.send(group, write));
        assert_eq!(ours, twins, "{write:#?}");
        ours
    }

    /// Our answer to a write.
    pub(super) fn ours(&self, write: &Write) -> Answer {
        self.send(OURS, write)
    }

    fn send(&self, group: &str, write: &Write) -> Answer {
        let path = format!("/apis/{group}/v1alpha1/namespaces/team-a/guestclusters{}", write.path);
        let body = write.body.as_ref().map(|body| body.to_string().replace(OURS, group));
        let media_type = match write.method {
            "PATCH" => "application/merge-patch+json",
            _ => "application/json",
        };
        let request = Request::builder()
            .method(write.method)
            .uri(path)
            .header("content-type", media_type)
            .body(kube::client::Body::from(body.unwrap_or_default().into_bytes()))
            .unwrap();
        let (parts, body) = self.runtime.block_on(async {
            let (parts, body) = self.client.send(request).await.unwrap().into_parts();
            (parts, body.collect_bytes().await.unwrap())
        });
        let body = String::from_utf8(body.to_vec()).unwrap().replace(group, OURS);
        let warnings = parts.headers.get_all("warning").iter();
        let warnings = warnings.map(|warning| warning.to_str().unwrap().replace(group, OURS));
        // Without layers our server may not look at the classes of VMs, and says so.
        let warnings = warnings.filter(|warning| !warning.contains("could not be checked"));
        Answer {
            code: parts.status.as_u16(),
            body: told(serde_json::from_str(&body).unwrap_or(Value::String(body))),
            warnings: warnings.collect(),
        }
    }

    /// What a client sends to prove who it is must not be seen by those who only judge.
    pub(super) fn assert_secret_is_kept(&self) {
        let policy = super::policies::policy(
            "sees",
            &json!({
                "matchConstraints": super::policies::constraints(&["guestclusters/credential"]),
                "validations": [{
                    "expression": "false",
                    "messageExpression": "'it is ' + string(has(object.spec.subjectToken)) + ' ' + object.kind + ' ' + request.name + ' ' + request.subResource + ' ' + object.spec.level",
                }],
            }),
        );
        let ask = Write {
            method: "POST",
            path: "/dev/credential".to_owned(),
            body: Some(json!({
                "apiVersion": "guestclusters.dev/v1alpha1", "kind": "GuestCredentialRequest",
                "spec": {"level": "view", "subjectToken": "hush-hush"},
            })),
        };
        let list = json!({"apiVersion": "v1", "kind": "List", "items": policy});
        self.kubectl
            .run_with("apply --server-side -f -", Some(&list.to_string()))
            .success();
        eventually(60, "our server knows the policy", || {
            let answer = self.ours(&ask);
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
}

/// Without what is different in any two objects.
fn told(mut body: Value) -> Value {
    if body["kind"] == "Status" {
        body["details"].as_object_mut().map(|details| details.remove("uid"));
        return body;
    }
    json!({"labels": body["metadata"]["labels"], "annotations": body["metadata"]["annotations"]})
}

/// A GuestCluster whose name and label say what it is for.
pub(super) fn object(case: &str) -> Value {
    let mut object = Manifest::new(case, "v1.34", 1, 2).object;
    object["metadata"]["labels"] = json!({"case": case});
    object
}

fn definition() -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "guestclusters.twin.example.io"},
        "spec": {
            "group": TWIN, "scope": "Namespaced",
            "names": {"plural": "guestclusters", "singular": "guestcluster", "kind": "GuestCluster"},
            "versions": [{
                "name": "v1alpha1", "served": true, "storage": true,
                "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
            }],
        },
    })
}
