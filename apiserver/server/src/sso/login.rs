//! The person's part: the sign-in page, the password, and the way back to the client.

use std::{net::IpAddr, time::Duration};

use http::{
    HeaderMap, StatusCode,
    header::{HeaderName, ORIGIN},
};
use jiff::Timestamp;

use super::{
    authorize::{AuthorizationRequest, Refusal},
    codes::Grant,
    issuer::{Issuer, query},
    page::{self, Form, Problem},
    parameters::Parameters,
    random,
    redirect::RedirectUri,
    respond::{self, Answer},
    sessions::SignedIn,
    throttle::TooMany,
    users::{Busy, User, UserName},
};

/// How long a sign-in page is good for.
const PAGE_LIFE: Duration = Duration::from_mins(10);
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// A sign-in that goes on: what it is for, and until when.
struct Login {
    request: AuthorizationRequest,
    until: Timestamp,
}

impl Issuer {
    /// `GET /authorize`: the sign-in page.
    pub(super) fn authorize(&self, text: &str, now: Timestamp) -> Answer {
        let Some(parameters) = query(text) else {
            let why = "The program that sent you here asks in a way that this server does not understand.";
            return respond::page(StatusCode::BAD_REQUEST, page::refused(why));
        };
        match AuthorizationRequest::parse(&parameters) {
            Ok(request) => {
                let username = request.login_hint.clone().unwrap_or_default();
                let until = now + PAGE_LIFE;
                self.form(StatusCode::OK, Login { request, until }, &username, None, now)
            }
            Err(Refusal::Page(why)) => respond::page(StatusCode::BAD_REQUEST, page::refused(why)),
            Err(Refusal::Redirect {
                redirect,
                state,
                error,
                description,
            }) => self.go_back(
                &redirect,
                state.as_deref(),
                &[("error", error), ("error_description", description)],
            ),
        }
    }

    /// `GET /login`: somebody opened the form's target by hand.
    pub(super) fn no_login() -> Answer {
        respond::page(StatusCode::BAD_REQUEST, page::expired(None))
    }

    /// `POST /login`: the form was sent.
    pub(super) async fn sign_in(&self, headers: &HeaderMap, form: &Parameters, peer: IpAddr, now: Timestamp) -> Answer {
        if !self.is_own_form(headers) {
            let why = "The form was not sent by this server's own page.";
            return respond::page(StatusCode::FORBIDDEN, page::refused(why));
        }
        let Some((until, request)) = form.get("login").and_then(|login| self.logins.take(login, now)) else {
            return respond::page(StatusCode::BAD_REQUEST, page::expired(fresh_start(form).as_deref()));
        };
        let login = Login { request, until };
        let username = form.get("username").unwrap_or_default();
        let again = |status, problem| self.form(status, login.again(), username, Some(problem), now);
        let Some(password) = form.get("password").filter(|_| !username.is_empty()) else {
            return again(StatusCode::BAD_REQUEST, Problem::Incomplete);
        };
        let name = username.parse::<UserName>().ok();
        let attempt = match self
            .throttle
            .begin(name.as_ref().map_or("", UserName::as_str), peer, now)
        {
            Ok(attempt) => attempt,
            Err(TooMany { until }) => {
                let seconds = until.as_second() - now.as_second();
                let minutes = seconds.saturating_add(59) / 60;
                let answer = again(StatusCode::TOO_MANY_REQUESTS, Problem::TooMany { minutes });
                return respond::retry_after(answer, seconds);
            }
        };
        match self.passwords.check(name, password.to_owned()).await {
            Ok(Ok(Some(user))) => {
                self.throttle.succeeded(&attempt);
                self.signed_in(login.request, &user, peer, now)
            }
            Ok(Ok(None)) => {
                // The name may be a password that was typed into the wrong field.
                tracing::info!(%peer, "a sign-in was refused");
                again(StatusCode::FORBIDDEN, Problem::Wrong)
            }
            Ok(Err(Busy)) => respond::retry_after(again(StatusCode::SERVICE_UNAVAILABLE, Problem::Busy), 1),
            Err(error) => {
                tracing::error!(error = format!("{error:#}"), "a password could not be checked");
                let why = "This server has a problem of its own; its log says which.";
                respond::page(StatusCode::INTERNAL_SERVER_ERROR, page::refused(why))
            }
        }
    }

    fn signed_in(&self, request: AuthorizationRequest, user: &User, peer: IpAddr, now: Timestamp) -> Answer {
        tracing::info!(user = %user.name, %peer, "signed in");
        let (redirect, state) = (request.redirect.clone(), request.state.clone());
        let signed_in = SignedIn::new(user, now);
        let code = self.codes.issue(Grant { request, signed_in }, now);
        self.go_back(&redirect, state.as_deref(), &[("code", &code)])
    }

    /// Sends the browser back to the client. Each answer names the issuer (RFC 9207).
    fn go_back(&self, redirect: &RedirectUri, state: Option<&str>, answer: &[(&str, &str)]) -> Answer {
        let state = state.map(|state| ("state", state));
        let parameters: Vec<_> = answer
            .iter()
            .copied()
            .chain(state)
            .chain([("iss", self.url())])
            .collect();
        respond::see_other(&redirect.with(&parameters))
    }

    /// The form, good for one submission.
    fn form(
        &self,
        status: StatusCode,
        login: Login,
        username: &str,
        problem: Option<Problem>,
        now: Timestamp,
    ) -> Answer {
        let id = random::secret();
        let page = Form {
            host: self.host(),
            login: &id,
            request: &login.request.to_query(),
            username,
            problem,
            redirect: &login.request.redirect.policy_source(),
        }
        .page();
        self.logins.put(id, login.request, login.until, now);
        respond::page(status, page)
    }

    /// Browsers say where a form comes from; other pages must not send theirs here. A client that is no browser says nothing.
    fn is_own_form(&self, headers: &HeaderMap) -> bool {
        let own_origin = headers.get(ORIGIN).is_none_or(|origin| origin == self.url());
        let own_site = headers.get(SEC_FETCH_SITE).is_none_or(|site| site == "same-origin");
        own_origin && own_site
    }
}

impl Login {
    fn again(&self) -> Login {
        Login {
            request: self.request.clone(),
            until: self.until,
        }
    }
}

/// The request that an expired form was for. It comes from the browser, so it is parsed like any other.
fn fresh_start(form: &Parameters) -> Option<String> {
    let parameters = query(form.get("request")?)?;
    AuthorizationRequest::parse(&parameters)
        .ok()
        .map(|request| request.to_query())
}
