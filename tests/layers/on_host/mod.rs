//! All layers over a real kube-apiserver, with a real garbage collector and namespace controller beside them. Our own kinds
//! are CRDs here: the layers can't tell.

mod defaults;
mod interruptions;
mod kinds;
mod life;
mod namespaces;
mod strict;
mod webhooks;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use guestcluster_tests::Host;
use guestcluster_types::{GuestCluster, GuestClusterRelease};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api, Client, Config, CustomResourceExt,
    api::{Patch, PatchParams},
    client::{Body, ClientBuilder},
    config::{KubeConfigOptions, Kubeconfig},
    runtime::{conditions::is_crd_established, wait::await_condition},
};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tempfile::TempDir;
use tower::{layer::layer_fn, util::MapRequestLayer};

use self::strict::{Refusals, Strict};
use crate::all_layers::{PATIENCE, World};

/// Without a write for so long, what was under way is done: no controller waits longer before it looks again at what changed.
const QUIET: Duration = Duration::from_secs(3);

/// A host that serves our kinds.
struct OnHost {
    client: Client,
    requests: Requests,
    refusals: Refusals,
    host: Host,
    _folder: TempDir,
}

/// How often each verb was used on each resource.
type Requests = Arc<Mutex<BTreeMap<String, usize>>>;

impl OnHost {
    async fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let host = Host::start(folder.path());
        let (client, requests, refusals) = client(&host).await?;
        let started = Self {
            client,
            requests,
            refusals,
            host,
            _folder: folder,
        };
        started
            .define(ours(&GuestCluster::crd(), json!({"status": {}}))?)
            .await?;
        started.define(ours(&GuestClusterRelease::crd(), json!({}))?).await?;
        Ok(started)
    }

    /// The layers' world over it.
    async fn world(&self) -> Result<World> {
        World::over(self.client.clone()).await
    }

    fn definitions(&self) -> Api<CustomResourceDefinition> {
        Api::all(self.client.clone())
    }

    /// Installs a definition, and waits until it is served.
    async fn define(&self, definition: Value) -> Result<()> {
        let name = definition["metadata"]["name"].as_str().context("a name")?.to_owned();
        let apply = PatchParams::apply("test").force();
        self.definitions()
            .patch(&name, &apply, &Patch::Apply(definition))
            .await?;
        let established = await_condition(self.definitions(), &name, is_crd_established());
        tokio::time::timeout(PATIENCE, established)
            .await
            .with_context(|| format!("{name} is not served"))??;
        Ok(())
    }

    /// How many writes were asked for so far.
    fn writes(&self) -> usize {
        let asked = self.requests.lock();
        let is_read = |what: &str| what.starts_with("GET ") || what.starts_with("WATCH ");
        asked
            .iter()
            .filter(|(what, _)| !is_read(what))
            .map(|(_, count)| count)
            .sum()
    }

    /// How many writes were asked for when, for a while, no more came.
    async fn quiet(&self) -> Result<usize> {
        let none_came = async {
            let mut writes = self.writes();
            loop {
                tokio::time::sleep(QUIET).await;
                match self.writes() {
                    same if same == writes => return writes,
                    more => writes = more,
                }
            }
        };
        let waited = tokio::time::timeout(PATIENCE, none_came).await;
        waited.with_context(|| format!("there is always another write: {:#?}", self.asked()))
    }

    /// How often something was asked so far.
    fn asked(&self) -> BTreeMap<String, usize> {
        self.requests.lock().clone()
    }
}

/// One of our kinds, with the subresources that it has in our server.
fn ours(definition: &CustomResourceDefinition, subresources: Value) -> Result<Value> {
    let mut definition = serde_json::to_value(definition)?;
    definition["spec"]["versions"][0]["subresources"] = subresources;
    Ok(definition)
}

/// A client that may do everything, and what is asked with it. kube-apiserver refuses what it writes that has a field which the
/// kind has not.
async fn client(host: &Host) -> Result<(Client, Requests, Refusals)> {
    let kubeconfig = Kubeconfig::read_from(host.kubeconfig("root", Some("system:masters"), Some("team-a")))?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await?;
    let requests = Requests::default();
    let told = requests.clone();
    let count = MapRequestLayer::new(move |request: http::Request<Body>| {
        *told.lock().entry(described(&request)).or_default() += 1;
        request
    });
    let refusals = Refusals::default();
    let kept = refusals.clone();
    let strict = layer_fn(move |inner| Strict {
        inner,
        refusals: kept.clone(),
    });
    let builder = ClientBuilder::try_from(config)?;
    Ok((
        builder.with_layer(&strict).with_layer(&count).build(),
        requests,
        refusals,
    ))
}

/// Verb and resource of a request, without names.
fn described(request: &http::Request<Body>) -> String {
    let is_watch = request.uri().query().is_some_and(|query| query.contains("watch=true"));
    let verb = if is_watch { "WATCH" } else { request.method().as_str() };
    let parts: Vec<_> = request.uri().path().split('/').skip(1).collect();
    let resource = match parts.as_slice() {
        ["api", _, rest @ ..] | ["apis", _, _, rest @ ..] => rest,
        other => other,
    };
    let resource = match resource {
        ["namespaces", _, rest @ ..] if !rest.is_empty() => rest,
        other => other,
    };
    match resource {
        [resource, _, subresource] => format!("{verb} {resource}/{subresource}"),
        [resource, ..] => format!("{verb} {resource}"),
        [] => verb.to_owned(),
    }
}
