//! An informer of the worst kind: it hangs up in the middle, goes away for too long, reads too slowly, and goes on from where it was.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, ensure};
use guestcluster_tests::{Connection, Protocol};
use rand::{RngExt as _, rngs::StdRng};
use tokio::time::{Instant, timeout_at};

use crate::{
    form::{Change, Event, Kind, Shown},
    progress::Progress,
    stream::{Stream, View},
};

/// So many revisions later the past is forgotten: the server of this test keeps 1 MiB of it.
const FORGOTTEN: u64 = 1500;
/// A server that forgets sooner keeps less than it should.
const REMEMBERED: u64 = 50;
/// Longest that a watcher listens before it hangs up.
const LISTENS: Duration = Duration::from_secs(3);
/// The last bookmark comes a second after the beginning, and the end two seconds later.
const LAST_WATCH: &str = "timeoutSeconds=3&allowWatchBookmarks=true";

/// How a watcher begins anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beginning {
    /// A list, and a watch from its revision.
    List,
    /// `sendInitialEvents=true`.
    WatchList,
    /// A watch from revision 0 with bookmarks, which tells of the end of the initial objects too.
    FromAny,
}

/// A piece of what a watcher learned.
#[derive(Debug)]
pub(crate) enum Piece {
    /// All objects at a revision.
    All { revision: u64, objects: Vec<Shown> },
    /// One event.
    Change(Change),
    /// Nothing was missed up to a revision.
    Bookmark(u64),
}

/// What a watcher learned.
#[derive(Debug, Default)]
pub(crate) struct Record {
    pub(crate) pieces: Vec<Piece>,
    /// How often it went on from where it was.
    pub(crate) resumed: usize,
    /// How often that was too long ago.
    pub(crate) lost: usize,
    /// Where it is; none when it must begin anew.
    known: Option<u64>,
}

/// An informer.
pub(crate) struct Watcher {
    pub(crate) name: String,
    pub(crate) view: View,
    pub(crate) protocol: Protocol,
    pub(crate) beginning: Beginning,
    pub(crate) bookmarks: bool,
    pub(crate) random: StdRng,
    pub(crate) progress: Arc<Progress>,
    pub(crate) record: Record,
    /// One left from the watch before.
    pub(crate) connection: Option<Connection>,
    /// Whether the server may go away at any moment.
    pub(crate) forgiving: bool,
}

/// What a watcher does when it has heard enough.
enum Mood {
    /// Hangs up, and comes back at once.
    HangUp,
    /// Ends the watch alone.
    Leave,
    /// Comes back when everything is forgotten.
    Away,
    /// Stays and does not listen until everything is forgotten.
    Deaf,
}

impl Watcher {
    /// Watches until everything was written and seen.
    pub(crate) async fn run(mut self) -> anyhow::Result<(View, Record)> {
        while self.progress.now().last.is_none() {
            let begun = self.progress.now();
            match self.round().await {
                Ok(()) => {}
                Err(_) if self.forgiving && (begun.down || self.is_another(begun.restarts)) => {
                    self.await_server().await;
                }
                Err(error) => return Err(error.context(self.name)),
            }
        }
        let last = self.progress.now().last.context("checked")?;
        self.connection = None;
        while self.record.known.is_none_or(|known| known < last) {
            self.last_round(last).await.with_context(|| self.name.clone())?;
        }
        Ok((self.view, self.record))
    }

    /// Whether the server went away since.
    fn is_another(&self, restarts: usize) -> bool {
        let now = self.progress.now();
        now.down || now.restarts != restarts
    }

    async fn await_server(&mut self) {
        self.connection = None;
        self.progress.until("the server is back", |point| !point.down).await;
    }

    /// Begins anew or goes on, listens for a while, and stops in some way.
    async fn round(&mut self) -> anyhow::Result<()> {
        let Some(mut stream) = self.open().await? else {
            return Ok(());
        };
        let mood = match self.random.random_range(0..20) {
            0 => Mood::Away,
            1 => Mood::Deaf,
            2..=10 => Mood::Leave,
            _ => Mood::HangUp,
        };
        let events = self.random.random_range(0..400);
        let time = Instant::now() + self.random.random_range(Duration::ZERO..LISTENS);
        let goes_on = self.listen(&mut stream, events, time).await?;
        match mood {
            Mood::Leave if self.protocol != Protocol::Http1 => self.connection = Some(stream.leave()),
            Mood::Away => {
                drop(stream);
                self.await_forgetting().await;
            }
            Mood::Deaf if goes_on => {
                self.await_forgetting().await;
                self.listen(&mut stream, usize::MAX, Instant::now() + LISTENS).await?;
            }
            Mood::HangUp | Mood::Leave | Mood::Deaf => {}
        }
        Ok(())
    }

    async fn await_forgetting(&self) {
        let past = self.progress.now().acknowledged;
        let long_ago =
            |point: &crate::progress::Point| point.stop || point.down || point.acknowledged > past + FORGOTTEN;
        self.progress.until("everything is forgotten", long_ago).await;
    }

