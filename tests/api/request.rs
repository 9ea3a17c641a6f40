//! A request of a case. `$word` in its path and body stands for a value kept from an earlier answer, a different one on each side.

use serde_json::Value;

use crate::client::User;

/// What is sent to both servers.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) user: User,
    pub(crate) method: &'static str,
    pub(crate) path: String,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Option<String>,
    /// Of a stream, how many events are read.
    pub(crate) events: Option<usize>,
    /// Part of the answer that is compared.
    pub(crate) view: Option<View>,
}

/// Changes an answer's body to what of it is compared.
pub(crate) type View = fn(&mut Value);

impl Request {
    fn new(method: &'static str, path: &str) -> Self {
        Self {
            user: User::Admin,
            method,
            path: path.to_owned(),
            headers: Vec::new(),
            body: None,
            events: None,
            view: None,
        }
    }

    fn with_body(self, content_type: &'static str, body: impl ToString) -> Self {
        let mut request = self.header("content-type", content_type);
        request.body = Some(body.to_string());
        request
    }

    /// A further header, or another value for one.
    pub(crate) fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.retain(|(other, _)| *other != name);
        self.headers.push((name, value.into()));
        self
    }

    /// Without this header.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(other, _)| *other != name);
        self
    }

    pub(crate) fn accept(self, media_types: &str) -> Self {
        self.header("accept", media_types)
    }

    pub(crate) fn body(mut self, body: impl ToString) -> Self {
        self.body = Some(body.to_string());
        self
    }

    pub(crate) fn by(mut self, user: User) -> Self {
        self.user = user;
        self
    }

    /// Compares only what the function leaves of the body.
    pub(crate) fn view(mut self, view: View) -> Self {
        self.view = Some(view);
        self
    }

    /// Whether the request is about its own credential, of which a front proxy would leave nothing.
    pub(crate) fn shows_a_credential(&self) -> bool {
        let is_proxy = !matches!(self.user, User::Admin | User::Dev | User::Nobody);
        let mut names = self.headers.iter().map(|(name, _)| *name);
        is_proxy || names.any(|name| name == "authorization" || name.to_ascii_lowercase().starts_with("x-remote-"))
    }

    /// A further value of a header.
    pub(crate) fn and_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Short, for people and for the list of intended differences.
    pub(crate) fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

pub(crate) fn get(path: &str) -> Request {
    Request::new("GET", path)
}

/// Any method, without a body.
pub(crate) fn method(method: &'static str, path: &str) -> Request {
    Request::new(method, path)
}

/// A watch, of which that many events are read.
pub(crate) fn watch(path: &str, events: usize) -> Request {
    let mut request = Request::new("GET", path);
    request.events = Some(events);
    request
}

pub(crate) fn post(path: &str, body: impl ToString) -> Request {
    Request::new("POST", path).with_body("application/json", body)
}

pub(crate) fn put(path: &str, body: impl ToString) -> Request {
    Request::new("PUT", path).with_body("application/json", body)
}

pub(crate) fn merge(path: &str, body: impl ToString) -> Request {
    Request::new("PATCH", path).with_body("application/merge-patch+json", body)
}

pub(crate) fn json_patch(path: &str, body: impl ToString) -> Request {
    Request::new("PATCH", path).with_body("application/json-patch+json", body)
}

pub(crate) fn strategic(path: &str, body: impl ToString) -> Request {
    Request::new("PATCH", path).with_body("application/strategic-merge-patch+json", body)
}

pub(crate) fn apply(path: &str, body: impl ToString) -> Request {
    Request::new("PATCH", path).with_body("application/apply-patch+yaml", body)
}

pub(crate) fn delete(path: &str) -> Request {
    Request::new("DELETE", path)
}

/// A DELETE with options in its body.
pub(crate) fn delete_with(path: &str, body: impl ToString) -> Request {
    Request::new("DELETE", path).with_body("application/json", body)
}
