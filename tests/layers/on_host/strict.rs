//! Everything that the layers write, judged by upstream's own definitions: their rules, and no field that they do not name.

use std::{
    pin::Pin,
    sync::Arc,
    task::{self, Poll},
};

use anyhow::Result;
use bytes::Bytes;
use guestcluster_types::{GuestCluster, GuestClusterRelease, upstream::capv::VSphereCluster};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full, combinators::UnsyncBoxBody};
use kube::{
    Api,
    api::PostParams,
    client::Body,
    core::{ApiResource, DynamicObject},
};
use parking_lot::Mutex;
use serde_json::json;
use tower::{BoxError, Service};

use super::OnHost;
use crate::all_layers::{World, eventually};

/// What kube-apiserver said against writes: that a field is unknown, or a value is not allowed.
pub(super) type Refusals = Arc<Mutex<Vec<String>>>;

/// Asks for a refusal of fields that the kind has not, as kubectl does, and keeps what is refused.
#[derive(Clone)]
pub(super) struct Strict<S> {
    pub(super) inner: S,
    pub(super) refusals: Refusals,
}

impl<S, B> Service<Request<Body>> for Strict<S>
where
    S: Service<Request<Body>, Response = Response<B>>,
    S::Future: Send + 'static,
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
    S::Error: Into<BoxError>,
{
    type Response = Response<UnsyncBoxBody<Bytes, BoxError>>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, BoxError>> + Send>>;

    fn poll_ready(&mut self, context: &mut task::Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        ask(&mut request);
        let what = format!("{} {}", request.method(), request.uri().path());
        let (answer, refusals) = (self.inner.call(request), self.refusals.clone());
        Box::pin(async move {
            let (parts, body) = answer.await.map_err(Into::into)?.into_parts();
            if ![StatusCode::BAD_REQUEST, StatusCode::UNPROCESSABLE_ENTITY].contains(&parts.status) {
                return Ok(Response::from_parts(parts, body.map_err(Into::into).boxed_unsync()));
            }
            let body = body.collect().await.map_err(Into::into)?.to_bytes();
            refusals
                .lock()
                .push(format!("{what}: {}", String::from_utf8_lossy(&body)));
            Ok(Response::from_parts(
                parts,
                Full::new(body).map_err(|never| match never {}).boxed_unsync(),
            ))
        })
    }
}

fn ask(request: &mut Request<Body>) {
    if ![Method::POST, Method::PUT, Method::PATCH].contains(request.method()) {
        return;
    }
    let (path, query) = (request.uri().path(), request.uri().query().unwrap_or_default());
    let asked = format!("{path}?{query}&fieldValidation=Strict");
    // Made of one, it is one.
    if let Ok(uri) = asked.parse() {
        *request.uri_mut() = uri;
    }
}

impl OnHost {
    /// Has upstream's own definitions served in the place of those that hosts of tests have.
    pub(super) async fn use_published_definitions(&self) -> Result<()> {
        tokio::task::block_in_place(|| self.host.use_published_definitions());
        let clusters: Api<DynamicObject> =
            Api::default_namespaced_with(self.client.clone(), &ApiResource::erase::<VSphereCluster>(&()));
        let unknown = serde_json::from_value(json!({
            "apiVersion": "vmware.infrastructure.cluster.x-k8s.io/v1beta2", "kind": "VSphereCluster", "metadata": {"name": "dev"},
            "spec": {"controlPlaneEndpoint": {"host": "a", "port": 1, "oops": 1}},
        }))?;
        eventually("unknown fields are refused", async || {
            let params = PostParams {
                dry_run: true,
                ..PostParams::default()
            };
            let answer = clusters.create(&params, &unknown).await;
            let refusal = answer.err().map(|error| error.to_string()).unwrap_or_default();
            Ok((!refusal.contains("unknown field \"spec.controlPlaneEndpoint.oops\"")).then_some(refusal))
        })
        .await?;
        self.refusals.lock().clear();
        Ok(())
    }
}

/// Creates a guest that has all that a user can ask for, and an etcd outside its machines.
pub(super) async fn create_guest_with_everything(world: &World, name: &str) -> Result<()> {
    let zone = json!({"metadata": {"name": "zone-1"}});
    world
        .create("topology.tanzu.vmware.com/v1alpha1", "AvailabilityZone", zone)
        .await?;
    let version = "v1.34.9";
    let image = json!({"metadata": {"name": format!("photon-{version}")}, "spec": {}});
    world
        .create("vmoperator.vmware.com/v1alpha5", "ClusterVirtualMachineImage", image)
        .await?;
    let release = json!({"apiVersion": "guestclusters.dev/v1alpha1", "kind": "GuestClusterRelease", "metadata": {"name": version},
        "spec": {"version": version, "etcd": "external", "images": [{"os": "photon", "name": format!("photon-{version}")}]}});
    let releases: Api<GuestClusterRelease> = Api::all(world.client.clone());
    releases
        .create(&PostParams::default(), &serde_json::from_value(release)?)
        .await?;
    let pool = json!({
        "name": "web", "replicas": 1, "vmClass": "small", "storageClass": "gold", "failureDomain": "zone-1",
        "labels": {"example.com/tier": "web", "node-role.kubernetes.io/web": ""},
        "taints": [{"key": "dedicated", "value": "web", "effect": "NoSchedule"}, {"key": "spot", "effect": "PreferNoSchedule"}],
        "rollout": {"maxSurge": "50%", "maxUnavailable": 1, "drainTimeoutSeconds": 30},
    });
    let guest = json!({
        "apiVersion": "guestclusters.dev/v1alpha1", "kind": "GuestCluster", "metadata": {"name": name},
        "spec": {
            "distribution": {"version": version},
            "topology": {"controlPlane": {"replicas": 1, "vmClass": "small", "storageClass": "gold", "rollout": {"drainTimeoutSeconds": 30}}, "nodePools": [pool]},
            "settings": {
                "network": {"pods": {"cidrBlocks": ["172.16.0.0/16"]}, "services": {"cidrBlocks": ["10.100.0.0/16"]}, "serviceDomain": "guest.local"},
                "storage": {"classes": ["gold"], "defaultClass": "gold"},
            },
        },
    });
    world
        .api()
        .create(&PostParams::default(), &serde_json::from_value::<GuestCluster>(guest)?)
        .await?;
    Ok(())
}
