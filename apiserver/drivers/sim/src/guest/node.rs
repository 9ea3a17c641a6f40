//! The nodes of a guest: registered as a kubelet would, from the VM's bootstrap data.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use generic_apiserver::authn::User;
use guest_system::{
    cloud_init::{Bootstrap, Join, Role},
    node::{NodeFacts, now_text, registration, status},
    static_pods::{self, StaticPod},
};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{GuestError, GuestServer};

/// A node could not join.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JoinError {
    /// The bootstrap token is unknown, wrong or expired.
    #[error("the bootstrap token is not valid in the guest")]
    Token,
    /// The guest refused the Node.
    #[error(transparent)]
    Guest(#[from] GuestError),
}

/// Who kubeadm acts as.
pub(super) fn kubeadm() -> User {
    User {
        name: "kubernetes-admin".to_owned(),
        groups: vec!["system:masters".to_owned(), "system:authenticated".to_owned()],
        ..User::default()
    }
}

impl GuestServer {
    /// Registers the Node of a VM and makes it Ready; a Node that is there is brought up to date.
    pub(crate) async fn join(&self, bootstrap: &Bootstrap, facts: &NodeFacts) -> Result<(), JoinError> {
        if let Role::Join(join) = &bootstrap.role {
            self.check_token(join)?;
        }
        let nodes = self.resource("", "nodes")?;
        let user = kubelet(&facts.name);
        let node = registration(bootstrap, facts);
        match nodes.create(&user, "", node.clone()).await {
            Err(status) if status.reason == "AlreadyExists" => {
                let change = |live: &mut Value| {
                    live["spec"]["providerID"] = node["spec"]["providerID"].clone();
                    Ok(())
                };
                nodes
                    .update(&user, "", &facts.name, change)
                    .await
                    .map_err(GuestError::Refused)?;
            }
            Err(status) => return Err(GuestError::Refused(status).into()),
            Ok(_) => {}
        }
        let status = status(facts, Timestamp::now());
        let change = |live: &mut Value| {
            live["status"] = status.clone();
            Ok(())
        };
        let node = nodes
            .update_status(&user, "", &facts.name, change)
            .await
            .map_err(GuestError::Refused)?;
        if bootstrap.is_control_plane() {
            self.run_static_pods(facts, node["metadata"]["uid"].as_str().unwrap_or_default())
                .await?;
        }
        Ok(())
    }

    /// Shows the Pods of a control-plane node as they are after its VM has started.
    async fn run_static_pods(&self, facts: &NodeFacts, node_uid: &str) -> Result<(), GuestError> {
        let (pods, user) = (self.resource("", "pods")?, kubelet(&facts.name));
        for StaticPod { name, pod, status } in static_pods::of(facts, node_uid, Timestamp::now()) {
            match pods.create(&user, static_pods::NAMESPACE, pod).await {
                Err(status) if status.reason != "AlreadyExists" => return Err(GuestError::Refused(status)),
                _ => {}
            }
            let change = |live: &mut Value| {
                live["status"] = status.clone();
                Ok(())
            };
            let shown = pods.update_status(&user, static_pods::NAMESPACE, &name, change).await;
            shown.map_err(GuestError::Refused)?;
        }
        Ok(())
    }

    /// Marks the Node of a VM that no longer runs, as the node controller does when a kubelet falls silent.
    pub(crate) async fn lose(&self, name: &str) -> Result<(), GuestError> {
        let change = |live: &mut Value| {
            let now = now_text(Timestamp::now());
            let conditions = live["status"]["conditions"].as_array_mut().into_iter().flatten();
            for condition in conditions.filter(|condition| condition["status"] != "Unknown") {
                condition["status"] = json!("Unknown");
                condition["reason"] = json!("NodeStatusUnknown");
                condition["message"] = json!("Kubelet stopped posting node status.");
                condition["lastTransitionTime"] = json!(now);
            }
            Ok(())
        };
        match self
            .resource("", "nodes")?
            .update_status(&kubelet(name), "", name, change)
            .await
        {
            Err(status) if status.reason != "NotFound" => Err(GuestError::Refused(status)),
            _ => Ok(()),
        }
    }

    fn check_token(&self, join: &Join) -> Result<(), JoinError> {
        let (id, secret) = join.token.split_once('.').ok_or(JoinError::Token)?;
        let secrets = self.resource("", "secrets")?;
        let stored = secrets
            .get("kube-system", &format!("bootstrap-token-{id}"))
            .ok_or(JoinError::Token)?;
        let text = |key: &str| {
            let encoded = stored["data"][key].as_str()?;
            String::from_utf8(STANDARD.decode(encoded).ok()?).ok()
        };
        let expired = text("expiration")
            .and_then(|time| time.parse::<Timestamp>().ok())
            .is_some_and(|end| end < Timestamp::now());
        if expired || text("token-secret").as_deref() != Some(secret) {
            return Err(JoinError::Token);
        }
        Ok(())
    }
}

fn kubelet(name: &str) -> User {
    User {
        name: format!("system:node:{name}"),
        groups: vec!["system:nodes".to_owned(), "system:authenticated".to_owned()],
        ..User::default()
    }
}
