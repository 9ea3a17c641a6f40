//! Watches that outlast everything that can happen to them on a real supervisor: kinds whose CRD is not there yet, or goes,
//! or comes back, or is served at another version; rights that are missing; servers that are away.
//!
//! Each trouble is logged when it begins and when it has ended, not with every attempt in between.

mod pauses;
mod readable;
mod unavailable;

pub(crate) use pauses::Pauses;
pub(crate) use unavailable::Unavailable;

use std::{
    fmt::Debug,
    time::{Duration, Instant},
};

use futures::{Stream, StreamExt, stream, stream::BoxStream};
use kube::{
    Api, Client, Resource,
    runtime::watcher::{self, Event},
};
use serde::de::DeserializeOwned;

use crate::retries::{self, DEADLINE};

/// A kind that can be followed.
pub(crate) trait Kind: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static {}
impl<K: Resource<DynamicType = ()> + Clone + Debug + DeserializeOwned + Send + 'static> Kind for K {}

/// What one learns by following a kind.
#[derive(Debug)]
pub(crate) enum Seen<K> {
    /// What a watch says. After [`Seen::Lost`] a new list follows.
    Event(Event<K>),
    /// The kind can't be read, for another reason than before.
    Lost(Unavailable),
}

/// Follows a kind in all namespaces, without end.
pub(crate) fn follow<K: Kind>(client: &Client, config: watcher::Config) -> impl Stream<Item = Seen<K>> + Send + use<K> {
    let follower = Follower {
        client: client.clone(),
        events: watcher::watcher(Api::all(client.clone()), config.clone()).boxed(),
        config,
        one_by_one: false,
        state: Follow::new(K::kind(&()).into_owned()),
        lists: false,
        pause: None,
    };
    stream::unfold(follower, async |mut follower| {
        let seen = follower.next().await;
        Some((seen, follower))
    })
}

/// As [`follow`], without telling that a kind is lost: what was seen last counts until something else is seen.
pub(crate) fn events<K: Kind>(client: &Client) -> impl Stream<Item = Event<K>> + Send + use<K> {
    follow(client, watcher::Config::default()).filter_map(async |seen| match seen {
        Seen::Event(event) => Some(event),
        Seen::Lost(_) => None,
    })
}

type Events<K> = BoxStream<'static, watcher::Result<Event<K>>>;

struct Follower<K> {
    client: Client,
    config: watcher::Config,
    events: Events<K>,
    /// Whether there was an object that can't be read: each is then read by itself, which costs more.
    one_by_one: bool,
    state: Follow,
    /// Whether a list is under way.
    lists: bool,
    /// To be waited for before the next attempt.
    pause: Option<Duration>,
}

impl<K: Kind> Follower<K> {
    async fn next(&mut self) -> Seen<K> {
        loop {
            if let Some(pause) = self.pause.take() {
                tokio::time::sleep(pause).await;
            }
            match self.next_event().await {
                Some(Ok(event)) => {
                    self.lists = matches!(event, Event::Init | Event::InitApply(_));
                    // A list that is about to be asked for is no sign of life.
                    if !matches!(event, Event::Init) {
                        self.state.goes_on();
                    }
                    return Seen::Event(event);
                }
                Some(Err(error)) => {
                    if let Some(lost) = self.interrupted(&error).await {
                        return Seen::Lost(lost);
                    }
                }
                None => {
                    self.state.fails(None, "no answer");
                    self.pause = self.state.pauses.next();
                    self.begin_again();
                }
            }
        }
    }

    fn begin_again(&mut self) {
        let config = self.config.clone();
        self.events = if self.one_by_one {
            readable::watch(&self.client, config).boxed()
        } else {
            watcher::watcher(Api::all(self.client.clone()), config).boxed()
        };
    }

    /// None when there is no answer to a list. A watch may be quiet, and looks after itself.
    async fn next_event(&mut self) -> Option<watcher::Result<Event<K>>> {
        if self.lists {
            tokio::time::timeout(DEADLINE, self.events.next()).await.ok().flatten()
        } else {
            self.events.next().await
        }
    }

    async fn interrupted(&mut self, error: &watcher::Error) -> Option<Unavailable> {
        if matches!(error, watcher::Error::WatchError(status) if status.code == 410) {
            // The history is over, which is no trouble: a new list follows.
            return None;
        }
        if readable::is_unreadable(error) && !self.one_by_one {
            // Not for long: whatever can be read counts.
            self.one_by_one = true;
            self.begin_again();
            return None;
        }
        self.pause = self.state.pauses.next();
        let lost = Unavailable::find::<K>(&self.client, error).await;
        if lost.is_some() || readable::is_unreadable(error) {
            // What was listed before says nothing of what will be there then.
            self.begin_again();
        }
        let is_new = self.state.fails(lost.clone(), &summary(error));
        lost.filter(|_| is_new)
    }
}

/// What a watch passes through, for the log and for the pauses.
struct Follow {
    kind: String,
    pauses: Pauses,
    trouble: Option<Trouble>,
}

struct Trouble {
    lost: Option<Unavailable>,
    message: String,
    last: Instant,
}

/// A watch that has been quiet for so long after a trouble has outlived it.
const OUTLIVED: Duration = Duration::from_mins(1);

impl Follow {
    fn new(kind: String) -> Self {
        Self {
            kind,
            pauses: Pauses::default(),
            trouble: None,
        }
    }

    fn goes_on(&mut self) {
        if let Some(trouble) = self.trouble.take() {
            self.pauses = Pauses::default();
            tracing::info!(kind = self.kind, after = trouble.message, "watched again");
        }
    }

    /// Whether this is another trouble than the one before.
    fn fails(&mut self, lost: Option<Unavailable>, error: &str) -> bool {
        let message = lost
            .as_ref()
            .map_or_else(|| error.to_owned(), |lost| lost.sentence(&self.kind));
        let known = (self.trouble.as_ref())
            .is_some_and(|known| known.message == message && known.lost == lost && known.last.elapsed() < OUTLIVED);
        if known {
            tracing::debug!(kind = self.kind, message, "not watched yet");
        } else {
            tracing::warn!(kind = self.kind, message, "can't be watched, trying again");
        }
        self.trouble = Some(Trouble {
            lost,
            message,
            last: Instant::now(),
        });
        !known
    }
}

/// An error in one line: kube's own text repeats the whole Status.
fn summary(error: &watcher::Error) -> String {
    match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => retries::summary(error),
        watcher::Error::WatchError(status) => format!("{} ({})", status.message.trim(), status.code),
        watcher::Error::NoResourceVersion => error.to_string(),
    }
}

#[cfg(test)]
mod tests;
