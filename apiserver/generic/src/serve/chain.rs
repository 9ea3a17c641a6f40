//! The filters that a request passes, in kube-apiserver's order: which one refuses first decides what the client sees.

use std::{
    net::IpAddr,
    panic::AssertUnwindSafe,
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::{Bytes, BytesMut};
use futures::FutureExt as _;
use http::{
    HeaderValue, Method, Request, Response, StatusCode, header::AUTHORIZATION, header::RETRY_AFTER, request::Parts,
};
use http_body_util::{BodyExt as _, Limited, combinators::UnsyncBoxBody};
use tokio::time::timeout;

use super::{ApiServer, Body, Caller, answer, record, route};
use crate::{
    audit::Trail,
    authn::{Authenticated, Connection, Source, User, impersonate, strip_usual, wants_to_impersonate},
    authz::{Access, Attributes, Decision, forbidden, target_of},
    flow,
    metrics::{self, Authorized, Series},
    request::RequestInfo,
    status::Status,
};

/// A request body of any transport.
pub(super) type RequestBody = UnsyncBoxBody<Bytes, String>;

/// What is noted of a request on its way.
#[derive(Clone, Copy)]
pub(super) struct Seen<'a> {
    pub(super) trail: Option<&'a Trail>,
    pub(super) series: Series,
    pub(super) noted: &'a Noted,
}

/// What is known of a request only on its way.
#[derive(Default)]
pub(super) struct Noted {
    /// In microseconds.
    waited: AtomicU64,
    user: OnceLock<String>,
    source: OnceLock<IpAddr>,
}

impl Noted {
    fn waited_for(&self, waited: Duration) {
        let micros = u64::try_from(waited.as_micros()).unwrap_or(u64::MAX);
        self.waited.store(micros, Ordering::Relaxed);
    }

    /// How long it waited for its turn.
    pub(super) fn waited(&self) -> Duration {
        Duration::from_micros(self.waited.load(Ordering::Relaxed))
    }

    /// Who asks, and from where, as far as that is known; nothing where no log line wants it.
    pub(super) fn into_origin(self) -> (Option<String>, Option<IpAddr>) {
        (self.user.into_inner(), self.source.into_inner())
    }
}

/// Why it is not known who asks.
enum Unknown {
    /// There is no credential.
    Nobody,
    /// There is one that does not count.
    Refused,
}

/// What ends the chain early.
pub(super) enum Refusal {
    /// An error, in the serialization that the client reads.
    Status(Status),
    /// The no of who judges rights. Its text names what the client sent, so browsers are told not to guess what it is.
    Forbidden(Status),
    /// An answer that is no Status.
    Answer(Box<Response<Body>>),
}

impl From<Status> for Refusal {
    fn from(status: Status) -> Refusal {
        Refusal::Status(status)
    }
}

impl ApiServer {
    /// Recovers from a panic of anything that answers.
    pub(super) async fn recover(
        &self,
        info: &RequestInfo,
        head: Parts,
        body: RequestBody,
        caller: Caller,
        seen: Seen<'_>,
    ) -> Result<Response<Body>, Refusal> {
        let trail = seen.trail;
        let answer = AssertUnwindSafe(self.in_time(info, head, body, caller, seen))
            .catch_unwind()
            .await;
        answer.unwrap_or_else(|_| {
            tracing::error!(path = info.path, verb = info.verb, "a request panicked");
            if let Some(trail) = trail {
                trail.panicked();
            }
            let text = "This request caused apiserver to panic. Look in the logs for details.\n";
            Ok(answer::plain_text(StatusCode::INTERNAL_SERVER_ERROR, text))
        })
    }

    /// Holds everything but watches to the deadline.
    async fn in_time(
        &self,
        info: &RequestInfo,
        head: Parts,
        body: RequestBody,
        caller: Caller,
        seen: Seen<'_>,
    ) -> Result<Response<Body>, Refusal> {
        if info.is_long_running() {
            return self.filter(info, head, body, caller, seen).await;
        }
        let deadline = flow::deadline(info.query.first("timeout"), self.limits.deadline)
            .map_err(|error| Status::bad_request(error.to_string()))?;
        let answer = timeout(deadline, self.filter(info, head, body, caller, seen)).await;
        answer.map_err(|_| {
            self.metrics.terminated(seen.series, StatusCode::GATEWAY_TIMEOUT);
            Status::request_timeout()
        })?
    }

