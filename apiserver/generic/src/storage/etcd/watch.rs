//! A watch of a keyspace: a stream of etcd's, resumed where it was lost, and asked how far it has come while somebody waits.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use futures::StreamExt as _;
use tokio::{
    sync::{mpsc, watch::Receiver},
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Streaming, metadata::AsciiMetadataValue};

use super::{
    client::LARGEST,
    failure::Failure,
    keyspace::Space,
    protocol::{
        etcdserverpb::{
            WatchCreateRequest, WatchProgressRequest, WatchRequest, WatchResponse, watch_client::WatchClient,
            watch_request::RequestUnion,
        },
        mvccpb::{Event, event::EventType},
    },
};
use crate::storage::{Change, Commit, CommitStream, StoreError};

/// Longest until a stream begins.
const OPEN: Duration = Duration::from_secs(5);
/// A stream that answers nothing for so long is lost.
const SILENCE: Duration = Duration::from_secs(10);
/// Pause before a question that was not answered is asked again: etcd does not answer while the watch is behind.
const AGAIN: Duration = Duration::from_millis(100);
/// How long a quiet stream is left alone. Readers then wait for nothing older, and a lost stream is noticed.
const IDLE: Duration = Duration::from_secs(30);
/// Pauses before a lost stream is opened again: from, and at most. Half of each is left to chance.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(2));
/// Questions that may wait to be sent.
const QUESTIONS: usize = 4;

/// A watch, also while it has no stream.
pub(super) struct Watch {
    space: Arc<Space>,
    wanted: Receiver<i64>,
    /// Everything up to this revision of etcd has been told.
    delivered: i64,
    ready: VecDeque<Commit>,
    stream: Option<Open>,
    pause: Duration,
    failed: bool,
}

/// A stream of etcd's.
struct Open {
    member: usize,
    questions: mpsc::Sender<WatchRequest>,
    answers: Streaming<WatchResponse>,
    /// The beginning of a revision whose rest is still to come.
    begun: Vec<Event>,
    heard: Instant,
    /// When the first and the last question was asked that is not answered.
    asked: Option<(Instant, Instant)>,
}

/// What a stream does next.
enum Next {
    Answer(Option<Result<WatchResponse, Failure>>),
    /// It is time to ask.
    Ask,
    /// Somebody waits for another revision.
    Wanted,
}

impl Watch {
    pub(super) fn new(space: Arc<Space>, wanted: Receiver<i64>, after: i64) -> Self {
        Self {
            space,
            wanted,
            delivered: after,
            ready: VecDeque::new(),
            stream: None,
            pause: PAUSES.0,
            failed: false,
        }
    }

    pub(super) fn into_stream(self) -> CommitStream {
        futures::stream::unfold(self, Self::step).boxed()
    }

    /// The next item of the stream. After an error there is none.
    async fn step(mut self) -> Option<(Result<Commit, StoreError>, Self)> {
        if self.failed {
            return None;
        }
        let next = self.next().await;
        self.failed = next.is_err();
        Some((next, self))
    }

    async fn next(&mut self) -> Result<Commit, StoreError> {
        loop {
            if let Some(commit) = self.ready.pop_front() {
                return Ok(commit);
            }
            let Some(stream) = &mut self.stream else {
                self.open().await;
                continue;
            };
            match stream.next(&mut self.wanted, self.delivered).await {
                Next::Answer(Some(Ok(answer))) => self.take(answer)?,
                Next::Answer(Some(Err(failure))) => self.lose(&failure),
                Next::Answer(None) => self.lose(&Failure::ended()),
                Next::Ask if stream.is_silent() => self.lose(&Failure::late()),
                Next::Ask => stream.ask(),
                Next::Wanted => {}
            }
        }
    }

    /// Opens a stream after what was told already; after a failure, waits.
    async fn open(&mut self) {
        match self.try_open().await {
            Ok(stream) => self.stream = Some(stream),
            Err(failure) => {
                tracing::debug!(%failure, "a watch could not be opened");
                sleep(self.pause.mul_f64(rand::random_range(0.5..1.0))).await;
                self.pause = (self.pause * 2).min(PAUSES.1);
            }
        }
    }

