//! The body of an answer: whole bytes, shared slices of a list, or a stream.

use std::{
    any::Any,
    convert::Infallible,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll},
};

use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt as _, stream::BoxStream};
use http_body::{Frame, SizeHint};

/// Slices shorter than this are copied together, so that a list of many small objects is few frames.
const CHUNK: usize = 64 * 1024;

/// The body of an answer. It never fails: a stream that can't go on ends.
pub struct Body {
    content: Content,
    /// Released when the answer has been sent or given up.
    guard: Option<Box<dyn Any + Send>>,
}

enum Content {
    Full(Bytes),
    Parts {
        rest: Box<dyn Iterator<Item = Bytes> + Send>,
        held: Option<Bytes>,
        left: u64,
    },
    Stream(BoxStream<'static, Bytes>),
}

impl Body {
    /// No bytes.
    pub fn empty() -> Body {
        Body::full(Bytes::new())
    }

    /// One piece.
    pub fn full(bytes: impl Into<Bytes>) -> Body {
        Content::Full(bytes.into()).into()
    }

    /// Pieces that are sent one after the other without being joined first: a list's header and its shared items.
    pub fn parts(parts: Vec<Bytes>) -> Body {
        let length = parts.iter().map(|part| part.len() as u64).sum();
        Body::lazy_parts(length, parts.into_iter())
    }

    /// As [`Body::parts`], made while they are sent. `length` is the sum of their lengths.
    pub fn lazy_parts(length: u64, parts: impl Iterator<Item = Bytes> + Send + 'static) -> Body {
        Content::Parts {
            rest: Box::new(parts),
            held: None,
            left: length,
        }
        .into()
    }

    /// A stream of unknown length, each item flushed as it comes: a watch.
    pub fn stream(stream: impl Stream<Item = Bytes> + Send + 'static) -> Body {
        Content::Stream(Box::pin(stream)).into()
    }

    /// Keeps `guard` until the body is dropped. Guards add up.
    #[must_use]
    pub fn with_guard(mut self, guard: impl Any + Send) -> Body {
        self.guard = Some(match self.guard.take() {
            None => Box::new(guard),
            Some(earlier) => Box::new((earlier, guard)),
        });
        self
    }

    /// The length where it is known: always, but for a stream.
    pub fn length(&self) -> Option<u64> {
        match &self.content {
            Content::Full(bytes) => Some(bytes.len() as u64),
            Content::Parts { left, .. } => Some(*left),
            Content::Stream(_) => None,
        }
    }

    /// Replaces the content and keeps the guards.
    #[must_use]
    pub(crate) fn map(self, change: impl FnOnce(Body) -> Body) -> Body {
        let Body { content, guard } = self;
        let changed = change(Body { content, guard: None });
        Body {
            content: changed.content,
            guard,
        }
    }

    /// Ends a stream when `end` is done; other content stays whole.
    #[must_use]
    pub(crate) fn until(self, end: impl Future<Output = ()> + Send + 'static) -> Body {
        self.map(|body| match body.content {
            Content::Stream(stream) => Body::stream(stream.take_until(end)),
            content => content.into(),
        })
    }

    /// All bytes, unless it is a stream or longer than `limit`. For use inside [`Body::map`]: guards are dropped.
    pub(crate) fn gather(self, limit: u64) -> Result<Bytes, Body> {
        if self.length().is_none_or(|length| length > limit) {
            return Err(self);
        }
        match self.content {
            Content::Full(bytes) => Ok(bytes),
            Content::Parts { rest, held, .. } => {
                let mut joined = BytesMut::new();
                held.into_iter()
                    .chain(rest)
                    .for_each(|part| joined.extend_from_slice(&part));
                Ok(joined.freeze())
            }
            Content::Stream(_) => Ok(Bytes::new()),
        }
    }

    fn next_part(mut rest: impl Iterator<Item = Bytes>, held: &mut Option<Bytes>) -> Option<Bytes> {
        let first = held.take().or_else(|| rest.find(|part| !part.is_empty()))?;
        if first.len() >= CHUNK {
            return Some(first);
        }
        let mut joined = BytesMut::with_capacity(CHUNK);
        joined.extend_from_slice(&first);
        for part in rest {
            if joined.len() + part.len() > CHUNK {
                *held = Some(part);
                break;
            }
            joined.extend_from_slice(&part);
        }
        Some(joined.freeze())
    }
}

impl From<Content> for Body {
    fn from(content: Content) -> Body {
        Body { content, guard: None }
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Body")
            .field("length", &self.length())
            .finish_non_exhaustive()
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = match &mut self.content {
            Content::Full(bytes) if bytes.is_empty() => None,
            Content::Full(bytes) => Some(std::mem::take(bytes)),
            Content::Parts { rest, held, left } => {
                let part = Body::next_part(&mut **rest, held);
                *left = left.saturating_sub(part.as_ref().map_or(0, |part| part.len() as u64));
                part
            }
            Content::Stream(stream) => match poll_stream(stream, context) {
                Poll::Ready(next) => next,
                Poll::Pending => return Poll::Pending,
            },
        };
        Poll::Ready(next.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(&self.content, Content::Full(bytes) if bytes.is_empty())
    }

    fn size_hint(&self) -> SizeHint {
        self.length().map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

/// A stream that panics ends; other requests on the connection go on.
fn poll_stream(stream: &mut BoxStream<'static, Bytes>, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
    catch_unwind(AssertUnwindSafe(|| stream.as_mut().poll_next(context))).unwrap_or_else(|_| {
        tracing::error!("a response stream panicked; it ends here");
        *stream = Box::pin(futures::stream::empty());
        Poll::Ready(None)
    })
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    async fn frames(mut body: Body) -> Vec<Bytes> {
        let mut frames = Vec::new();
        while let Some(frame) = body.frame().await {
            frames.push(frame.unwrap().into_data().unwrap());
        }
        frames
    }

    #[tokio::test]
    async fn small_parts_travel_together_and_large_ones_uncopied() {
        let large = Bytes::from(vec![b'x'; CHUNK]);
        let parts = vec![
            Bytes::new(),
            "a".into(),
            "b".into(),
            large.clone(),
            "c".into(),
            Bytes::new(),
        ];
        let body = Body::parts(parts);
        assert_eq!(body.length(), Some(CHUNK as u64 + 3));
        let frames = frames(body).await;
        assert_eq!(frames.len(), 3);
        assert_eq!((&frames[0][..], &frames[2][..]), (&b"ab"[..], &b"c"[..]));
        assert_eq!(frames[1].as_ptr(), large.as_ptr());
    }

    #[tokio::test]
    async fn a_panicking_stream_ends() {
        let stream = futures::stream::iter(0..2).map(|n| if n == 1 { panic!("boom") } else { Bytes::from("first") });
        assert_eq!(frames(Body::stream(stream)).await, ["first"]);
    }

    #[tokio::test]
    async fn guards_live_as_long_as_the_body() {
        let guard = std::sync::Arc::new(());
        let body = Body::full("x")
            .with_guard(guard.clone())
            .map(|_| Body::empty())
            .with_guard(guard.clone());
        assert_eq!(std::sync::Arc::strong_count(&guard), 3);
        drop(body);
        assert_eq!(std::sync::Arc::strong_count(&guard), 1);
    }
}
