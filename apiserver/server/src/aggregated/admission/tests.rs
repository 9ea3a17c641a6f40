use generic_apiserver::{
    Status,
    admission::{
        Admission as _, AdmissionRequest, Notes, Operation, Options, Step,
        policy::{PolicySource as _, ValidatingPolicies},
    },
    authn::User,
    request::options::WriteOptions,
};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{
    super::{
        namespaces::HostNamespaces,
        testing::{Host, Wire, until},
    },
    *,
};

fn policies(client: &kube::Client) -> std::sync::Arc<HostPolicies> {
    HostPolicies::new(client, HostNamespaces::new(client.clone()))
}

/// What becomes of a create that no policy is about.
async fn create(policies: &std::sync::Arc<HostPolicies>) -> Result<(), Status> {
    let definitions = kubernetes_apiserver::core_definitions();
    let definition = definitions
        .iter()
        .find(|found| found.names.plural == "configmaps")
        .unwrap();
    let request = AdmissionRequest {
        user: &User::default(),
        resource: definition,
        subresource: "",
        kind: (&definition.names).into(),
        namespace: "default",
        name: "x",
        operation: Operation::Create,
        options: Options::Write(&WriteOptions::default()),
        old: None,
        dry_run: false,
        notes: &Notes::default(),
    };
    let plugin = ValidatingPolicies::new(policies.clone());
    assert!(plugin.handles(Step::Validate, &request) && !plugin.handles(Step::Admit, &request));
    plugin.validate(&request, Some(&json!({}))).await
}

#[tokio::test]
async fn a_host_without_such_kinds_has_no_policies() {
    let host = Host::start().await;
    let policies = policies(&host.server());
    let following = tokio::spawn(policies.clone().follow(CancellationToken::new()));
    until("all is known", async || policies.were_read().is_ok()).await;
    assert!(policies.hooks().await.unwrap().is_empty());
    create(&policies).await.unwrap();
    following.abort();
}

#[tokio::test]
async fn nothing_is_written_before_the_policies_are_known() {
    let host = Host::start().await;
    let wire = std::sync::Arc::new(Wire::default());
    let policies = policies(&wire.to(&host));
    wire.cut();
    let following = tokio::spawn(policies.clone().follow(CancellationToken::new()));
    let missing = "the host's ValidatingAdmissionPolicy objects are not known: they are still being read";
    assert_eq!(policies.were_read(), Err(missing.to_owned()));
    tokio::time::pause();
    let refusal = create(&policies).await.unwrap_err();
    assert_eq!(
        (refusal.code, refusal.message),
        (503, format!("not yet ready to handle request: {missing}"))
    );
    following.abort();
}

#[tokio::test]
async fn a_right_that_is_missing_is_named() {
    let host = Host::start().await;
    let policies = policies(&host.user("somebody", &[]));
    let following = tokio::spawn(policies.clone().follow(CancellationToken::new()));
    let denied = "User \"somebody\" cannot list resource \"validatingadmissionpolicies\" in API group \"admissionregistration.k8s.io\"";
    until("the refusal is told", async || {
        policies.were_read().is_err_and(|why| why.contains(denied))
    })
    .await;
    following.abort();
}
