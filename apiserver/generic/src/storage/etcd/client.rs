//! Calls to etcd: each within a deadline, tried again at the next member where that can't do a thing twice.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use parking_lot::Mutex;
use tokio::time::{Instant, sleep, timeout};
use tonic::{Request, Response, Status, metadata::AsciiMetadataValue, transport::Channel};

use super::{
    Config, connector,
    credentials::Credentials,
    failure::{Failure, Kind},
    protocol::etcdserverpb::{
        CompactionRequest, RangeRequest, RangeResponse, TxnRequest, TxnResponse, kv_client::KvClient,
    },
};
use crate::storage::StoreError;

/// Longest until a member is connected.
pub(super) const CONNECT: Duration = Duration::from_secs(3);
/// How often a quiet connection is looked after, and how long it may take to answer.
pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(5);
/// Bytes of answers that may be under way.
pub(super) const WINDOW: u32 = 4 << 20;
/// Largest answer in bytes. etcd takes values of 1.5 MiB, or what it was told.
pub(super) const LARGEST: usize = 64 << 20;
/// Longest for one try of a read, and of a write: etcd itself gives those up after seven seconds.
const CALL: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(8));
/// No new try begins after so long, and after so long where what was done is recognized: clients wait for 30 s and more.
const RETRY: (Duration, Duration) = (Duration::from_secs(6), Duration::from_secs(20));
/// Pauses between tries: from, and at most. Half of each is left to chance.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(500));

/// The members of one etcd.
pub(super) struct Client {
    channels: Vec<Channel>,
    /// Counts up at failures; which member is asked.
    current: AtomicUsize,
    credentials: Option<Credentials>,
    /// Why the last call failed, if it did.
    outage: Mutex<Option<String>>,
}

/// Whether a call may be repeated when it may have been done.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Repeat {
    Always,
    WhenNotDone,
    /// Its answer says whether it has been done before.
    Recognized,
}

/// An answer, and whether a try before the last one may have been done.
struct Answered<T> {
    answer: T,
    may_be_done: bool,
}

impl Client {
    pub(super) fn new(config: &Config) -> Result<Self, StoreError> {
        let channels: Result<Vec<_>, _> = config
            .servers
            .iter()
            .map(|server| connector::channel(server, config))
            .collect();
        let channels = channels?;
        if channels.is_empty() {
            return Err(StoreError::Unavailable("no server of etcd is named".to_owned()));
        }
        let user = config.user.clone();
        Ok(Self {
            channels,
            current: AtomicUsize::new(0),
            credentials: user.map(|(name, file)| Credentials::new(name, file)),
            outage: Mutex::new(None),
        })
    }

    pub(super) async fn range(&self, request: RangeRequest) -> Result<RangeResponse, Failure> {
        self.call(Repeat::Always, |channel, token| {
            let request = authorized(request.clone(), token);
            async move {
                let mut client = KvClient::new(channel).max_decoding_message_size(LARGEST);
                client.range(request).await
            }
        })
        .await
        .map(|answered| answered.answer)
    }

    pub(super) async fn transact(&self, request: TxnRequest) -> Result<TxnResponse, Failure> {
        let answered = self.try_transact(Repeat::WhenNotDone, request).await?;
        Ok(answered.answer)
    }

    /// One whose answer says whether it has been done before. The second part is whether that is possible.
    pub(super) async fn transact_until_known(&self, request: TxnRequest) -> Result<(TxnResponse, bool), Failure> {
        let answered = self.try_transact(Repeat::Recognized, request).await?;
        Ok((answered.answer, answered.may_be_done))
    }

    async fn try_transact(&self, repeat: Repeat, request: TxnRequest) -> Result<Answered<TxnResponse>, Failure> {
        self.call(repeat, |channel, token| {
            let request = authorized(request.clone(), token);
            async move {
                let mut client = KvClient::new(channel).max_decoding_message_size(LARGEST);
                client.txn(request).await
            }
        })
        .await
    }

