//! Our server's own port, past kube-apiserver.

use std::{fs, path::PathBuf};

use guestcluster_tests::{Kubectl, Supervisor};
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use serde_json::{Value, json};

/// The name that kube-apiserver expects in our certificate.
const SERVED_AS: &str = "guestcluster-apiserver.guestclusters-system.svc";

/// A kubeconfig for our port with the credential of another one, or none. It trusts what the APIService says.
pub(crate) fn kubeconfig(supervisor: &Supervisor, credential: Option<&Kubectl>) -> PathBuf {
    let bundle = supervisor
        .kubectl()
        .run("get apiservice v1alpha1.guestclusters.dev -o jsonpath={.spec.caBundle}")
        .success();
    let user: Value = match credential {
        Some(kubectl) => kubectl.json("config view --raw --minify")["users"][0]["user"].clone(),
        None => json!({}),
    };
    let config = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "direct",
        "clusters": [{"name": "direct", "cluster": {
            "server": supervisor.server(), "certificate-authority-data": bundle, "tls-server-name": SERVED_AS,
        }}],
        "users": [{"name": "direct", "user": user}],
        "contexts": [{"name": "direct", "context": {"cluster": "direct", "user": "direct", "namespace": "team-a"}}],
    });
    let file = supervisor.folder().join("direct.kubeconfig");
    fs::write(&file, config.to_string()).unwrap();
    file
}

/// The answer to a GET with these headers, or the code of the refusal and its message.
pub(crate) fn get(
    supervisor: &Supervisor,
    credential: Option<&Kubectl>,
    path: &str,
    headers: &[(&str, &str)],
) -> Result<String, (u16, String)> {
    let kubeconfig = Kubeconfig::read_from(kubeconfig(supervisor, credential)).unwrap();
    let mut request = http::Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(vec![]).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let options = KubeConfigOptions::default();
        let config = Config::from_custom_kubeconfig(kubeconfig, &options).await.unwrap();
        let client = Client::try_from(config).unwrap();
        match client.request_text(request).await {
            Ok(answer) => Ok(answer),
            Err(kube::Error::Api(status)) => Err((status.code, status.message.clone())),
            Err(error) => panic!("GET {path}: {error:?}"),
        }
    })
}