    async fn filter(
        &self,
        info: &RequestInfo,
        mut head: Parts,
        body: RequestBody,
        caller: Caller,
        seen: Seen<'_>,
    ) -> Result<Response<Body>, Refusal> {
        let trail = seen.trail;
        let in_process = matches!(caller, Caller::User(_));
        let requestor = self.authenticate(&mut head, caller).await?;
        if let Some(trail) = trail {
            trail.known(&requestor, head.extensions.get().map(|Source(address)| *address));
            head.extensions.insert(trail.annotations());
        }
        let user = self.impersonate(info, &mut head, requestor, trail).await;
        let user = user.map_err(Refusal::Forbidden)?;
        if record::lines_are_written() {
            // Nothing else sets them.
            let _ = seen.noted.user.set(user.name.clone());
            if let Some(Source(source)) = head.extensions.get() {
                let _ = seen.noted.source.set(*source);
            }
        }
        let ticket = self.enter(info, &user, in_process, seen).await?;
        self.authorize(info, &head, &user, trail).await?;
        let place = Place {
            info,
            user: &user,
            in_process,
            ticket,
            seen,
        };
        self.route(place, head, body, trail).await
    }

    async fn authenticate(&self, head: &mut Parts, caller: Caller) -> Result<User, Status> {
        let connection = match caller {
            Caller::User(user) => return Ok(user.authenticated()),
            Caller::Connection(connection) => connection,
        };
        let found = self.find_user(head, &connection).await?;
        self.strip_credentials(head);
        let peer = connection.remote.map(|remote| remote.ip());
        if let Some(source) = found.forwarded_for.or(peer) {
            head.extensions.insert(Source(source));
        }
        Ok(found.user.authenticated())
    }

    /// Nothing behind this may take a header for an identity, whoever sent it.
    fn strip_credentials(&self, head: &mut Parts) {
        head.headers.remove(AUTHORIZATION);
        strip_usual(&mut head.headers);
        for authenticator in &self.authenticators {
            authenticator.strip(&mut head.headers);
        }
    }

    /// Every authenticator is tried; one that fails makes the request unauthorized only if none succeeds.
    async fn find_user(&self, head: &Parts, connection: &Connection) -> Result<Authenticated, Status> {
        let began = Instant::now();
        let found = self.ask_authenticators(head, connection).await;
        let outcome = match &found {
            Ok(found) => metrics::Authenticated::As(&found.user.name),
            Err(Unknown::Nobody) => metrics::Authenticated::Nobody,
            Err(Unknown::Refused) => metrics::Authenticated::Refused,
        };
        self.metrics.authenticated(outcome, began.elapsed());
        found.map_err(|_| Status::unauthorized())
    }

    async fn ask_authenticators(&self, head: &Parts, connection: &Connection) -> Result<Authenticated, Unknown> {
        let mut refused = has_token(&head.headers);
        for authenticator in &self.authenticators {
            match authenticator.authenticate(head, connection).await {
                Ok(Some(found)) => return Ok(found),
                Ok(None) => {}
                Err(reason) => {
                    tracing::debug!(remote = ?connection.remote, %reason, "a credential was refused");
                    refused = true;
                }
            }
        }
        match (refused, self.anonymous) {
            (true, _) => Err(Unknown::Refused),
            (false, true) => Ok(User::anonymous().into()),
            (false, false) => Err(Unknown::Nobody),
        }
    }

    async fn impersonate(
        &self,
        info: &RequestInfo,
        head: &mut Parts,
        requestor: User,
        trail: Option<&Trail>,
    ) -> Result<User, Status> {
        if !self.impersonation && wants_to_impersonate(&head.headers) {
            return Err(Status::bad_request(
                "impersonation is not accepted here: ask the API server in front of this one",
            ));
        }
        let access = Access::new(&requestor, &*self.authorizer);
        let acting = impersonate(&mut head.headers, info, access).await?;
        let Some(acting) = acting else {
            return Ok(requestor);
        };
        if let Some(trail) = trail {
            trail.acts_as(&acting);
        }
        Ok(acting.user)
    }

    /// Takes a place among the requests in flight, in the user's turn. Controllers of this process bound themselves, and masters
    /// must get in when nobody else does.
    async fn enter(
        &self,
        info: &RequestInfo,
        user: &User,
        in_process: bool,
        seen: Seen<'_>,
    ) -> Result<Option<flow::Ticket>, Refusal> {
        if info.is_long_running() {
            return Ok(None);
        }
        let read_only = info.is_read_only();
        if in_process || user.is_in(crate::authz::MASTERS) {
            return Ok(self.in_flight.try_enter(read_only));
        }
        if let Some(ticket) = self.in_flight.try_enter(read_only) {
            return Ok(Some(ticket));
        }
        let began = Instant::now();
        let ticket = self.in_flight.enter(read_only, &user.name).await;
        seen.noted.waited_for(began.elapsed());
        ticket.map(Some).map_err(|flow::Full| {
            self.metrics.terminated(seen.series, StatusCode::TOO_MANY_REQUESTS);
            too_many_requests()
        })
    }

