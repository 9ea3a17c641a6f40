//! The configuration: which issuers are trusted, and how their claims become users.

use std::{collections::BTreeSet, sync::Arc};

use super::{fetch::KeySource, file, identity::ClaimRules, rules, url::HttpsUrl};
use crate::https;

const VERSIONS: [&str; 2] = ["apiserver.config.k8s.io/v1", "apiserver.config.k8s.io/v1beta1"];
const KIND: &str = "AuthenticationConfiguration";
const MOST_ISSUERS: usize = 64;
const DISCOVERY: &str = "/.well-known/openid-configuration";

/// Issuers of ID tokens, parsed from a file in kube-apiserver's format: `AuthenticationConfiguration` of
/// `apiserver.config.k8s.io/v1` or `v1beta1`. Expressions are compiled here, so that a mistake is told at the start.
pub struct AuthenticationConfiguration {
    pub(super) issuers: Vec<Issuer>,
}

/// The configuration can't be used.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidConfiguration(String);

/// One issuer.
pub(super) struct Issuer {
    pub(super) source: Arc<KeySource>,
    pub(super) rules: ClaimRules,
}

impl AuthenticationConfiguration {
    /// Parses a file's content, YAML or JSON.
    pub fn parse(text: &str) -> Result<AuthenticationConfiguration, InvalidConfiguration> {
        let file: file::File = serde_saphyr::from_str(text).map_err(|error| InvalidConfiguration(error.to_string()))?;
        if !VERSIONS.contains(&file.api_version.as_str()) {
            return Err(InvalidConfiguration(format!(
                "apiVersion: must be one of {}",
                VERSIONS.join(", ")
            )));
        }
        if file.kind != KIND {
            return Err(InvalidConfiguration(format!("kind: must be {KIND}")));
        }
        if file.anonymous.is_some() {
            return Err(invalid(
                "anonymous",
                "can't be set here: which paths anonymous users reach is not configurable",
            ));
        }
        let jwt = file.jwt.into_iter().enumerate();
        let issuers = jwt.map(|(index, jwt)| issuer(&format!("jwt[{index}]"), jwt));
        AuthenticationConfiguration::of(issuers.collect::<Result<_, _>>()?)
    }

    /// Adds the issuers of another configuration.
    pub fn and(self, other: AuthenticationConfiguration) -> Result<AuthenticationConfiguration, InvalidConfiguration> {
        AuthenticationConfiguration::of(self.issuers.into_iter().chain(other.issuers).collect())
    }

    fn of(issuers: Vec<Issuer>) -> Result<AuthenticationConfiguration, InvalidConfiguration> {
        if issuers.len() > MOST_ISSUERS {
            return Err(invalid("jwt", &format!("at most {MOST_ISSUERS} issuers")));
        }
        let (mut names, mut discovered) = (BTreeSet::new(), BTreeSet::new());
        for Issuer { source, .. } in &issuers {
            if !names.insert(source.issuer.clone()) {
                return Err(invalid("jwt", &format!("issuer {} is there twice", source.issuer)));
            }
            let discovery = (source.discovery.authority(), source.discovery.path());
            if !discovered.insert(discovery) {
                let problem = format!("issuer {} has the discoveryURL of another one", source.issuer);
                return Err(invalid("jwt", &problem));
            }
        }
        Ok(AuthenticationConfiguration { issuers })
    }
}

pub(super) fn invalid(field: &str, problem: &str) -> InvalidConfiguration {
    InvalidConfiguration(format!("{field}: {problem}"))
}

fn issuer(field: &str, jwt: file::Jwt) -> Result<Issuer, InvalidConfiguration> {
    let audiences = audiences(&format!("{field}.issuer"), &jwt.issuer)?;
    let source = source(&format!("{field}.issuer"), jwt.issuer)?;
    let of_claims = jwt.claim_validation_rules;
    Ok(Issuer {
        rules: rules::of(
            field,
            audiences,
            of_claims,
            jwt.claim_mappings,
            jwt.user_validation_rules,
        )?,
        source: Arc::new(source),
    })
}

fn audiences(field: &str, issuer: &file::Issuer) -> Result<Vec<String>, InvalidConfiguration> {
    let distinct: BTreeSet<_> = issuer.audiences.iter().collect();
    if issuer.audiences.is_empty()
        || distinct.len() != issuer.audiences.len()
        || issuer.audiences.contains(&String::new())
    {
        return Err(invalid(
            &format!("{field}.audiences"),
            "at least one is required, none empty, none twice",
        ));
    }
    match issuer.audience_match_policy.as_deref() {
        Some("MatchAny") => {}
        None | Some("") if issuer.audiences.len() == 1 => {}
        _ => return Err(invalid(&format!("{field}.audienceMatchPolicy"), "must be MatchAny")),
    }
    Ok(issuer.audiences.clone())
}

fn source(field: &str, issuer: file::Issuer) -> Result<KeySource, InvalidConfiguration> {
    let https = |field: &str, text: &str| {
        HttpsUrl::parse(text).ok_or_else(|| invalid(field, "must be an https URL without user, query and fragment"))
    };
    https(&format!("{field}.url"), &issuer.url)?;
    let discovery = match issuer.discovery_url.filter(|url| !url.is_empty()) {
        Some(url) if url.trim_end_matches('/') == issuer.url.trim_end_matches('/') => {
            return Err(invalid(&format!("{field}.discoveryURL"), "must differ from url"));
        }
        Some(url) => https(&format!("{field}.discoveryURL"), &url)?,
        None => https(
            &format!("{field}.url"),
            &format!("{}{DISCOVERY}", issuer.url.trim_end_matches('/')),
        )?,
    };
    if issuer.egress_selector_type.is_some() {
        return Err(invalid(&format!("{field}.egressSelectorType"), "not supported"));
    }
    let authority = issuer.certificate_authority.filter(|pem| !pem.trim().is_empty());
    let tls = https::client_config(authority.as_deref())
        .map_err(|problem| invalid(&format!("{field}.certificateAuthority"), &problem))?;
    Ok(KeySource {
        issuer: issuer.url,
        discovery,
        tls: Arc::new(tls),
    })
}
