//! A client of the issuer that signs in as itself (RFC 6749, section 4.4): for programs, where there is nobody to ask.

use http::StatusCode;
use serde_json::Value;
use url::Url;

use super::{
    Issuer,
    issuer::{discovery, https_url, named},
    tokens::said,
};
use crate::{
    error::{Error, Result},
    https::{self, BasicAuth},
};

/// What a client shows, and what it asks for. Secret: it has no `Debug`.
pub(crate) struct ClientGrant<'a> {
    pub(crate) secret: &'a str,
    /// Space-separated; what the issuer gives this client by itself where there is none.
    pub(crate) scope: Option<&'a str>,
    /// Whom the token is for (RFC 8707).
    pub(crate) resource: Option<&'a str>,
}

/// Why there is no token.
pub(crate) enum ClientRefused {
    /// The issuer does not know this client with this secret.
    Client,
    /// Anything else; trying again may help.
    Other(Error),
}

impl From<Error> for ClientRefused {
    fn from(error: Error) -> Self {
        ClientRefused::Other(error)
    }
}

/// Where and how a client asks.
#[derive(Debug, PartialEq, Eq)]
struct TokenEndpoint {
    url: Url,
    /// Whether the secret goes in a header (RFC 6749, section 2.3.1), else in the form.
    basic: bool,
}

impl Issuer {
    /// The token that the issuer gives this client: an ID token where there is one, else an access token. The supervisor judges it.
    pub(crate) async fn client_token(&self, grant: &ClientGrant<'_>) -> std::result::Result<String, ClientRefused> {
        let answer = discovery(self).await?;
        let endpoint = token_endpoint(&self.url, &answer.body).map_err(|why| self.unusable(&why))?;
        let mut form = vec![("grant_type", "client_credentials")];
        form.extend(grant.scope.map(|scope| ("scope", scope)));
        form.extend(grant.resource.map(|resource| ("resource", resource)));
        let header = endpoint.basic.then_some(BasicAuth {
            user: &self.client_id,
            password: grant.secret,
        });
        if !endpoint.basic {
            form.extend([("client_id", self.client_id.as_str()), ("client_secret", grant.secret)]);
        }
        let authority = self.certificate_authority.as_deref();
        let answer = https::post_as(&endpoint.url, authority, header, &form).await?;
        if answer.status.is_success() {
            return Ok(token(&answer.body)?);
        }
        Err(self.refused(answer.status, &answer.body))
    }

    fn refused(&self, status: StatusCode, answer: &Value) -> ClientRefused {
        if answer["error"] == "invalid_client" {
            return ClientRefused::Client;
        }
        let why = said(answer).unwrap_or_else(|| format!("it answers {status}"));
        let error = Error::failed(format!("the issuer {} gives no token: {why}", self.url));
        ClientRefused::Other(match answer["error"].as_str() {
            Some("unauthorized_client" | "unsupported_grant_type") => {
                error.next("Ask the issuer's operator to allow this client the grant type client_credentials.")
            }
            Some("invalid_scope") => error.next("Ask for another one: --scope TEXT"),
            Some("invalid_target") => error.next("Ask for another one: --resource URI"),
            _ => error,
        })
    }
}

fn token_endpoint(issuer: &str, document: &Value) -> std::result::Result<TokenEndpoint, String> {
    named(issuer, document)?;
    let text = document["token_endpoint"].as_str();
    let url = https_url(text.ok_or("its discovery document has no token_endpoint")?)
        .map_err(|why| format!("its token_endpoint: {why}"))?;
    // In a header where nothing is said about it (OpenID Connect Discovery 1.0, section 3).
    let methods = document["token_endpoint_auth_methods_supported"].as_array();
    let knows = |method: &str| methods.is_none_or(|methods| methods.contains(&Value::from(method)));
    match (knows("client_secret_basic"), knows("client_secret_post")) {
        (true, _) => Ok(TokenEndpoint { url, basic: true }),
        (false, true) => Ok(TokenEndpoint { url, basic: false }),
        (false, false) => Err("it takes no secrets of clients (client_secret_basic, client_secret_post)".to_owned()),
    }
}

fn token(answer: &Value) -> Result<String> {
    let text = |field: &str| answer[field].as_str().filter(|text| !text.is_empty());
    let is_jwt = |text: &&str| text.split('.').count() == 3;
    if let Some(token) = text("id_token").or_else(|| text("access_token").filter(is_jwt)) {
        return Ok(token.to_owned());
    }
    Err(match text("access_token") {
        Some(_) => Error::failed("the issuer gives an access token that only itself can read, and no ID token")
            .next("Ask its operator for access tokens that are JWTs, for an audience that the supervisor accepts; some issuers give them for --resource URI or --scope TEXT."),
        None => Error::failed("the issuer gave no token"),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_secret_goes_where_the_issuer_takes_it() {
        let document = |methods: Value| json!({"issuer": "https://sso", "token_endpoint": "https://sso/token", "token_endpoint_auth_methods_supported": methods});
        let basic = |methods| token_endpoint("https://sso", &document(methods)).map(|endpoint| endpoint.basic);
        assert_eq!(basic(Value::Null), Ok(true));
        assert_eq!(basic(json!(["client_secret_post", "client_secret_basic"])), Ok(true));
        assert_eq!(basic(json!(["client_secret_post"])), Ok(false));
        assert!(
            basic(json!(["private_key_jwt"]))
                .unwrap_err()
                .contains("takes no secrets")
        );
        let endpoint = |document: Value| token_endpoint("https://sso", &document).unwrap_err();
        assert!(endpoint(json!({"issuer": "https://evil"})).contains("that of \"https://evil\""));
        assert!(endpoint(json!({"issuer": "https://sso"})).contains("no token_endpoint"));
        assert!(endpoint(json!({"issuer": "https://sso", "token_endpoint": "http://sso"})).contains("https://"));
    }

    #[test]
    fn an_id_token_counts_first_and_what_nobody_else_can_read_does_not() {
        let given = |answer: Value| token(&answer).map_err(|error| error.to_string());
        assert_eq!(
            given(json!({"id_token": "a.b.c", "access_token": "d.e.f"})),
            Ok("a.b.c".to_owned())
        );
        assert_eq!(given(json!({"access_token": "d.e.f"})), Ok("d.e.f".to_owned()));
        let opaque = given(json!({"access_token": "0123456789"})).unwrap_err();
        assert!(
            opaque.contains("only itself can read") && !opaque.contains("0123456789"),
            "{opaque}"
        );
        assert!(given(json!({"id_token": 7})).unwrap_err().contains("gave no token"));
    }
}
