//! Reflectors of kube-rs: what they hold is what the server has, also after a lost connection, and the same with both servers.

use std::{collections::BTreeMap, fmt::Debug, hash::Hash, path::Path, time::Duration};

use futures::{Stream, StreamExt as _, future::join_all};
use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::{
    Api, Client, Resource, ResourceExt as _,
    api::{ApiResource, DeleteParams, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams, PostParams},
    core::PartialObjectMeta,
    runtime::{
        WatchStreamExt as _,
        reflector::{self, store::Writer},
        watcher::{self, Event, watcher},
    },
};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    compare::{difference::differences, normalise::Seen, report::Report, servers::Ours},
    line::Line,
    servers::{Servers, address, client, client_through},
};

/// Longest until a reflector holds what the server has.
const PATIENCE: Duration = Duration::from_mins(1);
/// Between two looks.
const LOOK: Duration = Duration::from_millis(50);
/// What the reflectors follow; objects leave and enter it.
const SELECTOR: &str = "shown=yes";
const OBJECTS: usize = 12;

#[test]
fn reflectors_of_kube_rs_hold_what_a_server_has() {
    let servers = Servers::shared();
    let mut report = Report::new("kube-rs", "reflectors");
    for (ours, group, kind) in [
        (Ours::Library, "demo.example.io", "Widget"),
        (Ours::Embedded, "coordination.k8s.io", "Lease"),
    ] {
        let namespace = format!("kube-rs-{ours:?}").to_lowercase();
        let kubeconfigs = servers.kubeconfigs(ours, &namespace);
        let kind = ApiResource::from_gvk(&GroupVersionKind::gvk(group, "v1", kind));
        let [theirs, ours] = kubeconfigs
            .each_ref()
            .map(|kubeconfig| held(kubeconfig, &namespace, &kind));
        let (theirs, ours) = servers.block_on(async { tokio::join!(theirs, ours) });
        for (number, (name, theirs)) in (1..).zip(&theirs) {
            let found = differences(name, Some(theirs), ours.get(name));
            report.add(&namespace, number, name.clone(), found, Vec::new());
        }
    }
    crate::judge(report, &[], true);
}

/// What each reflector holds when all was written.
async fn held(kubeconfig: &Path, namespace: &str, kind: &ApiResource) -> BTreeMap<String, Value> {
    let writer = client(kubeconfig).await;
    let made = serde_json::from_value(json!({"metadata": {"name": namespace}})).unwrap();
    let namespaces: Api<Namespace> = Api::all(writer.clone());
    namespaces.create(&PostParams::default(), &made).await.unwrap();

    let line = Line::to(address(kubeconfig)).await;
    let reader = client_through(kubeconfig, line.address).await;
    let maps: Api<ConfigMap> = Api::namespaced(reader.clone(), namespace);
    let metadata: Api<PartialObjectMeta<ConfigMap>> = Api::namespaced(reader.clone(), namespace);
    let others: Api<DynamicObject> = Api::namespaced_with(reader, namespace, kind);
    let map_kind = ApiResource::erase::<ConfigMap>(&());
    let listed = || watcher::Config::default().labels(SELECTOR).page_size(5);
    let streamed = || watcher::Config::default().labels(SELECTOR).streaming_lists();
    let reflectors = [
        reflect("maps listed", &map_kind, (), watcher(maps.clone(), listed())),
        reflect("maps streamed", &map_kind, (), watcher(maps, streamed())),
        reflect("metadata listed", &map_kind, (), watcher(metadata.clone(), listed())),
        reflect("metadata streamed", &map_kind, (), watcher(metadata, streamed())),
        reflect("others listed", kind, kind.clone(), watcher(others.clone(), listed())),
        reflect("others streamed", kind, kind.clone(), watcher(others, streamed())),
    ];
    tokio::join!(
        write(&writer, namespace, &map_kind, &line),
        write(&writer, namespace, kind, &line)
    );
    let mut seen = Seen::new(&address(kubeconfig));
    let mut held = BTreeMap::new();
    for reflector in &reflectors {
        let mut objects = reflector.settled(&writer, namespace).await;
        without_kind(&mut objects);
        seen.normalise(&mut objects);
        held.insert(reflector.name.to_owned(), objects);
    }
    held
}

