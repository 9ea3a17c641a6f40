//! The discovery document (OpenID Connect Discovery 1.0, RFC 8414).

use serde_json::{Value, json};

/// Paths under the issuer's URL.
pub(super) const DISCOVERY: &str = "/.well-known/openid-configuration";
pub(super) const JWKS: &str = "/jwks";
pub(super) const AUTHORIZE: &str = "/authorize";
pub(super) const LOGIN: &str = "/login";
pub(super) const TOKEN: &str = "/token";
pub(super) const REVOKE: &str = "/revoke";

/// What clients and API servers learn about this issuer.
pub(super) fn document(issuer: &str) -> Value {
    let at = |path: &str| format!("{issuer}{path}");
    json!({
        "issuer": issuer,
        "authorization_endpoint": at(AUTHORIZE),
        "token_endpoint": at(TOKEN),
        "revocation_endpoint": at(REVOKE),
        "jwks_uri": at(JWKS),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "scopes_supported": ["openid", "offline_access"],
        "claims_supported": [
            "iss", "sub", "aud", "iat", "exp", "auth_time", "jti", "nonce", "username", "domain", "group_names",
        ],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["none"],
        "revocation_endpoint_auth_methods_supported": ["none"],
        "authorization_response_iss_parameter_supported": true,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
    })
}
