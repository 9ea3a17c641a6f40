//! Whether a connection has requests, so that one without any is not kept for ever.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use http_body::{Body, Frame, SizeHint};
use parking_lot::Mutex;
use pin_project_lite::pin_project;
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

/// The requests of one connection.
#[derive(Debug, Default)]
pub(super) struct Activity {
    open: AtomicUsize,
    /// How often a request began or ended.
    moves: AtomicUsize,
    /// Since when the head of a request arrives, over HTTP/1.1.
    head: Mutex<Option<Instant>>,
    head_began: Notify,
}

/// A request whose answer was not sent to its end.
#[derive(Debug)]
pub(super) struct Open(Arc<Activity>);

pin_project! {
    /// The body of an answer; its request is open until it is sent or given up.
    pub(super) struct Counted<B> {
        #[pin]
        body: B,
        open: Open,
    }
}

impl Activity {
    /// A request begins.
    pub(super) fn begin(self: &Arc<Self>) -> Open {
        self.open.fetch_add(1, Ordering::Relaxed);
        self.moves.fetch_add(1, Ordering::Relaxed);
        *self.head.lock() = None;
        Open(self.clone())
    }

    /// Bytes came from the peer. While no request is open, they are of the next one's head.
    pub(super) fn arrives(&self) {
        if self.open.load(Ordering::Relaxed) > 0 {
            return;
        }
        let mut head = self.head.lock();
        if head.is_none() {
            *head = Some(Instant::now());
            self.head_began.notify_one();
        }
    }

    /// Done when the head of a request did not arrive whole within this time from its first byte.
    pub(super) async fn head_is_late(&self, time: Duration) {
        loop {
            let began = *self.head.lock();
            let Some(began) = began else {
                self.head_began.notified().await;
                continue;
            };
            sleep_until(began + time).await;
            if *self.head.lock() == Some(began) {
                return;
            }
        }
    }

    /// Whether there ever was a request.
    pub(super) fn had_any(&self) -> bool {
        self.moves.load(Ordering::Relaxed) > 0
    }

    /// Done when there was no request for this time, or at most twice as long.
    pub(super) async fn rests(&self, time: Duration) {
        loop {
            let before = self.moves.load(Ordering::Relaxed);
            tokio::time::sleep(time).await;
            if self.open.load(Ordering::Relaxed) == 0 && self.moves.load(Ordering::Relaxed) == before {
                return;
            }
        }
    }
}

impl Open {
    /// Stays with the body of the answer.
    pub(super) fn around<B>(self, body: B) -> Counted<B> {
        Counted { body, open: self }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.moves.fetch_add(1, Ordering::Relaxed);
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<B: Body> Body for Counted<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        self.project().body.poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
