use generic_apiserver::{
    admission::{Admission as _, Notes, Operation, Options, Step},
    authn::User,
    registry::ResourceDefinition,
    request::options::WriteOptions,
};
use kube::api::{DeleteParams, Patch, PatchParams};
use kubernetes_apiserver::quota::QuotaAdmission;
use serde_json::json;

use super::{
    super::testing::{Host, Wire, until},
    *,
};

const COUNT: &str = "count/guestclusters.guestclusters.dev";

/// A kind of ours, which the host does not know.
fn guest_clusters() -> ResourceDefinition {
    let definitions = kubernetes_apiserver::core_definitions();
    let found = definitions
        .iter()
        .find(|definition| definition.names.plural == "configmaps");
    let mut definition = found.unwrap().clone();
    definition.names.group = "guestclusters.dev".into();
    definition.names.plural = "guestclusters".into();
    definition
}

/// What becomes of a create, if anybody is asked.
async fn create(quotas: &Arc<HostQuotas>, name: &str, dry_run: bool) -> Result<(), Status> {
    let definition = guest_clusters();
    let request = AdmissionRequest {
        user: &User::default(),
        resource: &definition,
        subresource: "",
        kind: (&definition.names).into(),
        namespace: "default",
        name,
        operation: Operation::Create,
        options: Options::Write(&WriteOptions::default()),
        old: None,
        dry_run,
        notes: &Notes::default(),
    };
    let plugin = QuotaAdmission::by(quotas.clone());
    if !plugin.handles(Step::Validate, &request) {
        return Ok(());
    }
    plugin
        .validate(&request, Some(&json!({"metadata": {"name": name}})))
        .await
}

fn quotas_of(host: &Host) -> Api<core::ResourceQuota> {
    Api::namespaced(host.admin(), "default")
}

/// A quota of three, with this much used as its controller says, if it has said anything.
async fn quota(host: &Host, used: Option<&str>) -> Api<core::ResourceQuota> {
    let quotas = quotas_of(host);
    let three = json!({"metadata": {"name": "few"}, "spec": {"hard": {COUNT: "3"}}});
    let three = serde_json::from_value(three).unwrap();
    quotas.create(&PostParams::default(), &three).await.unwrap();
    let mut status = json!({"status": {"hard": {COUNT: "3"}}});
    if let Some(used) = used {
        status["status"]["used"] = json!({COUNT: used});
    }
    let params = PatchParams::default();
    quotas
        .patch_status("few", &params, &Patch::Merge(status))
        .await
        .unwrap();
    quotas
}

async fn used(quotas: &Api<core::ResourceQuota>) -> String {
    let status = quotas.get("few").await.unwrap().status.unwrap_or_default();
    status
        .used
        .unwrap_or_default()
        .remove(COUNT)
        .map_or_else(String::new, |used| used.0)
}

#[tokio::test]
async fn of_many_as_many_pass_as_the_quota_has_room_for() {
    let host = Host::start().await;
    let quotas = quota(&host, Some("1")).await;
    let ours = HostQuotas::new(host.server());
    create(&ours, "dry", true).await.unwrap();
    let creates = (0..30).map(|number| {
        let ours = ours.clone();
        async move { create(&ours, &format!("c{number}"), false).await.is_ok() }
    });
    let passed = futures::future::join_all(creates).await;
    assert_eq!(
        (passed.iter().filter(|passed| **passed).count(), used(&quotas).await),
        (2, "3".to_owned())
    );
    for dry_run in [true, false] {
        let refusal = create(&ours, "more", dry_run).await.unwrap_err();
        let words = format!(
            "guestclusters.guestclusters.dev \"more\" is forbidden: exceeded quota: few, requested: {COUNT}=1, used: {COUNT}=3, \
             limited: {COUNT}=3"
        );
        assert_eq!((refusal.code, refusal.message), (403, words));
    }
}

#[tokio::test]
async fn nothing_is_created_while_nobody_knows_what_is_used() {
    let host = Host::start().await;
    quota(&host, None).await;
    let refusal = create(&HostQuotas::new(host.server()), "a", false).await.unwrap_err();
    let words = format!(
        "guestclusters.guestclusters.dev \"a\" is forbidden: status unknown for quota: few, resources: {COUNT}"
    );
    assert_eq!((refusal.code, refusal.message), (403, words));
}

#[tokio::test]
async fn a_namespace_that_is_known_to_have_none_costs_no_request() {
    let host = Host::start().await;
    let wire = Arc::new(Wire::default());
    let ours = HostQuotas::new(wire.to(&host));
    let following = tokio::spawn(ours.clone().follow(CancellationToken::new()));
    until("nothing is there", async || !ours.any("default")).await;
    let sent = wire.sent();
    create(&ours, "a", false).await.unwrap();
    assert_eq!(wire.sent(), sent);
    let quotas = quota(&host, Some("3")).await;
    until("the quota is known", async || ours.any("default")).await;
    assert!(!ours.any("defaul") && !ours.any("default-2"));
    create(&ours, "a", false).await.unwrap_err();
    quotas.delete("few", &DeleteParams::default()).await.unwrap();
    until("the quota is gone", async || !ours.any("default")).await;
    following.abort();
}

#[tokio::test]
async fn a_host_that_cannot_be_asked_is_a_failure() {
    let host = Host::start().await;
    let wire = Arc::new(Wire::default());
    let ours = HostQuotas::new(wire.to(&host));
    wire.fail(10);
    let failure = create(&ours, "a", false).await.unwrap_err();
    assert_eq!(failure.code, 500);
    assert!(
        failure
            .message
            .contains("the quotas of namespace \"default\" cannot be asked"),
        "{}",
        failure.message
    );
}
