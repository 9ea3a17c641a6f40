mod audit;
mod chain;
mod connections;
mod identity;
mod local;
mod registry;
mod slow;

use std::sync::Arc;

use async_trait::async_trait;
use http::Request;
use http_body_util::Full;

use super::{ApiServer, ApiServerBuilder, Body, Caller, testing::Echo};
use crate::{
    authn::{Authenticated, Authenticator, Connection, Refused, User},
    authz::{Attributes, Authorizer, Decision, Target},
};

/// Bearer tokens: `bad` is refused, any other names its user; `root` is in system:masters.
struct Tokens;

#[async_trait]
impl Authenticator for Tokens {
    async fn authenticate(
        &self,
        request: &http::request::Parts,
        _connection: &Connection,
    ) -> Result<Option<Authenticated>, Refused> {
        let header = request
            .headers
            .get("authorization")
            .and_then(|value| value.to_str().ok());
        match header.and_then(|header| header.strip_prefix("Bearer ")) {
            None => Ok(None),
            Some("bad") => Err(Refused("bad token".into())),
            Some("root") => Ok(Some(
                User {
                    name: "root".into(),
                    groups: vec!["system:masters".into()],
                    ..User::default()
                }
                .into(),
            )),
            Some(name) => Ok(Some(
                User {
                    name: name.into(),
                    ..User::default()
                }
                .into(),
            )),
        }
    }
}

/// Users may do what concerns the name or path that they are called like; user `broken` can't be judged.
struct ByName;

#[async_trait]
impl Authorizer for ByName {
    async fn authorize(&self, attributes: &Attributes<'_>) -> Result<Decision, String> {
        let user = attributes.user.name.as_str();
        let allowed = match attributes.target {
            Target::Resource { name, .. } => name == user,
            Target::Path(path) => path.trim_start_matches('/') == user,
        };
        let reason = String::new();
        match user {
            "broken" => Err("the webhook is down".into()),
            _ if allowed => Ok(Decision::Allow { reason }),
            _ => Ok(Decision::NoOpinion { reason }),
        }
    }
}

fn builder() -> ApiServerBuilder {
    ApiServer::builder(Echo::new())
        .authenticator(Arc::new(Tokens))
        .authorizer(Arc::new(ByName))
}

/// The path of a widget in namespace `a`.
fn widget(name: &str) -> String {
    format!("/apis/demo.example.io/v1/namespaces/a/widgets/{name}")
}

/// `METHOD URI`, `Name: value` lines.
fn request(head: &str) -> Request<Full<bytes::Bytes>> {
    let mut lines = head.lines();
    let (method, uri) = lines.next().unwrap().split_once(' ').unwrap();
    let mut request = Request::builder().method(method).uri(uri);
    for line in lines {
        let (name, value) = line.trim().split_once(": ").unwrap();
        request = request.header(name, value);
    }
    request.body(Full::default()).unwrap()
}

/// Sends a request as if over a connection.
async fn send(server: &Arc<ApiServer>, head: &str) -> http::Response<Body> {
    server
        .handle(request(head), Caller::Connection(Connection::default()))
        .await
}
