//! ID tokens judged as a client sends them, against an issuer in the process.

mod configuration;
mod expressions;
mod forms;
mod fuzz;
mod issuer;
mod keys;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::Timestamp;
use serde_json::{Value, json};

use self::issuer::{SigningKey, TestIssuer};
use super::*;

/// An authenticator that trusts one issuer, with vCenter's names of claims.
fn trusting(issuer: &TestIssuer) -> IdTokens {
    IdTokens::start(AuthenticationConfiguration::parse(&configuration(issuer)).unwrap())
}

fn configuration(issuer: &TestIssuer) -> String {
    json!({
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "AuthenticationConfiguration",
        "jwt": [{
            "issuer": {"url": issuer.url, "certificateAuthority": issuer.authority, "audiences": ["guestclusters"]},
            "claimValidationRules": [{"claim": "tenant", "requiredValue": "ours"}],
            "claimMappings": {
                "username": {"claim": "sub", "prefix": "sso:"},
                "groups": {"claim": "group_names", "prefix": "sso:"},
                "uid": {"claim": "uid"},
            },
        }],
    })
    .to_string()
}

/// The claims of a good token.
fn claims(issuer: &TestIssuer) -> Value {
    let now = Timestamp::now().as_second();
    json!({
        "iss": issuer.url, "aud": "guestclusters", "sub": "dev@guest.local", "uid": "u1", "tenant": "ours",
        "group_names": ["team-a"], "iat": now, "exp": now + 600, "jti": "id-1",
    })
}

/// What a request with this bearer token gives.
async fn send(authenticator: &IdTokens, token: &str) -> Result<Option<User>, Refused> {
    let request = http::Request::get("/").header("authorization", format!("Bearer {token}"));
    let (head, ()) = request.body(()).unwrap().into_parts();
    let found = authenticator.authenticate(&head, &Connection::default()).await;
    found.map(|found| found.map(|found| found.user))
}

/// Three parts from bytes and a signature made over the first two.
fn jws(header: &str, payload: &str, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
    let signature = sign(signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}
