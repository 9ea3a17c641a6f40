//! What a supervisor needs of this issuer: whom its API server trusts, and where its users find the way to sign in.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::CLIENT_ID;

/// What the names of people and groups begin with on a supervisor.
pub(crate) const PREFIX: &str = "sso:";
/// Where users find the issuer without having signed in.
const LOGIN: &str = "guestcluster-login";
const LOGIN_NAMESPACE: &str = "kube-public";
const RBAC: &str = "rbac.authorization.k8s.io";

/// An `AuthenticationConfiguration` that trusts the issuer, for kube-apiserver as for our server.
pub(crate) fn authentication_configuration(issuer: &str, authority_pem: &str) -> Value {
    json!({
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "AuthenticationConfiguration",
        "jwt": [{
            "issuer": {"url": issuer, "certificateAuthority": authority_pem, "audiences": [CLIENT_ID]},
            "claimMappings": {
                "username": {"claim": "sub", "prefix": PREFIX},
                "groups": {"claim": "group_names", "prefix": PREFIX},
            },
        }],
    })
}

/// ConfigMap `kube-public/guestcluster-login`: all that a client must know to sign in here.
pub(crate) fn login_config_map(issuer: &str, authority_pem: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": LOGIN, "namespace": LOGIN_NAMESPACE},
        "data": {
            "issuer-url": issuer,
            "client-id": CLIENT_ID,
            "certificate-authority-data": STANDARD.encode(authority_pem),
            "scopes": "openid offline_access",
            "username-prefix": PREFIX,
        },
    })
}

/// The right to read that one object, for everybody.
pub(crate) fn login_roles() -> [Value; 2] {
    let metadata = json!({"name": LOGIN, "namespace": LOGIN_NAMESPACE});
    let group = |name: &str| json!({"apiGroup": RBAC, "kind": "Group", "name": name});
    [
        json!({
            "apiVersion": format!("{RBAC}/v1"),
            "kind": "Role",
            "metadata": metadata,
            "rules": [{"apiGroups": [""], "resources": ["configmaps"], "resourceNames": [LOGIN], "verbs": ["get"]}],
        }),
        json!({
            "apiVersion": format!("{RBAC}/v1"),
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": LOGIN},
            "subjects": [group("system:unauthenticated"), group("system:authenticated")],
        }),
    ]
}
