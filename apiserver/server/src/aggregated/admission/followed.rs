//! Following the objects of one kind of the host, and knowing whether they are known.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use futures::StreamExt as _;
use kube::{
    Api, Client, ResourceExt as _,
    api::{ApiResource, DynamicObject, GroupVersionKind},
    runtime::{WatchStreamExt as _, watcher},
};
use serde_json::Value;
use tokio::{sync::watch, time::timeout};
use tokio_util::sync::CancellationToken;

use super::super::failure::reason_of_watch;

/// How long a write waits for objects that are still being read, as in kube-apiserver.
const PATIENCE: Duration = Duration::from_secs(10);

/// Takes in objects of one kind.
pub(super) trait Sink: Send + Sync {
    /// An object is there, new or changed. The error says why it can't be read.
    fn set(&self, object: &Value) -> Result<(), String>;

    /// Only objects of these names are there.
    fn retain(&self, keep: &dyn Fn(&str) -> bool);

    /// What was set and retained is all.
    fn publish(&self);
}

/// One kind of the host.
pub(super) struct Followed {
    api: Api<DynamicObject>,
    kind: &'static str,
    state: watch::Sender<State>,
}

/// What is known of a kind's objects.
#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// Not yet all of them, and why.
    Unknown(String),
    /// All.
    Known,
    /// One that can't be read, and why.
    Unreadable(String),
}

impl Followed {
    /// A kind of `admissionregistration.k8s.io/v1`.
    pub(super) fn new(client: Client, kind: &'static str, plural: &str) -> Followed {
        let kinds = GroupVersionKind::gvk("admissionregistration.k8s.io", "v1", kind);
        Followed {
            api: Api::all_with(client, &ApiResource::from_gvk_with_plural(&kinds, plural)),
            kind,
            state: watch::Sender::new(State::Unknown("they are still being read".to_owned())),
        }
    }

    /// Whether all objects were read once. The error says what is missing. One that makes no sense refuses writes and nothing
    /// more: it is the same for every replica, and without any of them nobody reads and no namespace goes.
    pub(super) fn were_read(&self) -> Result<(), String> {
        match &*self.state.borrow() {
            state @ State::Unknown(_) => self.said(state),
            State::Known | State::Unreadable(_) => Ok(()),
        }
    }

    /// Waits a little until all objects are known.
    pub(super) async fn known(&self) -> Result<(), String> {
        let mut state = self.state.subscribe();
        let waiting = state.wait_for(|state| !matches!(state, State::Unknown(_)));
        match timeout(PATIENCE, waiting).await {
            Ok(Ok(state)) => self.said(&state),
            Ok(Err(_)) | Err(_) => self.said(&self.state.borrow()),
        }
    }

    fn said(&self, state: &State) -> Result<(), String> {
        match state {
            State::Known => Ok(()),
            State::Unknown(why) => Err(format!("the host's {} objects are not known: {why}", self.kind)),
            State::Unreadable(why) => Err(format!("a {} of the host can't be read: {why}", self.kind)),
        }
    }

    /// Follows them until `stop`. While the watch is broken, what is known stays. A host that does not serve the kind has none.
    pub(super) async fn follow(&self, sink: &dyn Sink, stop: CancellationToken) {
        let following = async {
            let mut events = std::pin::pin!(watcher(self.api.clone(), watcher::Config::default()).default_backoff());
            let mut objects = Objects::default();
            while let Some(event) = events.next().await {
                match event {
                    Ok(event) => {
                        if objects.learn(event, sink) {
                            self.is_now(objects.state());
                        }
                    }
                    Err(watcher::Error::InitialListFailed(kube::Error::Api(status))) if status.code == 404 => {
                        objects.none(sink);
                        self.is_now(State::Known);
                    }
                    Err(error) => self.failed(&error),
                }
            }
        };
        stop.run_until_cancelled(following).await;
    }

    fn is_now(&self, state: State) {
        self.state.send_if_modified(|last| {
            let is_new = *last != state;
            if is_new {
                if let Err(error) = self.said(&state) {
                    tracing::error!(error, "writes are refused until it can be read or is gone");
                }
                *last = state;
            }
            is_new
        });
    }

    fn failed(&self, error: &watcher::Error) {
        let why = reason_of_watch(error);
        tracing::warn!(
            kind = self.kind,
            error = why,
            "admission objects of the host cannot be followed; trying again"
        );
        self.state.send_if_modified(|state| {
            let is_unknown = matches!(state, State::Unknown(_));
            if is_unknown {
                *state = State::Unknown(why);
            }
            is_unknown
        });
    }
}

/// What a watch has told so far.
#[derive(Default)]
struct Objects {
    /// The names of a list that is still being read.
    listed: BTreeSet<String>,
    unreadable: BTreeMap<String, String>,
}

impl Objects {
    /// Takes in an event; says whether all objects are known now.
    fn learn(&mut self, event: watcher::Event<DynamicObject>, sink: &dyn Sink) -> bool {
        match event {
            watcher::Event::Init => {
                self.listed.clear();
                return false;
            }
            watcher::Event::InitApply(object) => {
                self.listed.insert(object.name_any());
                self.set(&object, sink);
                return false;
            }
            watcher::Event::InitDone => {
                let listed = std::mem::take(&mut self.listed);
                self.unreadable.retain(|name, _| listed.contains(name));
                sink.retain(&|name| listed.contains(name));
            }
            watcher::Event::Apply(object) => self.set(&object, sink),
            watcher::Event::Delete(object) => {
                let gone = object.name_any();
                self.unreadable.remove(&gone);
                sink.retain(&|name| name != gone);
            }
        }
        sink.publish();
        true
    }

    fn set(&mut self, object: &DynamicObject, sink: &dyn Sink) {
        let name = object.name_any();
        let read = serde_json::to_value(object).map_err(|error| error.to_string());
        match read.and_then(|object| sink.set(&object)) {
            Ok(()) => drop(self.unreadable.remove(&name)),
            Err(why) => drop(self.unreadable.insert(name, why)),
        }
    }

    fn none(&mut self, sink: &dyn Sink) {
        *self = Objects::default();
        sink.retain(&|_| false);
        sink.publish();
    }

    fn state(&self) -> State {
        match self.unreadable.first_key_value() {
            None => State::Known,
            Some((name, why)) => State::Unreadable(format!("{name}: {why}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::super::testing::Host, *};

    #[tokio::test]
    async fn an_object_that_makes_no_sense_ends_writes_and_nothing_else() {
        let host = Host::start().await;
        let followed = Followed::new(
            host.server(),
            "ValidatingAdmissionPolicy",
            "validatingadmissionpolicies",
        );
        assert!(followed.were_read().is_err(), "nothing was read");
        followed.is_now(State::Unreadable("odd: no spec".to_owned()));
        assert_eq!(followed.were_read(), Ok(()));
        let refused = followed.known().await.unwrap_err();
        assert_eq!(
            refused,
            "a ValidatingAdmissionPolicy of the host can't be read: odd: no spec"
        );
        followed.is_now(State::Known);
        assert_eq!(followed.known().await, Ok(()));
    }
}
