//! Whether kube-apiserver finds our server, trusts it, and says how to know kube-apiserver itself.

use guestcluster_credentials::x509;
use jiff::Timestamp;
use k8s_openapi::{
    api::core::v1::ConfigMap,
    kube_aggregator::pkg::apis::apiregistration::v1::{APIService, APIServiceSpec},
};
use kube::{Api, Client};

use super::{Finding, found};
use crate::roles::API_SERVICE;

const CHECK: &str = "registration";
/// Who renews a certificate has done so long before.
const DAYS_LEFT: i64 = 7;

pub(super) async fn check(client: &Client) -> kube::Result<Vec<Finding>> {
    let services: Api<APIService> = Api::all(client.clone());
    let service = found(services.get(API_SERVICE)).await?;
    let mut findings = vec![service.as_ref().map_or_else(missing, available)];
    findings.extend(
        service
            .and_then(|service| service.spec)
            .map(|spec| trust(&spec, Timestamp::now())),
    );
    let authentication: Api<ConfigMap> = Api::namespaced(client.clone(), "kube-system");
    findings.push(aggregation(
        found(authentication.get("extension-apiserver-authentication"))
            .await?
            .as_ref(),
    ));
    Ok(findings)
}

fn missing() -> Finding {
    let hint = "apply what `guestcluster-apiserver manifests` prints";
    Finding::failed(CHECK, format!("APIService {API_SERVICE} does not exist: {hint}"))
}

fn available(service: &APIService) -> Finding {
    let conditions = service.status.as_ref().and_then(|status| status.conditions.as_ref());
    let available = conditions.and_then(|all| all.iter().find(|condition| condition.type_ == "Available"));
    match available {
        Some(condition) if condition.status == "True" => {
            Finding::ok(CHECK, format!("APIService {API_SERVICE} is available"))
        }
        Some(condition) => Finding::failed(
            CHECK,
            format!(
                "APIService {API_SERVICE} is not available: {}: {}",
                condition.reason.as_deref().unwrap_or("no reason"),
                condition.message.as_deref().unwrap_or("no message")
            ),
        ),
        None => Finding::failed(
            CHECK,
            format!("kube-apiserver says nothing about APIService {API_SERVICE}: does it aggregate?"),
        ),
    }
}

fn trust(spec: &APIServiceSpec, now: Timestamp) -> Finding {
    if spec.insecure_skip_tls_verify == Some(true) {
        let detail = format!(
            "APIService {API_SERVICE} has insecureSkipTLSVerify: whoever is on the way can answer for our server"
        );
        return Finding::failed(CHECK, detail);
    }
    let bundle = spec
        .ca_bundle
        .as_ref()
        .and_then(|bundle| std::str::from_utf8(&bundle.0).ok());
    let Some(Ok(validity)) = bundle.map(x509::validity) else {
        let detail = format!(
            "APIService {API_SERVICE} has no usable caBundle: our server, or cert-manager, has not written it yet"
        );
        return Finding::failed(CHECK, detail);
    };
    let days = validity.end.duration_since(now).as_hours() / 24;
    let detail = format!("the authority that kube-apiserver trusts for our server is valid for {days} days more");
    if days < DAYS_LEFT {
        return Finding::failed(CHECK, detail);
    }
    Finding::ok(CHECK, detail)
}

fn aggregation(content: Option<&ConfigMap>) -> Finding {
    let data = content.and_then(|content| content.data.as_ref());
    let has = |key: &str| {
        data.and_then(|data| data.get(key))
            .is_some_and(|text| !text.is_empty() && text != "[]")
    };
    for (key, flag) in [
        ("requestheader-client-ca-file", "--requestheader-client-ca-file"),
        ("requestheader-allowed-names", "--requestheader-allowed-names"),
    ] {
        if !has(key) {
            let place = "ConfigMap kube-system/extension-apiserver-authentication";
            return Finding::failed(CHECK, format!("{place} has no {key}: kube-apiserver needs {flag}"));
        }
    }
    Finding::ok(CHECK, "kube-apiserver says how its front proxy is known")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use guestcluster_credentials::x509::CertificateAuthority;
    use k8s_openapi::ByteString;
    use serde_json::json;

    use super::{super::Severity, *};

    #[test]
    fn an_authority_is_told_of_before_it_ends() {
        let (authority, _) = CertificateAuthority::generate_for("test", Duration::from_hours(240)).unwrap();
        let bundle = |bytes: &[u8]| APIServiceSpec {
            ca_bundle: Some(ByteString(bytes.to_vec())),
            ..APIServiceSpec::default()
        };
        let right = bundle(authority.certificate().as_bytes());
        let now = Timestamp::now();
        assert_eq!(trust(&right, now).severity, Severity::Ok);
        assert_eq!(trust(&right, now + Duration::from_hours(96)).severity, Severity::Failed);
        assert_eq!(trust(&bundle(b"nothing"), now).severity, Severity::Failed);
        let careless = APIServiceSpec {
            insecure_skip_tls_verify: Some(true),
            ..right
        };
        assert!(trust(&careless, now).detail.contains("insecureSkipTLSVerify"));
    }

    #[test]
    fn without_names_of_the_front_proxy_our_server_does_not_start() {
        let content = |names: &str| -> ConfigMap {
            let data = json!({"data": {"requestheader-client-ca-file": "PEM", "requestheader-allowed-names": names}});
            serde_json::from_value(data).unwrap()
        };
        assert_eq!(
            aggregation(Some(&content(r#"["front-proxy-client"]"#))).severity,
            Severity::Ok
        );
        assert!(
            aggregation(Some(&content("[]")))
                .detail
                .contains("--requestheader-allowed-names")
        );
        assert!(aggregation(None).detail.contains("--requestheader-client-ca-file"));
    }
}