    async fn try_open(&self) -> Result<Open, Failure> {
        let member = self.space.client.member().await?;
        let (key, range_end) = self.space.all();
        let create = WatchCreateRequest {
            key,
            range_end,
            start_revision: self.delivered + 1,
            fragment: true,
            ..WatchCreateRequest::default()
        };
        let (questions, requests) = mpsc::channel(QUESTIONS);
        // The channel is empty.
        let _ = questions.try_send(request(RequestUnion::CreateRequest(create)));
        let mut requests = member.authorized(ReceiverStream::new(requests));
        // A member that is cut off from the others ends the stream.
        requests
            .metadata_mut()
            .insert("hasleader", AsciiMetadataValue::from_static("true"));
        let mut client = WatchClient::new(member.channel.clone()).max_decoding_message_size(LARGEST);
        let opened = match timeout(OPEN, client.watch(requests)).await {
            Ok(opened) => opened.map_err(Failure::from),
            Err(_) => Err(Failure::late()),
        };
        let answers = opened.inspect_err(|failure| self.space.client.failed_at(member.number, failure))?;
        Ok(Open {
            member: member.number,
            questions,
            answers: answers.into_inner(),
            begun: Vec::new(),
            heard: Instant::now(),
            asked: None,
        })
    }

    fn lose(&mut self, failure: &Failure) {
        if let Some(stream) = self.stream.take() {
            tracing::info!(%failure, "a watch was lost and is opened again");
            self.space.client.failed_at(stream.member, failure);
        }
    }

    fn take(&mut self, answer: WatchResponse) -> Result<(), StoreError> {
        if answer.canceled {
            return self.cancelled(&answer);
        }
        let Some(stream) = &mut self.stream else { return Ok(()) };
        stream.heard = Instant::now();
        stream.asked = None;
        self.pause = PAUSES.0;
        let is_progress = answer.events.is_empty() && !answer.created;
        let mut events = std::mem::take(&mut stream.begun);
        events.extend(answer.events);
        if answer.fragment {
            let last = events.last().map_or(0, revision_of);
            let begins = events.partition_point(|event| revision_of(event) < last);
            stream.begun = events.split_off(begins);
        }
        for of_one in events.chunk_by(|a, b| revision_of(a) == revision_of(b)) {
            self.deliver(of_one);
        }
        let revision = answer.header.map_or(0, |header| header.revision);
        if is_progress && revision > self.delivered {
            self.delivered = revision;
            self.ready.push_back(Commit {
                revision: self.space.shown(revision),
                changes: Vec::new(),
            });
        }
        Ok(())
    }

    fn deliver(&mut self, events: &[Event]) {
        let revision = events.first().map_or(0, revision_of);
        if revision <= self.delivered {
            return;
        }
        self.delivered = revision;
        let change = |event: &Event| {
            let pair = event.kv.as_ref()?;
            let key = self.space.own_key(&pair.key)?;
            let value = (event.r#type() == EventType::Put).then(|| pair.value.clone());
            Some(Change { key, value })
        };
        self.ready.push_back(Commit {
            revision: self.space.shown(revision),
            changes: events.iter().filter_map(change).collect(),
        });
    }

    fn cancelled(&mut self, answer: &WatchResponse) -> Result<(), StoreError> {
        if answer.compact_revision > 0 {
            return Err(StoreError::Compacted {
                requested: self.space.shown(self.delivered),
                oldest: self.space.shown(answer.compact_revision),
            });
        }
        self.lose(&Failure::cancelled(&answer.cancel_reason));
        // Such as one that may not read here.
        if let Some(grown) = self.pause.checked_mul(2) {
            self.pause = grown.min(PAUSES.1);
        }
        Ok(())
    }
}

impl Open {
    async fn next(&mut self, wanted: &mut Receiver<i64>, delivered: i64) -> Next {
        let is_waited_for = *wanted.borrow_and_update() > delivered;
        let due = match self.asked {
            Some((_, last)) => last + if is_waited_for { AGAIN } else { SILENCE },
            None if is_waited_for => self.heard,
            None => self.heard + IDLE,
        };
        tokio::select! {
            biased;
            answer = self.answers.next() => Next::Answer(answer.map(|answer| answer.map_err(Failure::from))),
            () = sleep_until(due) => Next::Ask,
            Ok(()) = wanted.changed() => Next::Wanted,
        }
    }

    /// Asks how far the watch has come.
    fn ask(&mut self) {
        let now = Instant::now();
        let first = self.asked.map_or(now, |(first, _)| first);
        self.asked = Some((first, now));
        // Where the questions before wait to be sent, another one would be of no use.
        let _ = self
            .questions
            .try_send(request(RequestUnion::ProgressRequest(WatchProgressRequest {})));
    }

    fn is_silent(&self) -> bool {
        self.asked.is_some_and(|(first, _)| first.elapsed() >= SILENCE)
    }
}

fn request(union: RequestUnion) -> WatchRequest {
    WatchRequest {
        request_union: Some(union),
    }
}

fn revision_of(event: &Event) -> i64 {
    event.kv.as_ref().map_or(0, |pair| pair.mod_revision)
}
