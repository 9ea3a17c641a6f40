//! A webhook that is ready to be called.

use std::{sync::Arc, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::Uri;
use rustls::ClientConfig as Tls;
use serde_json::Value;

use super::{
    super::{
        AdmissionRequest,
        expression::{Expression, MatchConditions, Seen},
        matching::{MatchResources, Matcher, NamedRule},
    },
    definition::{ClientConfig, WebhookSpec},
    source::{ServiceReference, WebhookSource},
};
use crate::{
    https,
    status::{Forbidden, Status},
};

/// How long a webhook has where nothing is said, in seconds, and at most.
const TIMEOUT: (u64, u64) = (10, 30);

/// One webhook of a configuration.
#[derive(Debug)]
pub struct Webhook {
    pub(super) configuration: String,
    pub(super) name: String,
    matcher: Matcher,
    conditions: MatchConditions,
    /// A call that fails lets the write through (`failurePolicy: Ignore`).
    pub(super) ignores_failures: bool,
    /// It may be called for a write that is not done.
    pub(super) knows_dry_run: bool,
    /// It is called again when others changed the object after it.
    pub(super) is_reinvoked: bool,
    pub(super) timeout: Duration,
    /// The version of AdmissionReview that it understands, if we know it.
    pub(super) review_version: Option<&'static str>,
    /// Where it is; the error says why it can't be called.
    pub(super) target: Result<Target, String>,
}

/// Where a webhook is.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) place: Place,
    /// Path and query.
    pub(super) path: String,
    pub(super) tls: Arc<Tls>,
}

#[derive(Debug)]
pub(super) enum Place {
    Url { host: String, port: u16, authority: String },
    Service(ServiceReference),
}

impl Webhook {
    pub(super) fn new(configuration: &str, spec: WebhookSpec) -> Webhook {
        let (default, most) = TIMEOUT;
        let rules = spec.rules.into_iter().map(|rule| NamedRule {
            rule,
            ..NamedRule::default()
        });
        // Without a rule it is called for nothing.
        let rules: Vec<_> = rules.collect();
        let rules = if rules.is_empty() {
            vec![NamedRule::default()]
        } else {
            rules
        };
        let conditions = spec.match_conditions.into_iter();
        let versions = spec.admission_review_versions;
        Webhook {
            configuration: configuration.to_owned(),
            matcher: Matcher::new(MatchResources {
                namespace_selector: spec.namespace_selector,
                object_selector: spec.object_selector,
                resource_rules: rules,
                ..MatchResources::default()
            }),
            conditions: MatchConditions::new(
                conditions.map(|condition| Expression::compile(condition.expression, &[])),
            ),
            ignores_failures: spec.failure_policy.as_deref() == Some("Ignore"),
            knows_dry_run: matches!(spec.side_effects.as_deref(), Some("None" | "NoneOnDryRun")),
            is_reinvoked: spec.reinvocation_policy.as_deref() == Some("IfNeeded"),
            timeout: Duration::from_secs(spec.timeout_seconds.unwrap_or(default).clamp(1, most)),
            review_version: versions.iter().find_map(|version| match version.as_str() {
                "v1" => Some("v1"),
                "v1beta1" => Some("v1beta1"),
                _ => None,
            }),
            target: Target::new(spec.client_config),
            name: spec.name,
        }
    }

    /// Whether it is to be called for a write.
    pub(super) async fn is_meant(
        &self,
        request: &AdmissionRequest<'_>,
        object: Option<&Value>,
        described: &Value,
        source: &dyn WebhookSource,
    ) -> Result<bool, Status> {
        let matches = self.matcher.matches(request, object, source).await;
        if !matches.map_err(|status| {
            if status.code < 500 {
                status
            } else {
                Status::internal_error(status.message)
            }
        })? {
            return Ok(false);
        }
        let seen = Seen {
            object,
            old_object: request.old,
            request: Some(described),
            ..Seen::default()
        };
        match self.conditions.hold(seen, &[]) {
            Ok(holds) => Ok(holds),
            Err(_) if self.ignores_failures => Ok(false),
            Err(why) => {
                let names = &request.resource.names;
                let what = Forbidden {
                    group: &names.group,
                    resource: &names.plural,
                    name: request.name,
                };
                Err(Status::forbidden(what, &why))
            }
        }
    }
}

impl Target {
    fn new(config: ClientConfig) -> Result<Target, String> {
        let authority = match config.ca_bundle.as_str() {
            "" => None,
            bundle => {
                let pem = BASE64_STANDARD
                    .decode(bundle)
                    .map_err(|error| format!("caBundle: {error}"))?;
                Some(String::from_utf8(pem).map_err(|error| format!("caBundle: {error}"))?)
            }
        };
        let tls = https::client_config(authority.as_deref()).map_err(|why| format!("caBundle: {why}"))?;
        let (place, path) = match (config.service, config.url) {
            (Some(service), _) => {
                let slash = if service.path.starts_with('/') { "" } else { "/" };
                let path = format!("{slash}{}", service.path);
                (Place::Service(service), path)
            }
            (None, Some(url)) => by_url(&url)?,
            (None, None) => return Err("webhook configuration must have either service or URL".to_owned()),
        };
        Ok(Target {
            place,
            path,
            tls: Arc::new(tls),
        })
    }

    /// The URL that messages name.
    pub(super) fn shown(&self) -> String {
        match &self.place {
            Place::Url { authority, .. } => format!("https://{authority}{}", self.path),
            Place::Service(service) => format!("https://{}:{}{}", service.server_name(), service.port, self.path),
        }
    }
}

fn by_url(url: &str) -> Result<(Place, String), String> {
    let parsed: Uri = url.parse().map_err(|error| format!("Unparsable URL: {error}"))?;
    let authority = parsed.authority().filter(|authority| !authority.as_str().contains('@'));
    let (Some("https"), Some(authority)) = (parsed.scheme_str(), authority) else {
        return Err("Unparsable URL: it must begin with https:// and a host".to_owned());
    };
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    let place = Place::Url {
        host: host.to_owned(),
        port: authority.port_u16().unwrap_or(443),
        authority: authority.to_string(),
    };
    Ok((place, parsed.path().to_owned()))
}
