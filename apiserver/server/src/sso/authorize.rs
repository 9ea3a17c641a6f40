//! The authorization request (`/authorize`): what a client asks a browser to bring.

use super::{CLIENT_ID, parameters::Parameters, pkce::Challenge, redirect::RedirectUri};

/// Longest `state` and `nonce` that are carried along.
const LONGEST: usize = 1024;

/// A request that may be answered once a person has signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AuthorizationRequest {
    pub(super) redirect: RedirectUri,
    pub(super) state: Option<String>,
    pub(super) nonce: Option<String>,
    pub(super) challenge: Challenge,
    /// The user name to begin with.
    pub(super) login_hint: Option<String>,
}

/// Why a request is not answered with a login page.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The client is not known or can't be told: the person reads why.
    Page(&'static str),
    /// The client is told (RFC 6749, section 4.1.2.1).
    Redirect {
        redirect: RedirectUri,
        state: Option<String>,
        error: &'static str,
        description: &'static str,
    },
}

impl AuthorizationRequest {
    /// Checks first whom an answer would go to; nobody is redirected anywhere before that is known.
    pub(super) fn parse(parameters: &Parameters) -> Result<Self, Refusal> {
        if parameters.get("client_id") != Some(CLIENT_ID) {
            return Err(Refusal::Page(
                "The program that sent you here is not known to this server.",
            ));
        }
        let redirect = parameters
            .get("redirect_uri")
            .and_then(RedirectUri::parse)
            .ok_or(Refusal::Page(
                "The program that sent you here does not listen on this computer.",
            ))?;
        let state = match parameters.get("state") {
            Some(state) if state.len() > LONGEST => {
                return Err(Refusal::Page(
                    "The program that sent you here asks with too long a state.",
                ));
            }
            state => state.map(str::to_owned),
        };
        match Self::required(parameters) {
            Ok(challenge) => Ok(Self {
                redirect,
                state,
                nonce: parameters.get("nonce").map(str::to_owned),
                challenge,
                login_hint: parameters.get("login_hint").map(str::to_owned),
            }),
            Err((error, description)) => Err(Refusal::Redirect {
                redirect,
                state,
                error,
                description,
            }),
        }
    }

    /// The request as a query, to begin anew with.
    pub(super) fn to_query(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query
            .append_pair("response_type", "code")
            .append_pair("scope", "openid")
            .append_pair("client_id", CLIENT_ID)
            .append_pair("redirect_uri", self.redirect.as_str())
            .append_pair("code_challenge", self.challenge.as_str())
            .append_pair("code_challenge_method", "S256");
        for (name, value) in [
            ("state", &self.state),
            ("nonce", &self.nonce),
            ("login_hint", &self.login_hint),
        ] {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        query.finish()
    }

    /// What the protocol asks for beside the client; the error and its description otherwise.
    fn required(parameters: &Parameters) -> Result<Challenge, (&'static str, &'static str)> {
        let is = |name, expected| parameters.get(name) == Some(expected);
        if parameters.get("request").is_some() {
            return Err(("request_not_supported", "request objects are not supported"));
        }
        if parameters.get("request_uri").is_some() {
            return Err(("request_uri_not_supported", "request objects are not supported"));
        }
        if !is("response_type", "code") {
            return Err(("unsupported_response_type", "response_type must be code"));
        }
        if parameters.get("response_mode").is_some_and(|mode| mode != "query") {
            return Err(("invalid_request", "response_mode must be query"));
        }
        let scopes = parameters.get("scope").unwrap_or_default();
        if !scopes.split(' ').any(|scope| scope == "openid") {
            return Err(("invalid_scope", "scope must contain openid"));
        }
        if parameters.get("nonce").is_some_and(|nonce| nonce.len() > LONGEST) {
            return Err(("invalid_request", "nonce is too long"));
        }
        if is("prompt", "none") {
            return Err(("login_required", "every sign-in asks for the password"));
        }
        if !is("code_challenge_method", "S256") {
            return Err(("invalid_request", "code_challenge_method must be S256"));
        }
        let challenge = parameters.get("code_challenge").and_then(Challenge::parse);
        challenge.ok_or((
            "invalid_request",
            "code_challenge must be a SHA-256 digest in base64url",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &[(&str, &str)] = &[
        ("response_type", "code"),
        ("client_id", "guestclusters"),
        ("redirect_uri", "http://127.0.0.1:4000/callback"),
        ("scope", "openid offline_access"),
        ("state", "s&1"),
        ("nonce", "n1"),
        ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
        ("code_challenge_method", "S256"),
    ];

    /// The good request with one parameter changed, or removed when `value` is empty.
    fn with(name: &str, value: &str) -> Result<AuthorizationRequest, Refusal> {
        let pairs = GOOD
            .iter()
            .filter(|(own, _)| *own != name)
            .copied()
            .chain([(name, value)]);
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(pairs)
            .finish();
        AuthorizationRequest::parse(&Parameters::parse(query.as_bytes()).unwrap())
    }

    #[test]
    fn a_good_request_survives_a_fresh_start() {
        let request = with("login_hint", "dev@guest.local").unwrap();
        assert_eq!(request.state.as_deref(), Some("s&1"));
        let again = Parameters::parse(request.to_query().as_bytes()).unwrap();
        assert_eq!(AuthorizationRequest::parse(&again), Ok(request));
    }

    #[test]
    fn without_a_known_client_nobody_is_redirected() {
        for (name, value) in [
            ("client_id", ""),
            ("client_id", "other"),
            ("redirect_uri", ""),
            ("redirect_uri", "https://example.com/"),
            ("state", &"s".repeat(1025)),
        ] {
            assert!(matches!(with(name, value), Err(Refusal::Page(_))), "{name}");
        }
    }

    #[test]
    fn the_client_learns_what_it_did_wrong() {
        for (name, value, expected) in [
            ("response_type", "token", "unsupported_response_type"),
            ("response_type", "", "unsupported_response_type"),
            ("response_mode", "form_post", "invalid_request"),
            ("scope", "email", "invalid_scope"),
            ("nonce", &"n".repeat(1025), "invalid_request"),
            ("prompt", "none", "login_required"),
            ("code_challenge", "", "invalid_request"),
            ("code_challenge", "short", "invalid_request"),
            ("code_challenge_method", "plain", "invalid_request"),
            ("code_challenge_method", "", "invalid_request"),
            ("request", "eyJ", "request_not_supported"),
            ("request_uri", "https://example.com/", "request_uri_not_supported"),
        ] {
            let Err(Refusal::Redirect { error, state, .. }) = with(name, value) else {
                panic!("{name}={value}");
            };
            assert_eq!((error, state.as_deref()), (expected, Some("s&1")), "{name}={value}");
        }
    }
}