    /// A watch from where this watcher is; none when it broke off before it knew where that is.
    async fn open(&mut self) -> anyhow::Result<Option<Stream>> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.view.endpoint.connect_by(self.protocol).await?,
        };
        // Some watches are ended by the server.
        let mut parameters = format!("timeoutSeconds={}", self.random.random_range(1..20));
        if self.bookmarks {
            parameters.push_str("&allowWatchBookmarks=true");
        }
        if let Some(known) = self.record.known {
            self.record.resumed += 1;
            let parameters = format!("{parameters}&resourceVersion={known}");
            return self.view.watch(connection, &parameters).await.map(Some);
        }
        let not_before = self.progress.now().acknowledged;
        if self.beginning == Beginning::List {
            let (revision, objects) = self.view.list(&mut connection).await?;
            self.begin(revision, not_before, objects)?;
            let parameters = format!("{parameters}&resourceVersion={revision}");
            return self.view.watch(connection, &parameters).await.map(Some);
        }
        let (not_before, how) = match self.beginning {
            Beginning::FromAny => (0, "allowWatchBookmarks=true&resourceVersion=0"),
            _ => (
                not_before,
                "allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan",
            ),
        };
        let mut stream = self.view.watch(connection, &format!("timeoutSeconds=20&{how}")).await?;
        // Now and then it breaks off in the middle.
        let most = if self.random.random_ratio(1, 8) { 20 } else { usize::MAX };
        let Some((revision, objects)) = initial(&mut stream, most).await? else {
            return Ok(None);
        };
        self.begin(revision, not_before, objects)?;
        Ok(Some(stream))
    }

    /// Keeps a state that must not be older than what had been acknowledged when it was asked for.
    fn begin(&mut self, revision: u64, not_before: u64, objects: Vec<Shown>) -> anyhow::Result<()> {
        ensure!(
            revision >= not_before,
            "{revision} is older than {not_before}, which was acknowledged"
        );
        self.record.known = Some(revision);
        self.record.pieces.push(Piece::All { revision, objects });
        Ok(())
    }

    /// Takes so many events, or as many as come in this time. Whether the watch goes on.
    async fn listen(&mut self, stream: &mut Stream, events: usize, until: Instant) -> anyhow::Result<bool> {
        for _ in 0..events {
            let Ok(event) = timeout_at(until, stream.next()).await else {
                return Ok(true);
            };
            let Some(event) = event? else { return Ok(false) };
            if !self.take(event)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Keeps an event. Whether the watch goes on.
    fn take(&mut self, event: Event) -> anyhow::Result<bool> {
        match event {
            Event::Change(change) => {
                self.record.known = Some(change.shown.revision);
                self.record.pieces.push(Piece::Change(change));
                Ok(true)
            }
            Event::Bookmark { revision, initial_end } => {
                ensure!(!initial_end, "a second end of the initial objects, at {revision}");
                self.record.known = Some(revision);
                self.record.pieces.push(Piece::Bookmark(revision));
                Ok(true)
            }
            Event::Error { code, message } => {
                ensure!(code == 410, "{code}: {message}");
                let behind = self
                    .progress
                    .now()
                    .acknowledged
                    .saturating_sub(self.record.known.unwrap_or(0));
                ensure!(
                    self.forgiving || behind >= REMEMBERED,
                    "only {behind} behind: {message}"
                );
                self.record.known = None;
                self.record.lost += 1;
                Ok(false)
            }
        }
    }

    /// After the last write: watches until it is known that nothing else comes.
    async fn last_round(&mut self, last: u64) -> anyhow::Result<()> {
        let mut connection = self.view.endpoint.connect_by(self.protocol).await?;
        let Some(known) = self.record.known else {
            let (revision, objects) = self.view.list(&mut connection).await?;
            return self.begin(revision, last, objects);
        };
        let parameters = format!("{LAST_WATCH}&resourceVersion={known}");
        let mut stream = self.view.watch(connection, &parameters).await?;
        while self.record.known.is_some_and(|known| known < last) {
            match stream.next().await? {
                Some(event) => self.take(event)?,
                None => anyhow::bail!("a watch from {known} ended without a bookmark of {last}"),
            };
        }
        Ok(())
    }
}

/// The objects that a watch begins with, and their revision. None when `most` came and the end did not.
async fn initial(stream: &mut Stream, most: usize) -> anyhow::Result<Option<(u64, Vec<Shown>)>> {
    let mut objects = Vec::new();
    while objects.len() < most {
        match stream
            .next()
            .await?
            .context("the watch ended before the initial objects did")?
        {
            Event::Change(Change {
                kind: Kind::Added,
                shown,
            }) => objects.push(shown),
            Event::Bookmark {
                revision,
                initial_end: true,
            } => return Ok(Some((revision, objects))),
            other => anyhow::bail!("between the initial objects: {other:?}"),
        }
    }
    Ok(None)
}
