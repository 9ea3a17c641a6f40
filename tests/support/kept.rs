//! What the plugin keeps on the computer of a person.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use crate::Kubectl;

impl Kubectl {
    /// The only file of the plugin's cache in this folder: `sessions` or `credentials`.
    #[track_caller]
    pub fn kept(&self, folder: &str) -> PathBuf {
        match self.all_kept(folder).as_slice() {
            [only] => only.clone(),
            several => panic!("{folder} holds {several:?}"),
        }
    }

    /// The files of the plugin's cache in this folder, without locks.
    pub fn all_kept(&self, folder: &str) -> Vec<PathBuf> {
        let folder = self.home().join(".cache/kubectl-guest").join(folder);
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
            .collect()
    }

    /// Changes a file of the plugin's cache.
    #[track_caller]
    pub fn edit_kept(&self, folder: &str, change: impl FnOnce(&mut Value)) {
        let path = self.kept(folder);
        let mut content = json_of(&path);
        change(&mut content);
        // Over the same file, whose mode stays.
        fs::write(&path, content.to_string()).expect("the folder is ours");
    }

    /// Lets the kept ID token be over, so that it must be renewed.
    #[track_caller]
    pub fn expire_session(&self) {
        self.edit_kept("sessions", |session| {
            session["idTokenSince"] = json!("2026-01-01T00:00:00Z");
            session["idTokenUntil"] = json!("2026-01-01T00:10:00Z");
        });
    }

    /// Lets the kept credential be over, so that it must be exchanged.
    #[track_caller]
    pub fn expire_credential(&self) {
        self.edit_kept("credentials", |credential| {
            credential["since"] = json!("2026-01-01T00:00:00Z");
            credential["until"] = json!("2026-01-01T00:10:00Z");
        });
    }

    /// The plugin as kubectl runs it for a context of the kubeconfig, and with which arguments.
    #[track_caller]
    pub fn as_exec_plugin(&self, context: &str) -> (Self, String) {
        let config = self.in_context(context).json("config view --raw --minify");
        let info = json!({
            "apiVersion": "client.authentication.k8s.io/v1",
            "kind": "ExecCredential",
            "spec": {"interactive": false, "cluster": config["clusters"][0]["cluster"]},
        });
        let arguments = config["users"][0]["user"]["exec"]["args"]
            .as_array()
            .expect("a plugin's");
        let arguments: Vec<_> = arguments.iter().filter_map(Value::as_str).collect();
        let plugin = self.plugin().with_variable("KUBERNETES_EXEC_INFO", info.to_string());
        (plugin, arguments.join(" "))
    }

    /// A context of the kubeconfig as somebody else could hand it over: with another `cluster`, or another `exec` of its user.
    #[track_caller]
    #[must_use]
    pub fn handed_over(&self, context: &str, change: impl Fn(&mut Value, &mut Value)) -> Self {
        let mut config = self.in_context(context).json("config view --raw --minify");
        let (mut cluster, mut exec) = (
            config["clusters"][0]["cluster"].take(),
            config["users"][0]["user"]["exec"].take(),
        );
        change(&mut cluster, &mut exec);
        config["clusters"][0]["cluster"] = cluster;
        config["users"][0]["user"]["exec"] = exec;
        let file = self.home().join("handed-over");
        fs::write(&file, config.to_string()).expect("the folder is ours");
        self.with_kubeconfig(file)
    }
}

fn json_of(path: &Path) -> Value {
    let text = fs::read(path).expect("the folder is ours");
    serde_json::from_slice(&text).expect("the plugin writes JSON")
}
