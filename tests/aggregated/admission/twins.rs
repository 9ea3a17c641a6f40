//! GuestClusters, and a custom resource that looks like them.

use guestcluster_tests::{Kubectl, Manifest, Team, client, eventually};
use http::Request;
use kube::Client;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

/// Group, plural name and kind.
type Kind = [&'static str; 3];

const OURS: Kind = ["guestclusters.dev", "guestclusters", "GuestCluster"];
const TWIN: Kind = ["twin.example.io", "twinclusters", "TwinCluster"];
/// So many answers in a row come from every replica, whichever kube-apiserver asks.
const ENOUGH: usize = 8;

/// Two kinds that are the same but for their names, one of them ours.
pub(super) struct Twins {
    pub(super) team: Team,
    kubectl: Kubectl,
    pub(super) runtime: Runtime,
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
    /// After the plural name.
    pub(super) path: String,
    pub(super) body: Option<Value>,
}

impl Twins {
    /// Defines the custom resource beside our kind.
    pub(super) fn make(team: Team) -> Twins {
        let kubectl = team.kubectl();
        kubectl
            .run_with("create -f -", Some(&definition().to_string()))
            .success();
        kubectl
            .run("wait crd/twinclusters.twin.example.io --for=condition=Established --timeout=30s")
            .success();
        let runtime = Runtime::new().unwrap();
        let client = runtime.block_on(client(kubectl.kubeconfig())).unwrap();
        Twins {
            team,
            kubectl,
            runtime,
            client,
        }
    }

    /// Applies objects, and waits until everybody who serves one of the kinds refuses this write by the last of them.
    pub(super) fn apply(&self, objects: &[Value], refused: &Write) {
        self.add(objects);
        eventually(60, "all servers know the admission objects", || {
            for kind in [OURS, TWIN].repeat(ENOUGH) {
                let answer = self.send(kind, refused);
                if !(400..500).contains(&answer.code) {
                    return Err(format!("{answer:?}"));
                }
            }
            Ok(())
        });
    }

    pub(super) fn add(&self, objects: &[Value]) {
        let list = json!({"apiVersion": "v1", "kind": "List", "items": objects});
        self.kubectl
            .run_with("apply --server-side -f -", Some(&list.to_string()))
            .success();
    }

    /// Leaves nothing behind that others would meet.
    pub(super) fn clean_up(&self) {
        let named = format!("-l team={}", self.team.namespace());
        let kinds = "validatingadmissionpolicies,validatingadmissionpolicybindings,validatingwebhookconfigurations,\
                     mutatingwebhookconfigurations";
        self.kubectl.run(&format!("delete {kinds} {named}")).success();
        eventually(60, "the guest can be deleted", || {
            let deleted = self.kubectl.run("delete guestcluster --all --timeout=60s");
            if deleted.code == 0 { Ok(()) } else { Err(deleted.stderr) }
        });
        self.kubectl
            .run("delete crd twinclusters.twin.example.io --timeout=60s")
            .success();
    }

    /// Both answers, which must be the same.
    #[track_caller]
    pub(super) fn same(&self, write: &Write) -> Answer {
        let [ours, twins] = [OURS, TWIN].map(|kind| self.send(kind, write));
        assert_eq!(ours, twins, "{write:#?}");
        ours
    }

    /// Our answer to a write.
    pub(super) fn ours(&self, write: &Write) -> Answer {
        self.send(OURS, write)
    }

    fn send(&self, kind: Kind, write: &Write) -> Answer {
        let [group, plural, _] = kind;
        let namespace = self.team.namespace();
        let path = format!("/apis/{group}/v1alpha1/namespaces/{namespace}/{plural}{}", write.path);
        let body = write.body.as_ref().map(|body| renamed(body.to_string(), OURS, kind));
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
        let body = renamed(String::from_utf8(body.to_vec()).unwrap(), kind, OURS);
        let warnings = parts.headers.get_all("warning").iter();
        let warnings = warnings.map(|warning| renamed(warning.to_str().unwrap().to_owned(), kind, OURS));
        Answer {
            code: parts.status.as_u16(),
            body: told(serde_json::from_str(&body).unwrap_or(Value::String(body))),
            warnings: warnings.collect(),
        }
    }
}

/// A text about one kind as one about the other.
fn renamed(mut text: String, from: Kind, to: Kind) -> String {
    // The group first: ours begins with the plural name.
    for (from, to) in from.into_iter().zip(to) {
        text = text.replace(from, to);
    }
    text
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
    object["metadata"].as_object_mut().unwrap().remove("namespace");
    object["metadata"]["labels"] = json!({"case": case});
    object
}

/// A create of an object of a case.
pub(super) fn create(case: &str, query: &str) -> Write {
    Write {
        method: "POST",
        path: query.to_owned(),
        body: Some(object(case)),
    }
}

fn definition() -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "twinclusters.twin.example.io"},
        "spec": {
            "group": TWIN[0], "scope": "Namespaced",
            "names": {"plural": TWIN[1], "singular": "twincluster", "kind": TWIN[2]},
            "versions": [{
                "name": "v1alpha1", "served": true, "storage": true,
                "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
            }],
        },
    })
}
