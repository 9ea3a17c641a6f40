//! What is written of one request while it goes through the server.

use std::{net::IpAddr, sync::Arc};

use bytes::Bytes;
use http::{StatusCode, header::USER_AGENT, request::Parts};
use jiff::Timestamp;
use parking_lot::Mutex;
use serde_json::Value;

use super::{
    Annotations, AuditId, Auditor, Level, Stage,
    event::{Draft, without_managed_fields, without_words},
    policy::Verdict,
};
use crate::{
    authn::{Impersonated, User},
    request::RequestInfo,
};

/// One request under audit. Dropped when the answer was sent, which writes the last event.
pub(crate) struct Trail {
    auditor: Arc<Auditor>,
    info: RequestInfo,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    draft: Draft,
    verdict: Option<Verdict>,
}

impl Trail {
    /// A request that just arrived.
    pub(crate) fn begin(auditor: &Arc<Auditor>, head: &Parts, info: &RequestInfo, audit_id: &AuditId) -> Trail {
        let agent = head.headers.get(USER_AGENT);
        let uri = head.uri.path_and_query();
        let draft = Draft {
            id: audit_id.text(),
            uri: uri.map(ToString::to_string).unwrap_or_default(),
            agent: agent
                .map(|agent| String::from_utf8_lossy(agent.as_bytes()).into_owned())
                .unwrap_or_default(),
            received: Timestamp::now(),
            ..Draft::default()
        };
        Trail {
            auditor: auditor.clone(),
            info: info.clone(),
            state: Mutex::new(State { draft, verdict: None }),
        }
    }

    /// It is known who asks, and from where.
    pub(crate) fn known(&self, user: &User, source: Option<IpAddr>) {
        let mut state = self.state.lock();
        state.draft.user = Some(user.clone());
        state.draft.source = source;
        state.verdict = Some(self.auditor.judge(&self.info, user));
        self.write(&state, Stage::RequestReceived);
    }

    /// Where the parts of the server that answer it add annotations.
    pub(crate) fn annotations(&self) -> Annotations {
        self.state.lock().draft.annotations.clone()
    }

    /// It is known as whom they act.
    pub(crate) fn acts_as(&self, acting: &Impersonated) {
        self.state.lock().draft.impersonated = Some(acting.clone());
    }

    /// Whether it was allowed, and why.
    pub(crate) fn decided(&self, decision: &'static str, reason: &str) {
        self.state.lock().draft.decision = Some((decision, reason.to_owned()));
    }

    /// The body arrived.
    pub(crate) fn received(&self, body: &Bytes) {
        let mut state = self.state.lock();
        if state.level() >= Level::Request && !body.is_empty() {
            state.draft.request = state.parsed(body);
        }
    }

    /// Whether the answer's body is worth having: of an error its words are.
    pub(crate) fn wants_body(&self, code: StatusCode) -> bool {
        !code.is_success() || self.state.lock().level() >= Level::RequestResponse
    }

    /// The answer is known; its body where it is whole and not too large.
    pub(crate) fn answered(&self, code: StatusCode, body: Option<&Bytes>) {
        let mut state = self.state.lock();
        if state.verdict.is_none() {
            // Nobody that is known: what a policy says of everybody counts.
            state.verdict = Some(self.auditor.judge(&self.info, &User::default()));
        }
        state.draft.code = Some(code);
        if !code.is_success() || state.level() >= Level::RequestResponse {
            state.draft.response = body.and_then(|body| state.parsed(body));
        }
        if self.info.is_long_running() && code.is_success() {
            self.write(&state, Stage::ResponseStarted);
        }
    }

    /// The server failed while it answered.
    pub(crate) fn panicked(&self) {
        let mut state = self.state.lock();
        state.draft.code = Some(StatusCode::INTERNAL_SERVER_ERROR);
        self.write(&state, Stage::Panic);
    }

    fn write(&self, state: &State, stage: Stage) {
        let Some(verdict) = &state.verdict else { return };
        if verdict.level == Level::None || verdict.omitted.contains(&stage) {
            return;
        }
        let event = state.draft.event(&self.info, verdict.level, stage, Timestamp::now());
        self.auditor.write(&event);
    }
}

impl Drop for Trail {
    fn drop(&mut self) {
        self.write(&self.state.lock(), Stage::ResponseComplete);
    }
}

impl State {
    fn parsed(&self, body: &Bytes) -> Option<Value> {
        let object = serde_json::from_slice(body).ok()?;
        let verdict = self.verdict.as_ref()?;
        Some(if verdict.confidential {
            without_words(&object)
        } else if verdict.omit_managed_fields {
            without_managed_fields(object)
        } else {
            object
        })
    }

    fn level(&self) -> Level {
        self.verdict.as_ref().map_or(Level::None, |verdict| verdict.level)
    }
}
