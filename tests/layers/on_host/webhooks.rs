//! Webhooks of the layers below, as upstream's managers have them.

use anyhow::Result;
use k8s_openapi::api::admissionregistration::v1::ValidatingWebhookConfiguration;
use kube::{
    Api,
    api::{DeleteParams, PostParams},
};
use serde_json::json;

use super::OnHost;
use crate::all_layers::ready;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_that_does_not_answer_is_named() -> Result<()> {
    let host = OnHost::start().await?;
    let mut world = host.world().await?;
    let configuration = json!({"metadata": {"name": "capi"}, "webhooks": [{
        "name": "validation.machinedeployment.cluster.x-k8s.io", "sideEffects": "None", "admissionReviewVersions": ["v1"],
        // Nobody listens on port 9 of loopback.
        "clientConfig": {"url": "https://127.0.0.1:9/validate"}, "failurePolicy": "Fail",
        "rules": [{"apiGroups": ["cluster.x-k8s.io"], "apiVersions": ["*"], "operations": ["CREATE", "UPDATE"],
            "resources": ["machinedeployments"]}],
    }]});
    let webhooks: Api<ValidatingWebhookConfiguration> = Api::all(host.client.clone());
    webhooks
        .create(&PostParams::default(), &serde_json::from_value(configuration)?)
        .await?;
    // kube-apiserver learns of it by a watch.
    tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    world.run_layers();
    world.create_guest("dev", json!({})).await?;
    let is_told = |guest: &_| {
        let (reason, message) = ready(guest);
        reason == "ObjectRefused"
            && message.starts_with("MachineDeployment dev-default: ")
            && message.contains("validation.machinedeployment.cluster.x-k8s.io")
    };
    world.guest("dev", "is told", is_told).await?;
    webhooks.delete("capi", &DeleteParams::default()).await?;
    world.settled("dev").await?;
    world.stop().await
}
