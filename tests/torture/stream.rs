//! One watch: its request and its events, one after the other.

use std::{fmt::Write as _, sync::Arc};

use anyhow::ensure;
use bytes::{Bytes, BytesMut};
use guestcluster_tests::{Connection, Endpoint};
use http::{Request, header::ACCEPT};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;

use crate::{
    form::{Event, Form, Kept},
    object::Selection,
};

/// What is read, and in which form.
#[derive(Clone)]
pub(crate) struct View {
    pub(crate) endpoint: Endpoint,
    pub(crate) selection: Selection,
    pub(crate) form: Form,
    pub(crate) kept: Arc<Kept>,
}

impl View {
    /// A list of it, or with these parameters a watch.
    fn request(&self, watch: Option<&str>) -> anyhow::Result<Request<Full<Bytes>>> {
        let mut path = format!("{}?x=1{}", self.selection.path(), self.form.parameters());
        let query = [
            ("labelSelector", self.selection.labels),
            ("fieldSelector", self.selection.fields),
        ];
        for (name, value) in query.into_iter().filter(|(_, value)| !value.is_empty()) {
            let value: String = form_urlencoded::byte_serialize(value.as_bytes()).collect();
            write!(path, "&{name}={value}")?;
        }
        if let Some(parameters) = watch {
            write!(path, "&watch=true&{parameters}")?;
        }
        let request = Request::get(self.endpoint.uri(&path)?).header(ACCEPT, self.form.accept(watch.is_none()));
        Ok(request.body(Full::default())?)
    }

    /// Lists it, consistently.
    pub(crate) async fn list(&self, connection: &mut Connection) -> anyhow::Result<(u64, Vec<crate::form::Shown>)> {
        let answer = connection.whole(self.request(None)?).await?;
        self.form.list(std::str::from_utf8(&answer)?, &self.kept)
    }

    /// Watches it; the server has begun to when this returns.
    pub(crate) async fn watch(&self, mut connection: Connection, parameters: &str) -> anyhow::Result<Stream> {
        let (head, body) = connection.send(self.request(Some(parameters))?).await?.into_parts();
        ensure!(head.status == 200, "a watch is answered with {}", head.status);
        Ok(Stream {
            connection,
            body,
            buffer: BytesMut::new(),
            form: self.form,
            kept: self.kept.clone(),
            first: true,
        })
    }
}

/// An open watch.
pub(crate) struct Stream {
    connection: Connection,
    body: Incoming,
    buffer: BytesMut,
    form: Form,
    kept: Arc<Kept>,
    first: bool,
}

impl Stream {
    /// The next event; none when the server ended the watch. Cancelling loses nothing.
    pub(crate) async fn next(&mut self) -> anyhow::Result<Option<Event>> {
        loop {
            if let Some(end) = memchr::memchr(b'\n', &self.buffer) {
                let line = self.buffer.split_to(end + 1);
                let event = self.form.event(std::str::from_utf8(&line)?, self.first, &self.kept)?;
                self.first &= matches!(event, Event::Error { .. });
                return Ok(Some(event));
            }
            match self.body.frame().await.transpose()? {
                Some(frame) => self.buffer.extend_from_slice(frame.data_ref().map_or(&[], |data| data)),
                None => {
                    ensure!(self.buffer.is_empty(), "the watch ended within a line");
                    return Ok(None);
                }
            }
        }
    }

    /// Ends the watch and keeps the connection, which HTTP/2 can be used for more.
    pub(crate) fn leave(self) -> Connection {
        self.connection
    }
}
