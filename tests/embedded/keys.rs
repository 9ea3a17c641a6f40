//! The keys of a guest: replaced while people work, and never made anew by themselves.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use guestcluster_tests::{Kubectl, Manifest, Start, Supervisor, eventually};
use serde_json::{Value, json};

use crate::MODE;

const ANN: &str = "sso:ann@guest.local";
/// Longest until a simulated guest has taken what it is told, and until its control-plane node was replaced.
const SOON: u64 = 30;
const REPLACED: u64 = 100;

/// A guest, and somebody who may look into it.
struct Scene {
    supervisor: Supervisor,
    admin: Kubectl,
    ann: Kubectl,
}

impl Scene {
    fn new() -> Self {
        let supervisor = Supervisor::start(Start {
            mode: MODE,
            ..Start::default()
        });
        let admin = supervisor.kubectl();
        admin.create_guest(&Manifest::new("dev", "v1.34", 1, 1));
        let binding = format!("create rolebinding view --clusterrole guestcluster-access-view --user {ANN}");
        admin.run(&binding).success();
        let ann = supervisor.kubectl_as(ANN);
        Self { supervisor, admin, ann }
    }

    /// A new credential.
    #[track_caller]
    fn mint(&self) -> Value {
        let path = "/apis/guestclusters.dev/v1alpha1/namespaces/team-a/guestclusters/dev/credential";
        let body = json!({"apiVersion": "guestclusters.dev/v1alpha1", "kind": "GuestCredentialRequest", "spec": {"level": "view"}});
        let answer = self
            .ann
            .run_with(&format!("create --raw {path} -f -"), Some(&body.to_string()));
        let answer: Value = serde_json::from_str(&answer.success()).unwrap();
        answer["status"].clone()
    }

    /// A new credential, which works at once.
    #[track_caller]
    fn credential(&self) -> Value {
        let credential = self.mint();
        self.inside(&credential).run("get nodes").success();
        credential
    }

    fn inside(&self, credential: &Value) -> Kubectl {
        let text = |field: &str| credential[field].as_str().unwrap();
        let (server, authority) = (text("server"), text("certificateAuthorityData"));
        self.supervisor.kubectl_with_token(server, authority, text("token"))
    }

    fn secret(&self) -> String {
        format!("guest-{}", self.admin.guest_field("dev", ".status.guestUID"))
    }

    /// The keys that the supervisor keeps.
    fn held(&self) -> Vec<String> {
        let path = format!("-n guestclusters-system get secret {}", self.secret());
        let secret = self.admin.json(&path);
        secret["data"].as_object().unwrap().keys().cloned().collect()
    }

    /// Status, reason and message of CredentialsReady.
    fn condition(&self) -> [String; 3] {
        ["status", "reason", "message"].map(|field| {
            let path = format!(".status.conditions[?(@.type==\"CredentialsReady\")].{field}");
            self.admin.guest_field("dev", &path)
        })
    }

    /// The public half of the trust key that the control plane is made with.
    fn trust_key(&self) -> String {
        let live = self.admin.json("get kubeadmcontrolplane dev-cp");
        let files = live["spec"]["kubeadmConfigSpec"]["files"].as_array().unwrap().clone();
        let file = files
            .iter()
            .find(|file| file["path"].as_str().unwrap().ends_with("trust-key.pem"));
        file.unwrap()["content"].as_str().unwrap().to_owned()
    }
}

/// Which key signed a credential's token.
fn kid(credential: &Value) -> String {
    let (header, _) = credential["token"].as_str().unwrap().split_once('.').unwrap();
    let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

#[test]
fn another_key_signs_when_it_is_wished_for_and_every_credential_works() {
    let scene = Scene::new();
    let first = scene.credential();
    scene
        .admin
        .run("annotate guestcluster dev guestclusters.dev/rotate-signing-key=1")
        .success();
    let second = eventually(SOON, "another key signs", || {
        let credential = scene.credential();
        if kid(&credential) == kid(&first) {
            Err(kid(&first))
        } else {
            Ok(credential)
        }
    });
    for credential in [&first, &second] {
        scene.inside(credential).run("get nodes").success();
    }
    assert_eq!(
        scene.held(),
        ["previous-signing-key.pub.pem", "signing-key.pem", "trust-key.pem"]
    );
    assert_eq!(kid(&scene.credential()), kid(&second), "one wish, one key");

    // Had it been stolen, nobody would have to wait until it is forgotten.
    let revocation = json!({
        "apiVersion": "guestclusters.dev/v1alpha1", "kind": "GuestRevocation", "metadata": {"name": "all"},
        "spec": {"clusterRef": {"name": "dev"}, "all": true},
    });
    scene
        .admin
        .run_with("create -f -", Some(&revocation.to_string()))
        .success();
    eventually(SOON, "the last key is forgotten", || match scene.held() {
        held if held == ["signing-key.pem", "trust-key.pem"] => Ok(()),
        held => Err(held.join(" ")),
    });
    let first = scene.inside(&first);
    first.run("get nodes").refused("You must be logged in to the server");
}

#[test]
fn lost_keys_are_told_and_made_anew_only_when_somebody_says_so() {
    let mut scene = Scene::new();
    let before = scene.trust_key();
    let machines = scene.admin.names("machines");
    scene
        .admin
        .run(&format!("-n guestclusters-system delete secret {}", scene.secret()))
        .success();
    scene.supervisor.stop();
    scene.supervisor.restart();
    let message = eventually(SOON, "the loss is told", || match scene.condition() {
        [status, reason, message] if status == "False" && reason == "KeysLost" => Ok(message),
        other => Err(other.join(" ")),
    });
    assert!(message.contains(&scene.secret()), "{message}");
    assert_eq!(
        (scene.trust_key(), scene.admin.names("machines")),
        (before.clone(), machines)
    );
    // As the message says.
    let annotation = message
        .split_whitespace()
        .find(|word| word.starts_with("guestclusters.dev/replace-trust-key="));
    let annotation = annotation.unwrap().trim_end_matches(':');
    scene
        .admin
        .run(&format!("annotate guestcluster dev {annotation}"))
        .success();
    eventually(REPLACED, "new keys are made", || match scene.condition() {
        [status, ..] if status == "True" && scene.trust_key() != before => Ok(()),
        other => Err(other.join(" ")),
    });
    scene.admin.await_ready("dev");
    eventually(REPLACED, "credentials by new keys work", || {
        let nodes = scene.inside(&scene.mint()).run("get nodes");
        if nodes.code == 0 { Ok(()) } else { Err(nodes.stderr) }
    });
}