    pub(super) async fn compact(&self, revision: i64) -> Result<(), Failure> {
        let request = CompactionRequest {
            revision,
            physical: false,
        };
        let compacted = self.call(Repeat::Always, |channel, token| {
            let request = authorized(request, token);
            async move { KvClient::new(channel).compact(request).await }
        });
        compacted.await.map(|_| ())
    }

    /// The member that is asked at the moment, with a token for it; for calls that last.
    pub(super) async fn member(&self) -> Result<Member, Failure> {
        let number = self.current.load(Ordering::Relaxed);
        let channel = self.channels[number % self.channels.len()].clone();
        let token = match timeout(CALL.0, self.token(channel.clone())).await {
            Ok(token) => token.inspect_err(|failure| self.failed_at(number, failure))?,
            Err(_) => {
                let failure = Failure::late();
                self.failed_at(number, &failure);
                return Err(failure);
            }
        };
        Ok(Member { number, channel, token })
    }

    /// Whether the last call was answered; else what is wrong.
    pub(super) fn health(&self) -> Result<(), String> {
        self.outage.lock().clone().map_or(Ok(()), Err)
    }

    async fn call<T, F>(
        &self,
        repeat: Repeat,
        call: impl Fn(Channel, Option<AsciiMetadataValue>) -> F,
    ) -> Result<Answered<T>, Failure>
    where
        F: Future<Output = Result<Response<T>, Status>>,
    {
        let started = Instant::now();
        let (mut pause, mut may_be_done) = (PAUSES.0, false);
        let (longest, patience) = match repeat {
            Repeat::Always => (CALL.0, RETRY.0),
            Repeat::WhenNotDone => (CALL.1, RETRY.0),
            Repeat::Recognized => (CALL.1, RETRY.1),
        };
        loop {
            let number = self.current.load(Ordering::Relaxed);
            let channel = self.channels[number % self.channels.len()].clone();
            let tried = timeout(longest, async {
                let token = self.token(channel.clone()).await?;
                Ok(call(channel, token).await?.into_inner())
            });
            let failure = match tried.await.unwrap_or_else(|_| Err(Failure::late())) {
                Ok(answer) => {
                    *self.outage.lock() = None;
                    return Ok(Answered { answer, may_be_done });
                }
                Err(failure) => failure,
            };
            self.failed_at(number, &failure);
            let may_repeat = match failure.kind {
                Kind::NotDone | Kind::Token => true,
                Kind::Unknown => repeat != Repeat::WhenNotDone,
                _ => false,
            };
            if !may_repeat || started.elapsed() > patience {
                return Err(failure);
            }
            may_be_done |= failure.kind == Kind::Unknown;
            sleep(pause.mul_f64(rand::random_range(0.5..1.0))).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    async fn token(&self, channel: Channel) -> Result<Option<AsciiMetadataValue>, Failure> {
        match &self.credentials {
            None => Ok(None),
            Some(credentials) => credentials.token(channel).await.map(Some),
        }
    }

    /// Notes a failure of a member; the next one is asked from now on, whoever sees it first.
    pub(super) fn failed_at(&self, number: usize, failure: &Failure) {
        if failure.kind == Kind::Token
            && let Some(credentials) = &self.credentials
        {
            credentials.forget();
        }
        if matches!(failure.kind, Kind::NotDone | Kind::Unknown) {
            let _ = self
                .current
                .compare_exchange(number, number.wrapping_add(1), Ordering::Relaxed, Ordering::Relaxed);
        }
        *self.outage.lock() = failure.is_outage().then(|| failure.to_string());
    }
}

/// One member, for a call that lasts.
pub(super) struct Member {
    pub(super) number: usize,
    pub(super) channel: Channel,
    token: Option<AsciiMetadataValue>,
}

impl Member {
    /// A request in the user's name.
    pub(super) fn authorized<T>(&self, message: T) -> Request<T> {
        authorized(message, self.token.clone())
    }
}

fn authorized<T>(message: T, token: Option<AsciiMetadataValue>) -> Request<T> {
    let mut request = Request::new(message);
    if let Some(token) = token {
        request.metadata_mut().insert("token", token);
    }
    request
}
