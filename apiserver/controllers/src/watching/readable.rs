//! Objects that can't be read, such as those that a newer definition takes in: they are left out, and hide no others.

use futures::{Stream, StreamExt as _};
use kube::{
    Api, Client,
    core::{DeserializeGuard, error_boundary::InvalidObject},
    runtime::watcher::{self, Event},
};
use serde::de::Error as _;

use super::Kind;

/// Whether an object among those that came can't be read. kube takes an event that it can't read for a Status that says nothing.
pub(super) fn is_unreadable(error: &watcher::Error) -> bool {
    match error {
        watcher::Error::InitialListFailed(kube::Error::SerdeError(_))
        | watcher::Error::WatchFailed(kube::Error::SerdeError(_)) => true,
        watcher::Error::WatchFailed(kube::Error::Api(status)) => status.code == 0 && status.message.is_empty(),
        _ => false,
    }
}

/// Follows a kind without the objects that can't be read. What was seen of one before stays until it can be read again; when it
/// goes, this ends with an error, and a new list says what there is.
pub(super) fn watch<K: Kind>(
    client: &Client,
    config: watcher::Config,
) -> impl Stream<Item = watcher::Result<Event<K>>> + Send + use<K> {
    let api = Api::<DeserializeGuard<K>>::all(client.clone());
    watcher::watcher(api, config).filter_map(async |event| {
        let event = match event {
            Ok(event) => event,
            Err(error) => return Some(Err(error)),
        };
        match event {
            Event::Init => Some(Ok(Event::Init)),
            Event::InitDone => Some(Ok(Event::InitDone)),
            Event::InitApply(object) => read(object).ok().map(|object| Ok(Event::InitApply(object))),
            Event::Apply(object) => read(object).ok().map(|object| Ok(Event::Apply(object))),
            Event::Delete(object) => Some(match read(object) {
                Ok(object) => Ok(Event::Delete(object)),
                Err(invalid) => Err(gone(&invalid)),
            }),
        }
    })
}

fn read<K: Kind>(object: DeserializeGuard<K>) -> Result<K, Box<InvalidObject>> {
    object.0.map_err(Box::new).inspect_err(|invalid| {
        let meta = &invalid.metadata;
        let (namespace, name) = (meta.namespace.as_deref(), meta.name.as_deref());
        let error = &invalid.error;
        tracing::warn!(kind = %K::kind(&()), namespace, name, error, "can't be read, and is left out");
    })
}

fn gone(invalid: &InvalidObject) -> watcher::Error {
    let error = serde_json::Error::custom(&invalid.error);
    watcher::Error::WatchFailed(kube::Error::SerdeError(error))
}
