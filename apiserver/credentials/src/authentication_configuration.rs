//! The AuthenticationConfiguration (apiserver.config.k8s.io) of a guest's kube-apiserver: a fixed template, into which only
//! data of a [`Trust`] goes. Its rules are those of [`Verifier`](crate::Verifier).

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::{
    Level, Trust, audience,
    claims::{BACKDATED, LONGEST_VALIDITY},
    issuer,
    subject::{MOST_GROUPS, RESERVED},
};

/// The first minor of Kubernetes 1 that reads `v1`.
const FIRST_STABLE_MINOR: u32 = 34;
/// Revoked tokens in one expression: its length has a limit of 100,000 characters.
const IN_ONE_RULE: usize = 1000;

/// Everything but `jwt`. The part on anonymous requests can't change without a restart: health, and what kubeadm join
/// reads.
const HEAD: &str = "\
kind: AuthenticationConfiguration
anonymous:
  enabled: true
  conditions:
  - path: /livez
  - path: /readyz
  - path: /healthz
  - path: /api/v1/namespaces/kube-public/configmaps/cluster-info
";

/// How a kube-apiserver maps a token that passed all rules, and the last look at the result.
const MAPPINGS: &str = "  \
  claimMappings:
    username:
      expression: \"'sso:' + claims.sub\"
    groups:
      expression: \"dyn(claims.groups).map(g, 'sso:' + g) + (claims.level == 'login' ? [] : ['guestclusters.dev:' + claims.level])\"
    uid:
      expression: \"claims.?uid.orValue('')\"
  userValidationRules:
  - expression: \"!user.username.startsWith('system:')\"
    message: username must not use the system prefix
  - expression: \"user.groups.all(g, !g.startsWith('system:'))\"
    message: groups must not use the system prefix
";

/// Where a kube-apiserver finds the guest's keys: a server on its own node's loopback address.
#[derive(Clone, Copy, Debug)]
pub struct Discovery<'a> {
    /// URL of the discovery document.
    pub url: &'a str,
    /// PEM of the certificate authority of that server.
    pub certificate_authority: &'a str,
}

/// The file that a control-plane node of Kubernetes 1.`minor` starts with: nobody has a token yet.
pub fn first(minor: u32) -> String {
    format!("apiVersion: {}\n{HEAD}", api_version(minor))
}

/// The file by which Kubernetes 1.`minor` judges tokens as the guest's trust says.
pub fn render(minor: u32, trust: &Trust, discovery: &Discovery<'_>) -> String {
    let mut file = format!(
        "# Generation {} of what this guest trusts. Changes of this file are overwritten.\n",
        trust.generation
    );
    file.push_str(&first(minor));
    file.push_str("jwt:\n");
    file.push_str(&issuer_of(trust, discovery));
    file.push_str("  claimValidationRules:\n");
    for (expression, message) in rules(trust) {
        let _ = writeln!(file, "  - expression: {}\n    message: {message}", quoted(&expression));
    }
    file.push_str(MAPPINGS);
    file
}

/// The OpenID discovery document of a guest; `jwks_uri` is where [`jwks`](crate::jwks) of its keys are served.
pub fn discovery_document(guest_uid: &str, jwks_uri: &str) -> Value {
    json!({
        "issuer": issuer(guest_uid),
        "jwks_uri": jwks_uri,
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["ES256"],
    })
}

fn api_version(minor: u32) -> &'static str {
    if minor < FIRST_STABLE_MINOR {
        "apiserver.config.k8s.io/v1beta1"
    } else {
        "apiserver.config.k8s.io/v1"
    }
}

fn issuer_of(trust: &Trust, discovery: &Discovery<'_>) -> String {
    let (url, audience) = (issuer(&trust.guest_uid), audience(&trust.guest_uid));
    format!(
        "- issuer:
    url: {}
    discoveryURL: {}
    certificateAuthority: {}
    audiences:
    - {}
    audienceMatchPolicy: MatchAny
",
        quoted(&url),
        quoted(discovery.url),
        quoted(discovery.certificate_authority),
        quoted(&audience),
    )
}

/// CEL expressions over a token's claims, each with what the log says when it is false. One that fails refuses as well.
fn rules(trust: &Trust) -> Vec<(String, &'static str)> {
    let levels: Vec<_> = Level::OF_TOKENS.iter().map(|level| literal(level.as_str())).collect();
    let mut rules = vec![
        (
            format!("claims.aud == {}", literal(&audience(&trust.guest_uid))),
            "aud must be this guest alone",
        ),
        (
            format!("type(claims.sub) == string && claims.sub != '' && !claims.sub.startsWith('{RESERVED}')"),
            "sub must be a name that is not the system's",
        ),
        (
            "type(claims.jti) == string && claims.jti != ''".to_owned(),
            "jti is required",
        ),
        (
            // A kube-apiserver reads numbers as doubles.
            "[claims.iat, claims.nbf, claims.exp].all(time, double(int(time)) == time)".to_owned(),
            "iat, nbf and exp must be whole seconds",
        ),
        (
            format!(
                "claims.exp - claims.nbf <= {LONGEST_VALIDITY} && claims.iat - claims.nbf >= 0 && claims.iat - claims.nbf <= {BACKDATED}"
            ),
            "iat, nbf and exp must fit each other",
        ),
        (
            format!("type(claims.groups) == list && dyn(claims.groups).size() <= {MOST_GROUPS}"),
            "groups must be a list, and not too long",
        ),
        (
            format!("dyn(claims.groups).all(g, type(g) == string && !g.startsWith('{RESERVED}'))"),
            "groups must be names that are not the system's",
        ),
        (
            format!("claims.level in [{}]", levels.join(", ")),
            "level must be one of a token",
        ),
        (
            "type(claims.?uid.orValue('')) == string".to_owned(),
            "uid must be a string",
        ),
    ];
    rules.extend(revocation_rules(trust));
    rules
}

fn revocation_rules(trust: &Trust) -> Vec<(String, &'static str)> {
    let mut rules = Vec::new();
    let ids: Vec<_> = trust.revoked.keys().map(|id| literal(id)).collect();
    for ids in ids.chunks(IN_ONE_RULE) {
        rules.push((format!("!(claims.jti in [{}])", ids.join(", ")), "the token is revoked"));
    }
    // One rule a subject: the same expression twice makes the whole file invalid.
    for (subject, time) in trust.latest_floors() {
        let after = format!("claims.iat > {}", time.0);
        let rule = match subject {
            None => after,
            Some(subject) => format!("claims.sub != {} || {after}", literal(subject)),
        };
        rules.push((rule, "the token was issued before the revocation"));
    }
    rules
}

/// A CEL string.
fn literal(text: &str) -> String {
    format!("'{}'", escaped(text, '\''))
}

/// A YAML double-quoted string.
fn quoted(text: &str) -> String {
    format!("\"{}\"", escaped(text, '"'))
}

/// Plain ASCII in which nothing ends the string. CEL and YAML agree on these escapes.
fn escaped(text: &str, quote: char) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' => escaped.push_str("\\\\"),
            '\n' => escaped.push_str("\\n"),
            _ if character == quote => escaped.extend(['\\', quote]),
            ' '..='~' => escaped.push(character),
            _ => {
                let code = u32::from(character);
                let _ = if code <= 0xffff {
                    write!(escaped, "\\u{code:04x}")
                } else {
                    write!(escaped, "\\U{code:08x}")
                };
            }
        }
    }
    escaped
}

#[cfg(test)]
mod tests;
