//! The server: one value that answers requests, whoever brings them.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, header::CONTENT_TYPE};
use http_body_util::BodyExt as _;

use super::{
    ApiServerBuilder, Body, Limits, LocalService, Resources, VersionInfo,
    builder::MetricsPage,
    chain::{Noted, Seen},
    drain::Drain,
    finish::Form,
    record::{Arrival, Record, Unfinished},
};
use crate::{
    audit::{Auditor, Trail},
    authn::{Authenticator, Connection, User},
    authz::{AlwaysAllowPaths, Authorizer, SystemMasters, Union},
    discovery::Documents,
    flow::{Arriving, InFlight},
    health::{Check, Slis},
    metrics::{Metrics, Series},
    request::{RequestInfo, options::PatchType},
};

/// Longer answers are not kept in the audit log.
const LONGEST_AUDITED: u64 = 1024 * 1024;

/// A running API server.
pub struct ApiServer {
    pub(super) resources: Arc<dyn Resources>,
    pub(super) documents: Arc<Documents>,
    pub(super) authenticators: Box<[Arc<dyn Authenticator>]>,
    pub(super) authorizer: Box<dyn Authorizer>,
    pub(super) anonymous: bool,
    pub(super) impersonation: bool,
    pub(super) version: Arc<VersionInfo>,
    pub(super) checks: Box<[Check]>,
    /// Shown by `/readyz` alone, the last of them whether it goes away.
    pub(super) ready_checks: Box<[Check]>,
    pub(super) slis: Slis,
    pub(super) limits: Limits,
    pub(super) in_flight: InFlight,
    pub(super) arriving: Arriving,
    pub(super) metrics: Arc<Metrics>,
    pub(super) metrics_pages: Box<[MetricsPage]>,
    pub(super) drain: Drain,
    pub(super) auditor: Option<Arc<Auditor>>,
}

/// Who brings a request.
#[derive(Clone, Debug)]
pub enum Caller {
    /// A connection: the authenticators find the user.
    Connection(Connection),
    /// A call within the process, by a user that is already known. Authorized like any other.
    User(User),
}

impl ApiServer {
    /// Starts to build a server for these resources.
    pub fn builder(resources: Arc<dyn Resources>) -> ApiServerBuilder {
        ApiServerBuilder::new(resources)
    }

    pub(super) fn from_builder(builder: ApiServerBuilder) -> Arc<ApiServer> {
        let drain = Drain::default();
        let shutdown = Check::new("shutdown", {
            let drain = drain.clone();
            move || drain.check()
        });
        let public = AlwaysAllowPaths::health_and(builder.always_allowed.iter().map(String::as_str));
        let builtin: [Arc<dyn Authorizer>; 2] = [Arc::new(SystemMasters), Arc::new(public)];
        let limits = builder.limits;
        Arc::new(ApiServer {
            documents: Documents::of(builder.resources.definitions()),
            resources: builder.resources,
            authenticators: builder.authenticators.into(),
            authorizer: Box::new(Union(builtin.into_iter().chain(builder.authorizers).collect())),
            anonymous: builder.anonymous,
            impersonation: builder.impersonation,
            version: builder.version,
            checks: Check::builtin().into_iter().chain(builder.checks).collect(),
            ready_checks: builder.ready_checks.into_iter().chain([shutdown]).collect(),
            slis: Slis::default(),
            in_flight: InFlight::new(limits.reads, limits.writes),
            arriving: Arriving::new(limits.arriving_of_a_user, limits.arriving),
            limits,
            metrics: Arc::default(),
            metrics_pages: builder.metrics_pages.into(),
            drain,
            auditor: builder.auditor,
        })
    }

    /// Answers one request.
    pub async fn handle<B>(&self, request: Request<B>, caller: Caller) -> Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: std::fmt::Display,
    {
        let (mut head, body) = request.into_parts();
        let body = body.map_err(|error| error.to_string()).boxed_unsync();
        let info = RequestInfo::parse(&head.method, &head.uri);
        let series = Series::of(&info, applies(&head), self.documents.definitions());
        let arrival = Arrival::of(&head, &caller, series);
        let unfinished = Unfinished::new(&self.metrics, series);
        let noted = Noted::default();
        let form = Form::of(&head, &info);
        head.extensions.insert(form.audit_id.clone());
        let trail = self.auditor.as_ref();
        let trail = trail.map(|auditor| Trail::begin(auditor, &head, &info, &form.audit_id));
        let seen = Seen {
            trail: trail.as_ref(),
            series,
            noted: &noted,
        };
        let answer = self.recover(&info, head, body, caller, seen).await;
        let response = answer.unwrap_or_else(|refusal| form.refuse(refusal));
        let response = form.finish(match &trail {
            Some(trail) => audited(response, trail),
            None => response,
        });
        let record = Record {
            metrics: self.metrics.clone(),
            arrival,
            info,
            audit_id: form.audit_id.header(),
            code: response.status(),
            waited: noted.waited(),
            origin: noted.into_origin(),
            size: response.body().length(),
            _trail: trail,
        };
        unfinished.finished();
        response.map(|body| body.with_guard(record.begin()))
    }

    /// Says that the server goes away: `/readyz` fails from here on, and all else is answered as before.
    pub fn retire(&self) {
        self.drain.begin();
    }

    /// A client's way in without a socket: `kube::Client::new(server.local_service(user), "default")`.
    pub fn local_service(self: &Arc<Self>, user: User) -> LocalService {
        LocalService::new(self, user)
    }
}

/// Whether a patch is a server-side apply.
fn applies(head: &http::request::Parts) -> bool {
    let format = head.headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    head.method == Method::PATCH && format == Some(PatchType::Apply.media_type().as_bytes())
}

/// Tells the audit log how a request ended. Bodies are looked at only where they are kept.
fn audited(response: Response<Body>, trail: &Trail) -> Response<Body> {
    let code = response.status();
    if !trail.wants_body(code) {
        trail.answered(code, None);
        return response;
    }
    response.map(|body| {
        body.map(|body| match body.gather(LONGEST_AUDITED) {
            Ok(whole) => {
                trail.answered(code, Some(&whole));
                Body::full(whole)
            }
            Err(body) => {
                trail.answered(code, None);
                body
            }
        })
    })
}