/// Takes away what each object says of its kind: an item of a list says nothing of it and an event does, and whether an object was
/// listed again or came as an event is decided by when the line was cut.
fn without_kind(objects: &mut Value) {
    for object in objects.as_object_mut().into_iter().flat_map(|all| all.values_mut()) {
        if let Some(object) = object.as_object_mut() {
            object.remove("apiVersion");
            object.remove("kind");
        }
    }
}

/// A reflector, and a look at what it holds.
struct Reflector {
    name: &'static str,
    kind: ApiResource,
    look: Box<dyn Fn() -> BTreeMap<String, Value> + Send + Sync>,
}

/// Keeps what a watcher tells of.
fn reflect<K>(
    name: &'static str,
    kind: &ApiResource,
    dynamic_type: K::DynamicType,
    events: impl Stream<Item = watcher::Result<Event<K>>> + Send + 'static,
) -> Reflector
where
    K: Resource + Clone + Serialize + Debug + Send + Sync + 'static,
    K::DynamicType: Clone + Debug + Eq + Hash + Send + Sync + Unpin,
{
    let writer = Writer::new(dynamic_type);
    let store = writer.as_reader();
    let events = reflector::reflector(writer, events).default_backoff();
    // Errors are those of the cut line, and tried again.
    tokio::spawn(events.for_each(|_| async {}));
    let look = move || {
        let objects = store.state().into_iter();
        objects
            .map(|object| (object.name_any(), serde_json::to_value(&*object).unwrap()))
            .collect()
    };
    Reflector {
        name,
        kind: kind.clone(),
        look: Box::new(look),
    }
}

impl Reflector {
    /// What it holds once that is what the server has.
    async fn settled(&self, client: &Client, namespace: &str) -> Value {
        let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &self.kind);
        let list = api.list(&ListParams::default().labels(SELECTOR)).await.unwrap();
        let has: BTreeMap<_, _> = list
            .iter()
            .map(|object| (object.name_any(), object.resource_version()))
            .collect();
        assert_eq!(has.len(), OBJECTS / 2, "{}: {has:?}", self.name);
        let mut holds = BTreeMap::new();
        let wait = async {
            loop {
                let objects = (self.look)();
                holds = objects
                    .iter()
                    .map(|(name, object)| {
                        let version = object["metadata"]["resourceVersion"].as_str();
                        (name.clone(), version.map(str::to_owned))
                    })
                    .collect();
                if holds == has {
                    return json!(objects);
                }
                tokio::time::sleep(LOOK).await;
            }
        };
        let settled = tokio::time::timeout(PATIENCE, wait).await;
        settled.unwrap_or_else(|_| panic!("{}: the server has {has:?}, the reflector holds {holds:?}", self.name))
    }
}

/// Objects come, change, leave the selection, come back and go, while the readers' line is cut.
async fn write(client: &Client, namespace: &str, kind: &ApiResource, line: &Line) {
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, kind);
    let name = |i: usize| format!("object-{i:02}");
    for i in 0..OBJECTS {
        let mut object = DynamicObject::new(&name(i), kind).data(json!({}));
        object.labels_mut().insert("shown".to_owned(), "yes".to_owned());
        api.create(&PostParams::default(), &object).await.unwrap();
    }
    line.cut();
    let patch = async |i: usize, patch: Value| {
        let name = name(i);
        api.patch(&name, &PatchParams::default(), &Patch::Merge(patch))
            .await
            .unwrap();
    };
    let all = 0..OBJECTS;
    join_all(
        all.clone()
            .map(|i| patch(i, json!({"metadata": {"annotations": {"n": "1"}}}))),
    )
    .await;
    let shown = |shown: &str| json!({"metadata": {"labels": {"shown": shown}}});
    join_all(all.clone().filter(|i| i % 2 == 0).map(|i| patch(i, shown("no")))).await;
    line.cut();
    join_all(all.clone().filter(|i| i % 4 == 0).map(|i| patch(i, shown("yes")))).await;
    for i in all.filter(|i| i % 4 == 1) {
        api.delete(&name(i), &DeleteParams::default()).await.unwrap();
    }
}
