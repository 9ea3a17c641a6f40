//! The stream of one watch: batches of encoded frames, as they become due.

mod counts;
mod frames;

use std::{sync::Arc, time::Duration, vec};

use bytes::{Bytes, BytesMut};
use futures::{Stream, stream};
use tokio::time::Instant;

use self::counts::Tally;
pub(super) use self::{
    counts::{Scope, WatchCounts, append as append_watch_metrics},
    frames::{Frames, error_frame},
};
use super::selection::Selection;
use crate::{
    cache::{Entry, Next, Watcher},
    status::Status,
    storage::Revision,
};

/// Frames that are ready together travel together, up to this many bytes.
const BATCH: usize = 64 * 1024;
/// How often a bookmark says that nothing was missed.
const BOOKMARK_INTERVAL: Duration = Duration::from_mins(1);
/// A last bookmark comes this long before the end.
const LAST_BOOKMARK: Duration = Duration::from_secs(2);

/// One running watch.
pub(super) struct Watching {
    watcher: Watcher,
    selection: Selection,
    frames: Frames,
    /// The revision of the initial objects, and those not sent yet.
    initial: Option<(Revision, vec::IntoIter<Arc<Entry>>)>,
    bookmarks: bool,
    next_bookmark: Instant,
    end: Instant,
    ended: bool,
    began: Instant,
    scope: Scope,
    tally: Tally,
    counts: Arc<WatchCounts>,
}

/// What a running watch waits for.
enum Due {
    Next(Next),
    Bookmark,
    End,
}

impl Watching {
    pub(super) fn new(
        watcher: Watcher,
        initial: Option<(Revision, Vec<Arc<Entry>>)>,
        selection: Selection,
        frames: Frames,
        bookmarks: bool,
        end: Instant,
        (scope, counts): (Scope, Arc<WatchCounts>),
    ) -> Watching {
        Watching {
            watcher,
            selection,
            frames,
            initial: initial.map(|(revision, entries)| (revision, entries.into_iter())),
            bookmarks,
            next_bookmark: bookmark_after(Instant::now(), end),
            end,
            ended: false,
            began: Instant::now(),
            scope,
            tally: Tally::default(),
            counts,
        }
    }

    /// The frames, ending when the time is over, the cache closes or the watcher falls off the history.
    pub(super) fn into_stream(self) -> impl Stream<Item = Bytes> + Send {
        stream::unfold(self, |mut watching| async move {
            let batch = watching.next_batch().await?;
            watching.counts.take(&mut watching.tally);
            Some((batch, watching))
        })
    }

    async fn next_batch(&mut self) -> Option<Bytes> {
        if self.ended {
            return None;
        }
        if let Some(batch) = self.initial_batch() {
            return Some(batch);
        }
        loop {
            let batch = match self.due().await {
                Due::End => return None,
                Due::Bookmark => self.bookmark(),
                Due::Next(next) => self.batch_from(next),
            };
            // Nothing of what happened concerned this watch.
            if !batch.is_empty() {
                return Some(batch);
            }
            if self.ended {
                return None;
            }
        }
    }

    /// The next initial objects; after the last one the bookmark that ends them.
    fn initial_batch(&mut self) -> Option<Bytes> {
        let (revision, entries) = self.initial.as_mut()?;
        let mut batch = BytesMut::with_capacity(if entries.len() == 0 { 0 } else { BATCH });
        for entry in entries.by_ref() {
            let before = batch.len();
            self.frames.write_added(&entry, &mut batch);
            self.tally.initial(batch.len() - before);
            if batch.len() >= BATCH {
                return Some(batch.freeze());
            }
        }
        if self.bookmarks {
            let end = self.frames.initial_events_end(*revision);
            self.tally.event(end.len());
            batch.extend_from_slice(&end);
            self.counts.listed(self.scope, self.began.elapsed());
        }
        self.initial = None;
        (!batch.is_empty()).then(|| batch.freeze())
    }

    async fn due(&mut self) -> Due {
        let timer = if self.bookmarks {
            self.next_bookmark.min(self.end)
        } else {
            self.end
        };
        tokio::select! {
            // An event that is there comes before a bookmark that would promise that there is none.
            biased;
            next = self.watcher.next(), if Instant::now() < self.end => Due::Next(next),
            () = tokio::time::sleep_until(timer) => if timer == self.end { Due::End } else { Due::Bookmark },
        }
    }

    /// Empty where none may be sent now.
    fn bookmark(&mut self) -> Bytes {
        self.next_bookmark = bookmark_after(Instant::now(), self.end);
        let Some(progress) = self.watcher.progress() else {
            return Bytes::new();
        };
        let bookmark = self.frames.bookmark(progress);
        self.tally.event(bookmark.len());
        bookmark
    }

    /// The frames of an event and of those that are ready behind it.
    fn batch_from(&mut self, first: Next) -> Bytes {
        let first = self.frame_of(first);
        let Some(second) = self.next_ready() else { return first };
        let mut batch = BytesMut::from(first.as_ref());
        batch.extend_from_slice(&second);
        while batch.len() < BATCH {
            let Some(frame) = self.next_ready() else { break };
            batch.extend_from_slice(&frame);
        }
        batch.freeze()
    }

    fn next_ready(&mut self) -> Option<Bytes> {
        if self.ended {
            return None;
        }
        let next = self.watcher.try_next()?;
        Some(self.frame_of(next))
    }

    fn frame_of(&mut self, next: Next) -> Bytes {
        match next {
            Next::Event(event) => {
                let frame = self.frames.event(&event, &self.selection).unwrap_or_default();
                self.tally.event(frame.len());
                frame
            }
            Next::Expired => {
                self.ended = true;
                self.counts.terminated();
                error_frame(&Status::expired(
                    "too old resource version: the watch was too slow and must begin again",
                ))
            }
            Next::Closed => {
                self.ended = true;
                Bytes::new()
            }
        }
    }
}

fn bookmark_after(now: Instant, end: Instant) -> Instant {
    let last = end.checked_sub(LAST_BOOKMARK).unwrap_or(end);
    // After the last one the end is what comes.
    if now >= last {
        end
    } else {
        (now + BOOKMARK_INTERVAL).min(last)
    }
}
