//! Objects of one kind as a watch tells of them, and whether they are known.

use std::collections::BTreeMap;

use futures::{Stream, StreamExt as _};
use kube::{
    ResourceExt,
    runtime::watcher::{self, DefaultBackoff, Event},
};
use parking_lot::RwLock;
use tokio_util::sync::CancellationToken;

use crate::aggregated::failure::reason_of_watch;

/// What is kept of each object of a kind, by namespace and name, while the watch that tells of them runs.
#[derive(Debug)]
pub(crate) struct Followed<T> {
    /// The objects, for the log.
    what: &'static str,
    known: RwLock<Known<T>>,
}

/// By namespace, which is empty for cluster-scoped kinds, and name.
type Objects<T> = BTreeMap<String, BTreeMap<String, T>>;

#[derive(Debug)]
struct Known<T> {
    objects: Objects<T>,
    /// Those of a list that is still being read.
    listed: Objects<T>,
    is_current: bool,
}

impl<T: Clone> Followed<T> {
    /// Of these objects, which the log calls `what`, nothing is known until [`Followed::follow`] runs.
    pub(crate) fn new(what: &'static str) -> Followed<T> {
        let known = Known {
            objects: BTreeMap::new(),
            listed: BTreeMap::new(),
            is_current: false,
        };
        Followed {
            what,
            known: RwLock::new(known),
        }
    }

    /// What is kept of an object. None when there is no such object, and when nothing is known.
    pub(crate) fn get(&self, namespace: &str, name: &str) -> Option<T> {
        self.known.read().current()?.get(namespace)?.get(name).cloned()
    }

    /// Whether there is such an object. None when nothing is known.
    pub(crate) fn has(&self, namespace: &str, name: &str) -> Option<bool> {
        let known = self.known.read();
        let objects = known.current()?;
        Some(objects.get(namespace).is_some_and(|names| names.contains_key(name)))
    }

    /// Whether there is any object in a namespace. None when nothing is known.
    pub(crate) fn any(&self, namespace: &str) -> Option<bool> {
        Some(self.known.read().current()?.contains_key(namespace))
    }

    /// Follows the objects until `stop`, by watches as `begin` starts them, and keeps of each what `keep` makes of it. Nothing is
    /// known from a watch's failure until another one has listed them anew, and after `stop`.
    pub(crate) async fn follow<K, W>(&self, begin: impl Fn() -> W, keep: impl Fn(K) -> T, stop: CancellationToken)
    where
        K: ResourceExt,
        W: Stream<Item = watcher::Result<Event<K>>>,
    {
        let following = async {
            let mut backoff = DefaultBackoff::default();
            let mut last_failure = None;
            loop {
                let mut events = Box::pin(begin());
                let failure = loop {
                    match events.next().await {
                        Some(Ok(event)) => {
                            if self.known.write().learn(event, &keep) {
                                last_failure = None;
                            }
                        }
                        Some(Err(error)) => break reason_of_watch(&error),
                        None => break "it ended".to_owned(),
                    }
                };
                self.known.write().is_current = false;
                self.tell(failure, &mut last_failure);
                // It has no end.
                tokio::time::sleep(backoff.next().unwrap_or_default()).await;
            }
        };
        stop.run_until_cancelled(following).await;
        self.known.write().is_current = false;
    }

    /// Logs a failure that is not the one before.
    fn tell(&self, failure: String, last: &mut Option<String>) {
        if last.as_ref() == Some(&failure) {
            tracing::debug!(what = self.what, failure, "can't be followed yet");
            return;
        }
        tracing::warn!(what = self.what, failure, "can't be followed; trying again");
        *last = Some(failure);
    }
}

impl<T> Known<T> {
    fn current(&self) -> Option<&Objects<T>> {
        self.is_current.then_some(&self.objects)
    }

    /// Takes in what the watch says; whether all is known now.
    fn learn<K: ResourceExt>(&mut self, event: Event<K>, keep: impl Fn(K) -> T) -> bool {
        match event {
            Event::Init => self.listed.clear(),
            Event::InitApply(object) => insert(&mut self.listed, object, keep),
            Event::InitDone => {
                self.objects = std::mem::take(&mut self.listed);
                self.is_current = true;
            }
            Event::Apply(object) => insert(&mut self.objects, object, keep),
            Event::Delete(object) => remove(&mut self.objects, &object),
        }
        self.is_current
    }
}

fn insert<K: ResourceExt, T>(objects: &mut Objects<T>, object: K, keep: impl Fn(K) -> T) {
    let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
    objects.entry(namespace).or_default().insert(name, keep(object));
}

fn remove<K: ResourceExt, T>(objects: &mut Objects<T>, object: &K) {
    let namespace = object.namespace().unwrap_or_default();
    let Some(names) = objects.get_mut(&namespace) else {
        return;
    };
    names.remove(&object.name_any());
    if names.is_empty() {
        objects.remove(&namespace);
    }
}

#[cfg(test)]
mod tests {
    use futures::{channel::mpsc, stream::BoxStream};
    use k8s_openapi::api::core::v1::ConfigMap;
    use parking_lot::Mutex;
    use serde_json::json;

    use super::*;

    fn object(namespace: &str, name: &str) -> ConfigMap {
        serde_json::from_value(json!({"metadata": {"namespace": namespace, "name": name}})).unwrap()
    }

    #[test]
    fn what_the_watch_says_counts_once_the_list_is_whole() {
        use Event::{Apply, Delete, Init, InitApply, InitDone};
        let followed = Followed::new("things");
        let learn = |event| {
            followed.known.write().learn(event, |_: ConfigMap| ());
            (followed.has("n", "a"), followed.any("n"))
        };
        assert_eq!(learn(Init), (None, None));
        assert_eq!(
            learn(InitApply(object("n", "a"))),
            (None, None),
            "the list is not whole"
        );
        assert_eq!(learn(InitDone), (Some(true), Some(true)));
        assert_eq!(learn(Apply(object("n", "b"))), (Some(true), Some(true)));
        assert_eq!(learn(Delete(object("n", "a"))), (Some(false), Some(true)));
        assert_eq!(learn(Delete(object("n", "b"))), (Some(false), Some(false)));
        learn(Apply(object("n", "a")));
        assert_eq!(learn(Init), (Some(true), Some(true)), "until there is another list");
        assert_eq!(learn(InitDone), (Some(false), Some(false)));
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_known_between_a_watch_and_the_next_one() {
        let followed = Followed::new("things");
        let watches = Mutex::new(Vec::new());
        let begin = || -> BoxStream<'static, watcher::Result<Event<ConfigMap>>> {
            let (events, watch) = mpsc::unbounded();
            for event in [Event::Init, Event::InitApply(object("n", "a")), Event::InitDone] {
                events.unbounded_send(Ok(event)).unwrap();
            }
            watches.lock().push(events);
            watch.boxed()
        };
        let stop = CancellationToken::new();
        let check = async {
            while followed.has("n", "a").is_none() {
                tokio::task::yield_now().await;
            }
            let first = watches.lock().pop().unwrap();
            first.unbounded_send(Err(watcher::Error::NoResourceVersion)).unwrap();
            while followed.has("n", "a").is_some() {
                tokio::task::yield_now().await;
            }
            while followed.has("n", "a").is_none() {
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
            stop.cancel();
        };
        tokio::join!(followed.follow(begin, |_| (), stop.clone()), check);
        assert_eq!(followed.has("n", "a"), None, "nothing is known that is not followed");
    }
}
