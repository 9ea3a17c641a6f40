//! An OpenID issuer, and what its discovery document says (OpenID Connect Discovery 1.0).

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use crate::{
    error::{Error, Result},
    https::{self, Answer},
};

const DISCOVERY: &str = "/.well-known/openid-configuration";

/// Who signs people in, and as which client we ask.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Issuer {
    pub(crate) url: String,
    pub(crate) client_id: String,
    /// PEM of who signs for its endpoints; the system's roots where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) certificate_authority: Option<String>,
    pub(crate) scopes: String,
}

/// Where an issuer is asked for what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Endpoints {
    pub(crate) authorization: Url,
    pub(crate) token: Url,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) revocation: Option<Url>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) device_authorization: Option<Url>,
    /// Whether each answer names the issuer, so that one without it is forged (RFC 9207).
    pub(crate) answers_name_issuer: bool,
}

impl Issuer {
    /// Reads the discovery document. It comes with the time by the issuer's clock, where it says it.
    pub(crate) async fn discover(&self) -> Result<(Endpoints, Option<Timestamp>)> {
        let answer = discovery(self).await?;
        let endpoints = endpoints(&self.url, &answer.body).map_err(|why| self.unusable(&why))?;
        Ok((endpoints, answer.time))
    }

    pub(super) fn unusable(&self, why: &str) -> Error {
        Error::failed(format!("the issuer {} can't be used: {why}", self.url))
            .next("Check the issuer's URL with the supervisor's operator; another one is named by --issuer-url URL --client-id ID")
    }
}

/// The discovery document, whoever's it is.
pub(super) async fn discovery(issuer: &Issuer) -> Result<Answer> {
    let text = format!("{}{DISCOVERY}", issuer.url.trim_end_matches('/'));
    let url = https_url(&text).map_err(|why| issuer.unusable(&why))?;
    https::get(&url, issuer.certificate_authority.as_deref()).await
}

/// Whether a discovery document is this issuer's.
pub(super) fn named(issuer: &str, document: &Value) -> std::result::Result<(), String> {
    match document["issuer"].as_str().unwrap_or_default() {
        named if named == issuer => Ok(()),
        "" => Err("it has no discovery document".to_owned()),
        other => Err(format!("its discovery document is that of {other:?}")),
    }
}

fn endpoints(issuer: &str, document: &Value) -> std::result::Result<Endpoints, String> {
    named(issuer, document)?;
    let endpoint = |field: &str| {
        let text = document[field]
            .as_str()
            .ok_or_else(|| format!("its discovery document has no {field}"))?;
        https_url(text).map_err(|why| format!("its {field}: {why}"))
    };
    // One that says nothing about it may still know PKCE; one that says what it knows must name S256.
    let methods = document["code_challenge_methods_supported"].as_array();
    if methods.is_some_and(|methods| !methods.contains(&Value::from("S256"))) {
        return Err("it does not support PKCE with S256".to_owned());
    }
    Ok(Endpoints {
        authorization: endpoint("authorization_endpoint")?,
        token: endpoint("token_endpoint")?,
        revocation: endpoint("revocation_endpoint").ok(),
        device_authorization: endpoint("device_authorization_endpoint").ok(),
        answers_name_issuer: document["authorization_response_iss_parameter_supported"] == true,
    })
}

pub(super) fn https_url(text: &str) -> std::result::Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("{text:?} is not a URL: {error}"))?;
    if url.scheme() != "https" {
        return Err(format!("{text:?} does not begin with https://"));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn document() -> Value {
        json!({
            "issuer": "https://sso",
            "authorization_endpoint": "https://sso/authorize",
            "token_endpoint": "https://sso/token",
            "revocation_endpoint": "https://sso/revoke",
            "code_challenge_methods_supported": ["plain", "S256"],
            "authorization_response_iss_parameter_supported": true,
        })
    }

    #[test]
    fn a_document_says_where_to_ask() {
        let found = endpoints("https://sso", &document()).unwrap();
        assert_eq!(found.token.as_str(), "https://sso/token");
        assert!(found.revocation.is_some() && found.answers_name_issuer);
    }

    #[test]
    fn a_document_that_can_not_be_trusted_is_refused() {
        for (field, value, expected) in [
            ("issuer", json!("https://sso/"), "that of \"https://sso/\""),
            ("issuer", json!(7), "no discovery document"),
            ("authorization_endpoint", json!(null), "authorization_endpoint"),
            ("token_endpoint", json!("http://sso/token"), "https://"),
            ("code_challenge_methods_supported", json!(["plain"]), "S256"),
        ] {
            let mut wrong = document();
            wrong[field] = value;
            let why = endpoints("https://sso", &wrong).unwrap_err();
            assert!(why.contains(expected), "{field}: {why}");
        }
    }
}
