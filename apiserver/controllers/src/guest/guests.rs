//! The GuestClusters, as a watch shows them.

use std::{collections::BTreeSet, sync::Arc};

use futures::{Stream, StreamExt};
use guestcluster_types::GuestCluster;
use kube::{
    Client, ResourceExt,
    core::DeserializeGuard,
    runtime::{
        reflector::{ObjectRef, store::Writer},
        watcher::{self, Event},
    },
};
use parking_lot::RwLock;

use super::{mirror::ClusterKey, mirrors::unguarded};
use crate::watching::{Seen, follow};

/// The GuestClusters that are there and can't be read, so that nobody takes them for gone.
#[derive(Clone, Default)]
pub(super) struct Unreadable(Arc<RwLock<BTreeSet<ClusterKey>>>);

impl Unreadable {
    pub(super) fn has(&self, namespace: &str, name: &str) -> bool {
        let all = self.0.read();
        !all.is_empty()
            && all.contains(&ClusterKey {
                namespace: namespace.to_owned(),
                name: name.to_owned(),
            })
    }

    fn record(&self, event: &Event<DeserializeGuard<GuestCluster>>) {
        match event {
            Event::Init => self.0.write().clear(),
            Event::Apply(guard) | Event::InitApply(guard) if guard.0.is_err() => {
                self.0.write().insert(key(guard));
            }
            Event::Apply(guard) | Event::Delete(guard) if !self.0.read().is_empty() => {
                self.0.write().remove(&key(guard));
            }
            _ => {}
        }
    }
}

fn key(guard: &DeserializeGuard<GuestCluster>) -> ClusterKey {
    ClusterKey {
        namespace: guard.namespace().unwrap_or_default(),
        name: guard.name_any(),
    }
}

/// Follows the GuestClusters, keeps them in `writer`, and names each that somebody has changed. `seen` is called after
/// everything that happened to any of them.
pub(super) fn changed_guests(
    client: &Client,
    mut writer: Writer<GuestCluster>,
    unreadable: Unreadable,
    seen: impl Fn() + Send,
) -> impl Stream<Item = ObjectRef<GuestCluster>> + Send {
    follow::<DeserializeGuard<GuestCluster>>(client, watcher::Config::default()).filter_map(move |news| {
        let changed = match news {
            Seen::Event(event) => {
                unreadable.record(&event);
                take_in(event, &mut writer)
            }
            // Those that were there stay: what can't be asked for is not gone.
            Seen::Lost(_) => None,
        };
        seen();
        futures::future::ready(changed)
    })
}

fn take_in(
    event: Event<DeserializeGuard<GuestCluster>>,
    writer: &mut Writer<GuestCluster>,
) -> Option<ObjectRef<GuestCluster>> {
    let event = unguarded(event)?.modify(|guest| guest.metadata.managed_fields = None);
    writer.apply_watcher_event(&event);
    match event {
        Event::Apply(guest) | Event::InitApply(guest) => Some(ObjectRef::from_obj(&guest)),
        Event::Delete(_) | Event::Init | Event::InitDone => None,
    }
}