    async fn authorize(
        &self,
        info: &RequestInfo,
        head: &Parts,
        user: &User,
        trail: Option<&Trail>,
    ) -> Result<(), Refusal> {
        let attributes = Attributes {
            user,
            verb: &info.verb,
            target: target_of(info),
        };
        let began = Instant::now();
        let decision = self.authorizer.authorize(&attributes).await;
        let outcome = match &decision {
            Ok(Decision::Allow { .. }) => Authorized::Allowed,
            Ok(Decision::Deny { .. }) => Authorized::Denied,
            Ok(Decision::NoOpinion { .. }) => Authorized::NoOpinion,
            Err(_) => Authorized::Failed,
        };
        self.metrics.authorized(outcome, began.elapsed());
        match decision {
            Ok(Decision::Allow { reason }) => {
                if let Some(trail) = trail {
                    trail.decided("allow", &reason);
                }
                Ok(())
            }
            Ok(Decision::Deny { reason } | Decision::NoOpinion { reason }) => {
                if let Some(trail) = trail {
                    trail.decided("forbid", &reason);
                }
                Err(Refusal::Forbidden(forbidden(&attributes, &reason)))
            }
            Err(error) => {
                tracing::warn!(path = info.path, error, "the authorizer failed");
                let uri = head.uri.path_and_query().map_or("", http::uri::PathAndQuery::as_str);
                let text = format!("Internal Server Error: {uri:?}: {error}\n");
                Err(Refusal::Answer(Box::new(answer::plain_text(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    text,
                ))))
            }
        }
    }

    async fn route(
        &self,
        mut place: Place<'_>,
        head: Parts,
        body: RequestBody,
        trail: Option<&Trail>,
    ) -> Result<Response<Body>, Refusal> {
        let info = place.info;
        let route = route::route(&head.method, info, self.resources.definitions());
        if !matches!(route, route::Route::Resource(_)) {
            return Ok(self.answer(route, info, &head)?);
        }
        let body = match head.method {
            Method::GET | Method::HEAD => Bytes::new(),
            _ => self.receive(body, &mut place).await?,
        };
        if let Some(trail) = trail {
            trail.received(&body);
        }
        let access = Access::new(place.user, &*self.authorizer);
        let response = self
            .resources
            .handle(info, access, Request::from_parts(head, body))
            .await;
        Ok(if info.is_long_running() {
            response.map(|body| body.until(self.drain.watches_end()))
        } else {
            response
        })
    }

    /// The whole body. While more of it must be waited for, the request gives its place to others.
    async fn receive(&self, body: RequestBody, place: &mut Place<'_>) -> Result<Bytes, Refusal> {
        let mut share = self.arriving.begin(&place.user.name);
        let mut arriving = std::pin::pin!(self.read(body, &mut share));
        if let Some(body) = arriving.as_mut().now_or_never() {
            return body;
        }
        place.ticket = None;
        let body = timeout(self.limits.body, arriving).await;
        let body = body.map_err(|_| {
            self.metrics.terminated(place.seen.series, StatusCode::GATEWAY_TIMEOUT);
            Status::request_timeout()
        })??;
        // What arrived counts as arriving until it has a place again.
        place.ticket = self.enter(place.info, place.user, place.in_process, place.seen).await?;
        Ok(body)
    }

    async fn read(&self, body: RequestBody, share: &mut flow::Share<'_>) -> Result<Bytes, Refusal> {
        let limit = self.limits.body_bytes;
        let mut body = Limited::new(body, limit);
        let (mut first, mut whole) = (Bytes::new(), BytesMut::new());
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| {
                if error.is::<http_body_util::LengthLimitError>() {
                    Status::request_entity_too_large(limit)
                } else {
                    Status::bad_request(format!("the request body ended early: {error}"))
                }
            })?;
            let Ok(data) = frame.into_data() else { continue };
            share.grow(data.len()).map_err(|flow::TooMuch| too_many_requests())?;
            // Mostly the only one, which is not copied then.
            if first.is_empty() && whole.is_empty() {
                first = data;
                continue;
            }
            if whole.is_empty() {
                whole.extend_from_slice(&first);
            }
            whole.extend_from_slice(&data);
        }
        Ok(if whole.is_empty() { first } else { whole.freeze() })
    }
}

/// A request's place among those that run.
struct Place<'a> {
    info: &'a RequestInfo,
    user: &'a User,
    in_process: bool,
    /// None for those that need no place, or have given it to others.
    ticket: Option<flow::Ticket>,
    seen: Seen<'a>,
}

fn too_many_requests() -> Refusal {
    let text = "Too many requests, please try again later.\n";
    let mut response = answer::plain_text(StatusCode::TOO_MANY_REQUESTS, text);
    response
        .headers_mut()
        .insert(RETRY_AFTER, HeaderValue::from_static("1"));
    Refusal::Answer(Box::new(response))
}

/// Whether there is a bearer token. Another kind of authorization is none that this server knows, and is as if it was not there.
fn has_token(headers: &http::HeaderMap) -> bool {
    let text = headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let mut words = text.trim().splitn(3, ' ');
    words.next().is_some_and(|scheme| scheme.eq_ignore_ascii_case("bearer"))
        && words.next().is_some_and(|token| !token.is_empty())
}
