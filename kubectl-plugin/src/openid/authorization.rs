//! One authorization request, and the answer that the browser brings back.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest as _, Sha256};
use url::Url;

use super::{Endpoints, Issuer};
use crate::error::{Error, Result};

/// A request that waits for its answer. Its random parts are known to nobody else.
pub(crate) struct Authorization {
    /// `http://127.0.0.1:PORT/callback`.
    pub(crate) redirect: String,
    /// Tells our answer from strays.
    pub(crate) state: String,
    /// Comes back in the ID token.
    pub(crate) nonce: String,
    /// Proof key (RFC 7636).
    pub(crate) verifier: String,
}

/// What the browser brought.
#[derive(Clone, Default)]
pub(crate) struct Answer {
    pub(crate) code: Option<String>,
    pub(crate) state: Option<String>,
    pub(crate) issuer: Option<String>,
    pub(crate) error: Option<String>,
    pub(crate) description: Option<String>,
}

impl Authorization {
    /// A request whose answer goes there.
    pub(crate) fn new(redirect: String) -> Self {
        Self {
            redirect,
            state: random(),
            nonce: random(),
            verifier: random(),
        }
    }

    /// The URL that the browser opens.
    pub(crate) fn url(&self, issuer: &Issuer, endpoints: &Endpoints) -> Url {
        let mut url = endpoints.authorization.clone();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &issuer.client_id)
            .append_pair("redirect_uri", &self.redirect)
            .append_pair("scope", &issuer.scopes)
            .append_pair("state", &self.state)
            .append_pair("nonce", &self.nonce)
            .append_pair("code_challenge", &challenge(&self.verifier))
            .append_pair("code_challenge_method", "S256");
        url
    }

    /// The code of an answer to this request.
    pub(crate) fn code(&self, answer: &Answer, issuer: &Issuer, endpoints: &Endpoints) -> Result<String> {
        if answer.state.as_deref() != Some(&self.state) {
            return Err(Error::failed("the answer is not for this sign-in"));
        }
        let named = answer.issuer.as_deref();
        if named.is_some_and(|named| named != issuer.url) || (named.is_none() && endpoints.answers_name_issuer) {
            return Err(Error::failed("the answer does not come from the issuer that was asked"));
        }
        if let Some(error) = &answer.error {
            let description = answer.description.as_deref().unwrap_or("no reason was given");
            return Err(Error::failed(format!(
                "the issuer refused the sign-in: {}: {}",
                printable(error),
                printable(description)
            )));
        }
        answer
            .code
            .clone()
            .ok_or_else(|| Error::failed("the answer has no code"))
    }
}

impl Answer {
    /// Reads the query of the redirect; of a parameter that occurs twice the first counts.
    pub(crate) fn parse(query: &str) -> Self {
        let mut answer = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let field = match name.as_ref() {
                "code" => &mut answer.code,
                "state" => &mut answer.state,
                "iss" => &mut answer.issuer,
                "error" => &mut answer.error,
                "error_description" => &mut answer.description,
                _ => continue,
            };
            field.get_or_insert_with(|| value.into_owned());
        }
        answer
    }
}

/// Text from elsewhere, fit for a terminal: no control characters, not endless.
pub(crate) fn printable(text: &str) -> String {
    text.chars().filter(|letter| !letter.is_control()).take(300).collect()
}

fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
}

/// 256 random bits.
fn random() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issuer() -> Issuer {
        Issuer {
            url: "https://sso".to_owned(),
            client_id: "guestclusters".to_owned(),
            certificate_authority: None,
            scopes: "openid".to_owned(),
        }
    }

    fn endpoints(answers_name_issuer: bool) -> Endpoints {
        Endpoints {
            authorization: "https://sso/authorize?tenant=a".parse().unwrap(),
            token: "https://sso/token".parse().unwrap(),
            revocation: None,
            device_authorization: None,
            answers_name_issuer,
        }
    }

    #[test]
    fn the_example_of_the_rfc() {
        assert_eq!(
            challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
    }

    #[test]
    fn the_url_asks_for_a_code_and_keeps_what_the_endpoint_has() {
        let request = Authorization::new("http://127.0.0.1:9/callback".to_owned());
        let url = request.url(&issuer(), &endpoints(true));
        let pairs: std::collections::BTreeMap<_, _> = url.query_pairs().into_owned().collect();
        for (name, value) in [
            ("tenant", "a"),
            ("response_type", "code"),
            ("client_id", "guestclusters"),
            ("redirect_uri", "http://127.0.0.1:9/callback"),
            ("state", &request.state),
            ("nonce", &request.nonce),
            ("code_challenge_method", "S256"),
        ] {
            assert_eq!(pairs[name], value, "{name}");
        }
        assert!(!url.as_str().contains(&request.verifier));
        assert_eq!(request.verifier.len(), 43);
        let other = Authorization::new(String::new());
        assert!(request.state != other.state && request.state != request.nonce);
    }

    #[test]
    fn an_answer_counts_when_it_is_ours() {
        let request = Authorization::new(String::new());
        let good = format!("code=c%2F1&state={}&iss=https%3A%2F%2Fsso", request.state);
        let code = |query: &str, named| request.code(&Answer::parse(query), &issuer(), &endpoints(named));
        assert_eq!(code(&good, true).unwrap(), "c/1");
        assert_eq!(code(&format!("code=c&state={}", request.state), false).unwrap(), "c");
        for (query, expected) in [
            ("code=c&iss=https%3A%2F%2Fsso".to_owned(), "not for this sign-in"),
            (
                "code=c&state=other&iss=https%3A%2F%2Fsso".to_owned(),
                "not for this sign-in",
            ),
            (
                format!("code=c&state={}", request.state),
                "does not come from the issuer",
            ),
            (
                format!("code=c&state={}&iss=https%3A%2F%2Fevil", request.state),
                "does not come from the issuer",
            ),
            (format!("state={}&iss=https%3A%2F%2Fsso", request.state), "no code"),
            (
                format!(
                    "error=access_denied&error_description=a%1B[2Jb&state={}&iss=https%3A%2F%2Fsso",
                    request.state
                ),
                "access_denied: a[2Jb",
            ),
        ] {
            let error = code(&query, true).unwrap_err().to_string();
            assert!(error.contains(expected), "{query}: {error}");
        }
    }
}
