//! A whole answer, and whether it is the right one.

use anyhow::ensure;
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full};

use super::Connection;

/// How much of a wrong answer is shown.
const SHOWN: usize = 300;

/// An answer that was read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    status: StatusCode,
    /// Of the body.
    pub(crate) length: usize,
    /// The first piece of the body.
    beginning: Bytes,
}

/// What an answer must be to count.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expect {
    /// The status.
    pub(crate) status: StatusCode,
    /// The least length of the body; an answer that was checked before says which.
    pub(crate) least: usize,
}

impl Expect {
    /// 200, with a body at least this long.
    pub(crate) fn ok(least: usize) -> Self {
        Self {
            status: StatusCode::OK,
            least,
        }
    }

    /// 201.
    pub(crate) fn created() -> Self {
        Self {
            status: StatusCode::CREATED,
            least: 1000,
        }
    }

    /// Refuses any other answer, with what it says.
    pub(crate) fn check(&self, answer: &Answer) -> anyhow::Result<()> {
        let beginning = String::from_utf8_lossy(&answer.beginning[..answer.beginning.len().min(SHOWN)]);
        ensure!(answer.status == self.status, "{}: {beginning}", answer.status);
        ensure!(
            answer.length >= self.least,
            "{} bytes in place of {}: {beginning}",
            answer.length,
            self.least
        );
        Ok(())
    }
}

impl Answer {
    /// Sends a request and reads the answer, of which only the length is kept.
    pub(crate) async fn to(connection: &mut Connection, request: Request<Full<Bytes>>) -> anyhow::Result<Self> {
        let (head, mut body) = connection.send(request).await?.into_parts();
        let mut answer = Self {
            status: head.status,
            length: 0,
            beginning: Bytes::new(),
        };
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame?.into_data() else { continue };
            answer.length += data.len();
            if answer.beginning.is_empty() {
                answer.beginning = data;
            }
        }
        Ok(answer)
    }
}
