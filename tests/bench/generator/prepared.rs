//! Requests of which all but the body, or the path, is made in advance.

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Request, Uri,
    header::{ACCEPT, CONTENT_TYPE},
};
use http_body_util::Full;

use super::{Answer, Connection, Expect, Operation, Turn};

/// What requests of one kind have in common.
#[derive(Clone, Debug)]
pub(crate) struct Prepared {
    method: Method,
    headers: HeaderMap,
}

impl Prepared {
    /// A read in JSON.
    pub(crate) fn get() -> Self {
        Self::get_as("application/json")
    }

    /// A read in this form.
    pub(crate) fn get_as(accept: &'static str) -> Self {
        let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]);
        Self {
            method: Method::GET,
            headers,
        }
    }

    /// A write with a body of this type.
    pub(crate) fn write(method: Method, content_type: &'static str) -> Self {
        let mut write = Self::get();
        write.method = method;
        write
            .headers
            .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        write
    }

    /// A patch of this type.
    pub(crate) fn patch(content_type: &'static str) -> Self {
        Self::write(Method::PATCH, content_type)
    }

    /// The request.
    pub(crate) fn request(&self, uri: &Uri, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(body.into()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = uri.clone();
        *request.headers_mut() = self.headers.clone();
        request
    }
}

/// One request and its answer.
pub(crate) struct Single<F> {
    /// Makes the request.
    pub(crate) request: F,
    /// What the answer must be.
    pub(crate) expect: Expect,
}

impl<F: Fn(Turn) -> Request<Full<Bytes>> + Send + Sync + 'static> Operation for Single<F> {
    async fn perform(&self, connection: &mut Connection, turn: Turn) -> anyhow::Result<()> {
        let answer: Answer = Answer::to(connection, (self.request)(turn)).await?;
        self.expect.check(&answer)
    }
}
