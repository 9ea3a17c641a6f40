//! The keys of one issuer, followed in the background.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::{Notify, watch},
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};

use super::{fetch::KeySource, key_set::KeySet};

/// How often the keys are fetched when nobody asks for new ones.
const REFRESH: Duration = Duration::from_mins(5);
/// How often they are fetched for tokens of keys that are not known: anybody can send such tokens.
const UNKNOWN_KEY: Duration = Duration::from_secs(10);
/// How often an issuer is asked that never answered.
const FIRST_KEYS: Duration = Duration::from_secs(1);
/// Longest pause after failures.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// How long a request waits for a fetch.
const WAIT: Duration = Duration::from_secs(5);

/// Fetches keys again and again; ends when it is dropped.
pub(super) struct IssuerKeys {
    known: watch::Receiver<Known>,
    wanted: Arc<Notify>,
    _task: JoinSet<()>,
}

/// What is known of the keys.
#[derive(Clone, Default)]
struct Known {
    /// The last ones that were fetched; an issuer that does not answer leaves them in force.
    keys: Option<Arc<KeySet>>,
    /// When the last attempt ended.
    asked: Option<Instant>,
}

impl Known {
    /// Whether it is too early to ask again for a key that is not known.
    fn is_fresh(&self) -> bool {
        let pause = if self.keys.is_some() { UNKNOWN_KEY } else { FIRST_KEYS };
        self.asked.is_some_and(|asked| asked.elapsed() < pause)
    }

    fn has(&self, kid: Option<&str>) -> bool {
        self.keys.as_ref().is_some_and(|keys| keys.has(kid))
    }
}

impl IssuerKeys {
    /// Begins to follow an issuer.
    pub(super) fn follow(source: Arc<KeySource>) -> IssuerKeys {
        let (publish, known) = watch::channel(Known::default());
        let wanted = Arc::new(Notify::new());
        let mut task = JoinSet::new();
        task.spawn(follow(source, publish, wanted.clone()));
        IssuerKeys {
            known,
            wanted,
            _task: task,
        }
    }

    /// The keys. Where the one with this id is missing, they are fetched again, unless that was done a moment ago.
    pub(super) async fn with(&self, kid: Option<&str>) -> Result<Arc<KeySet>, String> {
        let mut known = self.known.clone();
        let current = known.borrow_and_update().clone();
        if !current.has(kid) && !current.is_fresh() {
            self.wanted.notify_one();
            // Whether it is over or not, what is known then counts.
            let _ = timeout(WAIT, known.changed()).await;
        }
        let keys = known.borrow().keys.clone();
        keys.ok_or_else(|| "the issuer's keys could not be fetched yet".to_owned())
    }
}

async fn follow(source: Arc<KeySource>, publish: watch::Sender<Known>, wanted: Arc<Notify>) {
    let mut pause = FIRST_KEYS;
    loop {
        let fetched = source.fetch().await;
        let next = match &fetched {
            Ok(_) => {
                pause = FIRST_KEYS;
                REFRESH
            }
            Err(error) => {
                tracing::warn!(issuer = source.issuer, error, "the keys of an issuer can't be fetched");
                let longer = (pause * 2).min(LONGEST_PAUSE);
                std::mem::replace(&mut pause, longer)
            }
        };
        publish.send_modify(|known| {
            if let Ok(keys) = fetched {
                known.keys = Some(Arc::new(keys));
            }
            known.asked = Some(Instant::now());
        });
        let due = Instant::now() + next;
        while Instant::now() < due {
            tokio::select! {
                () = sleep_until(due) => {}
                () = wanted.notified() => if !publish.borrow().is_fresh() { break },
            }
        }
    }
}
